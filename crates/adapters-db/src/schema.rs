//! The tables, as both engines have them.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::types::{Id, Moment};

    users (id) {
        id -> Id,
        nickname -> Nullable<Text>,
        avatar_url -> Nullable<Text>,
        state -> Text,
        security_epoch -> Integer,
        created_at -> Moment,
        revision -> Integer,
        resets_since -> Nullable<Moment>,
        links_since -> Nullable<Moment>,
        merged_into -> Nullable<Id>,
        frees_at -> Nullable<Moment>,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::types::{Id, Ip, Moment};

    identities (id) {
        id -> Id,
        user_id -> Id,
        kind -> Text,
        display -> Binary,
        verified_at -> Nullable<Moment>,
        linked_at -> Moment,
        last_used_at -> Nullable<Moment>,
        last_ip -> Nullable<Ip>,
        tokens -> Nullable<Binary>,
    }
}

table! {
    use diesel::sql_types::{Binary, Text};
    use crate::types::Id;

    identifiers (value) {
        value -> Binary,
        kind -> Text,
        namespace -> Text,
        identity_id -> Id,
        user_id -> Id,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::{Id, Moment};

    passwords (user_id) {
        user_id -> Id,
        hash -> Text,
        changed_at -> Moment,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable};
    use crate::types::Moment;

    password_attempts (subject) {
        subject -> Binary,
        failed -> Integer,
        last_at -> Moment,
        waits_until -> Nullable<Moment>,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::types::{Id, Ip, Moment};

    sessions (id) {
        id -> Id,
        user_id -> Id,
        identity_id -> Id,
        token_hash -> Binary,
        method -> Text,
        auth_time -> Moment,
        created_at -> Moment,
        last_seen_at -> Moment,
        idle_ends_at -> Moment,
        absolute_ends_at -> Nullable<Moment>,
        ip -> Ip,
        device_id -> Nullable<Text>,
        device_name -> Nullable<Text>,
        ended_at -> Nullable<Moment>,
    }
}

table! {
    use crate::types::{Id, Moment};

    last_visits (user_id) {
        user_id -> Id,
        at -> Moment,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::types::{Id, Ip, Moment};

    login_events (id) {
        id -> Id,
        user_id -> Nullable<Id>,
        identity_id -> Nullable<Id>,
        identifier -> Binary,
        method -> Text,
        outcome -> Text,
        ip -> Ip,
        device_id -> Nullable<Text>,
        device_name -> Nullable<Text>,
        at -> Moment,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::types::{Id, Ip, Moment};

    audit_events (id) {
        id -> Id,
        user_id -> Id,
        action -> Text,
        object_id -> Nullable<Id>,
        ip -> Nullable<Ip>,
        device_id -> Nullable<Text>,
        device_name -> Nullable<Text>,
        at -> Moment,
        client_id -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable, Text};
    use crate::types::{Id, Moment};

    outbox (id) {
        id -> Id,
        user_id -> Id,
        destination -> Text,
        what -> Text,
        identity_id -> Nullable<Id>,
        kind -> Nullable<Text>,
        method -> Nullable<Text>,
        other_user_id -> Nullable<Id>,
        address -> Nullable<Binary>,
        at -> Moment,
        tries -> Integer,
        due_at -> Moment,
        parked_at -> Nullable<Moment>,
        done_at -> Nullable<Moment>,
    }
}

table! {
    use diesel::sql_types::Binary;
    use crate::types::Moment;

    spent_proofs (digest) {
        digest -> Binary,
        until -> Moment,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable, Text};
    use crate::types::{Id, Moment};

    oauth_codes (code_hash) {
        code_hash -> Binary,
        session_id -> Id,
        client_id -> Text,
        redirect_uri -> Text,
        challenge -> Binary,
        scope -> Text,
        nonce -> Nullable<Text>,
        expires_at -> Moment,
        used_at -> Nullable<Moment>,
        kept_until -> Nullable<Moment>,
    }
}

table! {
    use diesel::sql_types::{Binary, Nullable};
    use crate::types::{Id, Moment};

    oauth_refresh_tokens (token_hash) {
        token_hash -> Binary,
        session_id -> Id,
        rotated_at -> Nullable<Moment>,
        successor -> Nullable<Binary>,
        kept_until -> Nullable<Moment>,
    }
}

table! {
    use diesel::sql_types::{Binary, Text};
    use crate::types::{Id, Moment};

    oauth_access_tokens (token_hash) {
        token_hash -> Binary,
        session_id -> Id,
        scope -> Text,
        expires_at -> Moment,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::types::{Id, Moment};

    oauth_consents (user_id, client_id) {
        user_id -> Id,
        client_id -> Text,
        scope -> Text,
        granted_at -> Moment,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Text};
    use crate::types::Moment;

    oauth_keys (number) {
        number -> Integer,
        id -> Text,
        n -> Binary,
        e -> Binary,
        private -> Binary,
        signs_from -> Moment,
    }
}

table! {
    use diesel::sql_types::{Binary, Integer, Nullable};
    use crate::types::Moment;

    keyring (number) {
        number -> Integer,
        master -> Binary,
        wrapped -> Nullable<Binary>,
        added_at -> Moment,
    }
}

table! {
    use diesel::sql_types::Integer;
    use crate::types::Moment;

    latest_moment (id) {
        id -> Integer,
        at -> Moment,
    }
}

joinable!(identities -> users (user_id));
joinable!(identifiers -> users (user_id));
joinable!(passwords -> users (user_id));
joinable!(sessions -> users (user_id));
allow_tables_to_appear_in_same_query!(
    users,
    identities,
    identifiers,
    passwords,
    password_attempts,
    sessions,
    last_visits,
    login_events,
    audit_events,
    outbox,
    oauth_codes,
    oauth_refresh_tokens,
    oauth_access_tokens,
    oauth_consents,
);
