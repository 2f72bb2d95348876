//! What the tests of all vendors share: stand-ins, clocks, numbers, messages, and settings that
//! the stand-ins accept.

use std::sync::Arc;
use std::time::SystemTime;

use adapters_sms::{
    AliyunSender, AliyunSettings, AliyunSignature, Regional, TencentSender, TencentSettings,
    TencentVariable, Timeouts, TwilioSender, TwilioSettings, WebhookSender, WebhookSenderSettings,
};
use domain::message::{CodeMessage, Message, Notice, NoticeMessage, Recipient};
use domain::phone::{PhoneNumber, PhonePolicy, Region};
use domain::{Duration, Timestamp, later};
use ports::clock::Clock;
use ports::entropy::Entropy;
use ports::sender::{MessageSender, SendError};
use ports::testing::contract::sender::{Vendor, message, phone};
use ports::testing::{CountingEntropy, START};
use test_vendors::StandIn;
use test_vendors::sms::{Sms, Taker, keys};

/// The stand-ins of one test.
pub(crate) struct World {
    pub(crate) stand_in: StandIn,
    pub(crate) sms: Sms,
    /// How long each sender waits; as long as it does, unless a test wants it to lose patience.
    pub(crate) patience: Timeouts,
}

impl World {
    pub(crate) async fn new() -> Self {
        let sms = Sms::default();
        let stand_in = StandIn::start(sms.routes()).await.unwrap();
        Self { stand_in, sms, patience: Timeouts::default() }
    }

    pub(crate) fn aliyun(&self, signature: AliyunSignature) -> AliyunSettings {
        AliyunSettings {
            access_key_id: keys::ALIYUN.0.to_owned(),
            access_key_secret: keys::ALIYUN.1.into(),
            sign_name: "阿里云短信测试".into(),
            template_code: Regional {
                general: "SMS_154950909".to_owned(),
                regions: [("HK".to_owned(), "SMS_852".to_owned())].into(),
            },
            notice_template: Some("SMS_154950910".into()),
            endpoint: self.stand_in.url("/aliyun"),
            signature,
            timeouts: self.patience,
        }
    }

    pub(crate) fn tencent(&self) -> TencentSettings {
        TencentSettings {
            secret_id: keys::TENCENT.0.to_owned(),
            secret_key: keys::TENCENT.1.into(),
            sdk_app_id: "1400006666".to_owned(),
            sign_name: Regional {
                general: "测试".to_owned(),
                regions: [("*".to_owned(), String::new())].into(),
            },
            template_id: Regional {
                general: "449739".to_owned(),
                regions: [("*".to_owned(), "449740".to_owned())].into(),
            },
            template_params: vec![TencentVariable::Code, TencentVariable::Minutes],
            notice_template: Some("449741".into()),
            region: "ap-guangzhou".to_owned(),
            endpoint: self.stand_in.url("/tencent"),
            timeouts: self.patience,
        }
    }

    pub(crate) fn twilio(&self) -> TwilioSettings {
        TwilioSettings {
            account_sid: keys::TWILIO.0.to_owned(),
            auth_token: keys::TWILIO.1.into(),
            from: keys::TWILIO_FROM.to_owned(),
            endpoint: self.stand_in.url("/twilio"),
            timeouts: self.patience,
        }
    }

    pub(crate) fn webhook(&self) -> WebhookSenderSettings {
        WebhookSenderSettings {
            url: self.stand_in.url("/webhook"),
            secret: keys::WEBHOOK.into(),
            timeouts: self.patience,
        }
    }

    /// Each vendor with its stand-in's memory, by name.
    pub(crate) fn all(&self) -> Vec<(&'static str, Arc<dyn MessageSender>, Taker)> {
        let acs3 = self.aliyun(AliyunSignature::Acs3);
        let rpc = self.aliyun(AliyunSignature::HmacSha1);
        let Sms { aliyun, tencent, twilio, webhook } = self.sms.clone();
        vec![
            ("aliyun", aliyun_sender(acs3), aliyun.clone()),
            ("aliyun, older", aliyun_sender(rpc), aliyun),
            ("tencent", tencent_sender(self.tencent()), tencent),
            ("twilio", Arc::new(TwilioSender::new(self.twilio()).unwrap()), twilio),
            ("webhook", webhook_sender(&self.webhook()), webhook),
        ]
    }

    /// A vendor for the contract suite, which keeps its stand-in alive.
    pub(crate) fn under_contract(self, sender: Arc<dyn MessageSender>, taker: Taker) -> Vendor {
        let accepted = move || {
            let _ = &self;
            taker.sent().into_iter().map(|it| it.text).collect()
        };
        Vendor { sender, to: phone(), accepted: Arc::new(accepted) }
    }
}

pub(crate) fn aliyun_sender(settings: AliyunSettings) -> Arc<dyn MessageSender> {
    Arc::new(AliyunSender::new(settings, now(), entropy()).unwrap())
}

pub(crate) fn tencent_sender(settings: TencentSettings) -> Arc<dyn MessageSender> {
    Arc::new(TencentSender::new(settings, now()).unwrap())
}

pub(crate) fn webhook_sender(settings: &WebhookSenderSettings) -> Arc<dyn MessageSender> {
    Arc::new(WebhookSender::new(settings, now()).unwrap())
}

/// A short patience, for vendors that do not answer; a busy machine has to serve within it.
pub(crate) const fn soon() -> Timeouts {
    Timeouts { connect: Duration::from_secs(1), call: Duration::from_secs(1) }
}

/// A clock that is so many seconds off the time of day, by which stand-ins judge.
pub(crate) struct Off(pub(crate) i64);

impl Clock for Off {
    fn now(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let now = later(Timestamp::UNIX_EPOCH, since);
        Timestamp::from_second(now.as_second() + self.0).unwrap()
    }
}

pub(crate) fn now() -> Arc<dyn Clock> {
    Arc::new(Off(0))
}

pub(crate) fn entropy() -> Arc<dyn Entropy> {
    Arc::new(CountingEntropy::default())
}

/// A number of any of the regions that messages go to.
pub(crate) fn number(e164: &str) -> Recipient {
    let regions = ["CN", "HK", "MO", "TW", "US"].map(|it| Region::parse(it).unwrap());
    let policy = PhonePolicy { default_region: Region::CN, allowed_regions: regions.to_vec() };
    Recipient::Phone(PhoneNumber::parse(e164, &policy).unwrap())
}

/// The code 123456 to a number.
pub(crate) fn code_to(e164: &str) -> Message {
    Message::Code(CodeMessage { to: number(e164), ..message(123_456) })
}

/// A notice to a number.
pub(crate) fn notice_to(e164: &str) -> Message {
    let (to, notice) = (number(e164), Notice::PasswordChanged);
    Message::Notice(NoticeMessage { to, notice, at: START })
}

/// What sending came to, in a word.
pub(crate) const fn class(sent: &Result<(), SendError>) -> &'static str {
    match sent {
        Ok(()) => "ok",
        Err(SendError::BadRecipient { .. }) => "bad recipient",
        Err(SendError::Limited { .. }) => "limited",
        Err(SendError::Misconfigured { .. }) => "misconfigured",
        Err(SendError::Exhausted { .. }) => "exhausted",
        Err(SendError::NotOffered { .. }) => "not offered",
        Err(SendError::Unavailable { .. }) => "unavailable",
        Err(SendError::Ambiguous { .. }) => "ambiguous",
    }
}
