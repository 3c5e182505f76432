UPDATE approvals SET by_rule = TRUE;
UPDATE drafts SET batch_id = '01900000-0000-7000-8000-000000000012', send_at = '2026-10-16T15:00:00.000000Z', reason = 'Approved by Olga Owens.';
