ALTER TABLE digest_items ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE digest_items ADD COLUMN dropped TEXT CHECK (dropped IN ('expired', 'no_member', 'unreached'));
DROP INDEX digest_items_due;
CREATE INDEX digest_items_due ON digest_items (workspace_id, due_at) WHERE message_id IS NULL AND dropped IS NULL;
CREATE INDEX reminders_recipient ON reminders (workspace_id, recipient, kind, on_date);
