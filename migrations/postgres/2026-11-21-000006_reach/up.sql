CREATE TABLE contact_standings (
    workspace_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    opted_out_at TIMESTAMPTZ,
    opted_out_via TEXT,
    opted_in_at TIMESTAMPTZ,
    last_inbound_at TIMESTAMPTZ,
    taken_over_at TIMESTAMPTZ,
    taken_over_by TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
);

CREATE TABLE consents (
    workspace_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    channel TEXT NOT NULL,
    given_at TIMESTAMPTZ NOT NULL,
    withdrawn_at TIMESTAMPTZ,
    evidence TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, channel),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
);

CREATE TABLE preferences (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    person_kind TEXT NOT NULL CHECK (person_kind IN ('member', 'contact')),
    person_id UUID NOT NULL,
    body TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, person_kind, person_id)
);
CREATE INDEX contacts_phone ON contacts (workspace_id, phone) WHERE phone IS NOT NULL;
ALTER TABLE contacts ADD COLUMN region TEXT;

ALTER TABLE contact_standings ENABLE ROW LEVEL SECURITY;
ALTER TABLE contact_standings FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contact_standings
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON contact_standings TO milepost_app;
ALTER TABLE consents ENABLE ROW LEVEL SECURITY;
ALTER TABLE consents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON consents
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON consents TO milepost_app;
ALTER TABLE preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE preferences FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON preferences
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON preferences TO milepost_app;
