-- A root secret that stands here alone would be lost, and every identifier with it: then there is no
-- way back.
LOCK TABLE keyring IN ACCESS EXCLUSIVE MODE;
CREATE TABLE no_way_back (wrapped_roots bigint CHECK (wrapped_roots = 0));
INSERT INTO no_way_back SELECT count(*) FROM keyring WHERE wrapped IS NULL OR length(wrapped) > 0;
DROP TABLE no_way_back;
CREATE TABLE master_secret (
    id          integer PRIMARY KEY CHECK (id = 1),
    fingerprint bytea NOT NULL
);
INSERT INTO master_secret SELECT 1, master FROM keyring;
DROP TABLE keyring;
