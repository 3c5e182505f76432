DROP INDEX drafts_open;
DROP TABLE model_days;
