-- What can be found by its words. A number is the place of a thing in answers, the highest first.
CREATE TABLE search_documents (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    mark TEXT NOT NULL,
    UNIQUE (workspace_id, kind, subject_id)
);

-- The words themselves, made by the program: lower case, without diacritics. Its tokenizer only splits them at spaces. Of a
-- beginning that has no index of its own, all things with such a word are collected before the first is given.
CREATE VIRTUAL TABLE search_words USING fts5 (
    words, content='', contentless_delete=1, detail=none, prefix='2 3 4 5 6', tokenize="ascii tokenchars '_+'"
);

-- In which form a workspace's things are in the index; a workspace that is not here is indexed when the program starts.
CREATE TABLE search_forms (
    workspace_id TEXT PRIMARY KEY REFERENCES workspaces (id),
    form INTEGER NOT NULL
);
