//! Whether the database's rows fit together, asked of the database itself.

use tests::{Topology, World};

/// What must never be, and the query that counts it.
const NEVER: [(&str, &str); 9] = [
    (
        "active users without a way in",
        "SELECT count(*) FROM users u WHERE state = 'active' \
         AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id)",
    ),
    (
        "identities without an identifier",
        "SELECT count(*) FROM identities i \
         WHERE NOT EXISTS (SELECT 1 FROM identifiers x WHERE x.identity_id = i.id)",
    ),
    (
        "identifiers without their identity, or of another user than it",
        "SELECT count(*) FROM identifiers x \
         LEFT JOIN identities i ON i.id = x.identity_id AND i.user_id = x.user_id \
         WHERE i.id IS NULL",
    ),
    (
        "ways in, passwords or live sessions of users who are no more",
        "SELECT count(*) FROM users u WHERE state IN ('merged', 'deleted') AND ( \
         EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id) OR \
         EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id) OR \
         EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.ended_at IS NULL))",
    ),
    (
        "merged users who lead to nobody",
        "SELECT count(*) FROM users u WHERE state = 'merged' AND NOT EXISTS \
         (SELECT 1 FROM users m WHERE m.id = u.merged_into AND m.state = 'active')",
    ),
    (
        "users without a line in the history of logins",
        "SELECT count(*) FROM users u \
         WHERE NOT EXISTS (SELECT 1 FROM login_events a WHERE a.user_id = u.id)",
    ),
    (
        "users who never came in",
        "SELECT count(*) FROM users u \
         WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id)",
    ),
    (
        "live sessions born of an identity that is gone",
        "SELECT count(*) FROM sessions s WHERE ended_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM identities i WHERE i.id = s.identity_id AND i.user_id = s.user_id)",
    ),
    (
        "entries of the outbox of users who are not there",
        "SELECT count(*) FROM outbox o WHERE NOT EXISTS \
         (SELECT 1 FROM users u WHERE u.id = o.user_id)",
    ),
];

/// Asks all of them, and gives those that are.
pub(crate) async fn check(world: &World) -> Vec<String> {
    let mut broken = Vec::new();
    for (what, query) in NEVER {
        let count = world.column(query).await.concat();
        if count != "0" {
            broken.push(format!("{count} {what}"));
        }
    }
    if world.topology == Topology::Sqlite {
        let said = world.column("PRAGMA integrity_check").await.concat();
        if said != "ok" {
            broken.push(format!("the file is damaged: {said}"));
        }
    }
    broken
}
