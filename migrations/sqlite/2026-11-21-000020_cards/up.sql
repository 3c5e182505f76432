-- Which message this one draws anew where it stands. SQLite adds no reference of two columns to a table that is there.
ALTER TABLE messages ADD COLUMN edits TEXT;
CREATE INDEX messages_edits ON messages (workspace_id, edits, id) WHERE edits IS NOT NULL;

CREATE TABLE cards (
    workspace_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('deal', 'approval')),
    subject_id TEXT NOT NULL,
    shows TEXT NOT NULL,
    as_of BIGINT NOT NULL,
    face_hash TEXT NOT NULL,
    edit_id TEXT,
    look_at TEXT,
    changed_at TEXT NOT NULL,
    closed_at TEXT,
    PRIMARY KEY (workspace_id, message_id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);
CREATE INDEX cards_open ON cards (workspace_id, subject_kind, subject_id) WHERE closed_at IS NULL;
CREATE INDEX cards_behind ON cards (workspace_id, look_at, message_id) WHERE look_at IS NOT NULL;

CREATE TABLE snoozes (
    workspace_id TEXT NOT NULL,
    milestone_id TEXT NOT NULL,
    deal_id TEXT NOT NULL,
    until_on TEXT NOT NULL,
    due_on TEXT NOT NULL,
    by_name TEXT NOT NULL,
    snoozed_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, milestone_id),
    FOREIGN KEY (workspace_id, milestone_id) REFERENCES milestones (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id)
);
CREATE INDEX snoozes_deal ON snoozes (workspace_id, deal_id);
