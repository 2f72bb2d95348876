//! What an operator asks of one user.

use std::io::{self, Write as _};

use adapters_crypto::SystemClock;
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use domain::id::UserId;
use ports::clock::Clock as _;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::settings::Store;
use crate::wiring;

/// What to do with a user.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Verb {
    /// Show the state of an account, and the user that a retired id means
    Show {
        /// The user's id, also one that was retired by a merge
        id: Uuid,
    },
}

/// Does it for an operator. Nothing personal is shown: the stores can read nobody.
pub(crate) async fn run(store: &Store, verb: Verb) -> Result<()> {
    let accounts = wiring::accounts(store, &Handle::current())?;
    let Verb::Show { id } = verb;
    let asked = UserId::from_uuid(id);
    let failed = "the database cannot be used";
    let Some(means) = accounts.resolve(asked).await.context(failed)? else {
        bail!("there is no user {asked}");
    };
    let now = SystemClock::default().now();
    let loaded = accounts.load(asked, now).await.context(failed)?;
    let account = loaded.with_context(|| format!("there is no user {asked}"))?;
    let mut out = io::stdout().lock();
    writeln!(out, "id         {asked}")?;
    writeln!(out, "state      {}", account.user.state.as_str())?;
    writeln!(out, "means      {means}")?;
    writeln!(out, "created    {}", account.user.created_at)?;
    let kinds: Vec<_> = account.identities.iter().map(|it| it.kind.as_str()).collect();
    writeln!(out, "identities {}", kinds.join(" "))?;
    writeln!(out, "password   {}", if account.user.has_password { "set" } else { "none" })?;
    writeln!(out, "sessions   {}", account.tokens.len())?;
    Ok(())
}
