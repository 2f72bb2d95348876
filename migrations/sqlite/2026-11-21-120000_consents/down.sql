ALTER TABLE audit_events DROP COLUMN client_id;
DROP TABLE oauth_consents;
