-- What is known of the servers of other agents: the settings say where they are, people say which of their tools are good.
CREATE TABLE agent_servers (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    started BOOLEAN NOT NULL,
    approved_hash TEXT,
    approved_tools TEXT,
    approved_by TEXT,
    approved_at TEXT,
    found_hash TEXT,
    found_tools TEXT,
    found_at TEXT,
    answered_at TEXT,
    failed_at TEXT,
    failed_why TEXT,
    failures INTEGER NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);
