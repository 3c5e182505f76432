CREATE TABLE delivery_settings (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    body TEXT NOT NULL,
    held_since TIMESTAMPTZ,
    held_why TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id)
);

CREATE TABLE endpoints (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    headers TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled', 'removed')),
    disabled_why TEXT,
    secret_version INTEGER NOT NULL,
    previous_until TIMESTAMPTZ,
    cursor BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE messages (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    occasion TEXT NOT NULL,
    kind TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('outreach', 'transactional', 'internal')),
    channel TEXT NOT NULL CHECK (channel IN ('discord', 'email', 'sms', 'webhook', 'in_app', 'console')),
    contact_id UUID,
    member_id UUID,
    endpoint_id UUID,
    address TEXT NOT NULL,
    destination TEXT NOT NULL,
    deal_id UUID,
    approval_id UUID,
    batch_id UUID,
    content TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    priority INTEGER NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    status TEXT NOT NULL CHECK (status IN ('queued', 'deferred', 'sending', 'sent', 'delivered', 'read', 'failed', 'dead', 'suppressed', 'cancelled', 'expired', 'unknown')),
    reason TEXT,
    next_at TIMESTAMPTZ,
    lease_until TIMESTAMPTZ,
    attempts INTEGER NOT NULL,
    first_write_at TIMESTAMPTZ,
    counted_at TIMESTAMPTZ,
    provider_id TEXT,
    settled_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, occasion),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id),
    FOREIGN KEY (workspace_id, endpoint_id) REFERENCES endpoints (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    FOREIGN KEY (workspace_id, approval_id) REFERENCES approvals (workspace_id, id),
    CHECK ((status IN ('queued', 'deferred', 'sending')) = (settled_at IS NULL)),
    CHECK ((settled_at IS NULL) = (next_at IS NOT NULL)),
    CHECK ((status = 'sending') = (lease_until IS NOT NULL))
);
CREATE INDEX messages_due ON messages (workspace_id, priority, next_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX messages_in_flight ON messages (workspace_id, destination) WHERE status = 'sending';
CREATE INDEX messages_trouble ON messages (workspace_id, status, id) WHERE status IN ('failed', 'dead', 'unknown', 'suppressed', 'expired');
CREATE INDEX messages_contact ON messages (workspace_id, contact_id, purpose, counted_at) WHERE contact_id IS NOT NULL;
CREATE INDEX messages_counted ON messages (workspace_id, counted_at) WHERE counted_at IS NOT NULL;
CREATE INDEX messages_member ON messages (workspace_id, member_id, id) WHERE member_id IS NOT NULL;
CREATE INDEX messages_endpoint ON messages (workspace_id, endpoint_id, id) WHERE endpoint_id IS NOT NULL;
CREATE INDEX messages_deal ON messages (workspace_id, deal_id, id) WHERE deal_id IS NOT NULL;
CREATE INDEX messages_approval ON messages (workspace_id, approval_id) WHERE approval_id IS NOT NULL;
CREATE INDEX messages_batch ON messages (workspace_id, batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX messages_provider ON messages (workspace_id, provider_id) WHERE provider_id IS NOT NULL;

CREATE TABLE decisions (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    message_id UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('allow', 'defer', 'block')),
    code TEXT,
    until TIMESTAMPTZ,
    engine INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    facts TEXT NOT NULL,
    trace TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);
CREATE INDEX decisions_message ON decisions (workspace_id, message_id, id);

CREATE TABLE attempts (
    workspace_id UUID NOT NULL,
    message_id UUID NOT NULL,
    number INTEGER NOT NULL,
    decision_id UUID NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    outcome TEXT CHECK (outcome IN ('accepted', 'refused', 'not_sent', 'unclear')),
    detail TEXT,
    provider_status INTEGER,
    provider_id TEXT,
    PRIMARY KEY (workspace_id, message_id, number),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id),
    FOREIGN KEY (workspace_id, decision_id) REFERENCES decisions (workspace_id, id)
);
CREATE INDEX attempts_decision ON attempts (workspace_id, decision_id);

CREATE TABLE notifications (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    message_id UUID NOT NULL,
    member_id UUID NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    subject_kind TEXT,
    subject_id UUID,
    created_at TIMESTAMPTZ NOT NULL,
    read_at TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, message_id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id)
);
CREATE INDEX notifications_member ON notifications (workspace_id, member_id, id);
CREATE INDEX notifications_unread ON notifications (workspace_id, member_id, id) WHERE read_at IS NULL;

CREATE TABLE digest_items (
    workspace_id UUID NOT NULL,
    occasion TEXT NOT NULL,
    member_id UUID NOT NULL,
    kind TEXT NOT NULL,
    deal_id UUID,
    line TEXT NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    message_id UUID,
    PRIMARY KEY (workspace_id, occasion),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);
CREATE INDEX digest_items_member ON digest_items (workspace_id, member_id);
CREATE INDEX digest_items_deal ON digest_items (workspace_id, deal_id) WHERE deal_id IS NOT NULL;
CREATE INDEX digest_items_message ON digest_items (workspace_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX digest_items_due ON digest_items (workspace_id, due_at) WHERE message_id IS NULL;

ALTER TABLE delivery_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE delivery_settings FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON delivery_settings
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON delivery_settings TO milepost_app;
ALTER TABLE endpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE endpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON endpoints
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON endpoints TO milepost_app;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON messages
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON messages TO milepost_app;
ALTER TABLE decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE decisions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON decisions
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT ON decisions TO milepost_app;
ALTER TABLE attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON attempts
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON attempts TO milepost_app;
ALTER TABLE notifications ENABLE ROW LEVEL SECURITY;
ALTER TABLE notifications FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notifications
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON notifications TO milepost_app;
ALTER TABLE digest_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE digest_items FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON digest_items
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON digest_items TO milepost_app;
