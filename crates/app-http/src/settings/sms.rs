//! Who delivers text messages, and what each vendor knows us by.

use std::collections::BTreeMap;

use adapters_sms::{
    AliyunSettings, AliyunSignature, Regional, TencentSettings, TencentVariable, Timeouts,
    TwilioSettings, WebhookSenderSettings,
};
use domain::phone::Region;
use secrecy::{ExposeSecret as _, SecretString};

use super::sections::{Aliyun, Sms, SmsWebhook, Tencent, Twilio};
use super::webhooks::SAMPLE;
use super::{Profile, SettingsError};

/// One who delivers text messages.
#[derive(Debug)]
pub(crate) enum Sender {
    /// Prints them; development only.
    Log,
    /// Alibaba Cloud.
    Aliyun(AliyunSettings),
    /// Tencent Cloud.
    Tencent(TencentSettings),
    /// Twilio.
    Twilio(TwilioSettings),
    /// A team's own gateway.
    Webhook(WebhookSenderSettings),
}

/// Reads those that `sms.senders` names, in their order.
pub(super) fn senders(section: &Sms, profile: Profile) -> Result<Vec<Sender>, SettingsError> {
    let key = "sms.senders";
    let sender = |name: &String| match (name.as_str(), profile) {
        ("log", Profile::Development) => Ok(Sender::Log),
        ("log", Profile::Production) => {
            Err(SettingsError::key(key, "`log` exists in development only"))
        }
        ("aliyun", _) => aliyun(&section.aliyun).map(Sender::Aliyun),
        ("tencent", _) => tencent(&section.tencent).map(Sender::Tencent),
        ("twilio", _) => twilio(&section.twilio).map(Sender::Twilio),
        ("webhook", _) => webhook(&section.webhook, profile).map(Sender::Webhook),
        _ => Err(SettingsError::key(key, "holds a name that is no sender's")),
    };
    section.senders.iter().map(sender).collect()
}

fn aliyun(section: &Aliyun) -> Result<AliyunSettings, SettingsError> {
    let name = |it| format!("sms.aliyun.{it}");
    Ok(AliyunSettings {
        access_key_id: text(name("access_key_id"), &section.access_key_id)?,
        access_key_secret: secret(name("access_key_secret"), &section.access_key_secret)?,
        sign_name: regional(
            text(name("sign_name"), &section.sign_name)?,
            &name("sign_names"),
            &section.sign_names,
        )?,
        template_code: regional(
            text(name("template_code"), &section.template_code)?,
            &name("templates"),
            &section.templates,
        )?,
        notice_template: notices(
            &section.notice_template,
            &name("notice_templates"),
            &section.notice_templates,
        )?,
        endpoint: section.endpoint.clone(),
        signature: match section.signature.as_str() {
            "acs3" => AliyunSignature::Acs3,
            "hmac-sha1" => AliyunSignature::HmacSha1,
            _ => {
                return Err(SettingsError::key(name("signature"), "must be `acs3` or `hmac-sha1`"));
            }
        },
        timeouts: Timeouts::default(),
    })
}

fn tencent(section: &Tencent) -> Result<TencentSettings, SettingsError> {
    let name = |it| format!("sms.tencent.{it}");
    let variable = |it: &String| match it.as_str() {
        "code" => Ok(TencentVariable::Code),
        "minutes" => Ok(TencentVariable::Minutes),
        _ => Err(SettingsError::key(name("template_params"), "holds `code` and `minutes`")),
    };
    let template_params: Vec<_> =
        section.template_params.iter().map(variable).collect::<Result<_, _>>()?;
    if !template_params.contains(&TencentVariable::Code) {
        return Err(SettingsError::key(name("template_params"), "must hold `code`"));
    }
    Ok(TencentSettings {
        secret_id: text(name("secret_id"), &section.secret_id)?,
        secret_key: secret(name("secret_key"), &section.secret_key)?,
        sdk_app_id: text(name("sdk_app_id"), &section.sdk_app_id)?,
        sign_name: regional(
            text(name("sign_name"), &section.sign_name)?,
            &name("sign_names"),
            &section.sign_names,
        )?,
        template_id: regional(
            text(name("template_id"), &section.template_id)?,
            &name("templates"),
            &section.templates,
        )?,
        template_params,
        notice_template: notices(
            &section.notice_template,
            &name("notice_templates"),
            &section.notice_templates,
        )?,
        region: text(name("region"), &section.region)?,
        endpoint: section.endpoint.clone(),
        timeouts: Timeouts::default(),
    })
}

fn twilio(section: &Twilio) -> Result<TwilioSettings, SettingsError> {
    let name = |it| format!("sms.twilio.{it}");
    Ok(TwilioSettings {
        account_sid: text(name("account_sid"), &section.account_sid)?,
        auth_token: secret(name("auth_token"), &section.auth_token)?,
        from: text(name("from"), &section.from)?,
        endpoint: section.endpoint.clone(),
        timeouts: Timeouts::default(),
    })
}

fn webhook(section: &SmsWebhook, profile: Profile) -> Result<WebhookSenderSettings, SettingsError> {
    let secret = secret("sms.webhook.secret".to_owned(), &section.secret)?;
    if profile == Profile::Production && secret.expose_secret().contains(SAMPLE) {
        return Err(SettingsError::key("sms.webhook.secret", "is a known sample"));
    }
    let url = text("sms.webhook.url".to_owned(), &section.url)?;
    Ok(WebhookSenderSettings { url, secret, timeouts: Timeouts::default() })
}

/// A text that has to be there.
fn text(key: String, text: &str) -> Result<String, SettingsError> {
    if text.trim().is_empty() {
        return Err(SettingsError::key(key, "must be set where `sms.senders` names its vendor"));
    }
    Ok(text.to_owned())
}

/// A secret that has to be there.
fn secret(key: String, secret: &SecretString) -> Result<SecretString, SettingsError> {
    text(key, secret.expose_secret())?;
    Ok(secret.clone())
}

/// What is another thing in some regions.
fn regional(
    general: String,
    key: &str,
    table: &BTreeMap<String, String>,
) -> Result<Regional, SettingsError> {
    let entry = |(code, value): (&String, &String)| {
        let code = code.to_uppercase();
        if code != "*" && Region::parse(&code).is_none() {
            return Err(SettingsError::key(key, "has codes of countries, as in `HK`, and `*`"));
        }
        Ok((code, value.clone()))
    };
    let regions = table.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Regional { general, regions })
}

/// The template of notices, where there is one.
fn notices(
    general: &str,
    key: &str,
    table: &BTreeMap<String, String>,
) -> Result<Option<Regional>, SettingsError> {
    if general.is_empty() && !table.is_empty() {
        return Err(SettingsError::key(key, "needs `notice_template` beside it"));
    }
    let regional = regional(general.to_owned(), key, table)?;
    Ok((!general.is_empty()).then_some(regional))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn table(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(code, it)| ((*code).to_owned(), (*it).to_owned())).collect()
    }

    fn all() -> Sms {
        let text = str::to_owned;
        Sms {
            senders: ["aliyun", "tencent", "twilio", "webhook"].map(text).to_vec(),
            aliyun: Aliyun {
                access_key_id: text("id"),
                access_key_secret: "secret".into(),
                sign_name: text("sign"),
                template_code: text("SMS_1"),
                templates: table(&[("hk", "SMS_2"), ("*", "SMS_3")]),
                ..Aliyun::default()
            },
            tencent: Tencent {
                secret_id: text("id"),
                secret_key: "secret".into(),
                sdk_app_id: text("1400006666"),
                sign_name: text("sign"),
                template_id: text("1"),
                ..Tencent::default()
            },
            twilio: Twilio {
                account_sid: text("AC1"),
                auth_token: "secret".into(),
                from: text("+15005550006"),
                ..Twilio::default()
            },
            webhook: SmsWebhook { url: text("https://example.com/sms"), secret: SECRET.into() },
            ..Sms::default()
        }
    }

    fn refused(change: impl FnOnce(&mut Sms), profile: Profile) -> String {
        let mut section = all();
        change(&mut section);
        senders(&section, profile).unwrap_err().to_string()
    }

    #[test]
    fn those_that_are_named_are_read_in_their_order() {
        let read = senders(&all(), Profile::Production).unwrap();
        let [
            Sender::Aliyun(aliyun),
            Sender::Tencent(tencent),
            Sender::Twilio(_),
            Sender::Webhook(_),
        ] = read.as_slice()
        else {
            panic!("{read:?}");
        };
        assert_eq!(aliyun.template_code.regions, table(&[("HK", "SMS_2"), ("*", "SMS_3")]));
        assert_eq!(aliyun.signature, AliyunSignature::Acs3);
        assert!(aliyun.notice_template.is_none());
        assert_eq!(tencent.region, "ap-guangzhou");
        assert_eq!(tencent.template_params, [TencentVariable::Code]);
    }

    #[test]
    fn who_is_not_named_needs_no_settings() {
        let nobody = Sms { senders: Vec::new(), ..Sms::default() };
        assert!(senders(&nobody, Profile::Production).unwrap().is_empty());
    }

    #[rstest]
    #[case("aliyun.access_key_id", |it: &mut Sms| it.aliyun.access_key_id.clear())]
    #[case("aliyun.access_key_secret", |it: &mut Sms| it.aliyun.access_key_secret = " ".into())]
    #[case("aliyun.sign_name", |it: &mut Sms| it.aliyun.sign_name.clear())]
    #[case("aliyun.template_code", |it: &mut Sms| it.aliyun.template_code.clear())]
    #[case("aliyun.templates", |it: &mut Sms| it.aliyun.templates = table(&[("China", "SMS_1")]))]
    #[case("aliyun.notice_templates", |it: &mut Sms| it.aliyun.notice_templates = table(&[("HK", "1")]))]
    #[case("aliyun.signature", |it: &mut Sms| it.aliyun.signature = "md5".to_owned())]
    #[case("tencent.secret_id", |it: &mut Sms| it.tencent.secret_id.clear())]
    #[case("tencent.secret_key", |it: &mut Sms| it.tencent.secret_key = "".into())]
    #[case("tencent.sdk_app_id", |it: &mut Sms| it.tencent.sdk_app_id.clear())]
    #[case("tencent.sign_name", |it: &mut Sms| it.tencent.sign_name.clear())]
    #[case("tencent.template_id", |it: &mut Sms| it.tencent.template_id.clear())]
    #[case("tencent.template_params", |it: &mut Sms| it.tencent.template_params.clear())]
    #[case("tencent.region", |it: &mut Sms| it.tencent.region.clear())]
    #[case("twilio.account_sid", |it: &mut Sms| it.twilio.account_sid.clear())]
    #[case("twilio.auth_token", |it: &mut Sms| it.twilio.auth_token = "".into())]
    #[case("twilio.from", |it: &mut Sms| it.twilio.from.clear())]
    #[case("webhook.url", |it: &mut Sms| it.webhook.url.clear())]
    #[case("webhook.secret", |it: &mut Sms| it.webhook.secret = "".into())]
    #[case("senders", |it: &mut Sms| it.senders.push("pigeon".to_owned()))]
    fn a_missing_setting_is_named(#[case] key: &str, #[case] change: fn(&mut Sms)) {
        let said = refused(change, Profile::Development);
        assert!(said.contains(&format!("setting `sms.{key}`")), "{said}");
    }

    /// CFG-02.
    #[test]
    fn production_has_neither_the_log_nor_a_sample() {
        let said = refused(|it| it.senders = vec!["log".to_owned()], Profile::Production);
        assert!(said.contains("setting `sms.senders`"), "{said}");
        let sample = format!("whsec_{SAMPLE}");
        let said = refused(|it| it.webhook.secret = sample.into(), Profile::Production);
        assert!(said.contains("setting `sms.webhook.secret`"), "{said}");
    }
}
