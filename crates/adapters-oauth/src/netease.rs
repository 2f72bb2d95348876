//! NetEase passport. Nothing in its answers names the app, so it takes codes alone (SDK-02).

use std::sync::Arc;

use async_trait::async_trait;
use domain::provider::{ProviderAccount, ProviderKind, ProviderTokens};
use ports::clock::Clock;
use ports::identity_provider::Authorization;
use secrecy::{ExposeSecret as _, SecretString};

use crate::adapter::{Code, Vendor};
use crate::address::{join, with_query};
use crate::answer::Answer;
use crate::client::{Call, Client};
use crate::failure::{Class, Failure};

pub(crate) const BASE: &str = "https://reg.163.com";
/// A user id is everybody's.
pub(crate) const NAMESPACE: &str = "reg.163.com";

pub(crate) struct NetEase {
    pub(crate) app_id: String,
    pub(crate) app_secret: SecretString,
    pub(crate) authorize_url: String,
    pub(crate) api_url: String,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Vendor for NetEase {
    async fn authorize(&self, _: &Client, asked: &Authorization) -> Result<String, Failure> {
        let query = [
            ("client_id", self.app_id.as_str()),
            ("redirect_uri", &asked.redirect_uri),
            ("response_type", "code"),
            ("state", &asked.state),
        ];
        Ok(with_query(&join(&self.authorize_url, "/open/oauth2/authorize.do"), &query))
    }

    async fn by_code(&self, client: &Client, code: Code<'_>) -> Result<ProviderAccount, Failure> {
        let form = [
            ("client_id", self.app_id.as_str()),
            ("client_secret", self.app_secret.expose_secret()),
            ("grant_type", "authorization_code"),
            ("code", code.text),
            ("redirect_uri", code.redirect_uri.unwrap_or_default()),
        ];
        let call = Call::form(&join(&self.api_url, "/open/oauth2/token.do"), &form).spends();
        let given = client.ask(call, judge).await?;
        let tokens = ProviderTokens {
            access_token: given.token("access_token")?,
            refresh_token: given.token("refresh_token").ok(),
            expires_at: given.end("expires_in", self.clock.now()),
        };
        let query = [("access_token", tokens.access_token.as_str())];
        let call = Call::get(&join(&self.api_url, "/open/oauth2/getUserInfo.do"), &query);
        let about = client.ask(call, judge).await?;
        Ok(ProviderAccount {
            ids: vec![about.id(ProviderKind::NetEase, NAMESPACE, "userId")?],
            // Absent where the person did not want to share it.
            nickname: about.text_of("username"),
            avatar_url: None,
            tokens: Some(tokens),
            spent: None,
        })
    }
}

/// Its errors are documented nowhere; these are those of RFC 6749.
fn judge(answer: &Answer) -> Option<Failure> {
    let error = answer.text_of("error").or_else(|| answer.text_of("error_code"))?;
    Some(Failure::told(rfc_6749(&error), &error))
}

/// What the errors of RFC 6749 mean.
pub(crate) fn rfc_6749(error: &str) -> Class {
    match error {
        "invalid_grant" => Class::BadCode,
        "invalid_client"
        | "unauthorized_client"
        | "invalid_scope"
        | "unsupported_grant_type"
        | "invalid_request"
        | "redirect_uri_mismatch" => Class::Misconfig,
        "temporarily_unavailable" | "server_error" => Class::Busy,
        "slow_down" => Class::RateLimited,
        _ => Class::BadToken,
    }
}
