-- The clock jumped ahead, and nobody has looked at it since.
ALTER TABLE delivery_settings ADD COLUMN clock_in_doubt BOOLEAN NOT NULL DEFAULT FALSE;
-- Whoever comes up while a jump holds everything: its reason says so.
-- Row-level security binds the owner too, who sees no workspace here; for this one statement it does not.
ALTER TABLE delivery_settings NO FORCE ROW LEVEL SECURITY;
UPDATE delivery_settings SET clock_in_doubt = TRUE WHERE held_why LIKE 'The server''s clock jumped forward%';
ALTER TABLE delivery_settings FORCE ROW LEVEL SECURITY;
