//! One time for all nodes, and for those that start again: the clock is told what the database
//! knows to have been, and the database what this node was at (REL-08).

use std::sync::Arc;
use std::time::Duration;

use adapters_crypto::SystemClock;
use ports::accounts::Accounts;
use ports::clock::Clock as _;

/// How often the database is asked, and told. A clock that was set back falls half of this behind,
/// and a process that is killed takes the moments since the last time with it.
const EVERY: Duration = Duration::from_mins(1);

/// A clock, and who knows better.
#[derive(Clone)]
pub(crate) struct KeptTime {
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) accounts: Arc<dyn Accounts>,
    /// Tells whether the database was opened: nothing is written into somebody else's.
    pub(crate) is_ours: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl KeptTime {
    /// Asks and tells again and again; never ends.
    pub(crate) async fn go_on(self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.keep().await;
        }
    }

    /// Asks once and writes the present moment down: what ran out by now stays over, also for
    /// whoever starts with another clock. Not at the start, when that clock may yet be set right.
    pub(crate) async fn keep(&self) {
        if (self.is_ours)()
            && self.look().await
            && let Err(error) = self.accounts.note(self.clock.now()).await
        {
            tracing::warn!(%error, "the present moment is not written down");
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
    use ports::error::StoreError;

    use super::*;

    fn kept(
        latest: impl Fn() -> Result<Option<Timestamp>, StoreError> + Send + 'static,
    ) -> KeptTime {
        let mut accounts = MockAccounts::new();
        accounts.expect_latest().returning(latest);
        kept_by(accounts)
    }

    fn kept_by(accounts: MockAccounts) -> KeptTime {
        let (clock, accounts) = (Arc::default(), Arc::new(accounts));
        KeptTime { clock, accounts, is_ours: Arc::new(|| true) }
    }

    fn away() -> StoreError {
        StoreError::Unavailable { store: "database", source: "away".into() }
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
        assert!(!kept(|| Err(away())).look().await);
    }

    /// REL-08: what ran out while nobody came is over for whoever starts next, too.
    #[tokio::test]
    async fn what_is_written_down_is_the_present_moment_of_all() {
        let hour_ahead = later(SystemClock::default().now(), Duration::from_hours(1));
        let mut accounts = MockAccounts::new();
        accounts.expect_latest().returning(move || Ok(Some(hour_ahead)));
        accounts.expect_note().withf(move |it| *it >= hour_ahead).once().returning(|_| Ok(()));
        kept_by(accounts).keep().await;
    }

    #[tokio::test]
    async fn nothing_is_written_down_where_the_database_is_away() {
        // The mock would panic.
        kept(|| Err(away())).keep().await;
    }

    #[tokio::test]
    async fn nothing_is_written_into_a_database_that_is_not_open() {
        let is_ours: Arc<dyn Fn() -> bool + Send + Sync> = Arc::new(|| false);
        KeptTime { is_ours, ..kept(|| Ok(None)) }.keep().await;
    }
}
