//! How PostgreSQL finds what is to be removed: by an index, however much there is to keep.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use domain::retention::Kept;
use ports::testing::START;

use super::retention::Due;
use crate::{Direction, postgres};

/// The plan of a choice.
struct Explain<K>(Due<K>);

impl<K> QueryFragment<Pg> for Explain<K> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("EXPLAIN ");
        self.0.walk_ast(out)
    }
}

impl<K> Query for Explain<K> {
    type SqlType = Text;
}

impl<K, C> diesel::RunQueryDsl<C> for Explain<K> {}

impl<K> QueryId for Explain<K> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Twenty thousand rows of each kind, of which few are over by [`START`].
const MANY: &str = "
    INSERT INTO users (id, state, created_at) SELECT md5(n::text)::uuid, 'active', '2026-01-01Z'
        FROM generate_series(1, 20000) n;
    INSERT INTO sessions (id, user_id, identity_id, token_hash, method, auth_time, created_at,
            last_seen_at, idle_ends_at, ip, ended_at)
        SELECT md5(n::text)::uuid, md5(n::text)::uuid, md5(n::text)::uuid, decode(md5(n::text),
            'hex'), 'sms', t, t, t, t, '192.0.2.7', CASE WHEN n % 2 = 0 THEN t END
        FROM (SELECT n, timestamptz '2025-12-31Z' + n * interval '10 minutes' AS t
            FROM generate_series(1, 20000) n) rows;
    INSERT INTO outbox (id, user_id, destination, what, at, due_at, done_at)
        SELECT md5(n::text)::uuid, md5(n::text)::uuid, 'webhook', 'user.updated', t, t, t
        FROM (SELECT n, timestamptz '2025-12-31Z' + n * interval '10 minutes' AS t
            FROM generate_series(1, 20000) n) rows;
    INSERT INTO spent_proofs (digest, until)
        SELECT decode(md5(n::text), 'hex'), timestamptz '2025-12-31Z' + n * interval '10 minutes'
        FROM generate_series(1, 20000) n;
    INSERT INTO password_attempts (subject, failed, last_at, waits_until)
        SELECT decode(md5(n::text), 'hex'), 1, t, CASE WHEN n % 2 = 0 THEN t END
        FROM (SELECT n, timestamptz '2025-12-31Z' + n * interval '10 minutes' AS t
            FROM generate_series(1, 20000) n) rows;
    INSERT INTO login_events (id, identifier, method, outcome, ip, at)
        SELECT encode(substr(int8send((extract(epoch FROM t) * 1000)::bigint), 3)
            || decode(substr(md5(n::text), 1, 20), 'hex'), 'hex')::uuid,
            decode(md5(n::text), 'hex'), 'sms', 'success', '192.0.2.7', t
        FROM (SELECT n, timestamptz '2025-12-31Z' + n * interval '10 minutes' AS t
            FROM generate_series(1, 20000) n) rows;
    INSERT INTO audit_events (id, user_id, action, at) SELECT id, id, 'logged_out', at
        FROM login_events;
    ANALYZE";

/// REL-11: a purge reads what is over, and neither a whole table nor a whole index to sort it.
#[tokio::test(flavor = "multi_thread")]
async fn each_choice_is_made_by_its_index() {
    let name = format!("t{}", rand::random_range(0..u128::MAX));
    let url = crate::testing::empty_postgres(&name).await;
    postgres::migrate(&url, Direction::Up).await.unwrap();
    let mut conn = AsyncPgConnection::establish(&url).await.unwrap();
    conn.batch_execute(MANY).await.unwrap();
    for what in Kept::ALL {
        let index = match what {
            Kept::EndedSessions => "sessions_ended",
            Kept::ExpiredSessions => "sessions_expired",
            Kept::ToldEntries => "outbox_done",
            Kept::SpentProofs => "spent_proofs_until",
            Kept::PasswordAttempts => "password_attempts_stale",
            Kept::LoginEvents => "login_events_pkey",
            Kept::AuditEvents => "audit_events_pkey",
        };
        let choice = Explain(Due::<Text>::new(&(what, START, 500)));
        let plan = choice.load::<String>(&mut conn).await.unwrap().join("\n");
        assert!(plan.contains(&format!("Index Scan using {index} ")), "{what:?}:\n{plan}");
        assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{what:?}:\n{plan}");
    }
}
