INSERT INTO audit_heads VALUES ('01900000-0000-7000-8000-000000000001', 1, 'c1');
INSERT INTO events VALUES
    ('01900000-0000-7000-8000-000000000001', 1, '01900000-0000-7000-8000-000000000005', '2026-10-14T15:00:00.000000Z', 'system', NULL, 'setup', 'command_line', '01900000-0000-7000-8000-000000000006', 'member', '01900000-0000-7000-8000-000000000002', 'member.added', '{"role":"owner"}', '{"name":"Olga Owens"}', '00ff', 'aa', 'l1', 'c1');
INSERT INTO idempotency_keys VALUES
    ('01900000-0000-7000-8000-000000000001', 'system:setup', 'k1', 'deal_create', 'aa', '{}', '2026-10-14T15:00:00.000000Z');
