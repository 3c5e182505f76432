ALTER TABLE delivery_settings DROP COLUMN clock_in_doubt;
