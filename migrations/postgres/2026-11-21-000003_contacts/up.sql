CREATE TABLE contacts (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    phone TEXT,
    time_zone TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, email)
);
CREATE INDEX contacts_name ON contacts (workspace_id, name, id);

ALTER TABLE contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE contacts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON contacts
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON contacts TO milepost_app;
