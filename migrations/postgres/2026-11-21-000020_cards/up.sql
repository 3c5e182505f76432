-- Which message this one draws anew where it stands.
ALTER TABLE messages ADD COLUMN edits UUID;
ALTER TABLE messages ADD FOREIGN KEY (workspace_id, edits) REFERENCES messages (workspace_id, id);
CREATE INDEX messages_edits ON messages (workspace_id, edits, id) WHERE edits IS NOT NULL;

CREATE TABLE cards (
    workspace_id UUID NOT NULL,
    message_id UUID NOT NULL,
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('deal', 'approval')),
    subject_id UUID NOT NULL,
    shows TEXT NOT NULL,
    as_of BIGINT NOT NULL,
    face_hash TEXT NOT NULL,
    edit_id UUID,
    look_at TIMESTAMPTZ,
    changed_at TIMESTAMPTZ NOT NULL,
    closed_at TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, message_id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);
CREATE INDEX cards_open ON cards (workspace_id, subject_kind, subject_id) WHERE closed_at IS NULL;
CREATE INDEX cards_behind ON cards (workspace_id, look_at, message_id) WHERE look_at IS NOT NULL;

CREATE TABLE snoozes (
    workspace_id UUID NOT NULL,
    milestone_id UUID NOT NULL,
    deal_id UUID NOT NULL,
    until_on DATE NOT NULL,
    due_on DATE NOT NULL,
    by_name TEXT NOT NULL,
    snoozed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, milestone_id),
    FOREIGN KEY (workspace_id, milestone_id) REFERENCES milestones (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id)
);
CREATE INDEX snoozes_deal ON snoozes (workspace_id, deal_id);

ALTER TABLE cards ENABLE ROW LEVEL SECURITY;
ALTER TABLE cards FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON cards
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON cards TO milepost_app;
ALTER TABLE snoozes ENABLE ROW LEVEL SECURITY;
ALTER TABLE snoozes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON snoozes
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON snoozes TO milepost_app;
