UPDATE delivery_settings SET held_since = '2026-12-09T15:00:00.000000Z', held_why = 'The clock was wrong.', clock_in_doubt = TRUE
    WHERE workspace_id = '01900000-0000-7000-8000-000000000001';
