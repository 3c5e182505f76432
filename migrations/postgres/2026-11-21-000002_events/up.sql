CREATE TABLE audit_heads (
    workspace_id UUID PRIMARY KEY REFERENCES workspaces (id),
    seq BIGINT NOT NULL,
    chain TEXT NOT NULL
);

CREATE TABLE events (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    seq BIGINT NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('member', 'agent', 'system', 'contact')),
    actor_id UUID,
    actor_name TEXT NOT NULL,
    source TEXT NOT NULL,
    correlation_id UUID NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id UUID NOT NULL,
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
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    verb TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    answer TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, actor, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (workspace_id, created_at);

ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_heads
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON audit_heads TO milepost_app;
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON events
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT ON events TO milepost_app;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_keys
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO milepost_app;
