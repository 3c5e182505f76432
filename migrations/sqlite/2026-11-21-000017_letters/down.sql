DROP INDEX messages_batch;
CREATE INDEX messages_batch ON messages (workspace_id, batch_id) WHERE batch_id IS NOT NULL;
DROP INDEX messages_approval;
CREATE INDEX messages_approval ON messages (workspace_id, approval_id) WHERE approval_id IS NOT NULL;
ALTER TABLE drafts DROP COLUMN reason;
ALTER TABLE drafts DROP COLUMN send_at;
ALTER TABLE drafts DROP COLUMN batch_id;
ALTER TABLE approvals DROP COLUMN by_rule;
