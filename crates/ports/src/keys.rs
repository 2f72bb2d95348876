//! Keyed hashes and sealed texts, each purpose under a key of its own.

use domain::credential::code::{Code, Purpose};
use domain::id::ChallengeId;
use domain::identifier::Identifier;
use domain::secret::{CodeMac, IdentifierKey, Sealed, SessionToken, Subject, TokenHash};
use thiserror::Error;

/// What a sealed text belongs to. A text sealed for one thing does not open for another.
#[derive(Debug, Clone, Copy)]
pub enum Seal<'a> {
    /// The target of a challenge.
    ChallengeTarget(&'a ChallengeId, Purpose),
    /// What an identity shows: its phone number, e-mail address or user name.
    IdentityDisplay(&'a domain::id::IdentityId),
    /// What a browser's way to a provider is remembered by, under this name.
    BrowserFlow(&'a Subject),
    /// A provider's tokens, kept with an identity.
    ProviderTokens(&'a domain::id::IdentityId),
    /// The refresh token that took the place of the one with this hash.
    Successor(&'a TokenHash),
    /// The private half of the signing key of this name.
    SigningKey(&'a domain::oauth::key::KeyId),
}

/// A sealed text does not open: another key, another owner, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a sealed text does not open")]
pub struct UnsealError;

/// Computes keyed hashes and seals texts.
pub trait Keys: Send + Sync {
    /// The key by which an identifier is unique and found. Equal identifiers give equal keys.
    fn identifier_key(&self, identifier: &Identifier) -> IdentifierKey;

    /// The name of a counter: `about` says what it counts, `who` whom.
    fn subject(&self, about: &str, who: &str) -> Subject;

    /// The keyed hash of a code, bound to purpose and challenge (OTP-02).
    fn code_mac(&self, purpose: Purpose, id: &ChallengeId, code: &Code) -> CodeMac;

    /// SHA-256 of a token (SES-01).
    fn token_hash(&self, token: &SessionToken) -> TokenHash;

    /// SHA-256 of a text: of an opaque token, a client's secret or a PKCE verifier, which hold so
    /// much chance that nobody guesses them.
    fn digest(&self, text: &str) -> [u8; 32];

    /// Encrypts a text for one owner, never twice to the same bytes.
    fn seal(&self, owner: Seal<'_>, text: &str) -> Sealed;

    /// Opens a text that was sealed for the same owner.
    fn open(&self, owner: Seal<'_>, sealed: &Sealed) -> Result<String, UnsealError>;
}
