//! Sina Weibo: one uid for all the world's apps, so whose token it is decides everything.

use std::sync::Arc;

use async_trait::async_trait;
use domain::provider::{ProviderAccount, ProviderKind, ProviderTokens};
use ports::clock::Clock;
use ports::identity_provider::Authorization;
use secrecy::{ExposeSecret as _, SecretString};

use crate::adapter::{Code, Token, Vendor};
use crate::address::{join, with_query};
use crate::answer::{Answer, end};
use crate::client::{Call, Client};
use crate::failure::{Class, Failure};

pub(crate) const BASE: &str = "https://api.weibo.com";
/// A uid is everybody's.
pub(crate) const NAMESPACE: &str = "weibo.com";

pub(crate) struct Weibo {
    /// Our appkeys; the first is the one that codes are exchanged for.
    pub(crate) app_ids: Vec<String>,
    pub(crate) app_secret: SecretString,
    pub(crate) authorize_url: String,
    pub(crate) api_url: String,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Vendor for Weibo {
    async fn authorize(&self, _: &Client, asked: &Authorization) -> Result<String, Failure> {
        let query = [
            ("client_id", self.app_id()),
            ("redirect_uri", &asked.redirect_uri),
            ("response_type", "code"),
            ("state", &asked.state),
        ];
        Ok(with_query(&join(&self.authorize_url, "/oauth2/authorize"), &query))
    }

    async fn by_code(&self, client: &Client, code: Code<'_>) -> Result<ProviderAccount, Failure> {
        let form = [
            ("client_id", self.app_id()),
            ("client_secret", self.app_secret.expose_secret()),
            ("grant_type", "authorization_code"),
            ("code", code.text),
            ("redirect_uri", code.redirect_uri.unwrap_or_default()),
        ];
        let call = Call::form(&join(&self.api_url, "/oauth2/access_token"), &form).spends();
        let given = client.ask(call, judge).await?;
        let uid = given.id(ProviderKind::Weibo, NAMESPACE, "uid")?;
        let tokens = ProviderTokens {
            access_token: given.token("access_token")?,
            refresh_token: given.token("refresh_token").ok(),
            expires_at: given.end("expires_in", self.clock.now()),
        };
        self.account(client, uid.subject(), tokens).await
    }

    async fn by_token(
        &self,
        client: &Client,
        token: Token<'_>,
    ) -> Result<ProviderAccount, Failure> {
        let form = [("access_token", token.text)];
        let call = Call::form(&join(&self.api_url, "/oauth2/get_token_info"), &form);
        let info = client.ask(call, judge).await?;
        let app_key = info.text_of("appkey").ok_or_else(|| Failure::lacks("appkey"))?;
        if !self.app_ids.contains(&app_key) {
            return Err(Failure::wrong_app());
        }
        if info.number("expire_in").is_none_or(|it| it <= 0) {
            return Err(Failure::new(Class::BadToken, "expired"));
        }
        let uid = info.id(ProviderKind::Weibo, NAMESPACE, "uid")?;
        token.is_of(uid.subject())?;
        let tokens = ProviderTokens {
            access_token: token.text.to_owned().into(),
            refresh_token: token.refresh.map(|it| it.to_owned().into()),
            expires_at: info
                .end("expire_in", self.clock.now())
                .or_else(|| end(token.expires_in, self.clock.now())),
        };
        self.account(client, uid.subject(), tokens).await
    }
}

impl Weibo {
    fn app_id(&self) -> &str {
        self.app_ids.first().map_or("", String::as_str)
    }

    /// Asks who a uid is; the answer must be about the same one.
    async fn account(
        &self,
        client: &Client,
        uid: &str,
        tokens: ProviderTokens,
    ) -> Result<ProviderAccount, Failure> {
        let query = [("access_token", tokens.access_token.as_str()), ("uid", uid)];
        let call = Call::get(&join(&self.api_url, "/2/users/show.json"), &query);
        let about = client.ask(call, judge).await?;
        let name = if about.member("idstr").is_some() { "idstr" } else { "id" };
        let id = about.id(ProviderKind::Weibo, NAMESPACE, name)?;
        if id.subject() != uid {
            return Err(Failure::mismatch());
        }
        Ok(ProviderAccount {
            ids: vec![id],
            nickname: about.text_of("screen_name"),
            avatar_url: about.picture(&["avatar_hd", "avatar_large", "profile_image_url"]),
            tokens: Some(tokens),
            spent: None,
        })
    }
}

fn judge(answer: &Answer) -> Option<Failure> {
    let Some(code) = answer.number("error_code").filter(|it| *it != 0) else {
        return answer.text_of("error").map(|it| Failure::told(Class::BadToken, &it));
    };
    let class = match code {
        21325 => Class::BadCode,
        21335 => Class::WrongApp,
        21321..=21324 | 21326 | 21328..=21330 | 21333 | 10016 | 10017 | 10021 => Class::Misconfig,
        10022..=10024 => Class::RateLimited,
        21331 | 10001 | 10002 | 10009..=10011 => Class::Busy,
        _ => Class::BadToken,
    };
    Some(Failure::told(class, &code.to_string()))
}
