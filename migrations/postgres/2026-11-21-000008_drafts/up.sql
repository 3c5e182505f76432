CREATE TABLE drafts (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    id UUID NOT NULL,
    occasion TEXT NOT NULL,
    kind TEXT NOT NULL,
    deal_id UUID NOT NULL,
    milestone_id UUID,
    recipient_role TEXT NOT NULL,
    urgency TEXT NOT NULL CHECK (urgency IN ('routine', 'important', 'urgent')),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'writing', 'blocked', 'in_review', 'approved', 'rejected', 'expired', 'withdrawn')),
    current INTEGER NOT NULL,
    approval_id UUID,
    lease_until TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    settled_at TIMESTAMPTZ,
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
    workspace_id UUID NOT NULL,
    draft_id UUID NOT NULL,
    version INTEGER NOT NULL,
    channel TEXT NOT NULL,
    recipients TEXT NOT NULL,
    content TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('model', 'template', 'member', 'agent')),
    findings TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, draft_id, version),
    FOREIGN KEY (workspace_id, draft_id) REFERENCES drafts (workspace_id, id)
);

ALTER TABLE drafts ENABLE ROW LEVEL SECURITY;
ALTER TABLE drafts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON drafts
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON drafts TO milepost_app;
ALTER TABLE draft_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE draft_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON draft_versions
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT ON draft_versions TO milepost_app;
