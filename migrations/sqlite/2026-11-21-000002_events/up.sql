CREATE TABLE audit_heads (
    workspace_id TEXT PRIMARY KEY REFERENCES workspaces (id),
    seq BIGINT NOT NULL,
    chain TEXT NOT NULL
);

CREATE TABLE events (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    at TEXT NOT NULL,
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('member', 'agent', 'system', 'contact')),
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    source TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL,
    personal TEXT,
    personal_salt TEXT,
    personal_hash TEXT,
    leaf TEXT NOT NULL,
    chain TEXT NOT NULL,
    PRIMARY KEY (workspace_id, seq),
    UNIQUE (workspace_id, id)
);
CREATE INDEX events_subject ON events (workspace_id, subject_kind, subject_id, seq);

CREATE TABLE idempotency_keys (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    verb TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    answer TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, actor, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (workspace_id, created_at);

-- The log is only ever added to. (On PostgreSQL the role has no right to change it.)
CREATE TRIGGER events_keep_rows BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;
CREATE TRIGGER events_keep_content
BEFORE UPDATE OF workspace_id, seq, id, at, actor_kind, actor_id, actor_name, source, correlation_id,
    subject_kind, subject_id, event, data, personal_hash, leaf, chain ON events
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;
