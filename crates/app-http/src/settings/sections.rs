//! The names of all settings, with the defaults that are compiled in.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;

use super::providers;

/// The whole tree.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sections {
    pub(super) server: Server,
    pub(super) store: Store,
    pub(super) codes: Codes,
    pub(super) sessions: Sessions,
    pub(super) lockout: Lockout,
    pub(super) limits: Limits,
    pub(super) password: Password,
    pub(super) policy: Policy,
    pub(super) sms: Sms,
    pub(super) webhooks: Webhooks,
    pub(super) email: Email,
    pub(super) secrets: Secrets,
    pub(super) telemetry: Telemetry,
    pub(super) carriers: Carriers,
    pub(super) oauth2: Oauth2,
    pub(super) providers: BTreeMap<String, providers::Section>,
}

/// Declares sections: each field with its type and its default.
macro_rules! sections {
    ($($(#[$doc:meta])* $section:ident { $($field:ident: $type:ty = $default:expr,)* })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $section { $(pub(super) $field: $type,)* }

        impl Default for $section {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    )* };
}

sections! {
    /// The HTTP server.
    Server {
        bind: String = "127.0.0.1:8080".to_owned(),
        public_url: String = String::new(),
        metrics_bind: String = String::new(),
        trusted_proxies: Vec<String> = Vec::new(),
        // `x-forwarded-for` where it is not set.
        forwarded_header: Option<String> = None,
        drain_secs: u64 = 0,
    }

    /// The stores.
    Store {
        database_url: SecretString = "sqlite://data/latchkey.db".into(),
        redis_url: SecretString = "".into(),
        // How many nodes share the stores.
        nodes: u32 = 1,
        // True in development, false in production.
        migrate: Option<bool> = None,
    }

    /// Codes sent by message.
    Codes {
        length: u8 = 6,
        ttl_secs: u64 = 300,
        resend_secs: u64 = 60,
        max_tries: u8 = 5,
        per_phone_hour: u32 = 5,
        per_phone_day: u32 = 10,
        per_ip_hour: u32 = 20,
    }

    /// Sessions.
    #[expect(clippy::struct_field_names, reason = "the names are those of the settings")]
    Sessions {
        idle_secs: u64 = 604_800,
        absolute_secs: u64 = 2_592_000,
        fresh_secs: u64 = 600,
    }

    /// Waits after wrong passwords.
    Lockout {
        threshold: u32 = 5,
        window_secs: u64 = 900,
        base_secs: u64 = 30,
        max_secs: u64 = 3_600,
    }

    /// Limits by address, number and country; 0 switches one off.
    Limits {
        ip_sends_day: u32 = 100,
        prefix_sends_hour: u32 = 30,
        country_sends_hour: Option<u32> = None,
        global_sends_hour: Option<u32> = None,
        phone_wrong_hour: u32 = 10,
        phone_wrong_day: u32 = 20,
        ip_failing_accounts_hour: u32 = 20,
        ip_failures_window: u32 = 100,
        global_failures_window: u32 = 10_000,
        ip_registrations_minute: u32 = 10,
        ip_provider_minute: u32 = 30,
        ip_carrier_minute: u32 = 10,
        reset_per_target_hour: u32 = 3,
        reset_per_ip_hour: u32 = 10,
    }

    /// Passwords and what their hashes cost.
    Password {
        memory_kib: u32 = 19_456,
        iterations: u32 = 2,
        parallelism: u32 = 1,
        min_length: usize = 8,
    }

    /// What accounts may be.
    Policy {
        require_phone: bool = false,
        allow_username: bool = true,
        one_per_type: Vec<String> = Vec::new(),
        default_region: String = "CN".to_owned(),
        allowed_regions: Vec<String> = vec!["CN".to_owned()],
        dormant_days: u32 = 180,
        delete_grace_days: u32 = 0,
    }

    /// Who delivers text messages.
    Sms {
        senders: Vec<String> = vec!["log".to_owned()],
        aliyun: Aliyun = Aliyun::default(),
        tencent: Tencent = Tencent::default(),
        twilio: Twilio = Twilio::default(),
        webhook: SmsWebhook = SmsWebhook::default(),
        budget: Budget = Budget::default(),
    }

    /// What a day may cost, and a message by vendor and country; amounts as in `0.045`.
    Budget {
        per_day: String = String::new(),
        price: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new(),
    }

    /// Alibaba Cloud. The tables are by region, in two letters; `*` is all but mainland China.
    Aliyun {
        access_key_id: String = String::new(),
        access_key_secret: SecretString = "".into(),
        sign_name: String = String::new(),
        sign_names: BTreeMap<String, String> = BTreeMap::new(),
        template_code: String = String::new(),
        templates: BTreeMap<String, String> = BTreeMap::new(),
        notice_template: String = String::new(),
        notice_templates: BTreeMap<String, String> = BTreeMap::new(),
        signature: String = "acs3".to_owned(),
        endpoint: String = String::new(),
    }

    /// Tencent Cloud.
    Tencent {
        secret_id: String = String::new(),
        secret_key: SecretString = "".into(),
        sdk_app_id: String = String::new(),
        sign_name: String = String::new(),
        sign_names: BTreeMap<String, String> = BTreeMap::new(),
        template_id: String = String::new(),
        templates: BTreeMap<String, String> = BTreeMap::new(),
        template_params: Vec<String> = vec!["code".to_owned()],
        notice_template: String = String::new(),
        notice_templates: BTreeMap<String, String> = BTreeMap::new(),
        region: String = "ap-guangzhou".to_owned(),
        endpoint: String = String::new(),
    }

    /// Twilio.
    Twilio {
        account_sid: String = String::new(),
        auth_token: SecretString = "".into(),
        from: String = String::new(),
        endpoint: String = String::new(),
    }

    /// A team's own gateway.
    SmsWebhook {
        url: String = String::new(),
        secret: SecretString = "".into(),
    }

    /// Where events go.
    Webhooks {
        url: String = String::new(),
        secret: SecretString = "".into(),
    }

    /// The programs that get their users from us.
    Oauth2 {
        clients: Vec<Client> = Vec::new(),
    }

    /// One of them.
    Client {
        id: String = String::new(),
        secret_hash: Option<String> = None,
        public_keys: Vec<String> = Vec::new(),
        redirect_uris: Vec<String> = Vec::new(),
        first_party: bool = true,
        trusted: bool = false,
        origins: Vec<String> = Vec::new(),
    }

    /// Who delivers e-mail.
    Email {
        smtp: Smtp = Smtp::default(),
    }

    /// The mail server, and the address that mails come from; nobody delivers without a server.
    Smtp {
        url: SecretString = "".into(),
        from: String = String::new(),
    }

    /// Who verifies phone numbers, by the vendor's name in the API; none without a section.
    Carriers {
        aliyun: Option<CarrierAliyun> = None,
        aliyun_h5: Option<CarrierAliyun> = None,
        jverify: Option<Jverify> = None,
        jverify_h5: Option<Jverify> = None,
        cmcc: Option<Cmcc> = None,
        camara: Option<Camara> = None,
    }

    /// Alibaba Cloud's number verification, in apps and on pages.
    CarrierAliyun {
        access_key_id: String = String::new(),
        access_key_secret: SecretString = "".into(),
        endpoint: String = adapters_carrier::aliyun::ENDPOINT.to_owned(),
        signature: String = "acs3".to_owned(),
    }

    /// Jiguang's JVerification, in apps and on pages.
    Jverify {
        app_key: String = String::new(),
        master_secret: SecretString = "".into(),
        private_key_file: String = String::new(),
        endpoint: String = adapters_carrier::jverify::ENDPOINT.to_owned(),
    }

    /// China Mobile's number verification; with a key file by RSA, without one by MD5.
    Cmcc {
        app_id: String = String::new(),
        app_key: SecretString = "".into(),
        private_key_file: String = String::new(),
        endpoint: String = adapters_carrier::cmcc::ENDPOINT.to_owned(),
    }

    /// An operator that speaks CAMARA; with a key file no secret is needed.
    Camara {
        client_id: String = String::new(),
        client_secret: SecretString = "".into(),
        private_key_file: String = String::new(),
        key_id: String = String::new(),
        redirect_uri: String = String::new(),
        endpoint: String = String::new(),
    }

    /// Where traces go; nowhere without an address.
    Telemetry {
        otlp_endpoint: String = String::new(),
        service_name: String = "latchkey".to_owned(),
        sample_ratio: f64 = 1.0,
    }

    /// The master secret, or where it is.
    Secrets {
        key: SecretString = "".into(),
        key_file: String = String::new(),
    }
}
