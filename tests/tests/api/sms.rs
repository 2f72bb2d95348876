//! Text messages by vendors: the real binary before stand-ins that verify what vendors verify.

use std::time::Duration;

use serde_json::{Value, json};
use test_vendors::sms::{Refusal, Sms, Taker, keys};
use test_vendors::{Fault, StandIn};
use tests::{Node, Topology, World};

const PHONE: &str = "13800138000";

/// The stand-ins, and the settings of a node that sends through two of them.
pub(crate) struct Vendors {
    pub(crate) stand_in: StandIn,
    pub(crate) sms: Sms,
}

impl Vendors {
    pub(crate) async fn start() -> Self {
        let sms = Sms::default();
        let stand_in = StandIn::start(sms.routes()).await.unwrap();
        Self { stand_in, sms }
    }

    fn settings(&self, senders: &str) -> Vec<(&'static str, String)> {
        let text = str::to_owned;
        vec![
            ("SMS__SENDERS", text(senders)),
            ("SMS__ALIYUN__ACCESS_KEY_ID", text(keys::ALIYUN.0)),
            ("SMS__ALIYUN__ACCESS_KEY_SECRET", text(keys::ALIYUN.1)),
            ("SMS__ALIYUN__SIGN_NAME", text("阿里云短信测试")),
            ("SMS__ALIYUN__TEMPLATE_CODE", text("SMS_154950909")),
            ("SMS__ALIYUN__TEMPLATES", text(r#"{"HK":"SMS_852"}"#)),
            ("SMS__ALIYUN__ENDPOINT", self.stand_in.url("/aliyun")),
            ("SMS__TENCENT__SECRET_ID", text(keys::TENCENT.0)),
            ("SMS__TENCENT__SECRET_KEY", text(keys::TENCENT.1)),
            ("SMS__TENCENT__SDK_APP_ID", text("1400006666")),
            ("SMS__TENCENT__SIGN_NAME", text("测试")),
            ("SMS__TENCENT__TEMPLATE_ID", text("449739")),
            ("SMS__TENCENT__REGION", text("ap-beijing")),
            ("SMS__TENCENT__ENDPOINT", self.stand_in.url("/tencent")),
            ("SMS__TWILIO__ACCOUNT_SID", text(keys::TWILIO.0)),
            ("SMS__TWILIO__AUTH_TOKEN", text(keys::TWILIO.1)),
            ("SMS__TWILIO__FROM", text(keys::TWILIO_FROM)),
            ("SMS__TWILIO__ENDPOINT", self.stand_in.url("/twilio")),
            ("SMS__WEBHOOK__URL", self.stand_in.url("/webhook")),
            ("SMS__WEBHOOK__SECRET", text(keys::WEBHOOK)),
            ("POLICY__ALLOWED_REGIONS", text(r#"["CN","HK"]"#)),
        ]
    }

    pub(crate) async fn node(&self, world: &World, senders: &str, more: &[(&str, &str)]) -> Node {
        let settings = self.settings(senders);
        let mut all: Vec<(&str, &str)> = settings.iter().map(|(key, it)| (*key, &**it)).collect();
        all.extend_from_slice(more);
        world.node_with(&all).await
    }
}

/// Waits until a vendor took so many, and gives the newest.
async fn taken(taker: &Taker, count: usize) -> String {
    for _ in 0..800 {
        let sent = taker.sent();
        if sent.len() >= count {
            return sent.last().map(|it| it.text.clone()).unwrap_or_default();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{count} messages were to come, and these came: {:?}", taker.sent());
}

/// The six digits in a text.
fn code(text: &str) -> String {
    let parts = text.split(|it: char| !it.is_ascii_digit());
    parts.filter(|it| it.len() == 6).collect::<Vec<_>>().join("")
}

/// Whoever gets the message logs in with what it says; and no log has the number or the code.
#[tokio::test(flavor = "multi_thread")]
async fn the_code_that_a_vendor_delivers_logs_in() {
    let vendors = Vendors::start().await;
    let Sms { aliyun, tencent, twilio, webhook } = vendors.sms.clone();
    let all = [
        ("aliyun", vec![], aliyun.clone()),
        ("aliyun", vec![("SMS__ALIYUN__SIGNATURE", "hmac-sha1")], aliyun),
        ("tencent", vec![], tencent),
        ("twilio", vec![], twilio),
        ("webhook", vec![], webhook),
    ];
    for (name, more, taker) in all {
        taker.forget();
        let world = World::new(Topology::Sqlite).await;
        let node = vendors.node(&world, &format!(r#"["{name}"]"#), &more).await;
        let asked = node.client.ask(PHONE).await;
        assert_eq!(asked.status, 202, "{name}: {}", asked.text);
        let code = code(&taken(&taker, 1).await);
        let credential =
            json!({"type": "code", "challenge_id": asked.str("/challenge_id"), "code": code});
        let login = node.client.login(&credential).await;
        assert_eq!(login.status, 200, "{name}: {}", login.text);
        assert_eq!(taker.sent().len(), 1, "{name}");
        let log = node.log();
        assert!(!log.contains(PHONE) && !log.contains(&code), "{name}: {log}");
    }
}

/// OTP-09, OTP-10: whatever is wrong with the first vendor, the answer is the same, and what is
/// its fault or ours goes to the second.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_vendor_cannot_send_the_second_sends() {
    let vendors = Vendors::start().await;
    for (refusal, fault) in [
        (Some(Refusal::NoBalance), None),
        (Some(Refusal::Template), None),
        (Some(Refusal::Trouble), None),
        (Some(Refusal::Unheard), None),
        (None, Some(Fault::Status(500))),
        (None, Some(Fault::Html)),
        (None, Some(Fault::Truncated)),
        (None, Some(Fault::Cut)),
        (None, Some(Fault::Redirect)),
    ] {
        vendors.sms.aliyun.refuse(refusal);
        if let Some(fault) = fault {
            vendors.stand_in.faults().set("/aliyun", fault);
        }
        let world = World::new(Topology::Sqlite).await;
        let node = vendors.node(&world, r#"["aliyun","tencent"]"#, &[]).await;
        let asked = node.client.ask(PHONE).await;
        assert_eq!(asked.status, 202, "{}", asked.text);
        taken(&vendors.sms.tencent, 1).await;
        assert!(vendors.sms.aliyun.sent().is_empty(), "{refusal:?} {fault:?}");
        assert_eq!(vendors.sms.tencent.sent().len(), 1, "{refusal:?} {fault:?}");
        vendors.sms.tencent.forget();
        vendors.sms.aliyun.forget();
        vendors.stand_in.faults().clear();
    }
}

/// OTP-07: a number's own refusal is final, never goes round by the other vendor, and costs nobody
/// a message.
#[tokio::test(flavor = "multi_thread")]
async fn a_numbers_own_limit_is_not_dodged_and_refunded() {
    let vendors = Vendors::start().await;
    for refusal in [Refusal::BadNumber, Refusal::Limited, Refusal::Blocked] {
        let world = World::new(Topology::PostgresRedis).await;
        let more = [("CODES__RESEND_SECS", "600")];
        let node = vendors.node(&world, r#"["aliyun","tencent"]"#, &more).await;
        let phone = format!("1380013{}", refusal.ending());
        let mut asked = 0;
        for _ in 0..400 {
            let answer = node.client.ask(&phone).await;
            match answer.status {
                202 => asked += 1,
                429 => {}
                other => panic!("{other}: {}", answer.text),
            }
            if asked == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(asked, 2, "{refusal:?}: it is given back");
        assert!(vendors.sms.aliyun.sent().is_empty());
        assert_eq!(vendors.sms.tencent.asked(), 0, "{refusal:?}");
    }
}

/// Each region has the template that is approved for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_hong_kong_has_its_own_template() {
    let vendors = Vendors::start().await;
    let world = World::new(Topology::Sqlite).await;
    let node = vendors.node(&world, r#"["aliyun"]"#, &[]).await;
    assert_eq!(node.client.ask("+85251234567").await.status, 202);
    taken(&vendors.sms.aliyun, 1).await;
    let sent = vendors.sms.aliyun.sent().pop().unwrap();
    assert_eq!((sent.to, sent.template), ("85251234567".to_owned(), "SMS_852".to_owned()));
}

/// LOG-06: by vendor and country, with no label that names anybody.
#[tokio::test(flavor = "multi_thread")]
async fn what_vendors_say_is_counted() {
    let vendors = Vendors::start().await;
    let world = World::new(Topology::Sqlite).await;
    let metrics = format!("127.0.0.1:{}", tests::test_servers::free_port().unwrap());
    let more = [("SERVER__METRICS_BIND", metrics.as_str())];
    let node = vendors.node(&world, r#"["aliyun","tencent"]"#, &more).await;
    vendors.sms.aliyun.refuse(Some(Refusal::NoBalance));
    assert_eq!(node.client.ask(PHONE).await.status, 202);
    taken(&vendors.sms.tencent, 1).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let series = |vendor: &str, outcome: &str| {
        format!(
            "latchkey_messages_total{{channel=\"sms\",country=\"CN\",vendor=\"{vendor}\",\
             message=\"code\",outcome=\"{outcome}\"}} 1"
        )
    };
    for _ in 0..400 {
        let text = http.get(format!("http://{metrics}/metrics")).send().await.unwrap();
        let text = text.text().await.unwrap();
        assert!(!text.contains(PHONE), "{text}");
        if text.contains(&series("aliyun", "exhausted"))
            && text.contains(&series("tencent", "sent"))
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the answers are not counted");
}

/// LOG-05: a notice goes by a vendor that has a template for it; who has none is not asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_goes_by_its_own_template() {
    let vendors = Vendors::start().await;
    let world = World::new(Topology::Sqlite).await;
    let more = [("SMS__TENCENT__NOTICE_TEMPLATE", "449741")];
    let node = vendors.node(&world, r#"["aliyun","tencent"]"#, &more).await;
    let asked = node.client.ask(PHONE).await;
    let code = code(&taken(&vendors.sms.aliyun, 1).await);
    let credential =
        json!({"type": "code", "challenge_id": asked.str("/challenge_id"), "code": code});
    let user = node.client.as_user(&node.client.login(&credential).await);
    let body = json!({"new_password": "correct horse battery"});
    let set = user.json(reqwest::Method::PUT, "/v1/me/password", &body).await;
    assert_eq!(set.status, 200, "{}", set.text);
    let told: Value = serde_json::from_str(&taken(&vendors.sms.tencent, 1).await).unwrap();
    assert_eq!(told[0], "已设置密码");
    assert_eq!(vendors.sms.tencent.sent()[0].template, "449741");
    assert_eq!(vendors.sms.aliyun.sent().len(), 1, "the code alone");
}
