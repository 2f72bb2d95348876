//! Douyin: everything sits in `data`, and nothing names the app, so it takes codes alone (SDK-02).

use std::sync::Arc;

use async_trait::async_trait;
use domain::provider::{ProviderAccount, ProviderKind, ProviderTokens};
use ports::clock::Clock;
use ports::identity_provider::Authorization;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::adapter::{Code, Vendor};
use crate::address::{join, with_query};
use crate::answer::Answer;
use crate::client::{Call, Client};
use crate::failure::{Class, Failure};

pub(crate) const BASE: &str = "https://open.douyin.com";

pub(crate) struct Douyin {
    pub(crate) app_id: String,
    pub(crate) app_secret: SecretString,
    pub(crate) authorize_url: String,
    pub(crate) api_url: String,
    /// Where union ids are unique: the developer.
    pub(crate) platform: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Vendor for Douyin {
    async fn authorize(&self, _: &Client, asked: &Authorization) -> Result<String, Failure> {
        let query = [
            ("client_key", self.app_id.as_str()),
            ("response_type", "code"),
            ("scope", "user_info"),
            ("redirect_uri", &asked.redirect_uri),
            ("state", &asked.state),
        ];
        Ok(with_query(&join(&self.authorize_url, "/platform/oauth/connect/"), &query))
    }

    async fn by_code(&self, client: &Client, code: Code<'_>) -> Result<ProviderAccount, Failure> {
        let form = [
            ("client_key", self.app_id.as_str()),
            ("client_secret", self.app_secret.expose_secret()),
            ("code", code.text),
            ("grant_type", "authorization_code"),
        ];
        let call = Call::form(&join(&self.api_url, "/oauth/access_token/"), &form).spends();
        let given = data(&client.ask(call, judge).await?)?;
        let openid = given.id(ProviderKind::Douyin, &self.app_id, "open_id")?;
        let tokens = ProviderTokens {
            access_token: given.token("access_token")?,
            refresh_token: given.token("refresh_token").ok(),
            expires_at: given.end("expires_in", self.clock.now()),
        };
        let token = tokens.access_token.as_str();
        let body = json!({"access_token": token, "open_id": openid.subject()});
        let call = Call::json(&join(&self.api_url, "/oauth/userinfo/"), &body);
        let about = data(&client.ask(call.header("access-token", token), judge).await?)?;
        if about.id(ProviderKind::Douyin, &self.app_id, "open_id")? != openid {
            return Err(Failure::mismatch());
        }
        let union = self.platform.as_deref().and_then(|platform| {
            let namespace = crate::settings::union(platform);
            about.id(ProviderKind::Douyin, &namespace, "union_id").ok()
        });
        Ok(ProviderAccount {
            ids: std::iter::once(openid).chain(union).collect(),
            nickname: about.text_of("nickname"),
            avatar_url: about.picture(&["avatar"]),
            tokens: Some(tokens),
            spent: None,
        })
    }
}

fn data(answer: &Answer) -> Result<Answer, Failure> {
    answer.table("data").ok_or_else(|| Failure::lacks("data"))
}

fn judge(answer: &Answer) -> Option<Failure> {
    let code = answer.table("data")?.number("error_code").filter(|it| *it != 0)?;
    let class = match code {
        // The second is also what a code of another app is told.
        10007 | 10014 => Class::BadCode,
        10003 | 10013 | 10004 | 10002 | 10005 | 2_100_005 | 28_001_007 | 28_001_018
        | 29_002_002 => Class::Misconfig,
        10020 => Class::RateLimited,
        10001 | 28_001_005 | 28_001_006 => Class::Busy,
        _ => Class::BadToken,
    };
    Some(Failure::told(class, &code.to_string()))
}
