-- The root secret, from which all keys are derived, under each master secret that opens it; null
-- once that one is retired. Empty where the master secret is the root secret itself, as it was before.
CREATE TABLE keyring (
    number   INTEGER PRIMARY KEY NOT NULL,
    master   BLOB NOT NULL,
    wrapped  BLOB,
    added_at INTEGER NOT NULL
) STRICT;
INSERT INTO keyring
    SELECT 1, fingerprint, x'', CAST(strftime('%s', 'now') AS INTEGER) * 1000000
    FROM master_secret;
DROP TABLE master_secret;
