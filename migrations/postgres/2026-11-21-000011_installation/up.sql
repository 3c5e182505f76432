-- What holds for the whole installation, in one row. Nothing of a workspace stands here, and no workspace's work sees it.
CREATE TABLE installation (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    key_id TEXT NOT NULL,
    key_since TIMESTAMPTZ NOT NULL
);

ALTER TABLE installation ENABLE ROW LEVEL SECURITY;
ALTER TABLE installation FORCE ROW LEVEL SECURITY;
CREATE POLICY installation ON installation
    USING (current_setting('milepost.installation', true) = 'on')
    WITH CHECK (current_setting('milepost.installation', true) = 'on');
-- Written once: what the database knows of its key is overwritten by nobody.
GRANT SELECT, INSERT ON installation TO milepost_app;
