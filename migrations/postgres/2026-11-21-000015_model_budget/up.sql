CREATE TABLE model_days (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    day DATE NOT NULL,
    tokens BIGINT NOT NULL CHECK (tokens >= 0),
    PRIMARY KEY (workspace_id, day)
);

CREATE INDEX drafts_open ON drafts (workspace_id, id) WHERE settled_at IS NULL;

ALTER TABLE model_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_days FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON model_days
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON model_days TO milepost_app;
