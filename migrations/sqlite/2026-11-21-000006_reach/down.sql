DROP TABLE preferences;
DROP TABLE consents;
DROP TABLE contact_standings;
ALTER TABLE contacts DROP COLUMN region;
DROP INDEX contacts_phone;
