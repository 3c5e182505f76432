-- What can be found by its words. A number is the place of a thing in answers, the highest first.
CREATE TABLE search_documents (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject_id UUID NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (workspace_id, number),
    UNIQUE (workspace_id, kind, subject_id)
);

-- The words themselves, made by the program: lower case, without diacritics.
CREATE TABLE search_words (
    workspace_id UUID NOT NULL REFERENCES workspaces (id),
    number BIGINT NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (workspace_id, number)
);
-- What was written last is looked through one by one until it is put into the index, so there is never much of it.
CREATE INDEX search_words_gin ON search_words USING gin (words) WITH (fastupdate = on, gin_pending_list_limit = 128);

-- In which form a workspace's things are in the index; a workspace that is not here is indexed when the program starts.
CREATE TABLE search_forms (
    workspace_id UUID PRIMARY KEY REFERENCES workspaces (id),
    form INTEGER NOT NULL
);

ALTER TABLE search_documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE search_documents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON search_documents
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON search_documents TO milepost_app;
ALTER TABLE search_words ENABLE ROW LEVEL SECURITY;
ALTER TABLE search_words FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON search_words
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, DELETE ON search_words TO milepost_app;
ALTER TABLE search_forms ENABLE ROW LEVEL SECURITY;
ALTER TABLE search_forms FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON search_forms
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON search_forms TO milepost_app;

-- Under row-level security PostgreSQL asks no index a question whose operator could leak what it sees, and @@ is such a one:
-- it would read all rows of the workspace. So one function asks in the place of the tables' owner, whose reading of this one
-- table is not narrowed. It names the workspace itself and gives nothing but numbers, of which the product's role, narrowed
-- as ever, looks up its own.
CREATE POLICY asked_by_the_index ON search_words FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION search_numbers (asked TEXT, below BIGINT, most BIGINT) RETURNS SETOF BIGINT
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
    own UUID := nullif(current_setting('milepost.workspace', true), '')::uuid;
    first_number BIGINT;
    last_number BIGINT;
    found BIGINT[];
BEGIN
    FOR place IN REVERSE 3..0 LOOP
        first_number := place::bigint << 61;
        last_number := least(below - 1, first_number | ((1::bigint << 61) - 1));
        CONTINUE WHEN most <= 0 OR last_number < first_number;
        -- What many things have is found among the first that are looked at, which are the first of the answer as well.
        EXECUTE 'SELECT array_agg(number) FROM (SELECT number FROM (
                SELECT number, words FROM search_words WHERE workspace_id = $1 AND number BETWEEN $3 AND $4
                ORDER BY number DESC LIMIT 400) AS latest
            WHERE words @@ $2 ORDER BY number DESC LIMIT $5) AS answer'
        INTO found USING own, asked::tsquery, first_number, last_number, most;
        -- What few have, by the index: all of them, and the first of these.
        IF coalesce(cardinality(found), 0) < most THEN
            EXECUTE 'SELECT array_agg(number) FROM (SELECT number FROM (
                    SELECT number FROM search_words WHERE workspace_id = $1 AND words @@ $2
                    AND number BETWEEN $3 AND $4 OFFSET 0) AS whole
                ORDER BY number DESC LIMIT $5) AS answer'
            INTO found USING own, format('(%s) & ''_p%s''', asked, place)::tsquery, first_number, last_number, most;
        END IF;
        RETURN QUERY SELECT unnest(found);
        most := most - coalesce(cardinality(found), 0);
    END LOOP;
END
$$;
-- Its names are looked up where the tables are and nowhere else.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION search_numbers (TEXT, BIGINT, BIGINT) SET search_path = %I, pg_temp', current_schema());
END
$$;
REVOKE ALL ON FUNCTION search_numbers (TEXT, BIGINT, BIGINT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_numbers (TEXT, BIGINT, BIGINT) TO milepost_app;
