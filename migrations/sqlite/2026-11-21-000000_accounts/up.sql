-- One person, one account: users, their identities, passwords, sessions, and the audit log.
-- Identifiers stand as keyed hashes and displays are sealed: a copy of this database names nobody.
-- Ids are 16 bytes, moments are microseconds since 1970-01-01T00:00:00Z, addresses are text.

CREATE TABLE users (
    id             BLOB PRIMARY KEY NOT NULL,
    nickname       TEXT,
    avatar_url     TEXT,
    state          TEXT NOT NULL CHECK (state IN ('active', 'disabled', 'merged', 'deleted')),
    -- Counts the changes after which a proof made before them opens nothing any more.
    security_epoch INTEGER NOT NULL DEFAULT 0,
    created_at     INTEGER NOT NULL,
    -- Counts all changes of ways in, password and state: a change is planned on one revision.
    revision       INTEGER NOT NULL DEFAULT 0,
    -- Codes made before these moments set no new password, and link nothing.
    resets_since   INTEGER,
    links_since    INTEGER,
    -- The user that a retired id means.
    merged_into    BLOB REFERENCES users (id),
    -- When the identifiers of a deleted account become free; none once they are.
    frees_at       INTEGER
) STRICT;
CREATE INDEX users_merged ON users (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX users_freed ON users (frees_at) WHERE frees_at IS NOT NULL;

CREATE TABLE identities (
    id           BLOB PRIMARY KEY NOT NULL,
    user_id      BLOB NOT NULL REFERENCES users (id),
    kind         TEXT NOT NULL,
    display      BLOB NOT NULL,
    verified_at  INTEGER,
    linked_at    INTEGER NOT NULL,
    last_used_at INTEGER,
    last_ip      TEXT,
    -- The provider's tokens, sealed; none for what is our own, or where they are not kept.
    tokens       BLOB
) STRICT;
CREATE INDEX identities_user ON identities (user_id);

-- `value` is the keyed hash of kind, namespace and canonical text: unique over all of them.
CREATE TABLE identifiers (
    value       BLOB PRIMARY KEY NOT NULL CHECK (length(value) = 32),
    kind        TEXT NOT NULL,
    namespace   TEXT NOT NULL,
    identity_id BLOB NOT NULL REFERENCES identities (id),
    user_id     BLOB NOT NULL REFERENCES users (id)
) STRICT;
CREATE INDEX identifiers_user ON identifiers (user_id);
CREATE INDEX identifiers_identity ON identifiers (identity_id);

CREATE TABLE passwords (
    user_id    BLOB PRIMARY KEY NOT NULL REFERENCES users (id),
    hash       TEXT NOT NULL CHECK (hash <> ''),
    changed_at INTEGER NOT NULL
) STRICT;

-- `subject` is a user's id, or the hash of an identifier that nobody has: both count alike.
CREATE TABLE password_attempts (
    subject     BLOB PRIMARY KEY NOT NULL,
    failed      INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    waits_until INTEGER
) STRICT;
-- Those that made nobody wait go when their window is over; the others stay.
CREATE INDEX password_attempts_stale ON password_attempts (last_at) WHERE waits_until IS NULL;

CREATE TABLE sessions (
    id               BLOB PRIMARY KEY NOT NULL,
    user_id          BLOB NOT NULL REFERENCES users (id),
    identity_id      BLOB NOT NULL,
    token_hash       BLOB NOT NULL UNIQUE,
    method           TEXT NOT NULL,
    auth_time        INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    last_seen_at     INTEGER NOT NULL,
    idle_ends_at     INTEGER NOT NULL,
    absolute_ends_at INTEGER,
    ip               TEXT NOT NULL,
    device_id        TEXT,
    device_name      TEXT,
    ended_at         INTEGER
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id, last_seen_at);
CREATE INDEX sessions_live ON sessions (user_id, last_seen_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_expired ON sessions (idle_ends_at);

-- The last use of the sessions that are gone: what a user did last is known though no row of it is
-- left. In a table of its own, so that no login waits for whoever writes it.
CREATE TABLE last_visits (
    user_id BLOB PRIMARY KEY NOT NULL REFERENCES users (id),
    at      INTEGER NOT NULL
) STRICT;

CREATE TABLE login_events (
    id          BLOB PRIMARY KEY NOT NULL,
    user_id     BLOB,
    identity_id BLOB,
    identifier  BLOB NOT NULL,
    method      TEXT NOT NULL,
    outcome     TEXT NOT NULL CHECK (outcome IN ('success', 'failure', 'locked')),
    ip          TEXT NOT NULL,
    device_id   TEXT,
    device_name TEXT,
    at          INTEGER NOT NULL
) STRICT;
-- Ids are in order of time.
CREATE INDEX login_events_user ON login_events (user_id, id);

-- What was changed, by whom and from where, beside the logins.
CREATE TABLE audit_events (
    id          BLOB PRIMARY KEY NOT NULL,
    user_id     BLOB NOT NULL,
    action      TEXT NOT NULL,
    -- The identity, session or other user that it was done to.
    object_id   BLOB,
    ip          TEXT,
    device_id   TEXT,
    device_name TEXT,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_events_user ON audit_events (user_id, id);

-- What is still to be told: events to other systems, notices to the person.
CREATE TABLE outbox (
    id            BLOB PRIMARY KEY NOT NULL,
    user_id       BLOB NOT NULL REFERENCES users (id),
    destination   TEXT NOT NULL CHECK (destination IN ('webhook', 'notice')),
    -- The event's or the notice's name, and what it says beside the user.
    what          TEXT NOT NULL,
    identity_id   BLOB,
    kind          TEXT,
    method        TEXT,
    other_user_id BLOB,
    -- Where a notice goes, sealed for the identity; none for all addresses of the user.
    address       BLOB,
    at            INTEGER NOT NULL,
    tries         INTEGER NOT NULL DEFAULT 0,
    due_at        INTEGER NOT NULL,
    parked_at     INTEGER,
    done_at       INTEGER
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at) WHERE done_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_user ON outbox (user_id, at, id) WHERE done_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_parked ON outbox (at, id) WHERE parked_at IS NOT NULL;
CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL;

-- Proofs that are good once, as their SHA-256, until nobody would take them anyway.
CREATE TABLE spent_proofs (
    digest BLOB PRIMARY KEY NOT NULL,
    until  INTEGER NOT NULL
) STRICT;
CREATE INDEX spent_proofs_until ON spent_proofs (until);

-- Codes for the programs that get their users from us. A grant is a session: the code's row says
-- what it is for, and stays as long as the session may live, so that a reuse is noticed. An open
-- code's session has a token that nobody knows.
CREATE TABLE oauth_codes (
    code_hash    BLOB PRIMARY KEY NOT NULL CHECK (length(code_hash) = 32),
    session_id   BLOB NOT NULL UNIQUE REFERENCES sessions (id),
    client_id    TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge    BLOB NOT NULL CHECK (length(challenge) = 32),
    scope        TEXT NOT NULL,
    nonce        TEXT,
    expires_at   INTEGER NOT NULL,
    used_at      INTEGER,
    -- When nobody needs the row any more; none for a session that may live for ever.
    kept_until   INTEGER
) STRICT;
CREATE INDEX oauth_codes_kept ON oauth_codes (kept_until);

-- Each is good once. One that was rotated stays, so that its reuse is noticed; its successor is
-- sealed, and stays for seconds.
CREATE TABLE oauth_refresh_tokens (
    token_hash BLOB PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),
    session_id BLOB NOT NULL,
    rotated_at INTEGER,
    successor  BLOB,
    kept_until INTEGER
) STRICT;
CREATE INDEX oauth_refresh_tokens_kept ON oauth_refresh_tokens (kept_until);
CREATE INDEX oauth_refresh_tokens_session ON oauth_refresh_tokens (session_id);
CREATE INDEX oauth_refresh_tokens_sealed ON oauth_refresh_tokens (rotated_at)
    WHERE successor IS NOT NULL;

CREATE TABLE oauth_access_tokens (
    token_hash BLOB PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),
    session_id BLOB NOT NULL,
    scope      TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_access_tokens_expired ON oauth_access_tokens (expires_at);

-- Keys that sign. The number decides between nodes that make one at the same time; the private
-- half is sealed.
CREATE TABLE oauth_keys (
    number     INTEGER PRIMARY KEY NOT NULL,
    id         TEXT NOT NULL UNIQUE,
    n          BLOB NOT NULL,
    e          BLOB NOT NULL,
    private    BLOB NOT NULL,
    signs_from INTEGER NOT NULL
) STRICT;

-- The master secret that this database belongs to, as a keyed hash: another one finds nobody.
CREATE TABLE master_secret (
    id          INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    fingerprint BLOB NOT NULL
) STRICT;

-- The audit log is append-only; what is older than its retention of 180 days may go.
CREATE TRIGGER login_events_no_update BEFORE UPDATE ON login_events
BEGIN
    SELECT RAISE(ABORT, 'login_events is append-only');
END;
CREATE TRIGGER login_events_no_delete BEFORE DELETE ON login_events
WHEN OLD.at >= (CAST(strftime('%s', 'now') AS INTEGER) - 15552000) * 1000000
BEGIN
    SELECT RAISE(ABORT, 'login_events is append-only');
END;
CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit_events is append-only');
END;
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
WHEN OLD.at >= (CAST(strftime('%s', 'now') AS INTEGER) - 15552000) * 1000000
BEGIN
    SELECT RAISE(ABORT, 'audit_events is append-only');
END;
