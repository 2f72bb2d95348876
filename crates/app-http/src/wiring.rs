//! Which adapter stands behind each port: the one place that knows them all.

use std::sync::Arc;
use std::time::Duration;

use adapters_carrier::aliyun::Aliyun;
use adapters_carrier::camara::Camara;
use adapters_carrier::cmcc::Cmcc;
use adapters_carrier::jverify::Jverify;
use adapters_crypto::{
    ArgonHasher, ClientSignatures, HasherSettings, LateKeys, MasterKey, RsaSigner, SystemClock,
    SystemEntropy,
};
use adapters_db::{Direction, MigrateError, PoolState, postgres, sqlite};
use adapters_email::SmtpSender;
use adapters_memory::challenges::MemoryChallenges;
use adapters_memory::one_time::MemoryOneTimeStates;
use adapters_memory::session_copies::MemorySessionCopies;
use adapters_memory::spending::MemorySpending;
use adapters_memory::throttles::MemoryThrottles;
use adapters_oauth::{Surroundings, Times};
use adapters_redis::{
    Redis, RedisChallenges, RedisOneTimeStates, RedisSessionCopies, RedisSettings, RedisSpending,
    RedisThrottles,
};
use adapters_sms::{
    ALIYUN, AliyunSender, Dispatcher, DispatcherPorts, DispatcherSettings, Inbox, LogSender,
    SetupError, TENCENT, TWILIO, TencentSender, TwilioSender, Vendor, WEBHOOK, WebhookSender,
};
use adapters_webhook::{WebhookSettings, WebhookSink};
use anyhow::{Context as _, Result, anyhow, bail};
use application::outbox::Courier;
use domain::message::Channel;
use domain::policy::{EnabledProvider, Policy, Ways};
use ports::accounts::Accounts;
use ports::carrier::CarrierVerifier;
use ports::challenges::Challenges;
use ports::clock::Clock;
use ports::consents::Consents;
use ports::entropy::Entropy;
use ports::event_sink::EventSink;
use ports::grants::Grants;
use ports::keyring::Keyring;
use ports::one_time::OneTimeStates;
use ports::outbox::Outbox;
use ports::retention::Retention;
use ports::sender::MessageSender;
use ports::session_copies::SessionCopies;
use ports::sessions::Sessions;
use ports::signing_keys::SigningKeys;
use ports::spending::Spending;
use ports::throttles::Throttles;
use ports::{Carriers, Ports, Providers};
use secrecy::ExposeSecret as _;
use tokio::runtime::Handle;

use crate::keyring::Root;
use crate::metrics;
use crate::metrics::{Gauges, Pools};
use crate::settings::{Carrier, Hashing, Profile, Provider, Sender, Settings, Store, Webhooks};

/// How long a password may wait for a thread (PWD-05).
const HASH_WAIT: Duration = Duration::from_secs(2);
/// How long a hashing thread without work keeps its memory. Taking it anew costs milliseconds.
const HASH_KEEP: Duration = Duration::from_secs(5);

/// All that was built.
pub(crate) struct Wired {
    /// The ports of the use cases.
    pub(crate) ports: Ports,
    /// What opens the database, before the use cases can begin.
    pub(crate) root: Root,
    /// The clock among them, to be told what the database knows.
    pub(crate) clock: Arc<SystemClock>,
    /// The queue before the senders, to be drained at the end.
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// What was sent, in development.
    pub(crate) inbox: Option<Arc<Inbox>>,
    /// Who tells what the outbox holds.
    pub(crate) courier: Courier,
    /// What is looked at when the metrics are read.
    pub(crate) gauges: Gauges,
}

/// Builds everything. Nothing is connected yet: what cannot be reached shows in readiness.
pub(crate) fn wire(settings: &Settings, main: &Handle) -> Result<Wired> {
    let system_clock = Arc::new(SystemClock::default());
    let clock: Arc<dyn Clock> = Arc::clone(&system_clock) as _;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let hasher = ArgonHasher::start(&hashing(settings.hashing))
        .context("settings `password.memory_kib`, `.iterations` and `.parallelism`")?;
    let hasher = Arc::new(hasher);
    let database = database(&settings.store, main)?;
    let root = root_of(settings, database.keyring, &clock, &entropy)?;
    let Shared { challenges, throttles, session_copies, one_time, spending } =
        shared(&settings.store, main)?;
    let providers = providers(settings, &clock)?;
    let inbox = match settings.profile {
        Profile::Development => Some(Inbox::new(Arc::clone(&clock))),
        Profile::Production => None,
    };
    let dispatcher = Arc::new(Dispatcher::start(
        DispatcherSettings::default(),
        DispatcherPorts {
            vendors: vendors(settings, inbox.as_ref(), &clock, &entropy)?,
            budget: settings.sms_budget.clone().map(|it| (it, spending)),
            challenges: Arc::clone(&challenges),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            on_post: inbox.as_ref().map(Inbox::hook),
            on_answer: Some(Arc::new(metrics::vendor_answered)),
        },
        main,
    ));
    let carriers = carriers(&settings.carriers, &clock, &entropy)?;
    let ports = Ports {
        policy: Arc::new(policy(settings, &providers)),
        clock,
        entropy,
        keys: Arc::clone(&root.keys) as _,
        hasher: Arc::clone(&hasher) as _,
        accounts: database.accounts,
        sessions: database.sessions,
        session_copies,
        challenges,
        throttles,
        one_time,
        postbox: Arc::clone(&dispatcher) as _,
        providers: Arc::new(providers),
        carriers: Arc::new(carriers),
        grants: database.grants,
        consents: database.consents,
        signing_keys: database.signing_keys,
        signer: Arc::new(RsaSigner::default()),
        signatures: Arc::new(ClientSignatures),
    };
    let outbox = database.outbox;
    let messenger = Some(Arc::clone(&dispatcher) as _);
    let sink = settings.webhooks.as_ref().map(|it| webhooks(it, Arc::clone(&ports.clock)));
    let (retention, sink) = (database.retention, sink.transpose()?);
    let courier = Courier { ports: ports.clone(), outbox, retention, sink, messenger };
    let gauges = Gauges { dispatcher: Arc::clone(&dispatcher), pools: database.pools, hasher };
    Ok(Wired { ports, root, clock: system_clock, dispatcher, inbox, courier, gauges })
}

/// Builds every provider, with whether people may use it; an operator's mistake is named by its key.
fn providers(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Providers> {
    let surroundings = Surroundings {
        clock: Arc::clone(clock),
        is_production: settings.profile == Profile::Production,
        times: Times::default(),
    };
    let provider = |it: &Provider| {
        let built = adapters_oauth::provider(it.name, &it.settings, &surroundings);
        let built = built.map_err(|refusal| {
            anyhow!("setting `providers.{}.{}`: {}", it.name, refusal.key, refusal.problem)
        })?;
        Ok((it.name, ports::Provider { adapter: built, is_enabled: it.enabled }))
    };
    settings.providers.iter().map(provider).collect()
}

fn webhooks(settings: &Webhooks, clock: Arc<dyn Clock>) -> Result<Arc<dyn EventSink>> {
    let settings = WebhookSettings::new(&settings.url, settings.secret.expose_secret());
    Ok(Arc::new(WebhookSink::new(&settings, clock)?.within(adapters_otlp::traceparent)))
}

/// The carriers' vendors. An address that cannot be is a setting, and was refused before.
fn carriers(
    settings: &[Carrier],
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Carriers> {
    let verifiers = settings.iter().cloned().map(|it| -> Result<Arc<dyn CarrierVerifier>> {
        let (clock, entropy) = (Arc::clone(clock), Arc::clone(entropy));
        Ok(match it {
            Carrier::Aliyun(it) => Arc::new(Aliyun::new(it, clock, entropy)?),
            Carrier::Jverify(it) => Arc::new(Jverify::new(it)?),
            Carrier::Cmcc(it) => Arc::new(Cmcc::new(it, clock, entropy)?),
            Carrier::Camara(it) => Arc::new(Camara::new(it, clock, entropy)?),
        })
    });
    verifiers.map(|it| it.map(|it| (it.vendor(), it))).collect()
}

/// The outbox alone, for an operator.
pub(crate) fn outbox(store: &Store, main: &Handle) -> Result<Arc<dyn Outbox>> {
    Ok(database(store, main)?.outbox)
}

/// The accounts alone, for an operator's look at one.
pub(crate) fn accounts(store: &Store, main: &Handle) -> Result<Arc<dyn Accounts>> {
    Ok(database(store, main)?.accounts)
}

/// What opens the database alone, for an operator.
pub(crate) fn root(settings: &Settings, main: &Handle) -> Result<Root> {
    let keyring = database(&settings.store, main)?.keyring;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    root_of(settings, keyring, &clock, &(Arc::new(SystemEntropy) as _))
}

fn root_of(
    settings: &Settings,
    keyring: Arc<dyn Keyring>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Root> {
    let secret = settings.secret.bytes(&**entropy)?;
    Ok(Root {
        keyring,
        source: settings.secret.source(),
        master: MasterKey::new(secret.expose_secret()).context("setting `secrets.key`")?,
        keys: Arc::new(LateKeys::default()),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
    })
}

/// The threads are the cores', the queue the longest there may be (PWD-05).
const fn hashing(cost: Hashing) -> HasherSettings {
    HasherSettings {
        memory_kib: cost.memory_kib,
        iterations: cost.iterations,
        parallelism: cost.parallelism,
        threads: usize::MAX,
        queue: 100,
        wait: HASH_WAIT,
        keep: HASH_KEEP,
    }
}

/// The rules' settings, with the ways in that there are.
fn policy(settings: &Settings, providers: &Providers) -> Policy {
    let keeps = settings.profile == Profile::Development;
    let enabled = providers.values().filter(|it| it.is_enabled).map(|it| {
        let facts = it.adapter.facts();
        let namespaces = facts.namespaces.clone();
        EnabledProvider { name: facts.name, kind: facts.kind, namespaces }
    });
    let mut policy = (*settings.policy).clone();
    policy.ways = Ways {
        sms: keeps || !settings.senders.is_empty(),
        email: keeps || settings.email.is_some(),
        usernames: policy.ways.usernames,
        providers: enabled.collect(),
    };
    policy
}

/// Who delivers, channel by channel. In development a channel that has nobody keeps its messages
/// for developers, and is content with that.
fn vendors(
    settings: &Settings,
    inbox: Option<&Arc<Inbox>>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Vec<Vendor>> {
    let mut vendors =
        settings.senders.iter().map(|it| vendor(it, clock, entropy)).collect::<Result<Vec<_>>>()?;
    if let Some(smtp) = &settings.email {
        let sender = SmtpSender::new(smtp.clone(), Arc::clone(entropy))
            .context("setting `email.smtp.url`")?;
        vendors.push(Vendor { name: "smtp", channel: Channel::Email, sender: Arc::new(sender) });
    }
    for channel in Channel::ALL {
        if let Some(inbox) = inbox
            && !vendors.iter().any(|it| it.channel == channel)
        {
            vendors.push(Vendor { name: "inbox", channel, sender: Arc::clone(inbox) as _ });
        }
    }
    Ok(vendors)
}

fn vendor(sender: &Sender, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Result<Vendor> {
    let (clock, entropy) = (Arc::clone(clock), Arc::clone(entropy));
    let (name, sender): (_, Result<Arc<dyn MessageSender>, SetupError>) = match sender {
        Sender::Log => ("log", Ok(Arc::new(LogSender))),
        Sender::Aliyun(it) => {
            (ALIYUN, AliyunSender::new(it.clone(), clock, entropy).map(|it| Arc::new(it) as _))
        }
        Sender::Tencent(it) => {
            (TENCENT, TencentSender::new(it.clone(), clock).map(|it| Arc::new(it) as _))
        }
        Sender::Twilio(it) => (TWILIO, TwilioSender::new(it.clone()).map(|it| Arc::new(it) as _)),
        Sender::Webhook(it) => (WEBHOOK, WebhookSender::new(it, clock).map(|it| Arc::new(it) as _)),
    };
    let sender = sender.map_err(|error| {
        let key = match (&error, name) {
            (SetupError::Secret, _) => "secret",
            (_, WEBHOOK) => "url",
            _ => "endpoint",
        };
        anyhow::Error::from(error).context(format!("setting `sms.{name}.{key}`"))
    })?;
    Ok(Vendor { name, channel: Channel::Sms, sender })
}

/// The database's engine, by its address.
enum Engine<'a> {
    Sqlite(&'a str),
    Postgres(&'a str),
}

fn engine(store: &Store) -> Result<Engine<'_>> {
    let url = store.database_url.expose_secret();
    if url.starts_with("sqlite://") {
        Ok(Engine::Sqlite(url))
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(Engine::Postgres(url))
    } else {
        bail!("setting `store.database_url`: must begin with sqlite:// or postgres://")
    }
}

/// The ports that the database stands behind.
struct Database {
    accounts: Arc<dyn Accounts>,
    sessions: Arc<dyn Sessions>,
    outbox: Arc<dyn Outbox>,
    retention: Arc<dyn Retention>,
    grants: Arc<dyn Grants>,
    consents: Arc<dyn Consents>,
    signing_keys: Arc<dyn SigningKeys>,
    keyring: Arc<dyn Keyring>,
    pools: Pools,
}

impl Database {
    fn of<D>(database: &D, pools: impl Fn(&D) -> Vec<PoolState> + Send + Sync + 'static) -> Self
    where
        D: Accounts
            + Sessions
            + Outbox
            + Retention
            + Grants
            + Consents
            + SigningKeys
            + Keyring
            + Clone
            + 'static,
    {
        Self {
            accounts: Arc::new(database.clone()),
            sessions: Arc::new(database.clone()),
            outbox: Arc::new(database.clone()),
            retention: Arc::new(database.clone()),
            grants: Arc::new(database.clone()),
            consents: Arc::new(database.clone()),
            signing_keys: Arc::new(database.clone()),
            keyring: Arc::new(database.clone()),
            pools: {
                let database = database.clone();
                Arc::new(move || pools(&database))
            },
        }
    }
}

fn database(store: &Store, main: &Handle) -> Result<Database> {
    let failed = "setting `store.database_url`";
    Ok(match engine(store)? {
        Engine::Sqlite(url) => {
            Database::of(&sqlite::open(url, main).context(failed)?, sqlite::Database::pools)
        }
        Engine::Postgres(url) => {
            Database::of(&postgres::open(url, main).context(failed)?, postgres::Database::pools)
        }
    })
}

/// What the nodes share beside the database.
struct Shared {
    challenges: Arc<dyn Challenges>,
    throttles: Arc<dyn Throttles>,
    session_copies: Arc<dyn SessionCopies>,
    one_time: Arc<dyn OneTimeStates>,
    spending: Arc<dyn Spending>,
}

/// What Redis keeps, or the process itself where there is one node only.
fn shared(store: &Store, main: &Handle) -> Result<Shared> {
    let Some(url) = &store.redis_url else {
        return Ok(Shared {
            challenges: Arc::new(MemoryChallenges::default()),
            throttles: Arc::new(MemoryThrottles::default()),
            session_copies: Arc::new(MemorySessionCopies::default()),
            one_time: Arc::new(MemoryOneTimeStates::default()),
            spending: Arc::new(MemorySpending::default()),
        });
    };
    let redis = Redis::connect(&RedisSettings::new(url.clone()), main.clone())
        .context("setting `store.redis_url`")?;
    Ok(Shared {
        challenges: Arc::new(RedisChallenges::new(redis.clone())),
        throttles: Arc::new(RedisThrottles::new(redis.clone())),
        session_copies: Arc::new(RedisSessionCopies::new(redis.clone())),
        one_time: Arc::new(RedisOneTimeStates::new(redis.clone())),
        spending: Arc::new(RedisSpending::new(redis)),
    })
}

/// Runs migrations and names those that ran.
pub(crate) async fn migrate(
    store: &Store,
    direction: Direction,
) -> Result<Vec<String>, MigrationsError> {
    match engine(store).map_err(MigrationsError::Address)? {
        Engine::Sqlite(url) => {
            let url = url.to_owned();
            blocking(move || sqlite::migrate(&url, direction)).await
        }
        Engine::Postgres(url) => Ok(postgres::migrate(url, direction).await?),
    }
}

/// Names the migrations that have not run yet.
pub(crate) async fn pending(store: &Store) -> Result<Vec<String>, MigrationsError> {
    match engine(store).map_err(MigrationsError::Address)? {
        Engine::Sqlite(url) => {
            let url = url.to_owned();
            blocking(move || sqlite::migrations_pending(&url)).await
        }
        Engine::Postgres(url) => Ok(postgres::migrations_pending(url).await?),
    }
}

/// Why migrations did not run, or could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MigrationsError {
    /// The address names no database.
    #[error(transparent)]
    Address(anyhow::Error),
    /// The database or a migration failed.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A bug: the thread that ran them is gone.
    #[error("the migrations were interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

async fn blocking(
    work: impl FnOnce() -> Result<Vec<String>, MigrateError> + Send + 'static,
) -> Result<Vec<String>, MigrationsError> {
    Ok(tokio::task::spawn_blocking(work).await??)
}

#[cfg(test)]
mod tests {
    use adapters_sms::{Timeouts, TwilioSettings, WebhookSenderSettings};
    use rstest::rstest;

    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn webhook(url: &str, secret: &str) -> Sender {
        let timeouts = Timeouts::default();
        Sender::Webhook(WebhookSenderSettings {
            url: url.to_owned(),
            secret: secret.into(),
            timeouts,
        })
    }

    fn twilio(endpoint: &str) -> Sender {
        Sender::Twilio(TwilioSettings {
            account_sid: "AC1".to_owned(),
            auth_token: "hunter2".into(),
            from: "+15005550006".to_owned(),
            endpoint: endpoint.to_owned(),
            timeouts: Timeouts::default(),
        })
    }

    /// CFG-02: what would go to another machine in clear refuses the start, naming the key and no
    /// value.
    #[rstest]
    #[case::here(webhook("http://127.0.0.1:9/sms", SECRET), None)]
    #[case::encrypted(webhook("https://example.com/sms?a=b", SECRET), None)]
    #[case::in_clear(webhook("http://example.com/sms", SECRET), Some("sms.webhook.url"))]
    #[case::secret(webhook("https://example.com/sms", "hunter2"), Some("sms.webhook.secret"))]
    #[case::own(twilio(""), None)]
    #[case::stand_in(twilio("http://localhost:9900/twilio"), None)]
    #[case::vendor_in_clear(twilio("http://hunter2.example.com"), Some("sms.twilio.endpoint"))]
    fn a_sender_that_cannot_be_is_named(#[case] sender: Sender, #[case] key: Option<&str>) {
        let (clock, entropy) =
            (Arc::new(SystemClock::default()) as _, Arc::new(SystemEntropy) as _);
        let said = vendor(&sender, &clock, &entropy).err().map(|it| format!("{it:#}"));
        assert_eq!(said.is_some(), key.is_some(), "{said:?}");
        if let (Some(said), Some(key)) = (said, key) {
            assert!(said.contains(&format!("setting `{key}`")), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
