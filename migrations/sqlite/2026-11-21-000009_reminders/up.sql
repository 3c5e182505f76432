ALTER TABLE milestones ADD COLUMN attend_at TEXT;
ALTER TABLE deals ADD COLUMN chat_channel TEXT;
CREATE INDEX milestones_attend ON milestones (workspace_id, attend_at, id) WHERE attend_at IS NOT NULL;
-- Whoever comes up from an earlier version has milestones that nobody looked at yet: all of them are due for a look.
UPDATE milestones SET attend_at = created_at WHERE removed_at IS NULL AND ended_at IS NULL AND due_on IS NOT NULL;

CREATE TABLE reminders (
    workspace_id TEXT NOT NULL,
    milestone_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    on_date TEXT NOT NULL,
    deal_id TEXT NOT NULL,
    due_on TEXT NOT NULL,
    at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'queued', 'digest', 'cancelled', 'missed', 'refused')),
    reason TEXT,
    occasion TEXT,
    message_id TEXT,
    leads BOOLEAN NOT NULL,
    round INTEGER NOT NULL,
    planned_at TEXT NOT NULL,
    PRIMARY KEY (workspace_id, milestone_id, kind, recipient, on_date),
    FOREIGN KEY (workspace_id, milestone_id) REFERENCES milestones (workspace_id, id),
    FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id),
    FOREIGN KEY (workspace_id, message_id) REFERENCES messages (workspace_id, id)
);
CREATE INDEX reminders_by_time ON reminders (workspace_id, at, milestone_id);
CREATE INDEX reminders_deal ON reminders (workspace_id, deal_id, at);
CREATE INDEX reminders_message ON reminders (workspace_id, message_id) WHERE message_id IS NOT NULL;
