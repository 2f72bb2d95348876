//! Redis and PostgreSQL stopped and hanging: 503 within three seconds where they are needed,
//! everything else goes on, and all heals by itself.

use std::time::{Duration, Instant};

use tests::test_servers::{AnyRedis, Postgres};
use tests::wire::Wire;
use tests::{Answer, Client, Topology, World};

/// The longest that an answer may take (REL-04, REL-05).
const PROMPT: Duration = Duration::from_secs(3);
/// The longest that healing may take (REL-04).
const HEALED: Duration = Duration::from_secs(5);

fn told(answer: &Answer) {
    assert_eq!(answer.outcome(), (503, "dependency_unavailable".to_owned()), "{}", answer.text);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(answer.took < PROMPT, "{:?}", answer.took);
}

async fn heals(client: &Client, phone: &str) {
    let back = Instant::now();
    loop {
        let ready = client.get("/health/ready").await.unwrap().status == 200;
        if ready && client.ask(phone).await.status == 202 {
            return;
        }
        assert!(back.elapsed() < HEALED, "not healed after {:?}", back.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[derive(Clone, Copy)]
enum Fault {
    Stopped,
    Hanging,
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_checks_go_on_and_the_rest_is_told() {
    for (round, fault) in [Fault::Stopped, Fault::Hanging].into_iter().enumerate() {
        let world = World::new(Topology::PostgresRedis).await;
        let node = world.node().await;
        let client = &node.client;
        let login = client.log_in("13800138000").await;
        let user = client.as_user(&login);
        with_redis(&world, |redis| match fault {
            Fault::Stopped => redis.stop(),
            Fault::Hanging => redis.freeze(),
        });
        told(&client.ask("13800138001").await);
        told(&client.login_by_password("13800138000", "x").await);
        let me = user.me().await;
        assert_eq!(me.status, 200, "{}", me.text);
        assert!(me.took < PROMPT);
        assert_eq!(client.get("/health/live").await.unwrap().status, 200);
        let ready = client.get("/health/ready").await.unwrap();
        assert_eq!(ready.status, 503);
        assert_eq!(ready.body["checks"]["database"], "ok");
        assert_ne!(ready.body["checks"]["redis"], "ok");
        // The logout holds in the truth; that its copy could not be removed is told.
        for _ in 0..2 {
            told(&user.post_nothing("/v1/logout").await);
        }
        assert_eq!(user.me().await.status, 401);
        with_redis(&world, |redis| match fault {
            Fault::Stopped => redis.restart(),
            Fault::Hanging => redis.thaw(),
        });
        heals(client, &format!("1390013900{round}")).await;
        // Trying again finishes it, whether a copy outlived the fault (204) or not (401).
        let again = user.post_nothing("/v1/logout").await;
        assert!([204, 401].contains(&again.status), "{}", again.text);
        assert_eq!(user.me().await.status, 401);
        assert_eq!(client.log_in("13700137000").await.status, 200);
    }
}

fn with_redis(
    world: &World,
    act: impl FnOnce(&mut tests::test_servers::AnyRedis) -> Result<(), tests::test_servers::Error>,
) {
    let mut redis = world.redis.lock().unwrap();
    act(redis.as_mut().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgresql_logins_are_told_and_nothing_acknowledged_is_lost() {
    for (round, fault) in [Fault::Stopped, Fault::Hanging].into_iter().enumerate() {
        let mut postgres = Postgres::start().unwrap();
        let world = World::on(&postgres).await;
        let node = world.node().await;
        let client = &node.client;
        let login = client.log_in("13800138000").await;
        let credential = client.code("13800138001").await;
        match fault {
            Fault::Stopped => postgres.stop().unwrap(),
            Fault::Hanging => postgres.freeze().unwrap(),
        }
        told(&client.login(&credential).await);
        told(&client.login_by_password("13800138000", "x").await);
        assert_eq!(client.as_user(&login).me().await.status, 200, "the copy answers");
        assert_eq!(client.get("/health/live").await.unwrap().status, 200);
        let ready = client.get("/health/ready").await.unwrap();
        assert_eq!(ready.status, 503);
        assert_ne!(ready.body["checks"]["database"], "ok");
        match fault {
            Fault::Stopped => postgres.restart().unwrap(),
            Fault::Hanging => postgres.thaw().unwrap(),
        }
        heals(client, &format!("1390013900{round}")).await;
        assert_eq!(client.log_in("13700137000").await.status, 200);
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        let again = client.log_in("13800138000").await;
        assert_eq!(again.str("/user/id"), login.str("/user/id"));
    }
}

/// REL-04: where a store's machine is lost and another takes over, nothing says so to what was
/// connected. Who meets it is told, and soon all are let in.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_connected_may_go_nowhere() {
    let postgres = Postgres::start().unwrap();
    let redis = AnyRedis::start_as("server").unwrap();
    let world = World::on_both(&postgres, redis).await;
    let (database, redis) =
        (Wire::to(world.database_url()).await, Wire::to(world.redis_url()).await);
    let stores = [("STORE__DATABASE_URL", database.url()), ("STORE__REDIS_URL", redis.url())];
    let node = world.node_with(&stores).await;
    let client = &node.client;
    for (round, wire) in [&database, &redis].into_iter().enumerate() {
        all_are_in(client, &format!("138{round}0"), 16).await;
        wire.moves();
        // So few do not meet every connection themselves.
        let told = at_once(client, &format!("138{round}100"), 2).await;
        assert!(told > 0, "nobody met what was connected");
        all_are_in(client, &format!("138{round}2"), 2).await;
    }
}

/// Waits until so many who come at once are all let in.
async fn all_are_in(client: &Client, prefix: &str, people: usize) {
    let begun = Instant::now();
    for time in 0.. {
        if at_once(client, &format!("{prefix}{time:02}"), people).await == 0 {
            return;
        }
        assert!(begun.elapsed() < HEALED, "not all in after {:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// People who log in at the same time; gives how many of them were told to come again.
async fn at_once(client: &Client, prefix: &str, people: usize) -> usize {
    let mut logins = tokio::task::JoinSet::new();
    for person in 0..people {
        let (client, phone) = (client.clone(), format!("{prefix}{person:04}"));
        logins.spawn(async move {
            let asked = client.ask(&phone).await;
            if asked.status != 202 {
                return asked;
            }
            let credential = client.code_of(&phone, asked.str("/challenge_id")).await;
            client.login(&credential).await
        });
    }
    let answers = logins.join_all().await;
    let refused = answers.iter().filter(|it| it.status != 200);
    refused.inspect(|it| told(it)).count()
}

/// REL-05, REL-09: a node whose database hangs starts, says that it is not ready, goes when it is
/// told to, and works once the database does.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_does_not_wait_for_a_database_that_hangs() {
    let mut postgres = Postgres::start().unwrap();
    let world = World::on(&postgres).await;
    postgres.freeze().unwrap();
    let (mut gone, node) = (world.launched_node(), world.launched_node());
    for node in [&gone, &node] {
        lives(&node.client).await;
        assert_eq!(node.client.get("/health/ready").await.unwrap().status, 503);
        told(&node.client.ask("13800138000").await);
        assert_eq!(node.client.get("/v1/nowhere").await.unwrap().status, 404);
    }
    let told_to_go = Instant::now();
    assert_eq!(gone.terminate().await, Some(0));
    assert!(told_to_go.elapsed() < HEALED, "{:?}", told_to_go.elapsed());
    postgres.thaw().unwrap();
    heals(&node.client, "13800138000").await;
    assert_eq!(node.client.log_in("13800138001").await.status, 200);
}

/// Waits until a node that was just launched listens.
async fn lives(client: &Client) {
    let launched = Instant::now();
    while client.get("/health/live").await.is_err() {
        assert!(launched.elapsed() < HEALED, "it does not listen");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// REL-04: after FLUSHALL nothing that had ended, been used or been locked is usable again.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_flush_nothing_comes_back_to_life() {
    let world = World::new(Topology::PostgresRedis).await;
    let node = world.node_with(&[("LOCKOUT__BASE_SECS", "600")]).await;
    let client = &node.client;
    let kept = client.as_user(&client.log_in("13800138000").await);
    let ended = client.as_user(&client.log_in("13800138001").await);
    assert_eq!(ended.post_nothing("/v1/logout").await.status, 204);
    let used = client.code("13800138002").await;
    assert_eq!(client.login(&used).await.status, 200);
    let unused = client.code("13800138003").await;
    for _ in 0..5 {
        assert_eq!(client.login_by_password("13800138000", "wrong").await.status, 401);
    }
    for url in world.redis_masters() {
        let redis = tests::redis::Client::open(url).unwrap();
        let mut connection = redis.get_connection().unwrap();
        tests::redis::cmd("FLUSHALL").exec(&mut connection).unwrap();
    }
    assert_eq!(kept.me().await.status, 200);
    assert_eq!(ended.me().await.status, 401);
    assert_eq!(client.login(&used).await.status, 401);
    assert_eq!(client.login(&unused).await.status, 401, "a new code is asked for");
    assert_eq!(client.login_by_password("13800138000", "wrong").await.status, 429);
}

/// REL-06: a file that cannot grow is told, reads go on, and what was acknowledged is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_loses_nothing() {
    let world = World::new(Topology::Sqlite).await;
    drop(world.node().await);
    // No file of this process may grow beyond 512 KiB, as on a disk that is full.
    let node = world.limited_node(1_024).await;
    let client = &node.client;
    let first = client.log_in("13800138000").await;
    let mut acknowledged = vec!["13800138000".to_owned()];
    let told = loop {
        let phone = format!("1370{:07}", acknowledged.len());
        let credential = client.code(&phone).await;
        let answer = client.login(&credential).await;
        if answer.status != 200 {
            break answer;
        }
        acknowledged.push(phone);
        assert!(acknowledged.len() < 2_000, "the limit is never reached");
    };
    assert_eq!(told.outcome(), (503, "storage_unavailable".to_owned()), "{}", told.text);
    assert!(told.header("retry-after").parse::<u64>().unwrap() >= 1);
    let sessions = client.as_user(&first).get("/v1/me/sessions").await.unwrap();
    assert_eq!(sessions.status, 200, "{}", sessions.text);
    drop(node);
    // With room again, everybody who was told that they are in is known.
    let node = world.node().await;
    for phone in &acknowledged {
        let answer = node.client.log_in(phone).await;
        assert_eq!(answer.body["is_new_user"], false, "{phone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_names_what_there_is() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    let ready = node.client.get("/health/ready").await.unwrap();
    assert_eq!(ready.body, serde_json::json!({"status": "ok", "checks": {"database": "ok"}}));
}
