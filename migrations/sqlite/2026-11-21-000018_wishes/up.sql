CREATE TABLE address_opt_outs (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    address_hash TEXT NOT NULL,
    opted_out_at TEXT NOT NULL,
    opted_out_via TEXT NOT NULL,
    PRIMARY KEY (workspace_id, address_hash)
);

CREATE TABLE address_proofs (
    workspace_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('sms', 'discord')),
    address TEXT NOT NULL,
    verified_at TEXT,
    verified_how TEXT,
    code_hash TEXT,
    code_expires_at TEXT,
    code_tries INTEGER NOT NULL,
    codes_sent INTEGER NOT NULL,
    codes_since TEXT,
    code_sent_at TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, member_id, channel),
    FOREIGN KEY (workspace_id, member_id) REFERENCES members (workspace_id, id),
    CHECK ((verified_at IS NULL) = (verified_how IS NULL))
);

-- Whoever was reached there until now goes on being reached.
INSERT INTO address_proofs (workspace_id, member_id, channel, address, verified_at, verified_how, code_tries, codes_sent, version)
SELECT p.workspace_id, p.person_id, c.channel, json_extract(p.body, c.place), m.created_at, 'migrated', 0, 0, 1
FROM preferences p
JOIN members m ON m.workspace_id = p.workspace_id AND m.id = p.person_id
JOIN (SELECT 'sms' AS channel, '$.phone' AS place UNION ALL SELECT 'discord', '$.discord') c
WHERE p.person_kind = 'member' AND json_extract(p.body, c.place) IS NOT NULL;
