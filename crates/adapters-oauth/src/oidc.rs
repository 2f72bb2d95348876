//! `OpenID` Connect: any issuer by discovery. Google and Apple are the same with fixed addresses
//! and habits of their own.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Timestamp;
use domain::provider::{ProviderAccount, ProviderKind, ProviderTokens};
use ports::clock::Clock;
use ports::identity_provider::Authorization;
use secrecy::{ExposeSecret as _, SecretString};

use crate::adapter::{Code, Vendor};
use crate::address::{escaped, with_query};
use crate::answer::Answer;
use crate::apple::{AppleKey, name_of};
use crate::client::{Call, Client};
use crate::discovery::{Metadata, discover};
use crate::failure::{Class, Failure};
use crate::id_token::{Expected, IdToken, check};
use crate::kept::Kept;
use crate::keys::Keys;
use crate::netease::rfc_6749;

/// Where the addresses come from.
pub(crate) enum Source {
    /// The issuer says them.
    Discovered(Kept<Metadata>),
    /// We know them.
    Known(Arc<Metadata>),
}

/// What we prove ourselves with.
pub(crate) enum Secret {
    /// A text.
    Text(SecretString),
    /// A token that we sign ourselves.
    Apple(AppleKey),
}

/// What differs between issuers.
pub(crate) struct Habits {
    pub(crate) kind: ProviderKind,
    /// The scopes.
    pub(crate) scope: &'static str,
    /// More parameters of the address that a person is sent to.
    pub(crate) more: &'static [(&'static str, &'static str)],
    /// True if it takes PKCE.
    pub(crate) pkce: bool,
    /// See [`Expected::any_party`].
    pub(crate) any_party: bool,
    /// See [`Expected::hashed_nonce`].
    pub(crate) hashed_nonce: bool,
}

/// Any issuer.
pub(crate) const ANY: Habits = Habits {
    kind: ProviderKind::Oidc,
    scope: "openid profile",
    more: &[],
    pkce: true,
    any_party: false,
    hashed_nonce: false,
};

pub(crate) struct Oidc {
    /// The issuer's name, and other spellings of it.
    pub(crate) issuers: Vec<String>,
    /// Our client ids; the first is the one that codes are exchanged for.
    pub(crate) client_ids: Vec<String>,
    pub(crate) secret: Secret,
    pub(crate) source: Source,
    pub(crate) habits: Habits,
    pub(crate) keys: Keys,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Vendor for Oidc {
    async fn authorize(&self, client: &Client, asked: &Authorization) -> Result<String, Failure> {
        let metadata = self.metadata(client, self.clock.now()).await?;
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", self.client_id()),
            ("redirect_uri", &asked.redirect_uri),
            ("scope", self.habits.scope),
            ("state", &asked.state),
            ("nonce", &asked.nonce),
        ];
        if self.habits.pkce {
            query.push(("code_challenge", &asked.code_challenge));
            query.push(("code_challenge_method", "S256"));
        }
        query.extend(self.habits.more);
        Ok(with_query(&metadata.authorization_endpoint, &query))
    }

    async fn by_code(&self, client: &Client, code: Code<'_>) -> Result<ProviderAccount, Failure> {
        let now = self.clock.now();
        let metadata = self.metadata(client, now).await?;
        let call = self.exchange(&metadata, &code, now)?;
        let given = client.ask(call.spends(), judge).await?;
        let tokens = ProviderTokens {
            access_token: given.token("access_token")?,
            refresh_token: given.token("refresh_token").ok(),
            expires_at: given.end("expires_in", now),
        };
        let id_token = given.token("id_token")?;
        let expected = Expected {
            nonce: code.nonce,
            access_token: Some(&tokens.access_token),
            code: Some(code.text),
            ..self.expected()
        };
        let keys = (&self.keys, metadata.jwks_uri.as_str());
        let token = check(client, keys, &id_token, &expected, now).await?;
        let mut account = self.account(&token.claims)?;
        if let (Some(address), None) = (&metadata.userinfo_endpoint, &account.nickname) {
            self.ask_more(client, address, &tokens.access_token, &mut account).await?;
        }
        if account.nickname.is_none() && matches!(self.secret, Secret::Apple(_)) {
            account.nickname = code.user.and_then(name_of);
        }
        account.tokens = Some(tokens);
        Ok(account)
    }

    async fn by_id_token(
        &self,
        client: &Client,
        id_token: &str,
        nonce: Option<&str>,
    ) -> Result<ProviderAccount, Failure> {
        let now = self.clock.now();
        let metadata = self.metadata(client, now).await?;
        let expected = Expected { nonce, ..self.expected() };
        let keys = (&self.keys, metadata.jwks_uri.as_str());
        let IdToken { claims, spent } = check(client, keys, id_token, &expected, now).await?;
        if let Some(said) = claims.text_of("nonce") {
            // Whoever asked for the token knows what it is bound to; what stands in it is no proof.
            let is_copied = expected.hashed_nonce && said.len() == 64 && nonce == Some(&*said);
            if nonce.is_none() || is_copied {
                return Err(Failure::new(Class::BadToken, "nonce"));
            }
        }
        Ok(ProviderAccount { spent: Some(spent), ..self.account(&claims)? })
    }

    fn issuers(&self) -> Vec<String> {
        self.issuers.clone()
    }

    async fn names_issuer(&self, client: &Client) -> Result<bool, Failure> {
        Ok(self.metadata(client, self.clock.now()).await?.names_itself)
    }
}

impl Oidc {
    fn client_id(&self) -> &str {
        self.client_ids.first().map_or("", String::as_str)
    }

    async fn metadata(&self, client: &Client, now: Timestamp) -> Result<Arc<Metadata>, Failure> {
        let issuer = self.issuers.first().map_or("", String::as_str);
        match &self.source {
            Source::Known(metadata) => Ok(Arc::clone(metadata)),
            Source::Discovered(kept) => kept.get(now, |_| true, discover(client, issuer)).await,
        }
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            issuers: &self.issuers,
            audiences: &self.client_ids,
            any_party: self.habits.any_party,
            nonce: None,
            hashed_nonce: self.habits.hashed_nonce,
            access_token: None,
            code: None,
        }
    }

    fn exchange(
        &self,
        metadata: &Metadata,
        code: &Code<'_>,
        now: Timestamp,
    ) -> Result<Call, Failure> {
        let signed;
        let secret = match &self.secret {
            Secret::Text(text) => text.expose_secret(),
            Secret::Apple(key) => {
                signed = key.client_secret(self.client_id(), now)?;
                signed.as_str()
            }
        };
        let mut form = vec![("grant_type", "authorization_code"), ("code", code.text)];
        form.extend(code.redirect_uri.map(|it| ("redirect_uri", it)));
        form.extend(code.verifier.filter(|_| self.habits.pkce).map(|it| ("code_verifier", it)));
        if metadata.secret_in_form {
            form.extend([("client_id", self.client_id()), ("client_secret", secret)]);
            return Ok(Call::form(&metadata.token_endpoint, &form));
        }
        let (id, secret) = (escaped(self.client_id()), escaped(secret));
        Ok(Call::form(&metadata.token_endpoint, &form).basic(&id, &secret))
    }

    fn account(&self, claims: &Answer) -> Result<ProviderAccount, Failure> {
        let namespace = self.issuers.first().map_or("", String::as_str);
        Ok(ProviderAccount {
            ids: vec![claims.id(self.habits.kind, namespace, "sub")?],
            nickname: claims.text_of("name").or_else(|| claims.text_of("nickname")),
            avatar_url: claims.text_of("picture"),
            tokens: None,
            spent: None,
        })
    }

    /// Asks what the person is called; the answer must be about the same one (EXT-07).
    async fn ask_more(
        &self,
        client: &Client,
        address: &str,
        token: &str,
        account: &mut ProviderAccount,
    ) -> Result<(), Failure> {
        let about = client.ask(Call::get(address, &[]).bearer(token), judge).await?;
        let about = self.account(&about)?;
        if about.ids != account.ids {
            return Err(Failure::mismatch());
        }
        account.nickname = about.nickname;
        account.avatar_url = account.avatar_url.take().or(about.avatar_url);
        Ok(())
    }
}

fn judge(answer: &Answer) -> Option<Failure> {
    let error = answer.text_of("error")?;
    let class = match (rfc_6749(&error), answer.status) {
        (Class::BadToken, 403) => Class::Misconfig,
        (class, _) => class,
    };
    Some(Failure::told(class, &error))
}
