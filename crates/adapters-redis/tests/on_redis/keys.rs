//! What is left in Redis, and for how long.

use adapters_redis::{
    Redis, RedisChallenges, RedisOneTimeStates, RedisSessionCopies, RedisSettings, RedisThrottles,
};
use domain::Duration;
use domain::cap::{Cap, Charge, Scope};
use domain::credential::code::{Challenge, OnRight, Purpose};
use domain::id::ChallengeId;
use domain::policy::GuessingPolicy;
use domain::secret::{CodeMac, Sealed, Subject, TokenHash};
use ports::challenges::Challenges as _;
use ports::one_time::OneTimeStates as _;
use ports::session_copies::SessionCopies as _;
use ports::testing::at;
use ports::throttles::{Throttles as _, Ticket};
use tokio::runtime::Handle;

use crate::server;

const WHO: Subject = Subject::new([7; 32]);
const HOUR: Cap = Cap { count: 3, window: Duration::from_hours(1) };

/// Every key under a prefix with the milliseconds it has left; negative for one that stays.
async fn keys(url: &str, prefix: &str) -> Vec<(String, i64)> {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let pattern = format!("{prefix}:*");
    let names: Vec<Vec<u8>> =
        redis::cmd("KEYS").arg(pattern).query_async(&mut connection).await.unwrap();
    let mut keys = Vec::new();
    for name in names {
        let left = redis::cmd("PTTL").arg(&name).query_async(&mut connection).await.unwrap();
        keys.push((String::from_utf8_lossy(&name).replacen(prefix, "", 1), left));
    }
    keys.sort();
    keys
}

/// Nothing stays for ever, and nothing goes before its rule is done with it.
#[tokio::test(flavor = "multi_thread")]
async fn every_key_has_an_end() {
    let (url, prefix) = server::own_part();
    let settings =
        RedisSettings { prefix: prefix.clone(), ..RedisSettings::new(url.clone().into()) };
    let redis = Redis::connect(&settings, Handle::current()).unwrap();

    let challenge = Challenge {
        id: ChallengeId::new([7; 16]),
        purpose: Purpose::Login,
        target: Sealed::new(vec![7]),
        owner: WHO,
        device: WHO,
        mac: CodeMac::new([7; 32]),
        tries_left: 5,
        expires_at: at(300),
        vendor: None,
    };
    let charges = [Charge { scope: Scope::Phone, subject: WHO, caps: vec![HOUR] }];
    let challenges = RedisChallenges::new(redis.clone());
    challenges.issue(&challenge, &charges, at(0)).await.unwrap();
    challenges
        .guess(&challenge.id, &CodeMac::new([8; 32]), &[HOUR], OnRight::Use, at(0))
        .await
        .unwrap();

    challenges.carried(&challenge.id, "aliyun").await.unwrap();
    challenges.carried(&ChallengeId::new([9; 16]), "aliyun").await.unwrap();

    let throttles = RedisThrottles::new(redis.clone());
    throttles.charge(&charges, at(0)).await.unwrap().unwrap();
    let policy =
        GuessingPolicy { accounts: Some(HOUR), failures: Some(HOUR), everyone: Some(HOUR) };
    let ticket = Ticket { ip: WHO, account: WHO, nonce: [7; 16] };
    throttles.attempt(ticket, policy, at(0)).await.unwrap();

    let copies = RedisSessionCopies::new(redis.clone());
    copies.forget(&[TokenHash::new([7; 32])]).await.unwrap();
    let once = RedisOneTimeStates::new(redis);
    assert!(once.put(&WHO, b"value", Duration::from_mins(5), at(0)).await.unwrap());

    let (id, who) = ("\u{7}".repeat(16), "\u{7}".repeat(32));
    let hour = 3_600_000 + 60_000;
    let expected = [
        (format!(":once:{who}"), 360_000),
        (format!(":session:{who}"), 20_000),
        (format!(":{{otp}}:c:{id}"), 360_000),
        (format!(":{{otp}}:l:{who}"), 360_000),
        (format!(":{{otp}}:s:{who}"), hour),
        (format!(":{{otp}}:w:{who}"), hour),
        (format!(":{{throttle}}:a:{who}"), hour),
        (format!(":{{throttle}}:c:{who}"), hour),
        (":{throttle}:e:".to_owned(), hour),
    ];
    let keys = keys(&url, &prefix).await;
    assert_eq!(keys.len(), expected.len(), "{keys:?}");
    for ((key, left), (name, life)) in keys.iter().zip(&expected) {
        assert_eq!(key, name);
        assert!((life - 10_000..=*life).contains(left), "{key}: {left} of {life}");
    }
}

/// SES-04: a copy lives 60 seconds, and being replaced does not lengthen its life.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_copy_keeps_its_end() {
    let (url, prefix) = server::own_part();
    let settings =
        RedisSettings { prefix: prefix.clone(), ..RedisSettings::new(url.clone().into()) };
    let redis = Redis::connect(&settings, Handle::current()).unwrap();
    let copies = RedisSessionCopies::new(redis);
    let token = TokenHash::new([7; 32]);
    let copy = ports::testing::contract::session_copies::signed_in(1);
    copies.put(&token, &copy).await.unwrap();
    let (_, first) = keys(&url, &prefix).await.pop().unwrap();
    assert!((50_000..=60_000).contains(&first), "{first}");
    copies.replace(&token, &copy).await.unwrap();
    let (_, second) = keys(&url, &prefix).await.pop().unwrap();
    assert!(second > 0 && second <= first, "{second} after {first}");
}
