-- What people let programs know, until they take it back. A person agrees to a program once; more
-- widens it.
CREATE TABLE oauth_consents (
    user_id    BLOB NOT NULL REFERENCES users (id),
    client_id  TEXT NOT NULL,
    scope      TEXT NOT NULL,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id)
) STRICT;

-- The program that something was done about.
ALTER TABLE audit_events ADD COLUMN client_id TEXT;
