-- What the service's role may do in PostgreSQL (CFG-03): no tables of its own, of the audit log only
-- reading and adding, of the keyring no deleting. Run by `latchkey_owner`, who owns the tables, after
-- each `latchkey migrate`.
GRANT USAGE ON SCHEMA public TO latchkey;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO latchkey;
REVOKE DELETE ON keyring FROM latchkey;
REVOKE UPDATE, DELETE ON login_events, audit_events FROM latchkey;
REVOKE INSERT, UPDATE, DELETE ON __diesel_schema_migrations FROM latchkey;
