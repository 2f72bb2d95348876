//! What is over goes when its time has come, and who was here is known as before.

use std::net::Ipv4Addr;
use std::sync::Arc;

use adapters_memory::Fakes;
use application::Error;
use application::challenge::request_challenge;
use application::link::{Link, link};
use application::login::{Login, login};
use application::outbox::Courier;
use application::retention::{BATCH, Swept, sweep};
use domain::Duration;
use domain::cap::Cap;
use domain::credential::code::Purpose;
use domain::email::EmailAddress;
use domain::message::Recipient;
use domain::origin::{Device, Origin};
use domain::outbox::{Event, News, Outgoing};
use domain::retention::{Kept, SKEW, TOLD_KEPT};
use ports::testing::START;

use crate::{by_code, by_password, check, logged_in, origin, sent};

const DAY: Duration = Duration::from_hours(24);

fn courier(fakes: &Fakes) -> Courier {
    let (ports, database) = (fakes.ports(), fakes.database.clone());
    Courier { ports, outbox: database.clone(), retention: database, sink: None, messenger: None }
}

/// Removes all that may go; gives how much that was.
async fn sweep_all(fakes: &Fakes) -> u64 {
    let mut gone = 0;
    for what in Kept::ALL {
        while let Swept { rows: rows @ 1.., .. } = sweep(&courier(fakes), what).await.unwrap() {
            gone += rows;
        }
    }
    gone
}

/// OTP-13: the last use counts to the second, though no row of it is left.
#[tokio::test]
async fn who_was_here_lately_is_not_dormant_though_their_session_is_gone() {
    for (idle, is_dormant) in [(180 * 86_400 - 1, false), (180 * 86_400, true)] {
        let fakes = Fakes::default();
        let ports = fakes.ports();
        let first = logged_in(&fakes, &ports, 1).await.admission;
        let caller = check(&ports, &first.token).await.unwrap();
        let to = Recipient::Mailbox(EmailAddress::parse("ada@example.com").unwrap());
        request_challenge(&ports, to, Purpose::Link, &origin()).await.unwrap();
        let message = fakes.postbox.posted().pop().unwrap().message;
        let credential = by_code(&message).credential;
        link(&ports, &caller, Link { credential, replace: None, origin: origin() }).await.unwrap();
        for _ in 0..4 {
            fakes.clock.advance(6 * DAY);
            check(&ports, &first.token).await.unwrap();
        }
        fakes.clock.advance(Duration::from_secs(idle));
        assert!(sweep_all(&fakes).await >= 2, "the session and its login");
        let message = sent(&fakes, &ports, 1, Purpose::Login).await;
        let came = login(&ports, by_code(&message)).await;
        assert_eq!(matches!(came, Err(Error::ExtraProofRequired { .. })), is_dormant, "{came:?}");
        assert_eq!(came.is_ok(), !is_dormant);
    }
}

/// LOCK-04, LOCK-06: a device that logged in within 30 days is known after each purge.
#[tokio::test]
async fn a_known_device_stays_known() {
    let fakes = Fakes::default();
    let mut ports = fakes.ports();
    let policy = Arc::make_mut(&mut ports.policy);
    policy.guessing.everyone = Some(Cap { count: 1, window: Duration::from_mins(15) });
    let mine = |login: Login| {
        let device = Device { id: Some("mine".to_owned()), name: None };
        Login { origin: Origin { ip: Ipv4Addr::new(192, 0, 2, 7).into(), device }, ..login }
    };
    let message = sent(&fakes, &ports, 1, Purpose::Login).await;
    login(&ports, mine(by_code(&message))).await.unwrap();
    let wrong = || by_password("13800000001", "wrong");
    for (days, is_known) in [(29, true), (2, false)] {
        fakes.clock.advance(days * DAY);
        sweep_all(&fakes).await;
        login(&ports, by_password("somebody", "wrong")).await.unwrap_err();
        let refused = login(&ports, mine(wrong())).await;
        let is_asked = matches!(refused, Err(Error::ChallengeRequired));
        assert_eq!(is_asked, !is_known, "{refused:?}");
    }
}

/// REL-11: a batch is small, and tells whether there may be more.
#[tokio::test]
async fn a_batch_tells_whether_there_is_more() {
    let fakes = Fakes::default();
    let user_id = logged_in(&fakes, &fakes.ports(), 1).await.admission.user.id;
    let entries: Vec<_> = (0..=BATCH)
        .map(|it| {
            let mut random = [0; 10];
            random[6..].copy_from_slice(&it.to_be_bytes());
            let id = domain::id::EventId::new(START, random);
            Outgoing { id, user_id, at: START, news: News::Event(Event::Updated) }
        })
        .collect();
    fakes.database.put_outgoing(&entries);
    let courier = courier(&fakes);
    for it in &entries {
        courier.outbox.done(it.id, START).await.unwrap();
    }
    let told = async || sweep(&courier, Kept::ToldEntries).await.unwrap();
    let kept = TOLD_KEPT + SKEW;
    fakes.clock.advance(kept.saturating_sub(Duration::from_micros(1)));
    assert_eq!(told().await, Swept { rows: 0, has_more: false });
    fakes.clock.advance(Duration::from_micros(1));
    assert_eq!(told().await, Swept { rows: BATCH.into(), has_more: true });
    assert_eq!(told().await, Swept { rows: 1, has_more: false });
}
