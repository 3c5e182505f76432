-- What holds for the whole installation, in one row. Nothing of a workspace stands here.
CREATE TABLE installation (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    key_id TEXT NOT NULL,
    key_since TEXT NOT NULL
);
