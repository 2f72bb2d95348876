-- A root secret that stands here alone would be lost, and every identifier with it: then there is no
-- way back.
CREATE TABLE no_way_back (wrapped_roots INTEGER CHECK (wrapped_roots = 0)) STRICT;
INSERT INTO no_way_back SELECT count(*) FROM keyring WHERE wrapped IS NULL OR length(wrapped) > 0;
DROP TABLE no_way_back;
CREATE TABLE master_secret (
    id          INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    fingerprint BLOB NOT NULL
) STRICT;
INSERT INTO master_secret SELECT 1, master FROM keyring;
DROP TABLE keyring;
