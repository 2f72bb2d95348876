//! Callers on runtimes of their own, which come and go.

use std::thread;

use adapters_redis::{Redis, RedisSettings};

use crate::server;

pub(crate) fn single_threaded() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn main() -> tokio::runtime::Runtime {
    let main = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    main.unwrap()
}

fn redis(main: &tokio::runtime::Runtime) -> Redis {
    let (url, prefix) = server::own_part();
    let settings = RedisSettings { prefix, ..RedisSettings::new(url.into()) };
    Redis::connect(&settings, main.handle().clone()).unwrap()
}

/// REL-04: a thread's socket goes with its runtime, and the next runtime gets another one.
#[test]
fn a_thread_may_get_another_runtime() {
    let main = main();
    let redis = redis(&main);
    for _ in 0..10 {
        single_threaded().block_on(async {
            for _ in 0..10 {
                redis.ping().await.unwrap();
            }
        });
    }
}

/// REL-04: a worker that ends takes no connection of others with it.
#[test]
fn connections_outlive_the_runtime_that_first_used_them() {
    let main = main();
    let redis = redis(&main);
    for _ in 0..10 {
        let redis = redis.clone();
        let worker = thread::spawn(move || {
            single_threaded().block_on(async {
                for _ in 0..10 {
                    redis.ping().await.unwrap();
                }
            });
        });
        worker.join().unwrap();
    }
}
