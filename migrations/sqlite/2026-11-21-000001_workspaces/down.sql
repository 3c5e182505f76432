DROP TABLE api_tokens;
DROP TABLE agents;
DROP TABLE members;
DROP TABLE workspaces;
