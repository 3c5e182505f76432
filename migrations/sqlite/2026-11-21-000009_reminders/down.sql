DROP TABLE reminders;
DROP INDEX milestones_attend;
ALTER TABLE deals DROP COLUMN chat_channel;
ALTER TABLE milestones DROP COLUMN attend_at;
