//! Codes, access tokens and refresh tokens: names that only their hash tells apart.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::secret::masked_debug;

/// A code, an access token or a refresh token: 256 random bits, as 43 characters of base64url.
///
/// What it is says the table that holds its hash, so none of them is ever taken for another
/// (OP-06).
#[derive(Clone)]
pub struct OpaqueToken(Zeroizing<String>);

impl OpaqueToken {
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

masked_debug!(OpaqueToken);

#[cfg(test)]
mod tests {
    use super::*;

    /// OP-04: 256 bits, read exactly or not at all, and never printed.
    #[test]
    fn a_token_is_read_to_the_letter() {
        let token = OpaqueToken::new([9; 32]);
        assert_eq!(token.reveal().len(), 43);
        assert_eq!(format!("{token:?}"), "OpaqueToken(…)");
        assert!(OpaqueToken::parse(token.reveal()).is_some());
        let padded = format!("{}=", token.reveal());
        for bad in ["", "AAAA", &padded, &" ".repeat(43)] {
            assert!(OpaqueToken::parse(bad).is_none(), "{bad}");
        }
    }
}
