CREATE TABLE approvals (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    id TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    subject_version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    covers TEXT NOT NULL,
    title TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_by_name TEXT NOT NULL,
    author_id TEXT,
    stages TEXT NOT NULL,
    stage INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'changes_requested', 'expired', 'superseded', 'withdrawn')),
    due_at TEXT,
    opened_at TEXT NOT NULL,
    closed_at TEXT,
    closed_by TEXT,
    reason TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, subject_kind, subject_id, subject_version),
    FOREIGN KEY (workspace_id, author_id) REFERENCES members (workspace_id, id),
    CHECK ((state = 'pending') = (closed_at IS NULL))
);
CREATE INDEX approvals_author ON approvals (workspace_id, author_id) WHERE author_id IS NOT NULL;
CREATE INDEX approvals_pending ON approvals (workspace_id, id) WHERE closed_at IS NULL;
CREATE INDEX approvals_deadline ON approvals (workspace_id, due_at) WHERE closed_at IS NULL AND due_at IS NOT NULL;

CREATE TABLE votes (
    workspace_id TEXT NOT NULL,
    approval_id TEXT NOT NULL,
    stage INTEGER NOT NULL,
    member_id TEXT NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('approve', 'request_changes', 'reject', 'abstain')),
    feedback TEXT NOT NULL,
    cast_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, approval_id, stage, member_id),
    FOREIGN KEY (workspace_id, approval_id) REFERENCES approvals (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id)
);
CREATE INDEX votes_member ON votes (workspace_id, member_id);
