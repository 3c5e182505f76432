-- Whether a rule said yes in people's place.
ALTER TABLE approvals ADD COLUMN by_rule BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE approvals SET by_rule = TRUE
    WHERE state = 'approved' AND (closed_by = 'the deadline' OR closed_by LIKE 'the setting unapproved_follow_ups (%');
-- What was begun together leaves, and is taken back, together.
ALTER TABLE drafts ADD COLUMN batch_id TEXT;
-- When it is to leave; at once after the yes when there is none.
ALTER TABLE drafts ADD COLUMN send_at TEXT;
-- Why it stands as it does.
ALTER TABLE drafts ADD COLUMN reason TEXT;
-- A list of these comes in the order of its ids.
DROP INDEX messages_approval;
CREATE INDEX messages_approval ON messages (workspace_id, approval_id, id) WHERE approval_id IS NOT NULL;
DROP INDEX messages_batch;
CREATE INDEX messages_batch ON messages (workspace_id, batch_id, id) WHERE batch_id IS NOT NULL;
