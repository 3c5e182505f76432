CREATE TABLE drafts (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL,
    occasion TEXT NOT NULL,
    kind TEXT NOT NULL,
    deal_id TEXT NOT NULL,
    milestone_id TEXT,
    recipient_role TEXT NOT NULL,
    urgency TEXT NOT NULL CHECK (urgency IN ('routine', 'important', 'urgent')),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'writing', 'blocked', 'in_review', 'approved', 'rejected', 'expired', 'withdrawn')),
    current INTEGER NOT NULL,
    approval_id TEXT,
    lease_until TEXT,
    created_at TEXT NOT NULL,
    settled_at TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, occasion),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    FOREIGN KEY (workspace_id, milestone_id) REFERENCES milestones (workspace_id, id),
    FOREIGN KEY (workspace_id, approval_id) REFERENCES approvals (workspace_id, id)
);
CREATE INDEX drafts_deal ON drafts (workspace_id, deal_id, id);
CREATE INDEX drafts_milestone ON drafts (workspace_id, milestone_id) WHERE milestone_id IS NOT NULL;
CREATE INDEX drafts_approval ON drafts (workspace_id, approval_id) WHERE approval_id IS NOT NULL;
CREATE INDEX drafts_waiting ON drafts (workspace_id, id) WHERE state IN ('waiting', 'writing');

CREATE TABLE draft_versions (
    workspace_id TEXT NOT NULL,
    draft_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    channel TEXT NOT NULL,
    recipients TEXT NOT NULL,
    content TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('model', 'template', 'member', 'agent')),
    findings TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, draft_id, version),
    FOREIGN KEY (workspace_id, draft_id) REFERENCES drafts (workspace_id, id)
);
