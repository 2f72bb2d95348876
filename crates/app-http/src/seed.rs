//! Many users at once, for measuring how the service grows: `latchkey seed`, in development.
//!
//! The n-th user has the phone number `+86138` and n in eight digits, and a session whose token is
//! the SHA-256 of `seed` and n in decimal: whoever measures can log each of them in. Keys and
//! displays are made as a registration makes them.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use adapters_crypto::{LateKeys, SystemClock, SystemEntropy};
use adapters_db::Direction;
use adapters_db::seed::{Seed, Seeder};
use anyhow::{Context as _, Result, bail};
use domain::Timestamp;
use domain::credential::third_party::shown_text;
use domain::id::{IdentityId, SessionId, UserId};
use domain::identifier::Identifier;
use domain::phone::{PhoneNumber, PhonePolicy};
use domain::secret::SessionToken;
use domain::session::SessionPolicy;
use ports::clock::Clock as _;
use ports::entropy::bytes;
use ports::keys::{Keys as _, Seal};
use secrecy::ExposeSecret as _;
use tokio::runtime::Handle;

use crate::settings::{Profile, Settings};
use crate::wiring;

/// Users that are made and handed over at a time.
const CHUNK: u32 = 10_000;
/// The most: numbers of one prefix.
const MOST: u32 = 100_000_000;

/// Which users.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Arguments {
    /// The number of the first one
    #[arg(long, default_value_t = 0)]
    first: u32,
    /// How many
    #[arg(long)]
    users: u32,
}

/// Writes them, and says how far it is.
pub(crate) async fn run(settings: &Settings, arguments: Arguments) -> Result<()> {
    let Arguments { first, users } = arguments;
    if settings.profile == Profile::Production {
        bail!("users are made up in development only: anybody could log in as them");
    }
    let last = first.checked_add(users).filter(|it| *it <= MOST);
    let last = last.with_context(|| format!("there are {MOST} numbers"))?;
    let url = settings.store.database_url.expose_secret();
    if !url.starts_with("postgres") {
        bail!("setting `store.database_url`: must be of a PostgreSQL server");
    }
    wiring::migrate(&settings.store, Direction::Up).await?;
    let root = wiring::root(settings, &Handle::current())?;
    root.open().await.map_err(|it| root.told(it))?;
    let maker = Maker::new(settings, root.keys);
    let seeder = Seeder::begin(url).await?;
    let (since, mut out) = (Instant::now(), io::stderr().lock());
    let mut next = first;
    while next < last {
        let end = last.min(next + CHUNK);
        let chunk = (next..end).map(|it| maker.seed(it)).collect::<Result<_>>()?;
        seeder.write(chunk).await?;
        next = end;
        if (next - first) % (20 * CHUNK) == 0 || next == last {
            let rate = f64::from(next - first) / since.elapsed().as_secs_f64();
            writeln!(out, "{} of {users} users, {rate:.0} a second", next - first)?;
        }
    }
    drop(out);
    seeder.finish().await?;
    writeln!(io::stderr(), "done in {:.0} s", since.elapsed().as_secs_f64())?;
    Ok(())
}

/// Makes users.
struct Maker<'a> {
    keys: Arc<LateKeys>,
    clock: SystemClock,
    phones: &'a PhonePolicy,
    sessions: &'a SessionPolicy,
}

impl<'a> Maker<'a> {
    fn new(settings: &'a Settings, keys: Arc<LateKeys>) -> Self {
        let (phones, sessions) = (&settings.policy.phones, &settings.policy.sessions);
        Self { keys, clock: SystemClock::default(), phones, sessions }
    }

    fn seed(&self, number: u32) -> Result<Seed> {
        let at = self.clock.now();
        let phone = PhoneNumber::parse(&format!("+86138{number:08}"), self.phones)?;
        let identifier = Identifier::Phone(phone);
        let identity_id = IdentityId::new(at, bytes(&SystemEntropy));
        let shown = shown_text(&identifier, None);
        let token = SessionToken::new(self.keys.digest(&format!("seed{number}")));
        Ok(Seed {
            user_id: UserId::new(at, bytes(&SystemEntropy)),
            identity_id,
            key: self.keys.identifier_key(&identifier),
            display: self.keys.seal(Seal::IdentityDisplay(&identity_id), &shown),
            session_id: SessionId::new(at, bytes(&SystemEntropy)),
            token: self.keys.token_hash(&token),
            at,
            idle_ends_at: self.ends(at),
            ip: IpAddr::V4(Ipv4Addr::from_bits((10 << 24) | (number & 0x00ff_ffff))),
        })
    }

    fn ends(&self, at: Timestamp) -> Timestamp {
        self.sessions.ends(at).0
    }
}

#[cfg(test)]
mod tests {
    use domain::secret::RootSecret;
    use ports::testing::at;

    use super::*;
    use crate::settings::Environment;

    /// What is made is found and read as what a registration writes.
    #[test]
    fn a_user_is_found_by_number_and_token() {
        let variables = [("LATCHKEY_CONFIG_DIR".to_owned(), "/nowhere".to_owned())];
        let settings = Settings::read(&Environment::new(variables.into())).expect("settings");
        let keys = LateKeys::default();
        keys.set(&RootSecret::new(vec![7; 32])).expect("keys");
        let maker = Maker::new(&settings, Arc::new(keys));
        let seed = maker.seed(7).expect("a user");
        let phone = PhoneNumber::parse("138 0000 0007", &settings.policy.phones).expect("a number");
        assert_eq!(seed.key, maker.keys.identifier_key(&Identifier::Phone(phone)));
        let shown = maker.keys.open(Seal::IdentityDisplay(&seed.identity_id), &seed.display);
        assert_eq!(shown.expect("its own"), "+8613800000007");
        let token = SessionToken::new(maker.keys.digest("seed7"));
        assert_eq!(seed.token, maker.keys.token_hash(&token));
        assert!(maker.ends(at(0)) > at(60));
    }
}
