//! One code and its exchange (OP-03, OP-04, EXT-09).

use thiserror::Error;

use super::client::ClientId;
use super::pkce::Challenge;
use super::scope::Scopes;
use crate::id::SessionId;
use crate::secret::TokenHash;
use crate::{Duration, Timestamp, later};

/// How long a code lives.
pub const CODE_LIFE: Duration = Duration::from_mins(1);

/// What a person gives a client: the session that stands for it, and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The session. What ends it ends the grant.
    pub session_id: SessionId,
    /// The client.
    pub client_id: ClientId,
    /// What the client may know.
    pub scope: Scopes,
}

/// A code as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// SHA-256 of the code.
    pub hash: TokenHash,
    /// What it gives.
    pub grant: Grant,
    /// Where it went.
    pub redirect_uri: String,
    /// Whose verifier opens it.
    pub challenge: Challenge,
    /// What the client wants to find in the id token.
    pub nonce: Option<String>,
    /// First moment at which it is good for nothing.
    pub expires_at: Timestamp,
}

/// What a client shows at the exchange.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The client, which has proven itself.
    pub client_id: ClientId,
    /// Where the code went, as the client says.
    pub redirect_uri: String,
    /// SHA-256 of the verifier; `None` if there is none of the right form.
    pub verifier: Option<[u8; 32]>,
}

/// Why a code is not exchanged. A client is told `invalid_grant` whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It was exchanged before: all that came of it has to end.
    #[error("the code was used before")]
    Used,
    /// It is not good for what was shown.
    #[error("the code does not fit")]
    Unfit,
}

impl Code {
    /// Decides whether a code is exchanged.
    ///
    /// The order is the contract: a code that was used is told whoever shows it, and whatever else
    /// is wrong. What does not fit leaves the code for whoever it is meant for.
    pub fn check(
        &self,
        is_used: bool,
        session_is_live: bool,
        shown: &Shown,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if is_used {
            return Err(Refusal::Used);
        }
        let verified = shown.verifier.is_some_and(|it| self.challenge.is_of(&it));
        let fits = self.expires_at > now
            && session_is_live
            && self.grant.client_id == shown.client_id
            && self.redirect_uri == shown.redirect_uri
            && verified;
        if fits { Ok(()) } else { Err(Refusal::Unfit) }
    }
}

/// First moment at which a code that is made now is good for nothing.
#[must_use]
pub fn expiry(now: Timestamp) -> Timestamp {
    later(now, CODE_LIFE)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(second: u64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_secs(second))
    }

    fn id(text: &str) -> ClientId {
        ClientId::parse(text).unwrap()
    }

    fn code() -> Code {
        Code {
            hash: TokenHash::new([1; 32]),
            grant: Grant {
                session_id: SessionId::new(at(0), [1; 10]),
                client_id: id("web"),
                scope: Scopes::NONE,
            },
            redirect_uri: "https://a.example.com/".to_owned(),
            challenge: Challenge::new([7; 32]),
            nonce: None,
            expires_at: expiry(at(0)),
        }
    }

    fn shown() -> Shown {
        Shown {
            client_id: id("web"),
            redirect_uri: "https://a.example.com/".to_owned(),
            verifier: Some([7; 32]),
        }
    }

    /// OP-03, OP-04: bound to client, address and verifier, for 60 s, while its session lives.
    #[rstest]
    #[case::good(shown(), true, 59, Ok(()))]
    #[case::late(shown(), true, 60, Err(Refusal::Unfit))]
    #[case::ended(shown(), false, 0, Err(Refusal::Unfit))]
    #[case::client(Shown { client_id: id("x"), ..shown() }, true, 0, Err(Refusal::Unfit))]
    #[case::place(Shown { redirect_uri: String::new(), ..shown() }, true, 0, Err(Refusal::Unfit))]
    #[case::verifier(Shown { verifier: Some([8; 32]), ..shown() }, true, 0, Err(Refusal::Unfit))]
    #[case::none(Shown { verifier: None, ..shown() }, true, 0, Err(Refusal::Unfit))]
    fn a_code_is_exchanged_by_whom_it_is_for(
        #[case] shown: Shown,
        #[case] lives: bool,
        #[case] second: u64,
        #[case] expected: Result<(), Refusal>,
    ) {
        assert_eq!(code().check(false, lives, &shown, at(second)), expected);
        let again = code().check(true, lives, &shown, at(second));
        assert_eq!(again, Err(Refusal::Used), "a reuse is told whatever else is wrong");
    }
}
