-- The root secret, from which all keys are derived, under each master secret that opens it; null
-- once that one is retired. Empty where the master secret is the root secret itself, as it was before.
CREATE TABLE keyring (
    number   integer PRIMARY KEY,
    master   bytea NOT NULL,
    wrapped  bytea,
    added_at timestamptz NOT NULL
);
-- A node that starts now for the first time waits, and then finds the table gone.
LOCK TABLE master_secret IN ACCESS EXCLUSIVE MODE;
INSERT INTO keyring SELECT 1, fingerprint, ''::bytea, now() FROM master_secret;
DROP TABLE master_secret;
