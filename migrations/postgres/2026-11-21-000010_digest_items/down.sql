DROP INDEX reminders_recipient;
DROP INDEX digest_items_due;
CREATE INDEX digest_items_due ON digest_items (workspace_id, due_at) WHERE message_id IS NULL;
ALTER TABLE digest_items DROP COLUMN dropped;
ALTER TABLE digest_items DROP COLUMN expires_at;
