//! Sign in with Apple: `OpenID` Connect with addresses that are known, a secret that we sign, and a
//! name that comes once and beside everything else.

use std::sync::Arc;

use domain::provider::ProviderKind;
use domain::{Duration, Timestamp, later};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::address::join;
use crate::discovery::Metadata;
use crate::failure::{Class, Failure};
use crate::oidc::Habits;

pub(crate) const BASE: &str = "https://appleid.apple.com";
/// The second was seen in tokens by others; Apple documents the first.
pub(crate) const ISSUERS: [&str; 2] = ["https://appleid.apple.com", "https://account.apple.com"];
/// How long a secret of ours is good: Apple takes up to six months, one call needs a moment.
const SECRET_LIFE: Duration = Duration::from_mins(5);

pub(crate) const HABITS: Habits = Habits {
    kind: ProviderKind::Apple,
    scope: "name",
    // Compulsory as soon as a scope is asked for.
    more: &[("response_mode", "form_post")],
    pkce: false,
    any_party: false,
    hashed_nonce: true,
};

/// The addresses.
pub(crate) fn metadata(authorize_url: &str, api_url: &str) -> Arc<Metadata> {
    Arc::new(Metadata {
        authorization_endpoint: join(authorize_url, "/auth/authorize"),
        token_endpoint: join(api_url, "/auth/token"),
        jwks_uri: join(api_url, "/auth/keys"),
        userinfo_endpoint: None,
        secret_in_form: true,
        names_itself: false,
    })
}

/// The key that our client secrets are signed with.
pub(crate) struct AppleKey {
    team_id: String,
    key_id: String,
    key: EncodingKey,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    aud: &'a str,
    sub: &'a str,
}

impl AppleKey {
    /// Reads the key, as the `.p8` file has it; `None` if it cannot sign.
    pub(crate) fn read(team_id: &str, key_id: &str, pem: &str) -> Option<Self> {
        // An environment variable often has its line ends as `\n`.
        let pem = Zeroizing::new(pem.replace("\\n", "\n"));
        let key = EncodingKey::from_ec_pem(pem.trim().as_bytes()).ok()?;
        let it = Self { team_id: team_id.to_owned(), key_id: key_id.to_owned(), key };
        it.client_secret("probe", Timestamp::UNIX_EPOCH).ok().map(|_| it)
    }

    /// A secret for one call.
    pub(crate) fn client_secret(
        &self,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Zeroizing<String>, Failure> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key_id.clone());
        let claims = Claims {
            iss: &self.team_id,
            iat: now.as_second(),
            exp: later(now, SECRET_LIFE).as_second(),
            aud: BASE,
            sub: client_id,
        };
        jsonwebtoken::encode(&header, &claims, &self.key)
            .map(Zeroizing::new)
            .map_err(|_| Failure::new(Class::Misconfig, "private_key"))
    }
}

/// The name in the `user` parameter. Nothing signs it, so nothing but the name is taken from it.
pub(crate) fn name_of(user: &str) -> Option<String> {
    let user: Value = serde_json::from_str(user).ok()?;
    let name = user.get("name")?;
    let part = |part: &str| name.get(part).and_then(Value::as_str).map(str::trim);
    let whole = [part("firstName"), part("lastName")];
    let whole: Vec<&str> = whole.into_iter().flatten().filter(|it| !it.is_empty()).collect();
    (!whole.is_empty()).then(|| whole.join(" "))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"a@example.com"}"#,
        Some("Ada Lovelace")
    )]
    #[case(r#"{"name":{"firstName":"Ada","lastName":null}}"#, Some("Ada"))]
    #[case(r#"{"name":{"firstName":" "}}"#, None)]
    #[case(r#"{"email":"a@example.com"}"#, None)]
    #[case(r#"{"name":"#, None)]
    #[case("[]", None)]
    fn the_name_is_all_that_is_taken(#[case] user: &str, #[case] name: Option<&str>) {
        assert_eq!(name_of(user).as_deref(), name);
    }
}
