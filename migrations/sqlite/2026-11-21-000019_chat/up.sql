CREATE TABLE chat_guilds (
    guild_id TEXT NOT NULL,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    linked_at TEXT NOT NULL,
    PRIMARY KEY (guild_id)
);
CREATE INDEX chat_guilds_workspace ON chat_guilds (workspace_id);

CREATE TABLE chat_codes (
    workspace_id TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    member_id TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, code_hash),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id)
);
CREATE INDEX chat_codes_hash ON chat_codes (code_hash);
CREATE INDEX chat_codes_member ON chat_codes (workspace_id, member_id);

-- What somebody asked for in chat and has not confirmed yet.
CREATE TABLE chat_pending (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    body TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id)
);
CREATE INDEX chat_pending_member ON chat_pending (workspace_id, member_id);
CREATE INDEX chat_pending_expires ON chat_pending (workspace_id, expires_at);

-- Whose a Discord id is, is asked with each thing that is said to the bot.
CREATE INDEX address_proofs_address ON address_proofs (address, channel);

CREATE TABLE gateways (
    name TEXT NOT NULL,
    holder TEXT,
    version BIGINT NOT NULL,
    commands_hash TEXT,
    PRIMARY KEY (name)
);
