-- One row for each call of a tool. Its id is the correlation id of the events that the call left, and carries its time.
CREATE TABLE tool_calls (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL,
    at TEXT NOT NULL,
    actor_kind TEXT NOT NULL CHECK (actor_kind IN ('member', 'agent', 'system', 'contact')),
    actor_id TEXT,
    actor_name TEXT NOT NULL,
    token_id TEXT,
    identity_id TEXT,
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
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    holder TEXT NOT NULL,
    day TEXT NOT NULL,
    changes BIGINT NOT NULL CHECK (changes >= 0),
    proposals BIGINT NOT NULL CHECK (proposals >= 0),
    PRIMARY KEY (workspace_id, holder, day)
);

-- Which subject of the provider of access tokens is which agent. One that ended stays, so that the record of calls can be read.
CREATE TABLE agent_identities (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    scope TEXT NOT NULL,
    linked_at TEXT NOT NULL,
    ended_at TEXT,
    last_used_at TEXT,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id)
);
CREATE UNIQUE INDEX agent_identities_subject ON agent_identities (workspace_id, issuer, subject) WHERE ended_at IS NULL;
CREATE INDEX agent_identities_agent ON agent_identities (workspace_id, agent_id);
