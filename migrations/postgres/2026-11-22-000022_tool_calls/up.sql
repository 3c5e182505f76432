-- One row for each call of a tool. Its id is the correlation id of the events that the call left, and carries its time.
CREATE TABLE tool_calls (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('member', 'agent', 'system', 'contact')),
    actor_id UUID,
    actor_name TEXT NOT NULL,
    token_id UUID,
    identity_id UUID,
    source TEXT NOT NULL,
    tool TEXT NOT NULL,
    arguments_hash TEXT NOT NULL,
    request_id TEXT NOT NULL,
    changed BOOLEAN NOT NULL,
    outcome TEXT,
    duration_ms BIGINT,
    PRIMARY KEY (workspace_id, id)
);

-- By it a person finds all that one call changed.
CREATE INDEX events_correlation ON events (workspace_id, correlation_id, seq);

-- What each token of an agent changed in a UTC day.
CREATE TABLE agent_days (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    holder TEXT NOT NULL,
    day DATE NOT NULL,
    changes BIGINT NOT NULL CHECK (changes >= 0),
    proposals BIGINT NOT NULL CHECK (proposals >= 0),
    PRIMARY KEY (workspace_id, holder, day)
);

-- Which subject of the provider of access tokens is which agent. One that ended stays, so that the record of calls can be read.
CREATE TABLE agent_identities (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    agent_id UUID NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    scope TEXT NOT NULL,
    linked_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id)
);
CREATE UNIQUE INDEX agent_identities_subject ON agent_identities (workspace_id, issuer, subject) WHERE ended_at IS NULL;
CREATE INDEX agent_identities_agent ON agent_identities (workspace_id, agent_id);

ALTER TABLE tool_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE tool_calls FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tool_calls
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON tool_calls TO milepost_app;
ALTER TABLE agent_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_days FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON agent_days
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON agent_days TO milepost_app;
ALTER TABLE agent_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_identities FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON agent_identities
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON agent_identities TO milepost_app;
