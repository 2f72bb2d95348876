//! The store's root secret: opened at the start, and what an operator does with the master secrets
//! that open it.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use adapters_crypto::{LateKeys, MasterKey};
use anyhow::{Context as _, Result, anyhow};
use application::keyring::{KeyringError, add, open, retire_others};
use clap::Subcommand;
use domain::keyring::Closed;
use domain::secret::RootSecret;
use ports::clock::Clock;
use ports::entropy::{Entropy, bytes};
use ports::keyring::{Keyring, Master as _};
use secrecy::ExposeSecret as _;
use tokio::runtime::Handle;

use crate::settings::{Settings, read_master_secret};
use crate::wiring;

/// The bytes of a root secret.
const LENGTH: usize = 32;

/// What to do with the master secrets.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Verb {
    /// List those that open the database or did, with the one of the settings marked
    List,
    /// Let another one open the database too
    Add {
        /// The file that holds it, as `secrets.key_file` would
        #[arg(long)]
        file: PathBuf,
    },
    /// Let none but the one of the settings open the database, for good
    RetireOthers,
}

/// What opens the store, and the keys that are there from then on.
pub(crate) struct Root {
    pub(crate) keyring: Arc<dyn Keyring>,
    pub(crate) master: MasterKey,
    /// Where the master secret comes from, for people.
    pub(crate) source: String,
    pub(crate) keys: Arc<LateKeys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Root {
    /// Opens the store; one that is empty gets its root secret.
    pub(crate) async fn open(&self) -> Result<(), KeyringError> {
        let fresh = RootSecret::new(bytes::<LENGTH>(&*self.entropy).to_vec());
        let root = open(&*self.keyring, &self.master, fresh, self.clock.now()).await?;
        self.keys.set(&root).map_err(|_| Closed::Garbled.into())
    }

    /// Why it is not opened, with what is to be looked at.
    pub(crate) fn told(&self, error: KeyringError) -> anyhow::Error {
        match error {
            KeyringError::Closed(Closed::Another | Closed::Retired) => {
                anyhow!("{}: {error}", self.source)
            }
            KeyringError::Store(_) => {
                anyhow::Error::new(error).context("the database cannot be used")
            }
            KeyringError::Closed(Closed::Garbled) | KeyringError::Lost | KeyringError::Raced => {
                error.into()
            }
        }
    }
}

/// Does it for an operator.
pub(crate) async fn run(settings: &Settings, verb: Verb) -> Result<()> {
    let root = wiring::root(settings, &Handle::current())?;
    let mut out = io::stdout().lock();
    match verb {
        Verb::List => {
            for entry in root.keyring.list().await.context("the database cannot be used")? {
                let is_own = entry.master == root.master.id();
                let state = if entry.wrapped.is_some() { "opens" } else { "retired" };
                let name =
                    hex::encode(entry.master.as_bytes().first_chunk::<4>().unwrap_or(&[0; 4]));
                let own = if is_own { ", and is this one" } else { "" };
                writeln!(out, "{} {name} added {} {state}{own}", entry.number, entry.added_at)?;
            }
        }
        Verb::Add { file } => {
            let next = read_master_secret(&file, settings.profile)
                .map_err(|problem| anyhow!("argument `--file`: {problem}"))?;
            let next = MasterKey::new(next.expose_secret())?;
            let now = root.clock.now();
            add(&*root.keyring, &root.master, &next, now).await.map_err(|it| root.told(it))?;
            writeln!(out, "the database opens with it too")?;
        }
        Verb::RetireOthers => {
            let others =
                retire_others(&*root.keyring, &root.master).await.map_err(|it| root.told(it))?;
            writeln!(out, "retired {others}")?;
        }
    }
    Ok(())
}
