DROP TABLE gateways;
DROP POLICY tenant ON address_proofs;
CREATE POLICY tenant ON address_proofs
    USING (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid)
    WITH CHECK (workspace_id = nullif(current_setting('milepost.workspace', true), '')::uuid);
DROP INDEX address_proofs_address;
DROP TABLE chat_pending;
DROP TABLE chat_codes;
DROP TABLE chat_guilds;
