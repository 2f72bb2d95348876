-- What people let programs know, until they take it back. A person agrees to a program once; more
-- widens it.
CREATE TABLE oauth_consents (
    user_id    uuid NOT NULL REFERENCES users (id),
    client_id  text NOT NULL,
    scope      text NOT NULL,
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

-- The program that something was done about.
ALTER TABLE audit_events ADD COLUMN client_id text;
