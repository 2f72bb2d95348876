//! The decision on a proved identity: let its owner in, or register them.

use thiserror::Error;

use crate::Timestamp;
use crate::change::Change;
use crate::event::{LoginEvent, Outcome};
use crate::id::{EventId, IdentityId, SessionId, UserId};
use crate::identifier::IdentifierKind;
use crate::identity::Name;
use crate::origin::Origin;
use crate::password::PasswordHash;
use crate::profile::Profile;
use crate::provider::SpentProof;
use crate::secret::{IdentifierKey, Sealed, TokenHash};
use crate::session::{Method, Session, SessionPolicy};
use crate::user::{User, UserState};

/// An account as a look-up by one of its identifiers finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its owner.
    pub user: User,
    /// The identity that the identifier belongs to.
    pub identity_id: IdentityId,
    /// Counts the changes after which a proof made before them opens nothing any more.
    pub security_epoch: i32,
    /// The last use that was written down, of any of its ways in or sessions.
    pub last_seen_at: Timestamp,
}

/// Why a proved identity is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// An operator has switched the account off, or its owner has deleted it.
    #[error("the account is disabled")]
    Disabled,
}

impl Account {
    /// Decides whether the owner of a proved identity comes in (LOCK-07).
    pub const fn admit(&self) -> Result<(), Refusal> {
        match self.user.state {
            UserState::Active => Ok(()),
            UserState::Disabled | UserState::Merged | UserState::Deleted => Err(Refusal::Disabled),
        }
    }
}

/// What a login draws before it is written: ids and the token's hash.
#[derive(Debug, Clone, Copy)]
pub struct Fresh {
    /// The session's name.
    pub session_id: SessionId,
    /// The event's name.
    pub event_id: EventId,
    /// The hash of the token that the person gets.
    pub token: TokenHash,
    /// The names of what is told of a registration, a login and a new device, in that order; the
    /// first two are `None` where nobody is told.
    pub registered: Option<EventId>,
    /// See `registered`.
    pub logged_in: Option<EventId>,
    /// See `registered`.
    pub new_device: EventId,
}

/// How, when and from where a person comes in.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The identifier that they used.
    pub identifier: IdentifierKey,
    /// How they proved it.
    pub method: Method,
    /// From where.
    pub origin: Origin,
    /// When.
    pub at: Timestamp,
}

/// What a login by a third-party account leaves behind, beside the session.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// Names of the identity that it was not known by yet. One that somebody else has by now stays
    /// theirs.
    pub names: Vec<Name>,
    /// The provider's tokens, sealed for the identity; `None` leaves what was kept.
    pub tokens: Option<Sealed>,
    /// The proof that is used up by it.
    pub spent: Option<SpentProof>,
}

/// One login, to be written in one transaction: the session, the identity's use, the audit line.
///
/// It counts only if the account is still what it was when it was let in: active, the identity
/// still its own, and its security epoch unchanged.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The session that begins.
    pub session: Session,
    /// The hash of its token.
    pub token: TokenHash,
    /// The account's epoch as it was loaded.
    pub security_epoch: i32,
    /// The audit line.
    pub event: LoginEvent,
    /// What it leaves behind beside the session.
    pub trace: Trace,
    /// The name of what other systems are told; `None` where nobody is told.
    pub logged_in: Option<EventId>,
    /// The name of what the person is told if the account has not seen the device.
    pub new_device: EventId,
}

impl Entry {
    /// With what a login by a third-party account leaves behind.
    ///
    /// Who shows a proof that says when it was made was there at that time, and not now (LINK-01).
    #[must_use]
    pub fn leaving(mut self, trace: Trace) -> Self {
        if let Some(spent) = &trace.spent {
            self.session.auth_time = self.session.auth_time.min(spent.made_at);
        }
        self.trace = trace;
        self
    }
}

/// A new user, to be written in one transaction with their first login.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The user.
    pub user: User,
    /// Their first identity's kind.
    pub kind: IdentifierKind,
    /// What it is known by: one name at least.
    pub names: Vec<Name>,
    /// The identifier, sealed for this identity.
    pub display: Sealed,
    /// When its owner proved it; `None` for a user name, which needs no proof.
    pub verified_at: Option<Timestamp>,
    /// Their password, where they chose one.
    pub password: Option<PasswordHash>,
    /// Their first login.
    pub entry: Entry,
    /// The name of what other systems are told; `None` where nobody is told.
    pub registered: Option<EventId>,
    /// The change that frees the identifier, where another account gives it up.
    pub taken_from: Option<Change>,
}

/// Begins a session of an account that was let in.
#[must_use]
pub fn enter(account: &Account, visit: Visit, fresh: Fresh, policy: &SessionPolicy) -> Entry {
    let (idle_ends_at, absolute_ends_at) = policy.ends(visit.at);
    let session = Session {
        id: fresh.session_id,
        user_id: account.user.id,
        identity_id: account.identity_id,
        method: visit.method,
        auth_time: visit.at,
        created_at: visit.at,
        last_seen_at: visit.at,
        idle_ends_at,
        absolute_ends_at,
        origin: visit.origin.clone(),
    };
    let event = LoginEvent {
        id: fresh.event_id,
        user_id: Some(account.user.id),
        identity_id: Some(account.identity_id),
        identifier: visit.identifier,
        method: visit.method,
        outcome: Outcome::Success,
        origin: visit.origin,
        at: visit.at,
    };
    Entry {
        session,
        token: fresh.token,
        security_epoch: account.security_epoch,
        event,
        trace: Trace::default(),
        logged_in: fresh.logged_in,
        new_device: fresh.new_device,
    }
}

/// Who a new user is, before anything is written.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// The user's id.
    pub user_id: UserId,
    /// Their first identity's id.
    pub identity_id: IdentityId,
    /// Its kind.
    pub kind: IdentifierKind,
    /// What it is known by: one name at least.
    pub names: Vec<Name>,
    /// The identifier, sealed for this identity.
    pub display: Sealed,
    /// Nickname and avatar.
    pub profile: Profile,
    /// Their password, where they chose one.
    pub password: Option<PasswordHash>,
}

/// Registers the owner of an identity that nobody has, and begins their first session.
#[must_use]
pub fn register(
    newcomer: Newcomer,
    visit: Visit,
    fresh: Fresh,
    policy: &SessionPolicy,
) -> Registration {
    let now = visit.at;
    let user = User {
        id: newcomer.user_id,
        profile: newcomer.profile,
        state: UserState::Active,
        created_at: now,
        has_password: newcomer.password.is_some(),
        has_phone: newcomer.kind == IdentifierKind::Phone,
    };
    let identity_id = newcomer.identity_id;
    let account = Account { user, identity_id, security_epoch: 0, last_seen_at: now };
    let entry = enter(&account, visit, fresh, policy);
    let verified_at = match newcomer.kind {
        IdentifierKind::Phone | IdentifierKind::Email | IdentifierKind::ThirdParty(_) => Some(now),
        IdentifierKind::Username => None,
    };
    Registration {
        user: account.user,
        kind: newcomer.kind,
        names: newcomer.names,
        display: newcomer.display,
        verified_at,
        password: newcomer.password,
        entry,
        registered: fresh.registered,
        taken_from: None,
    }
}
