//! What becomes of callers when a server of several is lost.

use std::time::{Duration, Instant};

use adapters_redis::{Redis, RedisSettings};
use ports::error::StoreError;
use test_servers::{RedisCluster, RedisSentinels};
use tokio::runtime::Handle;

/// Far longer than any failover takes.
const LIMIT: Duration = Duration::from_mins(1);

fn connect(url: String) -> Redis {
    Redis::connect(&RedisSettings::new(url.into()), Handle::current()).unwrap()
}

/// Asks until it is answered; all that is told meanwhile is that nobody is there.
async fn comes_back(redis: &Redis) {
    let started = Instant::now();
    while let Err(error) = redis.ping().await {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        assert!(started.elapsed() < LIMIT, "nobody took over");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// REL-04: where the master is lost, the sentinels name another one, and callers find it.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_master_is_found() {
    let mut servers = RedisSentinels::start().unwrap();
    let redis = connect(servers.url());
    redis.ping().await.unwrap();
    servers.fail_over().unwrap();
    comes_back(&redis).await;
    // Whoever starts now finds it as well.
    connect(servers.url()).ping().await.unwrap();
}

/// REL-04: a cluster that was away is found again, also by who never saw it.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_was_away_is_found_again() {
    let mut cluster = RedisCluster::start().unwrap();
    let before = connect(cluster.url());
    before.ping().await.unwrap();
    cluster.stop().unwrap();
    let lost = before.ping().await.unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable { .. }), "{lost:?}");
    let meanwhile = connect(cluster.url());
    let lost = meanwhile.ping().await.unwrap_err();
    assert!(matches!(lost, StoreError::Unavailable { .. }), "{lost:?}");
    cluster.restart().unwrap();
    comes_back(&before).await;
    comes_back(&meanwhile).await;
}
