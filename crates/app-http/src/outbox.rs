//! What an operator does with entries of the outbox that were given up.

use std::io::{self, Write as _};

use adapters_crypto::SystemClock;
use anyhow::{Context as _, Result};
use clap::Subcommand;
use domain::id::EventId;
use domain::outbox::{News, Outgoing};
use ports::clock::Clock as _;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::settings::Store;
use crate::wiring;

/// What to do with the outbox.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Verb {
    /// List what was given up: id, name, user id and moment, one a line
    Parked,
    /// Tell again what was given up
    Replay {
        /// This one alone; it may also be one that was told
        id: Option<Uuid>,
    },
}

/// Does it for an operator.
pub(crate) async fn run(store: &Store, verb: Verb) -> Result<()> {
    let outbox = wiring::outbox(store, &Handle::current())?;
    let failed = "the outbox cannot be used";
    let mut out = io::stdout().lock();
    match verb {
        Verb::Parked => {
            for entry in outbox.parked(u32::MAX).await.context(failed)? {
                writeln!(out, "{}", line(&entry))?;
            }
        }
        Verb::Replay { id } => {
            let only = id.map(EventId::from_uuid);
            let replayed =
                outbox.replay(only, SystemClock::default().now()).await.context(failed)?;
            writeln!(out, "replayed {replayed}")?;
        }
    }
    Ok(())
}

fn line(entry: &Outgoing) -> String {
    let name = match &entry.news {
        News::Event(event) => event.as_str(),
        News::Notice { notice, .. } => notice.as_str(),
    };
    format!("{} {name} {} {}", entry.id, entry.user_id, entry.at)
}
