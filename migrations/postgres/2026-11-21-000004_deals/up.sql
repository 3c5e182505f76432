CREATE TABLE templates (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    template_version INTEGER NOT NULL,
    body TEXT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);

CREATE TABLE deals (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    title TEXT NOT NULL,
    address TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('buyer', 'seller', 'both')),
    financing TEXT NOT NULL CHECK (financing IN ('cash', 'conventional', 'fha', 'va', 'usda')),
    state TEXT,
    price_cents BIGINT CHECK (price_cents >= 0),
    time_zone TEXT NOT NULL,
    owner_id UUID,
    status TEXT NOT NULL CHECK (status IN ('draft', 'active', 'closed', 'cancelled')),
    template TEXT NOT NULL,
    template_version INTEGER NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    activated_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, owner_id) REFERENCES members (workspace_id, id)
);
-- Partial, so that the check of a foreign key on a table without statistics can take no index but the key's own.
CREATE INDEX deals_owner ON deals (workspace_id, owner_id) WHERE owner_id IS NOT NULL;

CREATE TABLE deal_key_dates (
    workspace_id UUID NOT NULL,
    deal_id UUID NOT NULL,
    name TEXT NOT NULL,
    on_date DATE NOT NULL,
    PRIMARY KEY (workspace_id, deal_id, name),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id)
);
CREATE INDEX deal_key_dates_by_date ON deal_key_dates (workspace_id, name, on_date, deal_id);

CREATE TABLE deal_parties (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    deal_id UUID NOT NULL,
    role TEXT NOT NULL,
    contact_id UUID NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, deal_id, role, contact_id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
);
CREATE INDEX deal_parties_deal ON deal_parties (workspace_id, deal_id, id);
CREATE INDEX deal_parties_contact ON deal_parties (workspace_id, contact_id);

CREATE TABLE milestones (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    deal_id UUID NOT NULL,
    type_ TEXT NOT NULL,
    title TEXT NOT NULL,
    due_on DATE,
    sorts_on DATE NOT NULL,
    lapses_at TIMESTAMPTZ,
    state TEXT NOT NULL CHECK (state IN ('upcoming', 'scheduled', 'in_progress', 'completed', 'waived')),
    ended_at TIMESTAMPTZ,
    ended_by TEXT,
    waive_reason TEXT,
    required BOOLEAN NOT NULL,
    responsible_role TEXT NOT NULL,
    responsible_member_id UUID,
    remind_days_before INTEGER,
    notify TEXT NOT NULL,
    notes TEXT NOT NULL,
    evidence TEXT NOT NULL,
    pinned BOOLEAN NOT NULL,
    rule TEXT,
    origin TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    removed_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    FOREIGN KEY (workspace_id, responsible_member_id) REFERENCES members (workspace_id, id),
    CHECK ((state IN ('completed', 'waived')) = (ended_at IS NOT NULL)),
    CHECK ((due_on IS NULL) = (lapses_at IS NULL))
);
CREATE INDEX milestones_deal ON milestones (workspace_id, deal_id, sorts_on, id) WHERE removed_at IS NULL;
CREATE INDEX milestones_due ON milestones (workspace_id, sorts_on, id) WHERE removed_at IS NULL;
CREATE INDEX milestones_state ON milestones (workspace_id, state, sorts_on, id) WHERE removed_at IS NULL;
CREATE INDEX milestones_open ON milestones (workspace_id, sorts_on, id) WHERE removed_at IS NULL AND ended_at IS NULL;
CREATE INDEX milestones_any_deal ON milestones (workspace_id, deal_id);
CREATE INDEX milestones_responsible ON milestones (workspace_id, responsible_member_id);

CREATE TABLE date_plans (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    deal_id UUID NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('change', 'undo')),
    deal_version BIGINT NOT NULL,
    body TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    applied_at TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id)
);
CREATE INDEX date_plans_deal ON date_plans (workspace_id, deal_id);
CREATE INDEX date_plans_expiry ON date_plans (workspace_id, expires_at);

ALTER TABLE templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE templates FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON templates
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON templates TO milepost_app;
ALTER TABLE deals ENABLE ROW LEVEL SECURITY;
ALTER TABLE deals FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON deals
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON deals TO milepost_app;
ALTER TABLE deal_key_dates ENABLE ROW LEVEL SECURITY;
ALTER TABLE deal_key_dates FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON deal_key_dates
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON deal_key_dates TO milepost_app;
ALTER TABLE deal_parties ENABLE ROW LEVEL SECURITY;
ALTER TABLE deal_parties FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON deal_parties
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON deal_parties TO milepost_app;
ALTER TABLE milestones ENABLE ROW LEVEL SECURITY;
ALTER TABLE milestones FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON milestones
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON milestones TO milepost_app;
ALTER TABLE date_plans ENABLE ROW LEVEL SECURITY;
ALTER TABLE date_plans FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON date_plans
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON date_plans TO milepost_app;
