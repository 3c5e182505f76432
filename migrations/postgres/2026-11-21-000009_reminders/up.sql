ALTER TABLE milestones ADD COLUMN attend_at TIMESTAMPTZ;
ALTER TABLE deals ADD COLUMN chat_channel TEXT;
CREATE INDEX milestones_attend ON milestones (workspace_id, attend_at, id) WHERE attend_at IS NOT NULL;
-- Row-level security binds the owner too, who sees no workspace here; for this one statement it does not.
ALTER TABLE milestones NO FORCE ROW LEVEL SECURITY;
-- Whoever comes up from an earlier version has milestones that nobody looked at yet: all of them are due for a look.
UPDATE milestones SET attend_at = created_at WHERE removed_at IS NULL AND ended_at IS NULL AND due_on IS NOT NULL;
ALTER TABLE milestones FORCE ROW LEVEL SECURITY;

CREATE TABLE reminders (
    workspace_id UUID NOT NULL,
    milestone_id UUID NOT NULL,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    on_date DATE NOT NULL,
    deal_id UUID NOT NULL,
    due_on DATE NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'queued', 'digest', 'cancelled', 'missed', 'refused')),
    reason TEXT,
    occasion TEXT,
    message_id UUID,
    leads BOOLEAN NOT NULL,
    round INTEGER NOT NULL,
    planned_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, milestone_id, kind, recipient, on_date),
    FOREIGN KEY (workspace_id, milestone_id) REFERENCES milestones (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);
CREATE INDEX reminders_by_time ON reminders (workspace_id, at, milestone_id);
CREATE INDEX reminders_deal ON reminders (workspace_id, deal_id, at);
CREATE INDEX reminders_message ON reminders (workspace_id, message_id) WHERE message_id IS NOT NULL;

ALTER TABLE reminders ENABLE ROW LEVEL SECURITY;
ALTER TABLE reminders FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reminders
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON reminders TO milepost_app;
