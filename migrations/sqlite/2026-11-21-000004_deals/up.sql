CREATE TABLE templates (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    template_version INTEGER NOT NULL,
    body TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (workspace_id, name)
);

CREATE TABLE deals (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    address TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('buyer', 'seller', 'both')),
    financing TEXT NOT NULL CHECK (financing IN ('cash', 'conventional', 'fha', 'va', 'usda')),
    state TEXT,
    price_cents BIGINT CHECK (price_cents >= 0),
    time_zone TEXT NOT NULL,
    owner_id TEXT,
    status TEXT NOT NULL CHECK (status IN ('draft', 'active', 'closed', 'cancelled')),
    template TEXT NOT NULL,
    template_version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    activated_at TEXT,
    ended_at TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, owner_id) REFERENCES members (workspace_id, id)
);
CREATE INDEX deals_owner ON deals (workspace_id, owner_id) WHERE owner_id IS NOT NULL;

-- Kept in the order of its key: otherwise SQLite takes the index below, which covers a deal's dates, and reads all of it.
CREATE TABLE deal_key_dates (
    workspace_id TEXT NOT NULL,
    deal_id TEXT NOT NULL,
    name TEXT NOT NULL,
    on_date TEXT NOT NULL,
    PRIMARY KEY (workspace_id, deal_id, name),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id)
) WITHOUT ROWID;
CREATE INDEX deal_key_dates_by_date ON deal_key_dates (workspace_id, name, on_date, deal_id);

CREATE TABLE deal_parties (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    deal_id TEXT NOT NULL,
    role TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, deal_id, role, contact_id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
);
CREATE INDEX deal_parties_deal ON deal_parties (workspace_id, deal_id, id);
CREATE INDEX deal_parties_contact ON deal_parties (workspace_id, contact_id);

CREATE TABLE milestones (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    deal_id TEXT NOT NULL,
    type_ TEXT NOT NULL,
    title TEXT NOT NULL,
    due_on TEXT,
    sorts_on TEXT NOT NULL,
    lapses_at TEXT,
    state TEXT NOT NULL CHECK (state IN ('upcoming', 'scheduled', 'in_progress', 'completed', 'waived')),
    ended_at TEXT,
    ended_by TEXT,
    waive_reason TEXT,
    required BOOLEAN NOT NULL,
    responsible_role TEXT NOT NULL,
    responsible_member_id TEXT,
    remind_days_before INTEGER,
    notify TEXT NOT NULL,
    notes TEXT NOT NULL,
    evidence TEXT NOT NULL,
    pinned BOOLEAN NOT NULL,
    rule TEXT,
    origin TEXT NOT NULL,
    created_at TEXT NOT NULL,
    removed_at TEXT,
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
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    deal_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('change', 'undo')),
    deal_version BIGINT NOT NULL,
    body TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    applied_at TEXT,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id)
);
CREATE INDEX date_plans_deal ON date_plans (workspace_id, deal_id);
CREATE INDEX date_plans_expiry ON date_plans (workspace_id, expires_at);
