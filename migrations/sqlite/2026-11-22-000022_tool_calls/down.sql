DROP INDEX events_correlation;
DROP TABLE tool_calls;
