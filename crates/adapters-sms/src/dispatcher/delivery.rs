//! What becomes of one letter.

use std::sync::Arc;

use domain::message::{Channel, Message, Recipient};
use domain::{Duration, later};
use ports::entropy::bytes;
use ports::postbox::Letter;
use ports::sender::SendError;
use ports::watch::Operation;
use tokio::time::{Instant, sleep, timeout};

use super::health::Health;
use super::pending::Pending;
use super::spend::Purse;
use super::turns::Turn;
use super::{Answered, DispatcherPorts, DispatcherSettings, Vendor};

/// Delivers letters, one call a letter.
pub(super) struct Delivery {
    pub(super) settings: DispatcherSettings,
    pub(super) ports: DispatcherPorts,
    sms: Health,
    email: Health,
    /// One for each vendor.
    turns: Vec<Turn>,
    /// Who pays; `None` where nothing is bounded.
    pub(super) purse: Option<Purse>,
    /// Letters posted and not yet done with.
    pub(super) pending: Pending,
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// This vendor took it.
    Accepted(&'static str),
    /// A vendor refused it for good, and it was certainly not sent.
    Refused,
    /// A vendor refused it for good, after a call that may have sent it.
    PerhapsSent,
    /// No vendor took it, and it may have been sent, or they are failing.
    Undelivered,
    /// Every vendor refused it for a reason of ours, and it was certainly not sent.
    NobodyMay,
    /// No vendor that might have taken it could be paid for, and it was certainly not sent.
    TooDear,
}

/// What a call came to, in a word.
const fn outcome(sent: &Result<(), SendError>) -> &'static str {
    match sent {
        Ok(()) => "sent",
        Err(SendError::BadRecipient { .. }) => "bad_recipient",
        Err(SendError::Limited { .. }) => "limited",
        Err(SendError::Misconfigured { .. }) => "misconfigured",
        Err(SendError::Exhausted { .. }) => "exhausted",
        Err(SendError::NotOffered { .. }) => "not_offered",
        Err(SendError::Unavailable { .. }) => "unavailable",
        Err(SendError::Ambiguous { .. }) => "ambiguous",
    }
}

/// What is not known of a letter that no vendor accepted so far.
#[derive(Debug, Default)]
struct Doubt {
    /// A call may have sent it.
    perhaps_sent: bool,
    /// A vendor was down or busy.
    failing: bool,
    /// A vendor could not be paid for.
    too_dear: bool,
}

/// What one vendor made of a letter.
enum Tried {
    Accepted,
    Final,
    NextVendor,
    TooDear,
}

/// What asking a vendor once came to.
pub(super) enum Asked {
    Answered(Result<(), SendError>),
    /// It was not asked: too little is left of the day's budget.
    TooDear,
}

impl Delivery {
    pub(super) fn new(settings: DispatcherSettings, ports: DispatcherPorts) -> Self {
        let health = |channel| Health::new(channel, settings.down_after, settings.probe_every);
        let (sms, email) = (health(Channel::Sms), health(Channel::Email));
        let turn = |_| Turn::new(settings.rests_after, settings.rest);
        let turns = ports.vendors.iter().map(turn).collect();
        let purse = ports
            .budget
            .clone()
            .map(|(budget, spending)| Purse::new(budget, spending, Arc::clone(&ports.clock)));
        Self { settings, ports, sms, email, turns, purse, pending: Pending::default() }
    }

    /// How a channel's vendors do: one that is down takes no other with it.
    pub(super) const fn health(&self, channel: Channel) -> &Health {
        match channel {
            Channel::Sms => &self.sms,
            Channel::Email => &self.email,
        }
    }

    /// The vendors of a channel, in their order; those that rest come last.
    pub(super) fn vendors(&self, channel: Channel) -> impl Iterator<Item = (&Vendor, &Turn)> {
        let now = Instant::now();
        let all = self.ports.vendors.iter().zip(&self.turns);
        let (first, last): (Vec<_>, Vec<_>) = all
            .filter(|(it, _)| it.channel == channel)
            .partition(|(_, turn)| turn.keeps_its_place(now));
        first.into_iter().chain(last)
    }

    /// Delivers a letter through the first vendor that takes it (OTP-10). The request that asked
    /// for it is over by then, so it is a trace of its own.
    #[tracing::instrument(
        target = "latchkey::trace",
        level = "debug",
        name = "deliver_message",
        skip_all
    )]
    pub(super) async fn deliver(self: Arc<Self>, letter: Letter) {
        let to = letter.message.to.masked();
        let dies_at = later(letter.at, letter.message.ttl);
        if dies_at <= self.ports.clock.now() {
            tracing::warn!(to, "a message waited longer than its code lives and was not sent");
            self.pending.done(letter.at);
            return;
        }
        let channel = letter.message.to.channel();
        let id = letter.message.challenge_id;
        let message = Message::Code(letter.message);
        let begun = Instant::now();
        let outcome = self.offer(&message, channel).await;
        match outcome {
            Outcome::Undelivered | Outcome::NobodyMay => {
                tracing::error!(to, channel = channel.as_str(), "no vendor took a message");
                self.health(channel).failed(begun, Instant::now());
            }
            // The vendors are well, as far as anybody knows.
            Outcome::TooDear => tracing::error!(to, "the day's budget has no message left"),
            Outcome::Accepted(_) | Outcome::Refused | Outcome::PerhapsSent => {
                self.health(channel).went_well(Instant::now());
            }
        }
        if let Outcome::Accepted(vendor) = outcome
            && let Err(error) = self.ports.challenges.carried(&id, vendor).await
        {
            // It is missing among the numbers, and nowhere else.
            tracing::debug!(vendor, %error, "who took a code was not noted");
        }
        if matches!(outcome, Outcome::Refused | Outcome::NobodyMay | Outcome::TooDear) {
            // A charge that is not given back costs its owner one message, so once is enough.
            if let Err(error) = self.ports.challenges.refund(&letter.charges, letter.at).await {
                tracing::warn!(to, %error, "a refused message was not refunded");
            }
        }
        self.pending.done(letter.at);
    }

    /// Offers a message to one vendor after the other.
    async fn offer(&self, message: &Message, channel: Channel) -> Outcome {
        let mut doubt = Doubt::default();
        for (vendor, turn) in self.vendors(channel) {
            let tried = self.try_vendor(vendor, message, &mut doubt).await;
            match tried {
                Tried::TooDear => {}
                Tried::Accepted | Tried::Final => turn.went_well(),
                Tried::NextVendor => turn.failed(Instant::now()),
            }
            match tried {
                Tried::Accepted => return Outcome::Accepted(vendor.name),
                Tried::Final if doubt.perhaps_sent => return Outcome::PerhapsSent,
                Tried::Final => return Outcome::Refused,
                Tried::TooDear => doubt.too_dear = true,
                Tried::NextVendor => {}
            }
        }
        match doubt {
            Doubt { perhaps_sent: true, .. } | Doubt { failing: true, .. } => Outcome::Undelivered,
            Doubt { too_dear: true, .. } => Outcome::TooDear,
            Doubt { .. } => Outcome::NobodyMay,
        }
    }

    /// Offers a message to one vendor, again and again where that may help.
    async fn try_vendor(&self, vendor: &Vendor, message: &Message, doubt: &mut Doubt) -> Tried {
        for attempt in 0..=self.settings.retries {
            if let Some(repetition) = attempt.checked_sub(1) {
                sleep(self.jittered(repetition)).await;
            }
            let error = match self.ask(vendor, message).await {
                Asked::Answered(Ok(())) => return Tried::Accepted,
                Asked::Answered(Err(error)) => error,
                Asked::TooDear => return Tried::TooDear,
            };
            let to = message.to().masked();
            tracing::warn!(to, vendor = vendor.name, attempt, %error, "a message was not accepted");
            match error {
                SendError::BadRecipient { .. } | SendError::Limited { .. } => return Tried::Final,
                SendError::Misconfigured { .. }
                | SendError::Exhausted { .. }
                | SendError::NotOffered { .. } => return Tried::NextVendor,
                SendError::Unavailable { .. } => doubt.failing = true,
                SendError::Ambiguous { .. } => doubt.perhaps_sent = true,
            }
        }
        Tried::NextVendor
    }

    /// Pays a vendor and asks it once. What was certainly not sent is not paid for.
    pub(super) async fn ask(&self, vendor: &Vendor, message: &Message) -> Asked {
        let Some(purse) = &self.purse else {
            return Asked::Answered(self.call(vendor, message).await);
        };
        let paid = match purse.pay(vendor.name, message.to()).await {
            Ok(Some(paid)) => paid,
            Ok(None) => {
                self.told(vendor, message, "over_budget");
                return Asked::TooDear;
            }
            // Who cannot count does not spend.
            Err(error) => {
                tracing::warn!(vendor = vendor.name, %error, "a message could not be paid for");
                return Asked::Answered(Err(SendError::Unavailable { vendor: vendor.name }));
            }
        };
        let sent = self.call(vendor, message).await;
        if !matches!(sent, Ok(()) | Err(SendError::Ambiguous { .. })) {
            purse.take_back(paid).await;
        }
        Asked::Answered(sent)
    }

    /// Calls a vendor, for no longer than it may take.
    async fn call(&self, vendor: &Vendor, message: &Message) -> Result<(), SendError> {
        let sent = timeout(self.settings.send_timeout, vendor.sender.send(message));
        let sent =
            async { sent.await.unwrap_or(Err(SendError::Ambiguous { vendor: vendor.name })) };
        let sent = Operation::of(vendor.channel.as_str(), vendor.name, "send").watch(sent).await;
        self.told(vendor, message, outcome(&sent));
        sent
    }

    /// Has an answer counted.
    fn told(&self, vendor: &Vendor, message: &Message, outcome: &'static str) {
        let Some(on_answer) = &self.ports.on_answer else { return };
        let country = match message.to() {
            Recipient::Phone(it) => Some(it.region().code()),
            Recipient::Mailbox(_) => None,
        };
        let (name, channel) = (vendor.name, vendor.channel);
        let what = match message {
            Message::Code(_) => "code",
            Message::Notice(_) => "notice",
        };
        let country = country.as_deref();
        on_answer(&Answered { vendor: name, what, channel, country, outcome });
    }

    /// The wait before a repetition, counted from 0: between half of the back-off and all of it.
    fn jittered(&self, repetition: u32) -> Duration {
        let longest = self.settings.back_off.saturating_mul(2_u32.saturating_pow(repetition));
        let [drawn] = bytes(&*self.ports.entropy);
        longest / 2 + (longest / 2).saturating_mul(u32::from(drawn)) / 255
    }
}
