//! Secret values: tokens, keyed hashes and sealed texts. None of them prints itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// `Debug` that tells the type's name and nothing of the value.
macro_rules! masked_debug {
    ($($name:ident),*) => { $(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )* };
}
pub(crate) use masked_debug;

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// Makes one from random bytes.
            #[must_use]
            pub fn new(random: [u8; 32]) -> Self {
                Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(random)))
            }

            /// Reads one as the client sends it; `None` unless length and alphabet are exact.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let mut bytes = [0; 32];
                let read = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
                (read == 32 && text.len() == 43).then(|| Self(Zeroizing::new(text.to_owned())))
            }

            /// The token itself: for its digest, and for the one answer that hands it out.
            #[must_use]
            pub fn reveal(&self) -> &str {
                &self.0
            }
        }

        masked_debug!($name);
    };
}

token!(
    /// A bearer token: 256 random bits, as 43 characters of base64url (SES-01).
    SessionToken
);
token!(
    /// A code, an access token or a refresh token, of the same form.
    ///
    /// What it is says the table that holds its hash, so none of them is ever taken for another
    /// (OP-06).
    OpaqueToken
);

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes a digest that was computed or stored.
            #[must_use]
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The digest, for storing and looking up.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        masked_debug!($name);
    };
}

digest!(
    /// SHA-256 of a [`SessionToken`]: what stores know of it.
    TokenHash
);
digest!(
    /// Keyed hash of an identifier: by it an account is found, from it nothing can be read.
    IdentifierKey
);
digest!(
    /// Keyed hash of whom a counter counts: a phone, an address, an account.
    Subject
);

digest!(
    /// Keyed hash that names a master secret.
    MasterId
);

/// What all keys of a store are derived from (CFG-01).
#[derive(Clone)]
pub struct RootSecret(Zeroizing<Vec<u8>>);

impl RootSecret {
    /// Takes random bytes, 32 at the least.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for deriving keys and for wrapping.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

masked_debug!(RootSecret);

/// Keyed hash of a code, bound to its challenge and purpose (OTP-02).
#[derive(Clone, Copy)]
pub struct CodeMac([u8; 32]);

impl CodeMac {
    /// Takes a hash that was computed or stored.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash, for storing.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for CodeMac {
    /// Compares in constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CodeMac {}

/// Text under authenticated encryption: stores keep it, only [`crate::secret`]'s key opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes bytes that were sealed or stored.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for storing.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

masked_debug!(CodeMac, Sealed);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// SES-01, OP-04: 256 bits, exact length and alphabet.
    #[test]
    fn a_token_is_read_exactly_or_not_at_all() {
        let token = SessionToken::new([9; 32]);
        let text = token.reveal();
        assert_eq!(text.len(), 43);
        assert!(SessionToken::parse(text).is_some());
        let padded = format!("{text}=");
        let longer = format!("{text}A");
        for bad in ["", &text[..42], &padded, &longer, &text.replace('C', "+"), &" ".repeat(43)] {
            assert!(SessionToken::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_print_themselves() {
        let token = SessionToken::new([9; 32]);
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
        assert_eq!(format!("{:?}", OpaqueToken::new([9; 32])), "OpaqueToken(…)");
        assert_eq!(format!("{:?}", CodeMac::new([1; 32])), "CodeMac(…)");
    }

    proptest! {
        #[test]
        fn what_is_read_is_the_token_and_nothing_else(text in "(?s:.){0,50}|[A-Za-z0-9_-]{42,44}") {
            if let Some(token) = SessionToken::parse(&text) {
                prop_assert_eq!(token.reveal(), &text);
                prop_assert!(text.len() == 43 && text.is_ascii());
            }
        }

        #[test]
        fn every_token_is_read_back(random: [u8; 32]) {
            let token = OpaqueToken::new(random);
            prop_assert!(OpaqueToken::parse(token.reveal()).is_some());
        }
    }
}
