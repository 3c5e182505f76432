CREATE TABLE contact_standings (
    workspace_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    opted_out_at TEXT,
    opted_out_via TEXT,
    opted_in_at TEXT,
    last_inbound_at TEXT,
    taken_over_at TEXT,
    taken_over_by TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
);

CREATE TABLE consents (
    workspace_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    given_at TEXT NOT NULL,
    withdrawn_at TEXT,
    evidence TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, channel),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
);

CREATE TABLE preferences (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    person_kind TEXT NOT NULL CHECK (person_kind IN ('member', 'contact')),
    person_id TEXT NOT NULL,
    body TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, person_kind, person_id)
);
CREATE INDEX contacts_phone ON contacts (workspace_id, phone) WHERE phone IS NOT NULL;
ALTER TABLE contacts ADD COLUMN region TEXT;
