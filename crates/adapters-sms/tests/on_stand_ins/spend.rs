//! What letters cost: paid for before each call, given back where nothing was sent, never more
//! than the day's budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adapters_sms::{
    AliyunSignature, Budget, Dispatcher, DispatcherPorts, DispatcherSettings, Vendor,
};
use async_trait::async_trait;
use domain::message::Channel;
use domain::{Duration, Timestamp};
use ports::challenges::MockChallenges;
use ports::error::StoreError;
use ports::postbox::{Letter, Postbox as _, PostboxError};
use ports::spending::{Spending, Spent};
use ports::testing::contract::sender::{message, phone};
use test_vendors::Fault;
use test_vendors::sms::Refusal;
use tokio::runtime::Handle;

use crate::world::{World, aliyun_sender, entropy, now, tencent_sender};

/// One day's total; a store that is down while `u64::MAX` is in it.
#[derive(Default)]
struct Till(AtomicU64);

#[async_trait]
impl Spending for Till {
    async fn reserve(&self, amount: u64, most: u64, _: Timestamp) -> Result<Spent, StoreError> {
        let fits = |total: u64| total.checked_add(amount).filter(|it| *it <= most);
        if self.0.load(Ordering::SeqCst) == u64::MAX {
            return Err(StoreError::Overloaded { store: "redis" });
        }
        let is_reserved = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fits).is_ok();
        Ok(Spent { is_reserved, total: self.0.load(Ordering::SeqCst) })
    }

    async fn give_back(&self, amount: u64, _: Timestamp) -> Result<u64, StoreError> {
        Ok(self.0.fetch_sub(amount, Ordering::SeqCst) - amount)
    }
}

/// A dispatcher before two vendors: by the first a message costs 45, by the second 30.
struct Shop {
    world: World,
    till: Arc<Till>,
    dispatcher: Dispatcher,
}

fn shop(world: World, per_day: u64, refunds: usize) -> Shop {
    let till = Arc::new(Till::default());
    let vendor = |name, sender| Vendor { name, channel: Channel::Sms, sender };
    let mut challenges = MockChallenges::new();
    challenges.expect_carried().returning(|_, _| Ok(()));
    challenges.expect_refund().times(refunds).returning(|_, _| Ok(()));
    let price = |vendor: &str, price| (vendor.to_owned(), [("*".to_owned(), price)].into());
    let budget = Budget { per_day, prices: [price("aliyun", 45), price("tencent", 30)].into() };
    let ports = DispatcherPorts {
        vendors: vec![
            vendor("aliyun", aliyun_sender(world.aliyun(AliyunSignature::Acs3))),
            vendor("tencent", tencent_sender(world.tencent())),
        ],
        budget: Some((budget, Arc::clone(&till) as _)),
        challenges: Arc::new(challenges),
        clock: now(),
        entropy: entropy(),
        on_post: None,
        on_answer: None,
    };
    let back_off = Duration::from_millis(1);
    let settings = DispatcherSettings { back_off, workers: 1, ..DispatcherSettings::default() };
    let dispatcher = Dispatcher::start(settings, ports, &Handle::current());
    Shop { world, till, dispatcher }
}

impl Shop {
    async fn deliver(&self, number: u32) {
        let letter = Letter { message: message(number), charges: Vec::new(), at: now().now() };
        self.dispatcher.reserve(Channel::Sms).unwrap().post(letter);
        while self.dispatcher.pending() > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn sent(&self) -> [usize; 2] {
        [self.world.sms.aliyun.sent().len(), self.world.sms.tencent.sent().len()]
    }

    fn spent(&self) -> u64 {
        self.till.0.load(Ordering::SeqCst)
    }
}

/// OTP-07: a vendor that is too dear is skipped; when all are, the next who asks is told.
#[tokio::test]
async fn a_day_never_costs_more_than_its_budget() {
    let shop = shop(World::new().await, 125, 1);
    for number in 0..3 {
        assert_eq!(shop.dispatcher.affords(&phone()), Ok(()));
        shop.deliver(number).await;
    }
    assert_eq!((shop.sent(), shop.spent()), ([2, 1], 120), "the third goes by the cheaper one");
    assert_eq!(shop.dispatcher.spent(), Some((120, 125)));
    let refused = shop.dispatcher.affords(&phone());
    assert!(matches!(refused, Err(PostboxError::Spent { .. })), "{refused:?}");
    // A letter that was posted before anybody knew is given back, and nobody is down.
    shop.deliver(3).await;
    assert_eq!((shop.sent(), shop.spent()), ([2, 1], 120));
    assert!(shop.dispatcher.reserve(Channel::Sms).is_ok());
}

/// What was certainly not sent costs nothing; what may have been costs its price each time.
#[tokio::test]
async fn a_refused_message_costs_nothing() {
    let world = World::new().await;
    world.sms.aliyun.refuse(Some(Refusal::BadNumber));
    let refused = shop(world, 1_000, 1);
    refused.deliver(1).await;
    assert_eq!((refused.sent(), refused.spent()), ([0, 0], 0));

    let world = World::new().await;
    world.sms.aliyun.refuse(Some(Refusal::NoBalance));
    let exhausted = shop(world, 1_000, 0);
    exhausted.deliver(1).await;
    assert_eq!((exhausted.sent(), exhausted.spent()), ([0, 1], 30));

    let world = World::new().await;
    world.stand_in.faults().set("/aliyun", Fault::Html);
    let in_doubt = shop(world, 1_000, 0);
    in_doubt.deliver(1).await;
    assert_eq!((in_doubt.sent(), in_doubt.spent()), ([0, 1], 3 * 45 + 30));
}

/// Who cannot count does not spend.
#[tokio::test]
async fn without_its_store_nothing_is_sent() {
    let shop = shop(World::new().await, 1_000, 0);
    shop.till.0.store(u64::MAX, Ordering::SeqCst);
    shop.deliver(1).await;
    assert_eq!(shop.sent(), [0, 0]);
}
