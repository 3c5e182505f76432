-- The product's statements run under this role. It owns nothing, so row-level security binds it.
DO $$
BEGIN
    -- A login that may not create roles can use one that was made for it.
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'milepost_app') THEN
        CREATE ROLE milepost_app NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
EXCEPTION
    -- Roles belong to the whole server: another database or a replica may have made it just now.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO milepost_app', current_schema());
    -- So that a login that is no superuser may act under it. SET arrived in PostgreSQL 16; before, membership has it.
    EXECUTE format('GRANT milepost_app TO %I', current_user);
EXCEPTION
    WHEN OTHERS THEN
        IF NOT pg_has_role(current_user, 'milepost_app', 'MEMBER') THEN RAISE; END IF;
END
$$;

CREATE TABLE workspaces (
    id UUID PRIMARY KEY,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL
);
-- The one name that is unique across workspaces: it is how the command line tells them apart.
CREATE UNIQUE INDEX workspaces_slug ON workspaces (slug);

CREATE TABLE members (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'coordinator', 'member', 'viewer')),
    time_zone TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive')),
    created_at TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, email)
);

CREATE TABLE agents (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, name)
);

CREATE TABLE api_tokens (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('pat', 'mcp')),
    member_id UUID,
    agent_id UUID,
    label TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, secret_hash),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id),
    CHECK ((member_id IS NULL) <> (agent_id IS NULL))
);
CREATE INDEX api_tokens_secret_hash ON api_tokens (secret_hash);
CREATE INDEX api_tokens_member ON api_tokens (workspace_id, member_id);
CREATE INDEX api_tokens_agent ON api_tokens (workspace_id, agent_id);

ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
ALTER TABLE workspaces FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON workspaces
    USING (id = nullif(current_setting('milepost.workspace', true), '')::uuid
        OR current_setting('milepost.directory', true) = 'on')
    WITH CHECK (id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON workspaces TO milepost_app;
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
ALTER TABLE members FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON members
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON members TO milepost_app;
ALTER TABLE agents ENABLE ROW LEVEL SECURITY;
ALTER TABLE agents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON agents
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON agents TO milepost_app;
ALTER TABLE api_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_tokens
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid
        OR secret_hash = nullif(current_setting('milepost.token_hash', true), ''))
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON api_tokens TO milepost_app;
