//! Alipay: one gateway, every call and every answer signed with RSA2.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::provider::{ProviderAccount, ProviderKind, ProviderTokens, ThirdPartyId};
use domain::{Duration, Timestamp, later};
use ports::clock::Clock;
use ports::identity_provider::Authorization;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::adapter::{Code, Vendor};
use crate::address::{join, with_query};
use crate::answer::{Answer, Spelling};
use crate::client::{Call, Client};
use crate::failure::{Class, Failure};

pub(crate) const AUTHORIZE: &str = "https://openauth.alipay.com";
pub(crate) const API: &str = "https://openapi.alipay.com";
/// A user id is everybody's. No appid looks like this.
pub(crate) const EVERYBODY: &str = "user_id:";
/// Its clocks show the time of Shanghai.
const SHANGHAI: Duration = Duration::from_hours(8);

/// The two keys: ours signs, theirs verifies.
pub(crate) struct AlipayKeys {
    ours: KeyPair,
    theirs: Vec<u8>,
}

impl AlipayKeys {
    /// Reads our key: base64 as Alipay's tool gives it, or PEM; PKCS#8 or PKCS#1.
    pub(crate) fn private(text: &str) -> Option<KeyPair> {
        let bytes = Zeroizing::new(der(text)?);
        KeyPair::from_pkcs8(&bytes).or_else(|_| KeyPair::from_der(&bytes)).ok()
    }

    /// Reads Alipay's key: base64 or PEM.
    pub(crate) fn public(text: &str) -> Option<Vec<u8>> {
        let bytes = der(text)?;
        aws_lc_rs::rsa::PublicKey::from_der(&bytes).ok().map(|_| bytes)
    }

    pub(crate) const fn new(ours: KeyPair, theirs: Vec<u8>) -> Self {
        Self { ours, theirs }
    }

    /// Signs parameters: sorted, without the empty ones, as they are.
    fn sign(&self, pairs: &[(&str, &str)]) -> Result<String, Failure> {
        let mut sorted: Vec<_> = pairs.iter().filter(|(_, value)| !value.is_empty()).collect();
        sorted.sort_unstable();
        let sorted: Vec<_> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut signature = vec![0; self.ours.public_modulus_len()];
        self.ours
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                sorted.join("&").as_bytes(),
                &mut signature,
            )
            .map_err(|_| Failure::new(Class::Misconfig, "private_key"))?;
        Ok(STANDARD.encode(signature))
    }

    fn verify(&self, text: &str, signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.theirs);
        STANDARD.decode(signature).is_ok_and(|it| key.verify(text.as_bytes(), &it).is_ok())
    }
}

fn der(text: &str) -> Option<Vec<u8>> {
    let text = text.replace("\\n", "\n");
    let lines = text.lines().map(str::trim).filter(|it| !it.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).ok().filter(|it| !it.is_empty())
}

pub(crate) struct Alipay {
    pub(crate) app_id: String,
    pub(crate) keys: AlipayKeys,
    pub(crate) authorize_url: String,
    pub(crate) api_url: String,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Vendor for Alipay {
    async fn authorize(&self, _: &Client, asked: &Authorization) -> Result<String, Failure> {
        let query = [
            ("app_id", self.app_id.as_str()),
            ("scope", "auth_user"),
            ("redirect_uri", &asked.redirect_uri),
            ("state", &asked.state),
        ];
        Ok(with_query(&join(&self.authorize_url, "/oauth2/publicAppAuthorize.htm"), &query))
    }

    async fn by_code(&self, client: &Client, code: Code<'_>) -> Result<ProviderAccount, Failure> {
        let more = [("grant_type", "authorization_code"), ("code", code.text)];
        let given = self.call(client, "alipay.system.oauth.token", &more, true).await?;
        let ids = self.ids(&given)?;
        let tokens = ProviderTokens {
            access_token: given.token("access_token")?,
            refresh_token: given.token("refresh_token").ok(),
            expires_at: given.end("expires_in", self.clock.now()),
        };
        let more = [("auth_token", tokens.access_token.as_str())];
        let about = self.call(client, "alipay.user.info.share", &more, false).await?;
        // Both answers are about one person: where they name the same kind of id, it is the same.
        let said = self.ids(&about)?;
        let differs = |one: &ThirdPartyId, other: &ThirdPartyId| {
            one.namespace() == other.namespace() && one != other
        };
        if ids.iter().any(|it| said.iter().any(|other| differs(it, other)))
            || !ids.iter().any(|it| said.contains(it))
        {
            return Err(Failure::mismatch());
        }
        Ok(ProviderAccount {
            ids,
            nickname: about.text_of("nick_name"),
            avatar_url: about.picture(&["avatar"]),
            tokens: Some(tokens),
            spent: None,
        })
    }
}

impl Alipay {
    /// Every id: older apps are told the global one, newer ones their own.
    fn ids(&self, answer: &Answer) -> Result<Vec<ThirdPartyId>, Failure> {
        let id = |namespace: &str, name: &str| {
            answer.member(name).map(|_| answer.id(ProviderKind::Alipay, namespace, name))
        };
        let all = [id(EVERYBODY, "user_id"), id(&self.app_id, "open_id")];
        let all = all.into_iter().flatten().collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() { Err(Failure::nobody()) } else { Ok(all) }
    }

    /// Calls a method of the gateway, and gives what the signature of the answer covers.
    async fn call(
        &self,
        client: &Client,
        method: &str,
        more: &[(&str, &str)],
        spends: bool,
    ) -> Result<Answer, Failure> {
        let timestamp = timestamp(self.clock.now());
        let mut pairs = vec![
            ("app_id", self.app_id.as_str()),
            ("method", method),
            ("format", "JSON"),
            ("charset", "utf-8"),
            ("sign_type", "RSA2"),
            ("timestamp", &timestamp),
            ("version", "1.0"),
        ];
        pairs.extend_from_slice(more);
        let sign = self.keys.sign(&pairs)?;
        pairs.push(("sign", &sign));
        let call = Call::form(&join(&self.api_url, "/gateway.do"), &pairs);
        let answer = client.ask(if spends { call.spends() } else { call }, judge).await?;
        let name = format!("{}_response", method.replace('.', "_"));
        let covered = value_of(answer.text(), &name).ok_or_else(|| Failure::lacks("response"))?;
        let signature = answer.text_of("sign").ok_or_else(|| Failure::lacks("sign"))?;
        if !self.keys.verify(covered, &signature) {
            return Err(Failure::new(Class::Protocol, "bad_signature"));
        }
        Answer::read(answer.status, covered.as_bytes(), Spelling::Json)
            .ok_or_else(|| Failure::lacks("response"))
    }
}

/// The bytes of a member's value as they came. A text that looks like the member cannot deceive:
/// in it the quotation marks would be escaped.
fn value_of<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("\"{name}\""))?;
    let value = rest.trim_start().strip_prefix(':')?.trim_start();
    let mut values = serde_json::Deserializer::from_str(value).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    value.get(..values.byte_offset())
}

fn timestamp(now: Timestamp) -> String {
    let there = later(now, SHANGHAI).to_string().replace('T', " ");
    there.get(..19).unwrap_or(&there).to_owned()
}

/// The refusal stands at the top, or where the answer would.
fn judge(answer: &Answer) -> Option<Failure> {
    let methods =
        ["error_response", "alipay_system_oauth_token_response", "alipay_user_info_share_response"];
    let said = methods.iter().find_map(|it| answer.table(it))?;
    let code = said.text_of("code").filter(|it| it != "10000")?;
    let sub_code = said.text_of("sub_code").unwrap_or_default();
    let class = match (code.as_str(), sub_code.as_str()) {
        (_, "isv.code-invalid" | "isv.unmatched-app-id") => Class::BadCode,
        (
            _,
            "isv.refresh-token-invalid"
            | "isv.refresh-token-time-out"
            | "aop.invalid-auth-token"
            | "aop.auth-token-time-out",
        ) => Class::BadToken,
        ("20000", _) | (_, "isp.unknow-error" | "aop.unknow-error") => Class::Busy,
        ("40001" | "40002" | "40003" | "40006", _) => Class::Misconfig,
        _ => Class::BadToken,
    };
    let told = if sub_code.is_empty() { code } else { sub_code };
    Some(Failure::told(class, &told))
}

#[cfg(test)]
mod tests {
    use ports::testing::START;

    use super::*;

    #[test]
    fn the_clock_is_that_of_shanghai() {
        assert_eq!(timestamp(START), "2026-01-01 08:00:00");
    }

    #[test]
    fn the_signed_bytes_are_those_that_came() {
        let body = r#"{"a_response": {"nick":"\"a_response\":{}", "n" : 1.0} ,"sign":"x"}"#;
        assert_eq!(
            value_of(body, "a_response"),
            Some(r#"{"nick":"\"a_response\":{}", "n" : 1.0}"#)
        );
        assert_eq!(value_of(body, "b_response"), None);
        assert_eq!(value_of(r#"{"a_response":{"b":"#, "a_response"), None);
    }
}
