//! One provider that hangs, and the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use adapters_oauth::Times;
use ports::identity_provider::{IdentityProvider, ProviderError, Way};
use ports::testing::contract::identity_provider::{Trouble, Vendor as _};
use ports::testing::race;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::world::World;

/// How long the slowest of many logins took.
async fn slowest(world: &World, provider: &Arc<dyn IdentityProvider>) -> Duration {
    let proofs: Vec<_> = (0..50).map(|it| world.good(Way::Code, it % 10 + 1)).collect();
    let took = race(50, provider, move |provider, racer| {
        let proof = proofs.get(racer).cloned();
        async move {
            let started = Instant::now();
            provider.identify(&proof.unwrap()).await.unwrap();
            started.elapsed()
        }
    });
    took.await.into_iter().max().unwrap()
}

/// SDK-05: while one provider hangs with hundreds of logins, another is as fast as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_hangs_takes_nothing_from_another() {
    let (hanging, well) = (World::new("qq", "1").await, World::new("weibo", "1").await);
    let (qq, weibo) = (hanging.provider(), well.provider());
    let before = slowest(&well, &weibo).await;
    hanging.trouble("/qq", Some(Trouble::Slow));
    let stuck = tokio::spawn({
        let proof = hanging.good(Way::Code, 1);
        async move {
            race(300, &qq, move |qq, _| {
                let proof = proof.clone();
                async move { qq.identify(&proof).await.map(|_| ()) }
            })
            .await
        }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let meanwhile = slowest(&well, &weibo).await;
    // A call that hangs takes a second: less than that is nobody's waiting for one.
    assert!(meanwhile < before * 3 + Duration::from_millis(600), "{before:?}, {meanwhile:?}");
    assert!(!stuck.is_finished(), "it hangs still");
    stuck.abort();
}

/// EXT-04: where the connection is lost, what spends nothing is asked once more; a code is not.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_spends_nothing_is_asked_again() {
    let mut world = World::new("github", "Iv1").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    world.settings.authorize_url = Some(address.clone());
    world.settings.api_url = Some(address);
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&heard);
    let hangs_up = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = [0; 64];
            if stream.read(&mut bytes).await.is_ok_and(|it| it > 0) {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    for (way, times) in [(Way::Code, 1), (Way::Token, 2)] {
        heard.store(0, Ordering::SeqCst);
        let answer = world.provider().identify(&world.good(way, 1)).await;
        assert!(matches!(answer, Err(ProviderError::Unavailable)), "{way:?}: {answer:?}");
        assert_eq!(heard.load(Ordering::SeqCst), times, "{way:?}");
    }
    hangs_up.abort();
}

/// SDK-05: after a few timeouts nobody waits for what will not come.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_few_timeouts_the_answer_comes_at_once() {
    let world = World::new("weibo", "1").await;
    let provider = world.hasty();
    world.trouble("/weibo", Some(Trouble::Slow));
    for _ in 0..5 {
        assert!(provider.identify(&world.good(Way::Code, 1)).await.is_err());
    }
    let started = Instant::now();
    let answer = provider.identify(&world.good(Way::Code, 1)).await;
    assert!(matches!(answer, Err(ProviderError::Unavailable)));
    assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
}

/// SDK-05: refusals are answers; a thousand of them open no breaker.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_no_outage() {
    let world = World::new("qq", "1").await;
    let provider = world.provider();
    for _ in 0..20 {
        let answer = provider.identify(&world.code("unknown")).await;
        assert!(matches!(answer, Err(ProviderError::Refused)));
    }
    provider.identify(&world.good(Way::Code, 1)).await.unwrap();
}

/// EXT-04: all calls of a login together have their time, however many there are.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_takes_no_longer_than_all_its_calls_may() {
    let world = World::new("wechat", "wx1").await;
    let all = Duration::from_millis(300);
    let times = Times { connect: all, call: Duration::from_secs(5), all };
    world.trouble("/wechat/sns/userinfo", Some(Trouble::Slow));
    let started = Instant::now();
    let answer = world.with(times).identify(&world.good(Way::Code, 1)).await;
    assert!(matches!(answer, Err(ProviderError::Unavailable)));
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
}

/// EXT-04: nobody at the address.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_address_is_an_outage() {
    let world = World::new("github", "Iv1").await;
    let (provider, proof) = (world.provider(), world.good(Way::Code, 1));
    drop(world);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let answer = provider.identify(&proof).await;
    assert!(matches!(answer, Err(ProviderError::Unavailable)), "{answer:?}");
}
