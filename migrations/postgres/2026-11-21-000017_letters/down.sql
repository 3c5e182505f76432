ALTER TABLE drafts DROP COLUMN reason;
ALTER TABLE drafts DROP COLUMN send_at;
ALTER TABLE drafts DROP COLUMN batch_id;
ALTER TABLE approvals DROP COLUMN by_rule;
