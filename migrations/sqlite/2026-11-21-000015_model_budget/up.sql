CREATE TABLE model_days (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    day TEXT NOT NULL,
    tokens BIGINT NOT NULL CHECK (tokens >= 0),
    PRIMARY KEY (workspace_id, day)
);

CREATE INDEX drafts_open ON drafts (workspace_id, id) WHERE settled_at IS NULL;
