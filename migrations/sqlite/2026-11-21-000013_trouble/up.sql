CREATE TABLE provider_holds (
    what TEXT NOT NULL,
    since TEXT NOT NULL,
    closed_at TEXT NOT NULL,
    closed_until TEXT NOT NULL,
    last_ms BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (what)
) WITHOUT ROWID;

CREATE TABLE dispatchers (
    id TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (id)
) WITHOUT ROWID;

CREATE TABLE gone_addresses (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('discord', 'email', 'sms')),
    address TEXT NOT NULL,
    why TEXT NOT NULL,
    since TEXT NOT NULL,
    message_id TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, channel, address),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);
CREATE INDEX gone_addresses_message ON gone_addresses (workspace_id, message_id);
