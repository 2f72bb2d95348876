//! The promises of `messenger`.
//!
//! A messenger is tested together with the one vendor behind it, a [`Recorder`] that serves text
//! messages and accepts everything.

use std::fmt;
use std::sync::Arc;

use domain::message::{Notice, NoticeMessage};

use crate::messenger::Messenger;
use crate::sender::SendError;
use crate::testing::START;
use crate::testing::contract::postbox::Recorder;
use crate::testing::contract::sender::{mailbox, phone};

/// A messenger and the vendor behind it.
pub struct Desk {
    /// The messenger.
    pub messenger: Arc<dyn Messenger>,
    /// The vendor that its text messages go to; nobody delivers e-mail.
    pub recorder: Arc<Recorder>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("recorder", &self.recorder).finish_non_exhaustive()
    }
}

/// What `Ok` says is true: the vendor has the notice, as it was and once.
pub async fn a_told_notice_is_with_its_vendor(desk: Desk) {
    let told = Notice::ALL.map(|notice| NoticeMessage { to: phone(), notice, at: START });
    for notice in &told {
        desk.messenger.tell(notice).await.expect("accepted");
        assert_eq!(desk.recorder.told().last(), Some(notice));
    }
    assert_eq!(desk.recorder.told(), told);
}

/// A notice that nobody can deliver is not taken for delivered.
pub async fn a_channel_without_a_vendor_is_told(desk: Desk) {
    let notice = NoticeMessage { to: mailbox(), notice: Notice::NewDevice, at: START };
    let refused = desk.messenger.tell(&notice).await;
    assert!(matches!(refused, Err(SendError::Misconfigured { .. })), "{refused:?}");
    assert!(desk.recorder.told().is_empty());
}

/// Makes every promise of a messenger a test, each on a desk of its own.
#[macro_export]
macro_rules! messenger_contract {
    ($make:expr) => {
        $crate::contract_tests!(
            messenger,
            $make,
            [a_told_notice_is_with_its_vendor, a_channel_without_a_vendor_is_told,]
        );
    };
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::testing::breaks;

    /// Says that all is well and tells nobody.
    struct Silent;

    #[async_trait]
    impl Messenger for Silent {
        async fn tell(&self, _: &NoticeMessage) -> Result<(), SendError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_silent_messenger_breaks_every_promise() {
        let desk = || Desk { messenger: Arc::new(Silent), recorder: Arc::new(Recorder::default()) };
        assert!(breaks(a_told_notice_is_with_its_vendor(desk())).await);
        assert!(breaks(a_channel_without_a_vendor_is_told(desk())).await);
    }
}
