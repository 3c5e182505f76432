CREATE TABLE chat_guilds (
    guild_id TEXT NOT NULL,
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    linked_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id)
);
CREATE INDEX chat_guilds_workspace ON chat_guilds (workspace_id);

CREATE TABLE chat_codes (
    workspace_id UUID NOT NULL,
    code_hash TEXT NOT NULL,
    member_id UUID NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, code_hash),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id)
);
CREATE INDEX chat_codes_hash ON chat_codes (code_hash);
CREATE INDEX chat_codes_member ON chat_codes (workspace_id, member_id);

-- What somebody asked for in chat and has not confirmed yet.
CREATE TABLE chat_pending (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    member_id UUID NOT NULL,
    body TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id)
);
CREATE INDEX chat_pending_member ON chat_pending (workspace_id, member_id);
CREATE INDEX chat_pending_expires ON chat_pending (workspace_id, expires_at);

-- Whose a Discord id is, is asked with each thing that is said to the bot.
CREATE INDEX address_proofs_address ON address_proofs (address, channel);

CREATE TABLE gateways (
    name TEXT NOT NULL,
    holder UUID,
    version BIGINT NOT NULL,
    commands_hash TEXT,
    PRIMARY KEY (name)
);

-- Somebody says something in chat before it is known which workspace it is said to: one guild, one person or one code is
-- all that can be seen then.
ALTER TABLE chat_guilds ENABLE ROW LEVEL SECURITY;
ALTER TABLE chat_guilds FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON chat_guilds
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid
        OR 'guild:' || guild_id = nullif(current_setting('milepost.chat', true), ''))
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON chat_guilds TO milepost_app;
ALTER TABLE chat_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE chat_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON chat_codes
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid
        OR 'code:' || code_hash = nullif(current_setting('milepost.chat', true), ''))
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON chat_codes TO milepost_app;
ALTER TABLE chat_pending ENABLE ROW LEVEL SECURITY;
ALTER TABLE chat_pending FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON chat_pending
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON chat_pending TO milepost_app;
DROP POLICY tenant ON address_proofs;
CREATE POLICY tenant ON address_proofs
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid
        OR (channel = 'discord' AND 'user:' || address = nullif(current_setting('milepost.chat', true), '')))
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);

-- Which process listens to chat is the installation's.
ALTER TABLE gateways ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateways FORCE ROW LEVEL SECURITY;
CREATE POLICY installation ON gateways
    USING (current_setting('milepost.installation', true) = 'on')
    WITH CHECK (current_setting('milepost.installation', true) = 'on');
GRANT SELECT, INSERT, UPDATE ON gateways TO milepost_app;
