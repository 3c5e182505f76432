DROP TABLE votes;
DROP TABLE approvals;
