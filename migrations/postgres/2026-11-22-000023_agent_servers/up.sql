-- What is known of the servers of other agents: the settings say where they are, people say which of their tools are good.
CREATE TABLE agent_servers (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    started BOOLEAN NOT NULL,
    approved_hash TEXT,
    approved_tools TEXT,
    approved_by TEXT,
    approved_at TIMESTAMPTZ,
    found_hash TEXT,
    found_tools TEXT,
    found_at TIMESTAMPTZ,
    answered_at TIMESTAMPTZ,
    failed_at TIMESTAMPTZ,
    failed_why TEXT,
    failures INTEGER NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);
ALTER TABLE agent_servers ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_servers FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON agent_servers
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON agent_servers TO milepost_app;
