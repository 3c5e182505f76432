DROP TABLE preferences;
DROP TABLE consents;
DROP TABLE contact_standings;
DROP INDEX contacts_phone;
