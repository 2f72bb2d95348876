//! Attacks on what messages cost, at two nodes at the same time: each cap is met exactly and never
//! passed by one, and somebody honest gets a code in the same minute (OTP-07).

use std::time::Duration;

use tests::{Answer, Node, Topology, World};

use crate::sms::Vendors;

/// Whoever is behind the proxy is who the header says.
const PROXY: [(&str, &str); 2] =
    [("SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#), ("CODES__RESEND_SECS", "60")];

/// Somebody honest, from an address and a block of numbers of their own.
const HONEST: (&str, &str) = ("198.51.100.77", "13912345678");

/// Two nodes of one service, before vendors that take everything.
struct Target {
    vendors: Vendors,
    nodes: [Node; 2],
    _world: World,
}

impl Target {
    async fn new(settings: &[(&str, &str)]) -> Self {
        let (vendors, world) = (Vendors::start().await, World::new(Topology::PostgresRedis).await);
        let all = [&PROXY, settings].concat();
        let senders = r#"["aliyun","tencent"]"#;
        let nodes =
            [vendors.node(&world, senders, &all).await, vendors.node(&world, senders, &all).await];
        Self { vendors, nodes, _world: world }
    }

    /// Asks for codes, all at the same time and at both nodes in turn; gives the answers.
    async fn storm(&self, asks: Vec<(String, String)>) -> Vec<Answer> {
        let running: Vec<_> = asks
            .into_iter()
            .enumerate()
            .map(|(nth, (ip, phone))| {
                let client = self.nodes[nth % 2].client.clone();
                tokio::spawn(async move { ask(&client, &ip, &phone).await })
            })
            .collect();
        let mut answers = Vec::new();
        for it in running {
            answers.push(it.await.unwrap());
        }
        answers
    }

    /// Waits until so many messages went out, gives others the time to follow, and checks that none
    /// did.
    async fn sent_exactly(&self, count: usize) {
        let sent = || self.vendors.sms.aliyun.sent().len() + self.vendors.sms.tencent.sent().len();
        for _ in 0..800 {
            if sent() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(sent(), count);
    }

    /// Somebody honest asks at each node in turn, and gets a code.
    async fn honest(&self) {
        let client = &self.nodes[1].client;
        let answer = ask(client, HONEST.0, HONEST.1).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
    }
}

async fn ask(client: &tests::Client, ip: &str, phone: &str) -> Answer {
    let body = serde_json::json!({"channel": "sms", "target": phone});
    let request = client.request(reqwest::Method::POST, "/v1/challenges");
    client.send(request.header("x-forwarded-for", ip).json(&body)).await.expect("an answer")
}

/// How many were accepted; all others have to be this refusal.
fn accepted(answers: &[Answer], status: u16, code: &str) -> usize {
    let refused: Vec<_> = answers.iter().filter(|it| it.status != 202).collect();
    for it in &refused {
        assert_eq!(it.outcome(), (status, code.to_owned()));
        assert!(!it.header("retry-after").is_empty());
    }
    answers.len() - refused.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_asks_for_many_numbers() {
    let target = Target::new(&[("CODES__PER_IP_HOUR", "20")]).await;
    let asks = (0..120).map(|it| ("203.0.113.9".to_owned(), format!("138{it:04}8000")));
    let answers = target.storm(asks.collect()).await;
    assert_eq!(accepted(&answers, 429, "sms_rate_limited"), 20);
    target.honest().await;
    target.sent_exactly(21).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_ask_for_one_number() {
    let target = Target::new(&[]).await;
    let asks = (0..120).map(|it| (format!("203.0.113.{it}"), "13800138000".to_owned()));
    let answers = target.storm(asks.collect()).await;
    assert_eq!(accepted(&answers, 429, "sms_rate_limited"), 1, "one in a minute");
    target.honest().await;
    target.sent_exactly(2).await;
}

/// Each ask keeps the gap between two; it is the hour and the day that end it, over all addresses
/// and both nodes.
#[tokio::test(flavor = "multi_thread")]
async fn a_drip_on_one_number_meets_the_hour_and_the_day() {
    for (hour, day, expected) in [("5", "1000", 5), ("1000", "7", 7)] {
        let settings = [
            ("CODES__RESEND_SECS", "1"),
            ("CODES__PER_PHONE_HOUR", hour),
            ("CODES__PER_PHONE_DAY", day),
        ];
        let target = Target::new(&settings).await;
        let mut sent = 0;
        for nth in 0..expected + 3 {
            let ip = format!("203.0.113.{nth}");
            let answer = ask(&target.nodes[nth % 2].client, &ip, "13800138000").await;
            sent += accepted(&[answer], 429, "sms_rate_limited");
            assert_eq!(sent, (nth + 1).min(expected));
            tokio::time::sleep(Duration::from_millis(1_010)).await;
        }
        target.honest().await;
        target.sent_exactly(expected + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_ask_for_one_block_of_numbers() {
    let target = Target::new(&[("LIMITS__PREFIX_SENDS_HOUR", "30")]).await;
    let asks = (0..120).map(|it| (format!("203.0.113.{it}"), format!("1380013{it:04}")));
    let answers = target.storm(asks.collect()).await;
    assert_eq!(accepted(&answers, 429, "sms_rate_limited"), 30);
    target.honest().await;
    target.sent_exactly(31).await;
}

/// From everywhere, to everybody of one country: people of another still get theirs.
#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_ask_for_many_numbers_of_a_country() {
    let target = Target::new(&[("LIMITS__COUNTRY_SENDS_HOUR", "40")]).await;
    let asks = (0..120).map(|it| (format!("203.0.113.{it}"), format!("138{it:04}8000")));
    let answers = target.storm(asks.collect()).await;
    assert_eq!(accepted(&answers, 503, "sms_budget_exhausted"), 40);
    let elsewhere = ask(&target.nodes[0].client, HONEST.0, "+85251234567").await;
    assert_eq!(elsewhere.status, 202, "{}", elsewhere.text);
    target.sent_exactly(41).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_addresses_ask_for_many_numbers_of_all_countries() {
    let target = Target::new(&[("LIMITS__GLOBAL_SENDS_HOUR", "40")]).await;
    let asks = (0..120).map(|it| (format!("203.0.113.{it}"), format!("138{it:04}8000")));
    let answers = target.storm(asks.collect()).await;
    assert_eq!(accepted(&answers, 503, "sms_budget_exhausted"), 40);
    target.sent_exactly(40).await;
}

/// The day's money: 1.00 at 0.045 a message by the first vendor and 0.06 by the second buys 22 by
/// the first (0.99), and none by the second. What was answered before a node knew is not sent, and
/// then every node knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_never_overspends_the_days_money() {
    let settings = [
        ("SMS__BUDGET__PER_DAY", "1.00"),
        ("SMS__BUDGET__PRICE", r#"{"aliyun":{"CN":"0.045","*":"0.5"},"tencent":{"*":"0.06"}}"#),
    ];
    let target = Target::new(&settings).await;
    let asks = (0..80).map(|it| (format!("203.0.113.{it}"), format!("138{it:04}8000")));
    target.storm(asks.collect()).await;
    target.sent_exactly(22).await;
    assert_eq!(target.vendors.sms.tencent.sent().len(), 0, "0.01 is left");
    for (nth, node) in target.nodes.iter().enumerate() {
        let refused = ask(&node.client, "192.0.2.1", &format!("137{nth:04}8000")).await;
        assert_eq!(refused.outcome(), (503, "sms_budget_exhausted".to_owned()));
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=86_400).contains(&wait), "{wait}");
    }
    target.sent_exactly(22).await;
}
