//! Codes and tokens of the programs that get their users from us.

use async_trait::async_trait;
use domain::Timestamp;
use domain::id::{SessionId, UserId};
use domain::oauth::client::{ClientId, Ends};
use domain::oauth::code::{Code, Grant, Shown};
use domain::oauth::consent::Need;
use domain::oauth::scope::Scopes;
use domain::secret::{Sealed, TokenHash};
use domain::session::{Session, SignedIn};

use crate::error::StoreError;

/// A code to be written.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// The code.
    pub code: Code,
    /// The session that it stands for, where that begins with it.
    pub child: Option<Child>,
    /// When it is made.
    pub at: Timestamp,
}

/// A session that begins from another one, of the same person and the same proof.
#[derive(Debug, Clone)]
pub struct Child {
    /// The other one.
    pub parent: SessionId,
    /// It.
    pub session: Session,
    /// The hash of its token, which nobody knows until the code is exchanged.
    pub token: TokenHash,
    /// The consent that the person has to have given; `None` where none is needed.
    pub need: Option<Need>,
}

/// What writing a code came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issued {
    /// It is written.
    Done {
        /// The tokens of the sessions that its own pushed out.
        ended: Vec<TokenHash>,
    },
    /// The session that it comes from has ended, or the account is not what it was; nothing is
    /// written.
    Stale,
    /// The person has not agreed to what it needs; nothing is written.
    Unconsented,
}

/// An access token to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewAccess {
    /// Its hash.
    pub hash: TokenHash,
    /// First moment at which it is good for nothing.
    pub expires_at: Timestamp,
}

/// What a client gets for a code.
#[derive(Debug, Clone, Copy)]
pub enum Taken {
    /// The session itself, under this token.
    Session(TokenHash),
    /// A short token and one that renews it.
    Pair {
        /// The short one.
        access: NewAccess,
        /// The hash of the other one.
        refresh: TokenHash,
    },
}

/// An exchange of a code.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The code's hash.
    pub code: TokenHash,
    /// What the client shows.
    pub shown: Shown,
    /// What it gets.
    pub taken: Taken,
    /// The ends that its session has from then on, within the bound that it may have.
    pub ends: Ends,
    /// When.
    pub at: Timestamp,
}

/// What a client holds, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// What it may.
    pub grant: Grant,
    /// The session that stands for it, and who the person is.
    pub signed_in: SignedIn,
}

/// Whose session has to end, since something came back that was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Betrayed {
    /// The person.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
}

/// What an exchange came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchanged {
    /// The client has its tokens.
    Done {
        /// What it holds.
        granted: Box<Granted>,
        /// What it wants to find in the id token.
        nonce: Option<String>,
    },
    /// Nothing is written.
    Unfit,
    /// The code was used before; nothing is written.
    Used(Betrayed),
}

/// A refresh.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// The hash of the token that is shown.
    pub token: TokenHash,
    /// The client, which has proven itself.
    pub client_id: ClientId,
    /// The hash of the token that takes its place.
    pub next: TokenHash,
    /// That token, sealed for the one that is shown.
    pub sealed: Sealed,
    /// The access token.
    pub access: NewAccess,
    /// What the client asks for; `None` for all that was granted.
    pub scope: Option<Scopes>,
    /// The ends that the session has from then on, within the bound that it has.
    pub ends: Ends,
    /// When.
    pub at: Timestamp,
}

/// What a refresh came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewed {
    /// The client has its tokens.
    Done {
        /// What it holds; its scope is that of the access token.
        granted: Box<Granted>,
        /// The token that took the place of the one that is shown, where another refresh was first.
        again: Option<Sealed>,
    },
    /// Nothing is written.
    Unfit,
    /// More is asked for than was granted; nothing is written.
    Wider,
    /// The token was used before; nothing is written.
    Used(Betrayed),
}

/// A token that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What its client holds; the scope is the token's.
    pub granted: Granted,
    /// First moment at which it is good for nothing.
    pub expires_at: Timestamp,
    /// False for a refresh token that was rotated.
    pub is_current: bool,
}

/// Codes and tokens. A grant is a session: all of them are good only while it lives (OP-04, OP-07).
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Grants: Send + Sync {
    /// Writes a code, and the session that begins with it.
    ///
    /// Atomic: a session begins only from one that lives, of an account that is active and still
    /// has the identity; an end of all sessions that comes at the same time ends it as well. So does
    /// a withdrawal of the consent that it needs.
    async fn issue(&self, new: &NewCode) -> Result<Issued, StoreError>;

    /// Exchanges a code by [`Code::check`]: it is used, its session goes on under a new token or
    /// under none, and the tokens are there.
    ///
    /// Atomic: of racing exchanges of one code one is `Done`, the others are `Used` (OP-04).
    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, StoreError>;

    /// Refreshes by [`domain::oauth::refresh::Held::refresh`].
    ///
    /// Atomic: of racing refreshes of one token one rotates it, the others get its successor
    /// (OP-07).
    async fn refresh(&self, refresh: &Refresh) -> Result<Renewed, StoreError>;

    /// Finds an access token; `None` if it is over, or its session is.
    async fn find_access(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Found>, StoreError>;

    /// Finds a refresh token, also one that was rotated; `None` if its session is over.
    async fn find_refresh(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Found>, StoreError>;

    /// What a session stands for; `None` for one that no client was given.
    async fn of_session(&self, id: SessionId) -> Result<Option<Grant>, StoreError>;

    /// Ends one access token.
    async fn end_access(&self, token: &TokenHash) -> Result<(), StoreError>;

    /// Deletes what is good for nothing any more and tells nothing any more either, some at a
    /// time; gives how much. Successors go when their grace is over.
    async fn purge(&self, now: Timestamp) -> Result<u64, StoreError>;
}
