//! What a stand-in took, and what it refuses.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// To whom, as the vendor was told.
    pub to: String,
    /// The text, or the variables of the template.
    pub text: String,
    /// The template; empty where there is none.
    pub template: String,
    /// The signature's name, or the number that it came from.
    pub from: String,
    /// The sender's own name for it, where it has one.
    pub id: String,
}

/// Why a vendor refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The number cannot be.
    BadNumber,
    /// Its own limit for the number.
    Limited,
    /// The number is on a blacklist.
    Blocked,
    /// Nothing is left of what was paid for.
    NoBalance,
    /// The template is not approved.
    Template,
    /// Its own trouble.
    Trouble,
    /// Too many calls of this account.
    Throttled,
    /// Something that no list of codes has.
    Unheard,
}

impl Refusal {
    /// All refusals.
    pub const ALL: [Self; 8] = [
        Self::BadNumber,
        Self::Limited,
        Self::Blocked,
        Self::NoBalance,
        Self::Template,
        Self::Trouble,
        Self::Throttled,
        Self::Unheard,
    ];

    /// What a number ends with that is always refused so: `9001` to `9008`.
    #[must_use]
    pub fn ending(self) -> String {
        let place = Self::ALL.iter().position(|it| *it == self).unwrap_or_default();
        format!("900{}", place + 1)
    }
}

#[derive(Debug, Default)]
struct Held {
    sent: Vec<Sent>,
    asked: usize,
    refused: Option<Refusal>,
    nonces: HashSet<String>,
}

/// One vendor's memory; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Taker(Arc<Mutex<Held>>);

impl Taker {
    /// What was taken, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.held().sent.clone()
    }

    /// How often it was asked and could read the request.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.held().asked
    }

    /// From now on everything is refused, or nothing is any more.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        self.held().refused = refusal;
    }

    /// Forgets what was taken.
    pub fn forget(&self) {
        *self.held() = Held::default();
    }

    /// Takes a message, or says why not.
    pub(crate) fn take(&self, sent: Sent) -> Result<(), Refusal> {
        let mut held = self.held();
        let magic = Refusal::ALL.into_iter().find(|it| sent.to.ends_with(&it.ending()));
        if let Some(refusal) = held.refused.or(magic) {
            return Err(refusal);
        }
        held.sent.push(sent);
        Ok(())
    }

    /// Notes a question.
    pub(crate) fn was_asked(&self) {
        self.held().asked += 1;
    }

    /// Whether a nonce is new.
    pub(crate) fn is_new(&self, nonce: &str) -> bool {
        self.held().nonces.insert(nonce.to_owned())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
