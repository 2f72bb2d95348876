//! QQ Connect: JSON, JSONP or query strings by its mood, and numbers as text.

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

pub(crate) const BASE: &str = "https://graph.qq.com";

pub(crate) struct Qq {
    /// Our appids; the first is the one that codes are exchanged for.
    pub(crate) app_ids: Vec<String>,
    pub(crate) app_secret: SecretString,
    pub(crate) authorize_url: String,
    pub(crate) api_url: String,
    /// Where unionids are unique: the developer.
    pub(crate) platform: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Vendor for Qq {
    async fn authorize(&self, _: &Client, asked: &Authorization) -> Result<String, Failure> {
        let query = [
            ("response_type", "code"),
            ("client_id", self.app_id()),
            ("redirect_uri", &asked.redirect_uri),
            ("state", &asked.state),
            ("scope", "get_user_info"),
        ];
        Ok(with_query(&join(&self.authorize_url, "/oauth2.0/authorize"), &query))
    }

    async fn by_code(&self, client: &Client, code: Code<'_>) -> Result<ProviderAccount, Failure> {
        let query = [
            ("grant_type", "authorization_code"),
            ("client_id", self.app_id()),
            ("client_secret", self.app_secret.expose_secret()),
            ("code", code.text),
            ("redirect_uri", code.redirect_uri.unwrap_or_default()),
            ("fmt", "json"),
            ("need_openid", "1"),
        ];
        let call = Call::get(&join(&self.api_url, "/oauth2.0/token"), &query).loose().spends();
        let given = client.ask(call, judge).await?;
        let tokens = ProviderTokens {
            access_token: given.token("access_token")?,
            refresh_token: given.token("refresh_token").ok(),
            expires_at: given.end("expires_in", self.clock.now()),
        };
        self.account(client, tokens, None).await
    }

    async fn by_token(
        &self,
        client: &Client,
        token: Token<'_>,
    ) -> Result<ProviderAccount, Failure> {
        let tokens = ProviderTokens {
            access_token: token.text.to_owned().into(),
            refresh_token: token.refresh.map(|it| it.to_owned().into()),
            expires_at: end(token.expires_in, self.clock.now()),
        };
        self.account(client, tokens, Some(&token)).await
    }
}

impl Qq {
    fn app_id(&self) -> &str {
        self.app_ids.first().map_or("", String::as_str)
    }

    /// Asks whose token it is and of which app (SDK-02), then what the person is called.
    async fn account(
        &self,
        client: &Client,
        tokens: ProviderTokens,
        posted: Option<&Token<'_>>,
    ) -> Result<ProviderAccount, Failure> {
        let me = self.me(client, &tokens.access_token).await?;
        let app_id = me.text_of("client_id").ok_or_else(|| Failure::lacks("client_id"))?;
        if !self.app_ids.contains(&app_id) {
            return Err(Failure::wrong_app());
        }
        let openid = me.id(ProviderKind::Qq, &app_id, "openid")?;
        posted.map_or(Ok(()), |it| it.is_of(openid.subject()))?;
        let query = [
            ("access_token", tokens.access_token.as_str()),
            ("oauth_consumer_key", &app_id),
            ("openid", openid.subject()),
        ];
        let call = Call::get(&join(&self.api_url, "/user/get_user_info"), &query).loose();
        let about = client.ask(call, judge_about).await?;
        let unionid = self.platform.as_deref().and_then(|platform| {
            me.id(ProviderKind::Qq, &crate::settings::union(platform), "unionid").ok()
        });
        Ok(ProviderAccount {
            ids: std::iter::once(openid).chain(unionid).collect(),
            nickname: about.text_of("nickname"),
            avatar_url: about.picture(&["figureurl_qq_2", "figureurl_qq_1"]),
            tokens: Some(tokens),
            spent: None,
        })
    }

    /// Whose token it is. Without the right to unionids QQ refuses to be asked for them.
    async fn me(&self, client: &Client, token: &str) -> Result<Answer, Failure> {
        let address = join(&self.api_url, "/oauth2.0/me");
        let plain = [("access_token", token), ("fmt", "json")];
        if self.platform.is_some() {
            let union = [("access_token", token), ("unionid", "1"), ("fmt", "json")];
            match client.ask(Call::get(&address, &union).loose(), judge).await {
                Err(it) if it.code == "100048" => {}
                answered => return answered,
            }
        }
        client.ask(Call::get(&address, &plain).loose(), judge).await
    }
}

fn judge(answer: &Answer) -> Option<Failure> {
    // The manual has a third shape, `code=…&msg=…`, for errors of the exchange.
    let spelt_otherwise = || answer.member("msg").and(answer.number("code"));
    let code = answer.number("error").or_else(spelt_otherwise).filter(|it| *it != 0);
    let Some(code) = code else {
        // A word where a number belongs is a no as well.
        return answer
            .text_of("error")
            .filter(|it| it != "0")
            .map(|it| Failure::told(Class::BadToken, &it));
    };
    let class = match code {
        100_019 | 100_020 | 100_005 => Class::BadCode,
        100_031 | 100_048 | 100_000..=100_004 | 100_008..=100_012 => Class::Misconfig,
        100_017 | 100_018 | 100_021..=100_029 => Class::Busy,
        _ => Class::BadToken,
    };
    Some(Failure::told(class, &code.to_string()))
}

fn judge_about(answer: &Answer) -> Option<Failure> {
    judge(answer).or_else(|| match answer.number("ret") {
        Some(0) => None,
        Some(code @ (100_031 | 100_000..=100_012)) => {
            Some(Failure::told(Class::Misconfig, &code.to_string()))
        }
        Some(code) => Some(Failure::told(Class::BadToken, &code.to_string())),
        None => Some(Failure::lacks("ret")),
    })
}
