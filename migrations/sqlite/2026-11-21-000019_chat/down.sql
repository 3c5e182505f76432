DROP TABLE gateways;
DROP INDEX address_proofs_address;
DROP TABLE chat_pending;
DROP TABLE chat_codes;
DROP TABLE chat_guilds;
