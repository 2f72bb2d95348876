//! What an operator does with the keys that sign.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result, bail};
use application::oauth::keys::rotate;
use clap::Subcommand;
use domain::oauth::key::Ring;
use tokio::runtime::Handle;

use crate::settings::Settings;
use crate::wiring::{Wired, wire};

/// What to do with the keys.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Verb {
    /// Make the next key: it is published at once and signs from tomorrow on
    Rotate {
        /// Let it sign from this moment on, where the present key must not sign any more
        #[arg(long)]
        now: bool,
    },
    /// List the keys
    List,
}

/// Does it for an operator.
pub(crate) async fn run(settings: &Settings, verb: Verb) -> Result<()> {
    let Wired { ports, root, .. } = wire(settings, &Handle::current())?;
    let mut out = io::stdout().lock();
    if let Verb::Rotate { now } = verb {
        root.open().await.map_err(|it| root.told(it))?;
        match rotate(&ports, now).await.context("the key cannot be made")? {
            Some(key) => writeln!(out, "made {} which signs from {}", key.id, key.signs_from)?,
            None => bail!("another key was made at the same moment: look at `latchkey keys list`"),
        }
        return Ok(());
    }
    let keys = ports.signing_keys.list().await.context("the database cannot be used")?;
    let ring = Ring::at(&keys, ports.clock.now());
    for key in &keys {
        let is_signing = ring.signing.is_some_and(|it| it.id == key.id);
        let is_told = ring.told.iter().any(|it| it.id == key.id);
        let state = match (is_signing, is_told) {
            (true, _) => "signs",
            (false, true) => "told",
            (false, false) => "over",
        };
        writeln!(out, "{} {state} from {}", key.id, key.signs_from)?;
    }
    Ok(())
}
