//! Changes of an account: planned by a rule on what was loaded, written in one transaction.
//!
//! [`crate::link`], [`crate::unlink`], [`crate::merge`] and their like make a [`Change`]; a store
//! writes it as a whole if the accounts still are what they were, and not at all otherwise.

use uuid::Uuid;

use crate::Timestamp;
use crate::account::AccountState;
use crate::ending::{AccountEvent, Fate, Holding};
use crate::id::{EventId, IdentityId, SessionId, UserId};
use crate::identifier::IdentifierKind;
use crate::identity::Name;
use crate::message::Notice;
use crate::oauth::client::ClientId;
use crate::origin::Origin;
use crate::outbox::{Address, Event, News, Outgoing};
use crate::password::PasswordHash;
use crate::profile::Profile;
use crate::provider::SpentProof;
use crate::secret::{Sealed, TokenHash};
use crate::user::UserState;

/// Who asks for a change, from where, and when.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The session that asks; `None` for a reset and for an operator.
    pub session: Option<SessionId>,
    /// Where the request comes from; `None` for an operator.
    pub origin: Option<Origin>,
    /// When.
    pub at: Timestamp,
}

/// An account as a change was planned on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Whose it is.
    pub user_id: UserId,
    /// Its revision.
    pub revision: i32,
    /// Its state.
    pub state: UserState,
}

impl Base {
    fn of(account: &AccountState) -> Self {
        Self { user_id: account.user.id, revision: account.revision, state: account.user.state }
    }
}

/// A way in that is new to its user.
#[derive(Debug, Clone)]
pub struct NewIdentity {
    /// Its name.
    pub id: IdentityId,
    /// Its kind.
    pub kind: IdentifierKind,
    /// The identifier, sealed for this identity.
    pub display: Sealed,
    /// What it is known by: one name at least, that which decides whose it is first.
    pub names: Vec<Name>,
    /// The provider's tokens, sealed for this identity.
    pub tokens: Option<Sealed>,
}

impl NewIdentity {
    /// Where its owner can be told something; `None` for what is no address.
    pub(crate) fn address(&self) -> Option<Address> {
        let is_address = match self.kind {
            IdentifierKind::Phone | IdentifierKind::Email => true,
            IdentifierKind::Username | IdentifierKind::ThirdParty(_) => false,
        };
        let (identity_id, kind, display) = (self.id, self.kind, self.display.clone());
        is_address.then_some(Address { identity_id, kind, display })
    }
}

/// One line of the audit log: who did what to which thing, when and from where (LOG-03).
#[derive(Debug, Clone)]
pub struct AuditLine {
    /// Its name.
    pub id: EventId,
    /// Whose account it was done to.
    pub user_id: UserId,
    /// What was done.
    pub action: AccountEvent,
    /// The identity, session or other user that it was done to.
    pub object: Option<Uuid>,
    /// The program that it was about.
    pub client_id: Option<ClientId>,
    /// From where; `None` for an operator.
    pub origin: Option<Origin>,
    /// When.
    pub at: Timestamp,
}

/// A change of one account, or of two of which one goes into the other.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happens to the account.
    pub about: AccountEvent,
    /// The account.
    pub base: Base,
    /// The account that goes into it.
    pub absorbed: Option<Base>,
    /// The session that asks. The change comes to nothing if it has ended.
    pub session: Option<SessionId>,
    /// The hash of that session's new token, where it gets one.
    pub token: Option<TokenHash>,
    /// Ways in that go.
    pub unlinked: Vec<IdentityId>,
    /// A way in that comes.
    pub linked: Option<NewIdentity>,
    /// Ways in of the absorbed account that become this one's.
    pub moved: Vec<IdentityId>,
    /// The proof that is used up by it.
    pub spent: Option<SpentProof>,
    /// The new password.
    pub password: Option<PasswordHash>,
    /// The new profile.
    pub profile: Option<Profile>,
    /// The new state.
    pub state: UserState,
    /// When the identifiers of a deleted account become free, if not at once.
    pub frees_at: Option<Timestamp>,
    /// When.
    pub at: Timestamp,
    /// Codes made before this moment are those that the change ends; not before `at`.
    pub void_before: Timestamp,
    /// The audit lines.
    pub audit: Vec<AuditLine>,
    /// What is told afterwards.
    pub outgoing: Vec<Outgoing>,
}

impl Change {
    /// A change that leaves all as it is, to be filled by a rule.
    pub(crate) fn of(account: &AccountState, about: AccountEvent, actor: &Actor) -> Self {
        Self {
            about,
            base: Base::of(account),
            absorbed: None,
            session: actor.session,
            token: None,
            unlinked: Vec::new(),
            linked: None,
            moved: Vec::new(),
            spent: None,
            password: None,
            profile: None,
            state: account.user.state,
            frees_at: None,
            at: actor.at,
            void_before: actor.at,
            audit: Vec::new(),
            outgoing: Vec::new(),
        }
    }

    /// The same, taking another account in.
    pub(crate) fn absorbing(mut self, other: &AccountState) -> Self {
        self.absorbed = Some(Base::of(other));
        self
    }

    /// What becomes of a session of the account (the truth table).
    #[must_use]
    pub fn fate(&self, session: SessionId, born_of: IdentityId) -> Fate {
        self.about.fate(if self.session == Some(session) {
            Holding::CurrentSession
        } else if self.unlinked.contains(&born_of) {
            Holding::SessionOfIdentity
        } else {
            Holding::OtherSession
        })
    }

    /// True if something that was on its way into the account, or to it, comes to nothing.
    #[must_use]
    pub const fn ends(&self, holding: Holding) -> bool {
        matches!(self.about.fate(holding), Fate::Ended)
    }
}

/// Writes down what a change does, in the audit log and for those who are told.
///
/// `ids` gives later names to later lines.
pub(crate) struct Teller<'a, F> {
    pub(crate) actor: &'a Actor,
    pub(crate) ids: F,
}

impl<F: FnMut() -> EventId> Teller<'_, F> {
    pub(crate) fn audit(
        &mut self,
        change: &mut Change,
        user_id: UserId,
        action: AccountEvent,
        object: Option<Uuid>,
    ) {
        change.audit.push(AuditLine {
            id: (self.ids)(),
            user_id,
            action,
            object,
            client_id: None,
            origin: self.actor.origin.clone(),
            at: self.actor.at,
        });
    }

    pub(crate) fn event(&mut self, change: &mut Change, event: Event) {
        let user_id = change.base.user_id;
        self.tell(change, user_id, News::Event(event));
    }

    /// Tells addresses as they are now: another change may come before the notice leaves.
    pub(crate) fn notices(
        &mut self,
        change: &mut Change,
        notice: Notice,
        to: impl IntoIterator<Item = Address>,
    ) {
        let user_id = change.base.user_id;
        for address in to {
            self.tell(change, user_id, News::Notice { notice, to: Some(address) });
        }
    }

    fn tell(&mut self, change: &mut Change, user_id: UserId, news: News) {
        change.outgoing.push(Outgoing { id: (self.ids)(), user_id, at: self.actor.at, news });
    }
}
