//! A browser's way to a third-party provider and back: what has to be remembered meanwhile.

use crate::Duration;
use crate::oauth::pkce::Challenge;
use crate::oauth::scope::Scopes;
use crate::provider::ProviderName;
use crate::secret::masked_debug;

/// How long a person may take at the provider (EXT-01).
pub const FLOW_LIFE: Duration = Duration::from_mins(10);

/// What a state stands for. It is good once, for one browser and one provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Flow {
    /// Where the browser was sent.
    pub provider: ProviderName,
    /// The digest of the browser's own token.
    pub browser: Challenge,
    /// True if the provider promised to name its issuer in the answer.
    pub names_issuer: bool,
    /// What an ID token has to hold.
    pub nonce: String,
    /// What opens the provider's code, where it knows PKCE.
    pub verifier: String,
    /// The client that gets a code in the end.
    pub client_id: String,
    /// Where that code goes.
    pub redirect_uri: String,
    /// Whose verifier opens that code.
    pub challenge: Challenge,
    /// What the client may know.
    pub scope: Scopes,
    /// What it wants to find in its id token.
    pub client_nonce: Option<String>,
    /// What it wants back.
    pub state: Option<String>,
}

masked_debug!(Flow);

/// Why a person comes back without an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// They said no, or may not come in.
    Access,
    /// The provider failed, or names nobody.
    Provider,
}

impl Denied {
    /// The name that the client is told (EXT-11).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access_denied",
            Self::Provider => "provider_error",
        }
    }
}

impl Flow {
    /// True if it is this browser's, at this provider (EXT-03).
    #[must_use]
    pub fn is_of(&self, provider: ProviderName, browser: &[u8; 32]) -> bool {
        self.provider == provider && self.browser.is_of(browser)
    }

    /// True if an answer that names `iss` may be the provider's, whose `issuers` those are: it names
    /// one of them, or none where none was promised (EXT-03, RFC 9207).
    #[must_use]
    pub fn is_from(&self, iss: Option<&str>, issuers: &[String]) -> bool {
        match iss {
            Some(iss) => issuers.iter().any(|it| it == iss),
            None => !self.names_issuer,
        }
    }
}

/// What a provider's answer is for the person: its code, or why there is none.
///
/// `WeChat` tells a refusal by a state without anything else.
pub fn answer(code: Option<String>, error: Option<&str>) -> Result<String, Denied> {
    match (error, code) {
        (Some("access_denied" | "user_cancelled_authorize" | "user_denied"), _) | (None, None) => {
            Err(Denied::Access)
        }
        (Some(_), _) => Err(Denied::Provider),
        (None, Some(code)) => Ok(code),
    }
}

/// True for what a client may want back: visible ASCII and blanks, at most 1024 (RFC 6749, A.5).
#[must_use]
pub fn is_state(text: &str) -> bool {
    (1..=1024).contains(&text.len()) && text.bytes().all(|it| matches!(it, 0x20..=0x7e))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// EXT-11: nothing of the provider's own words is passed on.
    #[rstest]
    #[case::a_code(Some("c"), None, Ok("c"))]
    #[case::wechat_said_no(None, None, Err(Denied::Access))]
    #[case::said_no(None, Some("access_denied"), Err(Denied::Access))]
    #[case::apple_said_no(None, Some("user_cancelled_authorize"), Err(Denied::Access))]
    #[case::failed(None, Some("server_error"), Err(Denied::Provider))]
    #[case::both(Some("c"), Some("<script>"), Err(Denied::Provider))]
    fn an_answer_is_a_code_or_a_reason(
        #[case] code: Option<&str>,
        #[case] error: Option<&str>,
        #[case] expected: Result<&str, Denied>,
    ) {
        let answered = answer(code.map(str::to_owned), error);
        assert_eq!(answered.as_deref(), expected.as_deref());
    }

    /// EXT-03: another issuer is another one, and a promise to name itself is kept.
    #[rstest]
    #[case::itself(false, Some("https://id.example"), true)]
    #[case::its_other_name(true, Some("id.example"), true)]
    #[case::another(false, Some("https://id.example/"), false)]
    #[case::nobody(false, None, true)]
    #[case::nobody_where_promised(true, None, false)]
    fn an_answer_comes_from_whoever_was_asked(
        #[case] names_issuer: bool,
        #[case] iss: Option<&str>,
        #[case] expected: bool,
    ) {
        let flow = Flow {
            provider: ProviderName::parse("oidc").unwrap(),
            browser: Challenge::new([1; 32]),
            names_issuer,
            nonce: String::new(),
            verifier: String::new(),
            client_id: String::new(),
            redirect_uri: String::new(),
            challenge: Challenge::new([2; 32]),
            scope: Scopes::all(),
            client_nonce: None,
            state: None,
        };
        let issuers = ["https://id.example".to_owned(), "id.example".to_owned()];
        assert_eq!(flow.is_from(iss, &issuers), expected);
        let no_issuer = flow.is_from(iss, &[]);
        assert_eq!(no_issuer, iss.is_none() && !names_issuer);
    }

    #[rstest]
    #[case("xyz", true)]
    #[case("a b~", true)]
    #[case("", false)]
    #[case("a\nb", false)]
    #[case("名", false)]
    fn a_state_can_be_handed_back(#[case] text: &str, #[case] is_good: bool) {
        assert_eq!(is_state(text), is_good);
    }
}
