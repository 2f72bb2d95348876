//! WeChat: website, official account, mobile app and mini program, each a registration of its own.
//!
//! Sources: the open platform's manual; see `docs/providers.md` for what was checked where.

use std::sync::Arc;

use async_trait::async_trait;
use domain::provider::{ProviderAccount, ProviderKind, ProviderTokens, ThirdPartyId};
use ports::clock::Clock;
use ports::identity_provider::{Authorization, Way};
use secrecy::{ExposeSecret as _, SecretString};

use crate::adapter::{Code, Token, Vendor};
use crate::address::{join, with_query};
use crate::answer::{Answer, end};
use crate::client::{Call, Client};
use crate::failure::{Class, Failure};

pub(crate) const AUTHORIZE: &str = "https://open.weixin.qq.com";
pub(crate) const API: &str = "https://api.weixin.qq.com";

/// Where a person meets the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// A website, by QR code.
    Website,
    /// A page inside `WeChat`: an official account.
    Page,
    /// A mobile app, by the SDK.
    App,
    /// A mini program.
    Mini,
}

impl Surface {
    /// The ways in of a surface.
    pub(crate) fn ways(self) -> Vec<Way> {
        match self {
            Self::Website | Self::Page => vec![Way::Browser, Way::Code, Way::Token],
            Self::App => vec![Way::Code, Way::Token],
            Self::Mini => vec![Way::Code],
        }
    }
}

pub(crate) struct WeChat {
    pub(crate) surface: Surface,
    pub(crate) app_id: String,
    pub(crate) app_secret: SecretString,
    pub(crate) authorize_url: String,
    pub(crate) api_url: String,
    /// Where unionids are unique: the open-platform account.
    pub(crate) platform: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Vendor for WeChat {
    async fn authorize(&self, _: &Client, asked: &Authorization) -> Result<String, Failure> {
        let (path, scope) = match self.surface {
            Surface::Website => ("/connect/qrconnect", "snsapi_login"),
            Surface::Page => ("/connect/oauth2/authorize", "snsapi_userinfo"),
            Surface::App | Surface::Mini => return Err(Failure::unsupported()),
        };
        // The order is WeChat's: the page inside the app compares the link with it.
        let query = [
            ("appid", self.app_id.as_str()),
            ("redirect_uri", &asked.redirect_uri),
            ("response_type", "code"),
            ("scope", scope),
            ("state", &asked.state),
        ];
        Ok(format!("{}#wechat_redirect", with_query(&join(&self.authorize_url, path), &query)))
    }

    async fn by_code(&self, client: &Client, code: Code<'_>) -> Result<ProviderAccount, Failure> {
        let (path, code_name) = match self.surface {
            Surface::Mini => ("/sns/jscode2session", "js_code"),
            _ => ("/sns/oauth2/access_token", "code"),
        };
        let query = [
            ("appid", self.app_id.as_str()),
            ("secret", self.app_secret.expose_secret()),
            (code_name, code.text),
            ("grant_type", "authorization_code"),
        ];
        let call = Call::get(&join(&self.api_url, path), &query).spends();
        let given = client.ask(call, judge_exchange).await?;
        let openid = self.openid(&given)?;
        if self.surface == Surface::Mini {
            // What a mini program's code gives opens nothing, and no profile comes with it.
            given.token("session_key")?;
            return Ok(self.account(openid, &given, None));
        }
        // A virtual account, which WeChat shows in previews.
        if given.number("is_snapshotuser") == Some(1) {
            return Err(Failure::new(Class::UserBlocked, "snapshot_user"));
        }
        let tokens = ProviderTokens {
            access_token: given.token("access_token")?,
            refresh_token: given.token("refresh_token").ok(),
            expires_at: given.end("expires_in", self.clock.now()),
        };
        let about = self.userinfo(client, &tokens.access_token, openid.subject()).await?;
        let mut account = self.account(openid, &about, Some(tokens));
        if account.ids.len() == 1 {
            // Older answers name the unionid here alone.
            account.ids.extend(self.unionid(&given));
        }
        Ok(account)
    }

    /// The pair proves that the token is alive and whose openid it has. It does not tell whose app:
    /// but an openid of another app is none of ours, and a unionid, which is, is not looked at.
    async fn by_token(
        &self,
        client: &Client,
        token: Token<'_>,
    ) -> Result<ProviderAccount, Failure> {
        let posted = token.openid.unwrap_or_default();
        let query = [("access_token", token.text), ("openid", posted)];
        client.ask(Call::get(&join(&self.api_url, "/sns/auth"), &query), judge_token).await?;
        let about = self.userinfo(client, token.text, posted).await?;
        let openid = self.openid(&about)?;
        let tokens = ProviderTokens {
            access_token: token.text.to_owned().into(),
            refresh_token: token.refresh.map(|it| it.to_owned().into()),
            expires_at: end(token.expires_in, self.clock.now()),
        };
        let mut account = self.account(openid, &about, Some(tokens));
        account.ids.truncate(1);
        Ok(account)
    }
}

impl WeChat {
    /// Asks who an openid is; the answer must be about the same one.
    async fn userinfo(
        &self,
        client: &Client,
        token: &str,
        openid: &str,
    ) -> Result<Answer, Failure> {
        let query = [("access_token", token), ("openid", openid), ("lang", "zh_CN")];
        let call = Call::get(&join(&self.api_url, "/sns/userinfo"), &query);
        let about = client.ask(call, judge_token).await?;
        if self.openid(&about)?.subject() == openid { Ok(about) } else { Err(Failure::mismatch()) }
    }

    fn openid(&self, answer: &Answer) -> Result<ThirdPartyId, Failure> {
        answer.id(ProviderKind::WeChat, &self.app_id, "openid")
    }

    fn unionid(&self, answer: &Answer) -> Option<ThirdPartyId> {
        let namespace = crate::settings::union(self.platform.as_deref()?);
        answer.id(ProviderKind::WeChat, &namespace, "unionid").ok()
    }

    fn account(
        &self,
        openid: ThirdPartyId,
        about: &Answer,
        tokens: Option<ProviderTokens>,
    ) -> ProviderAccount {
        let mut ids = vec![openid];
        ids.extend(self.unionid(about));
        ProviderAccount {
            ids,
            nickname: about.text_of("nickname"),
            avatar_url: about.picture(&["headimgurl"]),
            tokens,
            spent: None,
        }
    }
}

/// Errors of calls that carry our secret.
fn judge_exchange(answer: &Answer) -> Option<Failure> {
    judge(answer, |code| (code == 40001).then_some(Class::Misconfig))
}

/// Errors of calls that carry the user's token.
fn judge_token(answer: &Answer) -> Option<Failure> {
    // At `sns/auth` and `sns/userinfo` an openid that does not fit is somebody's try.
    judge(answer, |code| (code == 40003).then_some(Class::WrongApp))
}

fn judge(answer: &Answer, here: fn(i64) -> Option<Class>) -> Option<Failure> {
    let code = answer.number("errcode").filter(|it| *it != 0)?;
    let class = here(code).unwrap_or(match code {
        40029 | 40163 | 42003 | 41008 => Class::BadCode,
        50002 | 40226 => Class::UserBlocked,
        48001 | 50001 | 40013 | 40125 | 41002 | 41004 | 40164 => Class::Misconfig,
        45009 | 45011 => Class::RateLimited,
        -1 => Class::Busy,
        _ => Class::BadToken,
    });
    Some(Failure::told(class, &code.to_string()))
}
