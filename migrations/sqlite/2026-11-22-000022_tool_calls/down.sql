DROP TABLE agent_identities;
DROP TABLE agent_days;
DROP INDEX events_correlation;
DROP TABLE tool_calls;
