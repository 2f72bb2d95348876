//! GitHub: errors with status 200, and an id that is a number and nobody else's ever.

use std::sync::Arc;

use async_trait::async_trait;
use domain::provider::{ProviderAccount, ProviderKind, ProviderTokens};
use ports::clock::Clock;
use ports::identity_provider::Authorization;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::adapter::{Code, Token, Vendor};
use crate::address::{escaped, join, with_query};
use crate::answer::{Answer, end};
use crate::client::{Call, Client};
use crate::failure::{Class, Failure};

pub(crate) const AUTHORIZE: &str = "https://github.com";
pub(crate) const API: &str = "https://api.github.com";
/// What callbacks of GitHub may be marked with.
const ISSUER: &str = "https://github.com/login/oauth";
/// An id is everybody's.
pub(crate) const NAMESPACE: &str = "github.com";

pub(crate) struct GitHub {
    pub(crate) app_id: String,
    pub(crate) app_secret: SecretString,
    pub(crate) authorize_url: String,
    pub(crate) api_url: String,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Vendor for GitHub {
    async fn authorize(&self, _: &Client, asked: &Authorization) -> Result<String, Failure> {
        // Without a scope the public profile can be read, which is all that is wanted.
        let query = [
            ("client_id", self.app_id.as_str()),
            ("redirect_uri", &asked.redirect_uri),
            ("state", &asked.state),
            ("code_challenge", &asked.code_challenge),
            ("code_challenge_method", "S256"),
        ];
        Ok(with_query(&join(&self.authorize_url, "/login/oauth/authorize"), &query))
    }

    async fn by_code(&self, client: &Client, code: Code<'_>) -> Result<ProviderAccount, Failure> {
        let mut form = vec![
            ("client_id", self.app_id.as_str()),
            ("client_secret", self.app_secret.expose_secret()),
            ("code", code.text),
        ];
        form.extend(code.redirect_uri.map(|it| ("redirect_uri", it)));
        form.extend(code.verifier.map(|it| ("code_verifier", it)));
        // The exchange is at the website, not at the API.
        let address = join(&self.authorize_url, "/login/oauth/access_token");
        let given = client.ask(Call::form(&address, &form).spends(), judge_exchange).await?;
        let tokens = ProviderTokens {
            access_token: given.token("access_token")?,
            refresh_token: given.token("refresh_token").ok(),
            expires_at: given.end("expires_in", self.clock.now()),
        };
        let call = Call::get(&join(&self.api_url, "/user"), &[]).bearer(&tokens.access_token);
        let about = client.ask(call, judge_user).await?;
        account(&about, tokens)
    }

    /// Any app's token opens `/user`; this tells whether it is ours (SDK-02).
    async fn by_token(
        &self,
        client: &Client,
        token: Token<'_>,
    ) -> Result<ProviderAccount, Failure> {
        let path = format!("/applications/{}/token", escaped(&self.app_id));
        let body = json!({"access_token": token.text});
        let call = Call::json(&join(&self.api_url, &path), &body)
            .basic(&self.app_id, self.app_secret.expose_secret());
        let checked = client.ask(call, judge_check).await?;
        let app = checked.table("app").ok_or_else(|| Failure::lacks("app"))?;
        if app.text_of("client_id").as_deref() != Some(self.app_id.as_str()) {
            return Err(Failure::wrong_app());
        }
        let about = checked.table("user").ok_or_else(Failure::nobody)?;
        let tokens = ProviderTokens {
            access_token: token.text.to_owned().into(),
            refresh_token: token.refresh.map(|it| it.to_owned().into()),
            expires_at: end(token.expires_in, self.clock.now()),
        };
        let account = account(&about, tokens)?;
        account.ids.iter().try_for_each(|it| token.is_of(it.subject()))?;
        Ok(account)
    }

    /// GitHub is no issuer of ID tokens, and names itself all the same (RFC 9207).
    fn issuers(&self) -> Vec<String> {
        vec![ISSUER.to_owned()]
    }
}

fn account(about: &Answer, tokens: ProviderTokens) -> Result<ProviderAccount, Failure> {
    Ok(ProviderAccount {
        ids: vec![about.id(ProviderKind::GitHub, NAMESPACE, "id")?],
        nickname: about.text_of("name").or_else(|| about.text_of("login")),
        avatar_url: about.text_of("avatar_url"),
        tokens: Some(tokens),
        spent: None,
    })
}

fn judge_exchange(answer: &Answer) -> Option<Failure> {
    let error = answer.text_of("error")?;
    let class = match error.as_str() {
        "incorrect_client_credentials"
        | "redirect_uri_mismatch"
        | "unsupported_grant_type"
        | "application_suspended" => Class::Misconfig,
        "slow_down" => Class::RateLimited,
        // Also `bad_verification_code`, and whatever a wrong PKCE verifier is called.
        _ => Class::BadCode,
    };
    Some(Failure::told(class, &error))
}

fn judge_user(answer: &Answer) -> Option<Failure> {
    match answer.status {
        401 => Some(Failure::new(Class::BadToken, "401")),
        403 => Some(Failure::new(Class::RateLimited, "403")),
        _ => None,
    }
}

fn judge_check(answer: &Answer) -> Option<Failure> {
    match answer.status {
        // Dead, or another app's: GitHub does not tell which.
        404 | 422 => Some(Failure::told(Class::BadToken, &answer.status.to_string())),
        401 => Some(Failure::new(Class::Misconfig, "401")),
        403 => Some(Failure::new(Class::RateLimited, "403")),
        _ => None,
    }
}
