DROP TABLE agent_servers;
