//! One time for all nodes, and for those that start again: the clock is told what the database
//! knows to have been (REL-08).

use std::sync::Arc;
use std::time::Duration;

use adapters_crypto::SystemClock;
use ports::accounts::Accounts;

/// How often the database is asked. A clock that was set back falls half of this behind.
const EVERY: Duration = Duration::from_mins(1);

/// A clock, and who knows better.
#[derive(Clone)]
pub(crate) struct KeptTime {
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) accounts: Arc<dyn Accounts>,
}

impl KeptTime {
    /// Asks again and again; never ends.
    pub(crate) async fn go_on(self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.look().await;
        }
    }

    /// Asks once. `false` if the database does not answer.
    pub(crate) async fn look(&self) -> bool {
        match self.accounts.latest().await {
            Ok(latest) => {
                if let Some(latest) = latest.filter(|it| !self.clock.not_before(*it)) {
                    // Whoever follows such a moment ends everybody's session.
                    tracing::error!(%latest, "the database's time is more than a day ahead of this machine's, and not followed");
                }
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the database does not tell the time");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Timestamp, later};
    use ports::accounts::MockAccounts;
    use ports::clock::Clock as _;
    use ports::error::StoreError;

    use super::*;

    fn kept(
        latest: impl Fn() -> Result<Option<Timestamp>, StoreError> + Send + 'static,
    ) -> KeptTime {
        let mut accounts = MockAccounts::new();
        accounts.expect_latest().returning(latest);
        KeptTime { clock: Arc::default(), accounts: Arc::new(accounts) }
    }

    /// REL-08: what the database knows to have been has been.
    #[tokio::test]
    async fn a_node_whose_clock_was_set_back_is_told() {
        let hour_ahead = later(SystemClock::default().now(), Duration::from_hours(1));
        let kept = kept(move || Ok(Some(hour_ahead)));
        assert!(kept.look().await);
        assert!(kept.clock.now() >= hour_ahead);
    }

    #[tokio::test]
    async fn a_database_without_a_time_or_away_changes_nothing() {
        assert!(kept(|| Ok(None)).look().await);
        let away = || StoreError::Unavailable { store: "database", source: "away".into() };
        assert!(!kept(move || Err(away())).look().await);
    }
}
