DROP TABLE digest_items;
DROP TABLE notifications;
DROP TABLE attempts;
DROP TABLE decisions;
DROP TABLE messages;
DROP TABLE endpoints;
DROP TABLE delivery_settings;
