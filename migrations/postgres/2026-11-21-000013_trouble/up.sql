CREATE TABLE provider_holds (
    what TEXT NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    closed_at TIMESTAMPTZ NOT NULL,
    closed_until TIMESTAMPTZ NOT NULL,
    last_ms BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (what)
);

CREATE TABLE dispatchers (
    id UUID NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE gone_addresses (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('discord', 'email', 'sms')),
    address TEXT NOT NULL,
    why TEXT NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    message_id UUID NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, channel, address),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);
CREATE INDEX gone_addresses_message ON gone_addresses (workspace_id, message_id);

-- Providers are the installation's, so these two belong to no workspace; no workspace sees them.
ALTER TABLE provider_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_holds FORCE ROW LEVEL SECURITY;
CREATE POLICY installation ON provider_holds
    USING (current_setting('milepost.installation', true) = 'on')
    WITH CHECK (current_setting('milepost.installation', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON provider_holds TO milepost_app;
ALTER TABLE dispatchers ENABLE ROW LEVEL SECURITY;
ALTER TABLE dispatchers FORCE ROW LEVEL SECURITY;
CREATE POLICY installation ON dispatchers
    USING (current_setting('milepost.installation', true) = 'on')
    WITH CHECK (current_setting('milepost.installation', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON dispatchers TO milepost_app;
ALTER TABLE gone_addresses ENABLE ROW LEVEL SECURITY;
ALTER TABLE gone_addresses FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON gone_addresses
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON gone_addresses TO milepost_app;
