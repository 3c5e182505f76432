DROP TABLE snoozes;
DROP TABLE cards;
DROP INDEX messages_edits;
ALTER TABLE messages DROP COLUMN edits;
