-- The clock jumped ahead, and nobody has looked at it since.
ALTER TABLE delivery_settings ADD COLUMN clock_in_doubt BOOLEAN NOT NULL DEFAULT FALSE;
-- Whoever comes up while a jump holds everything: its reason says so.
UPDATE delivery_settings SET clock_in_doubt = TRUE WHERE held_why LIKE 'The server''s clock jumped forward%';
