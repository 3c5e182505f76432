INSERT INTO search_documents (workspace_id, number, kind, subject_id, mark) VALUES
    ('01900000-0000-7000-8000-000000000001', 7, 'deal', '01900000-0000-7000-8000-000000000008', 'aa');
INSERT INTO search_forms VALUES ('01900000-0000-7000-8000-000000000001', 1);
