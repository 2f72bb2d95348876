//! Users, their identities and passwords.

use async_trait::async_trait;
use domain::Timestamp;
use domain::account::AccountState;
use domain::change::Change;
use domain::event::{Login, LoginEvent};
use domain::id::{EventId, SessionId, UserId};
use domain::identity::Identity;
use domain::lockout::LockoutPolicy;
use domain::login::{Account, Entry, Registration};
use domain::outbox::Outgoing;
use domain::password::PasswordHash;
use domain::profile::ProfilePatch;
use domain::provider::SpentProof;
use domain::secret::{IdentifierKey, TokenHash};
use domain::user::User;

use crate::error::StoreError;

/// What writing a login came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// The session is written.
    In {
        /// The tokens of the sessions that it pushed out.
        ended: Vec<TokenHash>,
    },
    /// The account changed since it was loaded; nothing is written.
    Stale,
    /// The proof was used before; nothing is written.
    Spent,
}

/// What writing a registration came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The user is new and in.
    New,
    /// Somebody has one of the names; nothing is written.
    Taken,
    /// The proof was used before; nothing is written.
    Spent,
}

/// What beginning a password attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The attempt is counted; the password may be looked at.
    Counted {
        /// The account, if anybody has the identifier.
        account: Option<Account>,
        /// Its password's hash, if it has one.
        password: Option<PasswordHash>,
        /// Until when a wrong password now makes the account wait; `None` if it does not.
        locks: Option<Timestamp>,
    },
    /// The account waits: nothing was counted, nothing may be looked at.
    Waiting {
        /// First moment at which it may.
        until: Timestamp,
    },
}

/// A session that goes on under a new token, its owner having proved again who they are.
#[derive(Debug, Clone)]
pub struct Reauthentication {
    /// Whose it is.
    pub user_id: UserId,
    /// The account's epoch as it was when the proof was loaded.
    pub security_epoch: i32,
    /// The session.
    pub session_id: SessionId,
    /// The hash of its new token.
    pub token: TokenHash,
    /// The identity that was used.
    pub event: LoginEvent,
    /// The proof that is used up by it.
    pub spent: Option<SpentProof>,
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is written.
    Done {
        /// The tokens that are dead now, a former token of the session that asked among them.
        dead: Vec<TokenHash>,
    },
    /// An account is not any more what it was when it was loaded; nothing is written.
    Stale,
    /// The session that asked has ended; nothing is written.
    SessionEnded,
    /// Somebody else has one of the names; nothing is written.
    Taken,
    /// The proof was used before; nothing is written.
    Spent,
}

/// Users and their identities. The unique identifier decides every race (REL-01).
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Finds who has an identifier.
    async fn find(&self, identifier: &IdentifierKey) -> Result<Option<Account>, StoreError>;

    /// Finds who has each of some identifiers, in any order; those that nobody has are left out. One
    /// round trip.
    async fn find_all(
        &self,
        identifiers: &[IdentifierKey],
    ) -> Result<Vec<(IdentifierKey, Account)>, StoreError>;

    /// Writes a login: session, last use of the identity, audit line, and forgets the failed
    /// passwords if it was one, the trace that it leaves, and what is told. Sessions beyond the most a user may have end,
    /// longest unused first.
    ///
    /// Atomic; nothing is written if the account is not active, has another epoch, or the identity
    /// is not its own any more (LINK-11).
    async fn enter(&self, entry: &Entry) -> Result<Entered, StoreError>;

    /// Writes a new user: user, identity, identifier, password, session, audit line and what is
    /// told, after the change that frees the identifier where there is one.
    ///
    /// Atomic: of racing registrations of one name one is `New`, the others `Taken` (OTP-12); and of
    /// racing uses of one proof, by whatever verb, one is written, the others are `Spent` (SDK-04).
    async fn register(&self, registration: &Registration) -> Result<Registered, StoreError>;

    /// Counts one password attempt before the password is looked at, and loads what it needs.
    ///
    /// Atomic over all callers: at most the policy's threshold is `Counted` before the wait begins
    /// (LOCK-03). An identifier that nobody has is counted the same way (LOCK-02).
    async fn begin_attempt(
        &self,
        identifier: &IdentifierKey,
        policy: &LockoutPolicy,
        now: Timestamp,
    ) -> Result<Attempt, StoreError>;

    /// Tells whether a device has logged in to the account of an identifier at `since` or later;
    /// `false` where nobody has the identifier (LOCK-04).
    async fn knows_device(
        &self,
        identifier: &IdentifierKey,
        device_id: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Loads an account whole; `None` if there is no such user. One that was merged or deleted is
    /// loaded as well.
    ///
    /// Gives the tokens also of the sessions that ended within [`RECENT`](crate::sessions::RECENT):
    /// whoever ended one may not have reached its copy, which then goes with the next change.
    async fn load(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<AccountState>, StoreError>;

    /// Writes a change: ways in, password, profile, state, what becomes of the sessions by
    /// [`Change::fate`], audit lines, and what is to be told.
    ///
    /// Atomic (REL-01): nothing is written unless each account still is as it was loaded, the
    /// session that asks lives, and a new identifier is free. Of racing changes of one account one
    /// is `Done`, the others are `Stale` (LINK-06); two accounts are locked in one order for all
    /// (LINK-08).
    async fn change(&self, change: &Change) -> Result<Changed, StoreError>;

    /// The user that an id means: itself, or the one that it was merged into; `None` if there is
    /// no such user.
    async fn resolve(&self, user_id: UserId) -> Result<Option<UserId>, StoreError>;

    /// Frees the identifiers of deleted accounts whose grace is over, of some at a time; gives how
    /// many accounts.
    async fn free_deleted(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Forgets the failed passwords of a user, where a right one is followed by no login.
    async fn forget_attempts(&self, user_id: UserId) -> Result<(), StoreError>;

    /// Writes the audit line of a login that failed, and what is told of it.
    async fn record(&self, event: &LoginEvent, outgoing: &[Outgoing]) -> Result<(), StoreError>;

    /// Notes that a proof is used up where nothing else is written; `false` if it was before.
    ///
    /// Atomic, also with the other verbs: of racing uses of one proof one is the first (SDK-04).
    async fn spend(&self, spent: &SpentProof) -> Result<bool, StoreError>;

    /// Swaps a password's hash for another of the same password; `false` if it is not `old` any
    /// more (PWD-08).
    async fn upgrade_hash(
        &self,
        user_id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Moves a session to a new token, notes when its owner proved again who they are, and forgets
    /// the failed passwords if it was one.
    ///
    /// Atomic; nothing is written if the session has ended, or the account is not active or has
    /// another epoch.
    async fn reauthenticate(&self, proof: &Reauthentication) -> Result<Changed, StoreError>;

    /// Changes a profile. Gives the user as they are now and the tokens whose copies are out of
    /// date; `None` if there is no such user. `told` is written with it.
    async fn patch_profile(
        &self,
        user_id: UserId,
        patch: &ProfilePatch,
        told: Option<Outgoing>,
    ) -> Result<Option<(User, Vec<TokenHash>)>, StoreError>;

    /// The identities of a user, the first linked first.
    async fn identities(&self, user_id: UserId) -> Result<Vec<Identity>, StoreError>;

    /// The logins of a user, newest first, `limit` at most; those before the event `before` where
    /// it is given.
    async fn logins(
        &self,
        user_id: UserId,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Login>, StoreError>;

    /// The latest moment that the store knows of: that of its last login or change, the latest that
    /// was noted, and that of its own clock where it is a server with one. None if nothing tells
    /// (REL-08).
    async fn latest(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Notes that a moment has been: the latest is never again before it (REL-08).
    ///
    /// Atomic: of racing moments the latest is kept.
    async fn note(&self, moment: Timestamp) -> Result<(), StoreError>;

    /// Answers if the store can be reached.
    async fn ping(&self) -> Result<(), StoreError>;
}
