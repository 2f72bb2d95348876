-- One person, one account: users, their identities, passwords, sessions, and the audit log.
-- Identifiers stand as keyed hashes and displays are sealed: a copy of this database names nobody.

CREATE TABLE users (
    id             uuid PRIMARY KEY,
    nickname       text,
    avatar_url     text,
    state          text NOT NULL CHECK (state IN ('active', 'disabled', 'merged', 'deleted')),
    -- Counts the changes after which a proof made before them opens nothing any more.
    security_epoch integer NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL,
    -- Counts all changes of ways in, password and state: a change is planned on one revision.
    revision       integer NOT NULL DEFAULT 0,
    -- Codes made before these moments set no new password, and link nothing.
    resets_since   timestamptz,
    links_since    timestamptz,
    -- The user that a retired id means.
    merged_into    uuid REFERENCES users (id),
    -- When the identifiers of a deleted account become free; none once they are.
    frees_at       timestamptz
);
CREATE INDEX users_merged ON users (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX users_freed ON users (frees_at) WHERE frees_at IS NOT NULL;

CREATE TABLE identities (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users (id),
    kind         text NOT NULL,
    display      bytea NOT NULL,
    verified_at  timestamptz,
    linked_at    timestamptz NOT NULL,
    last_used_at timestamptz,
    last_ip      inet,
    -- The provider's tokens, sealed; none for what is our own, or where they are not kept.
    tokens       bytea
);
CREATE INDEX identities_user ON identities (user_id);

-- `value` is the keyed hash of kind, namespace and canonical text: unique over all of them.
CREATE TABLE identifiers (
    value       bytea PRIMARY KEY CHECK (length(value) = 32),
    kind        text NOT NULL,
    namespace   text NOT NULL,
    identity_id uuid NOT NULL REFERENCES identities (id),
    user_id     uuid NOT NULL REFERENCES users (id)
);
CREATE INDEX identifiers_user ON identifiers (user_id);
CREATE INDEX identifiers_identity ON identifiers (identity_id);

CREATE TABLE passwords (
    user_id    uuid PRIMARY KEY REFERENCES users (id),
    hash       text NOT NULL CHECK (hash <> ''),
    changed_at timestamptz NOT NULL
);

-- `subject` is a user's id, or the hash of an identifier that nobody has: both count alike.
CREATE TABLE password_attempts (
    subject     bytea PRIMARY KEY,
    failed      integer NOT NULL,
    last_at     timestamptz NOT NULL,
    waits_until timestamptz
);
-- Those that made nobody wait go when their window is over; the others stay.
CREATE INDEX password_attempts_stale ON password_attempts (last_at) WHERE waits_until IS NULL;

CREATE TABLE sessions (
    id               uuid PRIMARY KEY,
    user_id          uuid NOT NULL REFERENCES users (id),
    identity_id      uuid NOT NULL,
    token_hash       bytea NOT NULL UNIQUE,
    method           text NOT NULL,
    auth_time        timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    last_seen_at     timestamptz NOT NULL,
    idle_ends_at     timestamptz NOT NULL,
    absolute_ends_at timestamptz,
    ip               inet NOT NULL,
    device_id        text,
    device_name      text,
    ended_at         timestamptz
);
CREATE INDEX sessions_user ON sessions (user_id, last_seen_at);
CREATE INDEX sessions_live ON sessions (user_id, last_seen_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_expired ON sessions (idle_ends_at);

-- The last use of the sessions that are gone: what a user did last is known though no row of it is
-- left. In a table of its own, so that no login waits for whoever writes it.
CREATE TABLE last_visits (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    at      timestamptz NOT NULL
);

CREATE TABLE login_events (
    id          uuid PRIMARY KEY,
    user_id     uuid,
    identity_id uuid,
    identifier  bytea NOT NULL,
    method      text NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('success', 'failure', 'locked')),
    ip          inet NOT NULL,
    device_id   text,
    device_name text,
    at          timestamptz NOT NULL
);
-- Ids are in order of time.
CREATE INDEX login_events_user ON login_events (user_id, id);

-- What was changed, by whom and from where, beside the logins.
CREATE TABLE audit_events (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    action      text NOT NULL,
    -- The identity, session or other user that it was done to.
    object_id   uuid,
    ip          inet,
    device_id   text,
    device_name text,
    at          timestamptz NOT NULL
);
CREATE INDEX audit_events_user ON audit_events (user_id, id);

-- What is still to be told: events to other systems, notices to the person.
CREATE TABLE outbox (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES users (id),
    destination   text NOT NULL CHECK (destination IN ('webhook', 'notice')),
    -- The event's or the notice's name, and what it says beside the user.
    what          text NOT NULL,
    identity_id   uuid,
    kind          text,
    method        text,
    other_user_id uuid,
    -- Where a notice goes, sealed for the identity; none for all addresses of the user.
    address       bytea,
    at            timestamptz NOT NULL,
    tries         integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL,
    parked_at     timestamptz,
    done_at       timestamptz
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE done_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_user ON outbox (user_id, at, id) WHERE done_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_parked ON outbox (at, id) WHERE parked_at IS NOT NULL;
CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL;

-- Proofs that are good once, as their SHA-256, until nobody would take them anyway.
CREATE TABLE spent_proofs (
    digest bytea PRIMARY KEY,
    until  timestamptz NOT NULL
);
CREATE INDEX spent_proofs_until ON spent_proofs (until);

-- Codes for the programs that get their users from us. A grant is a session: the code's row says
-- what it is for, and stays as long as the session may live, so that a reuse is noticed. An open
-- code's session has a token that nobody knows.
CREATE TABLE oauth_codes (
    code_hash    bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    session_id   uuid NOT NULL UNIQUE REFERENCES sessions (id),
    client_id    text NOT NULL,
    redirect_uri text NOT NULL,
    challenge    bytea NOT NULL CHECK (length(challenge) = 32),
    scope        text NOT NULL,
    nonce        text,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz,
    -- When nobody needs the row any more; none for a session that may live for ever.
    kept_until   timestamptz
);
CREATE INDEX oauth_codes_kept ON oauth_codes (kept_until);

-- Each is good once. One that was rotated stays, so that its reuse is noticed; its successor is
-- sealed, and stays for seconds.
CREATE TABLE oauth_refresh_tokens (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id uuid NOT NULL,
    rotated_at timestamptz,
    successor  bytea,
    kept_until timestamptz
);
CREATE INDEX oauth_refresh_tokens_kept ON oauth_refresh_tokens (kept_until);
CREATE INDEX oauth_refresh_tokens_session ON oauth_refresh_tokens (session_id);
CREATE INDEX oauth_refresh_tokens_sealed ON oauth_refresh_tokens (rotated_at)
    WHERE successor IS NOT NULL;

CREATE TABLE oauth_access_tokens (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id uuid NOT NULL,
    scope      text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_access_tokens_expired ON oauth_access_tokens (expires_at);

-- Keys that sign. The number decides between nodes that make one at the same time; the private
-- half is sealed.
CREATE TABLE oauth_keys (
    number     integer PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    n          bytea NOT NULL,
    e          bytea NOT NULL,
    private    bytea NOT NULL,
    signs_from timestamptz NOT NULL
);

-- The master secret that this database belongs to, as a keyed hash: another one finds nobody.
CREATE TABLE master_secret (
    id          integer PRIMARY KEY CHECK (id = 1),
    fingerprint bytea NOT NULL
);

-- The audit log is append-only; what is older than its retention of 180 days may go.
CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < now() - interval '180 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER login_events_append_only BEFORE UPDATE OR DELETE ON login_events
    FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER login_events_no_truncate BEFORE TRUNCATE ON login_events
    FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
