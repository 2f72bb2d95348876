//! Removing what is over: a few small batches a minute, beside the courier's rounds (REL-11).

use std::sync::Arc;

use application::outbox::Courier;
use application::retention::{Swept, sweep};
use domain::retention::Kept;
use tokio::task::JoinSet;

use crate::metrics;

/// The most batches of one kind in one go: ten thousand rows a minute on each node, which is more
/// than a node writes.
const BATCHES: usize = 20;

/// At most one go at a time; what it has begun ends with it.
#[derive(Default)]
pub(crate) struct Sweeper(JoinSet<()>);

impl Sweeper {
    /// Begins a go unless the last one still runs.
    pub(crate) fn begin(&mut self, courier: &Arc<Courier>) {
        while self.0.try_join_next().is_some() {}
        if self.0.is_empty() {
            self.0.spawn(go(Arc::clone(courier)));
        }
    }
}

async fn go(courier: Arc<Courier>) {
    for what in Kept::ALL {
        for _ in 0..BATCHES {
            match sweep(&courier, what).await {
                Ok(Swept { rows, has_more }) => {
                    metrics::purged(what.table(), rows);
                    if !has_more {
                        break;
                    }
                }
                Err(error) => {
                    let table = what.table();
                    tracing::warn!(%error, table, "what is over was not removed, and is tried again");
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use adapters_memory::Fakes;
    use ports::error::StoreError;
    use ports::retention::{MockRetention, Retention};
    use tokio::time::sleep;

    use super::*;

    fn courier(retention: impl Retention + 'static) -> Arc<Courier> {
        let fakes = Fakes::default();
        let (ports, outbox) = (fakes.ports(), fakes.database.clone());
        let retention = Arc::new(retention);
        Arc::new(Courier { ports, outbox, retention, sink: None, messenger: None })
    }

    /// REL-11: what fails keeps nothing else from going, and is tried again in the next go.
    #[tokio::test]
    async fn an_error_stops_no_other_table() {
        let mut retention = MockRetention::new();
        let down = || StoreError::Unavailable { store: "database", source: "down".into() };
        for what in Kept::ALL {
            let asked = retention.expect_purge().withf(move |it, _, _| *it == what).times(2);
            if what == Kept::EndedSessions {
                asked.returning(move |_, _, _| Err(down()));
            } else {
                asked.returning(|_, _, limit| Ok(u64::from(limit) - 1));
            }
        }
        let courier = courier(retention);
        go(Arc::clone(&courier)).await;
        go(courier).await;
    }

    /// REL-11: bounded work: the rest waits for the next go.
    #[tokio::test]
    async fn a_go_has_an_end() {
        let mut retention = MockRetention::new();
        let calls = BATCHES * Kept::ALL.len();
        retention.expect_purge().times(calls).returning(|_, _, limit| Ok(limit.into()));
        go(courier(retention)).await;
    }

    /// A purge that hangs.
    struct Stuck;

    #[async_trait::async_trait]
    impl Retention for Stuck {
        async fn purge(
            &self,
            _what: Kept,
            _until: domain::Timestamp,
            _limit: u32,
        ) -> Result<u64, StoreError> {
            std::future::pending().await
        }
    }

    /// One that takes long is not joined by another.
    #[tokio::test(start_paused = true)]
    async fn goes_do_not_pile_up() {
        let (courier, mut sweeper) = (courier(Stuck), Sweeper::default());
        for _ in 0..3 {
            sweeper.begin(&courier);
            sleep(Duration::from_mins(1)).await;
        }
        assert_eq!(sweeper.0.len(), 1);
        assert_eq!(Arc::strong_count(&courier), 2, "the test's and that of the one go");
    }
}
