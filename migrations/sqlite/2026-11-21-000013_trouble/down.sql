DROP TABLE gone_addresses;
DROP TABLE dispatchers;
DROP TABLE provider_holds;
