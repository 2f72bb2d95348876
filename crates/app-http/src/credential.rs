//! Credentials on the wire: one tagged object for every way in.
//!
//! A new type is a variant here and an arm in [`read`]; what comes after is the use case's.

use domain::credential::carrier::{CarrierCredential, CarrierToken, Question};
use domain::credential::code::{Code, CodeCredential};
use domain::credential::third_party::ProviderCredential;
use domain::credential::{Credential, IdentityCredential, PasswordCredential};
use domain::id::ChallengeId;
use domain::identifier::{Identifier, IdentifierError, IdentifierKind};
use domain::password::PasswordAttempt;
use domain::phone::PhoneNumber;
use domain::policy::Policy;
use domain::provider::{ProviderName, ProviderProof, Way};
use ports::Ports;
use ports::identity_provider::ProviderFacts;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::json::{Node, typed};
use crate::problem::{Code as ProblemCode, FieldCode, Problem};

/// The member that holds a credential.
const PARENT: &str = "credential.";

/// What proves who a person is.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = Credential)]
#[expect(dead_code, reason = "the document's shape; `read` reads each type by itself")]
pub(crate) enum CredentialRequest {
    /// A code that was sent.
    Code(CodeRequest),
    /// A password.
    Password(PasswordRequest),
    /// A provider's code.
    ProviderCode(ProviderCodeRequest),
    /// A provider's token.
    ProviderToken(ProviderTokenRequest),
    /// A provider's ID token.
    ProviderIdToken(ProviderIdTokenRequest),
    /// A carrier's token.
    CarrierToken(CarrierTokenRequest),
    /// A carrier's token and a number.
    CarrierMatch(CarrierMatchRequest),
}

/// A code that was sent to a phone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CodeCredential)]
pub(crate) struct CodeRequest {
    /// The challenge that it answers.
    challenge_id: String,
    /// The digits.
    #[schema(example = "042137")]
    code: String,
}

/// A password and whose it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordCredential)]
pub(crate) struct PasswordRequest {
    /// Phone number, e-mail address or user name.
    #[schema(example = "13800138000")]
    identifier: String,
    /// The password.
    password: String,
    /// The identifier's kind, found from the text when absent: `phone`, `email` or `username`.
    identity_type: Option<String>,
}

/// A code that a provider gave to the app or page.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProviderCodeCredential)]
pub(crate) struct ProviderCodeRequest {
    /// The provider's name, as `/v1/providers` lists it.
    #[schema(example = "wechat")]
    provider: String,
    /// The code.
    code: String,
    /// The address that it was issued for; required for `qq`, `weibo` and `netease`.
    redirect_uri: Option<String>,
    /// The PKCE verifier, where one was used.
    code_verifier: Option<String>,
}

/// A provider's token that the app holds.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProviderTokenCredential)]
pub(crate) struct ProviderTokenRequest {
    /// The provider's name.
    #[schema(example = "qq")]
    provider: String,
    /// The provider's access token.
    access_token: String,
    /// The provider's user id as text: compared with the provider's answer, never believed.
    openid: Option<String>,
    /// Seconds for which the token is good.
    expires_in: Option<u64>,
    /// The provider's refresh token.
    refresh_token: Option<String>,
}

/// An ID token that the app holds.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProviderIdTokenCredential)]
pub(crate) struct ProviderIdTokenRequest {
    /// The provider's name.
    #[schema(example = "google")]
    provider: String,
    /// The ID token; good once.
    id_token: String,
    /// The nonce that it must hold.
    nonce: Option<String>,
}

/// A carrier's token, for the number of the SIM.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CarrierTokenCredential)]
pub(crate) struct CarrierTokenRequest {
    /// The vendor whose SDK gave the token.
    #[schema(example = "aliyun")]
    vendor: String,
    /// The token, of 1 to 4096 printable ASCII characters; good once.
    token: String,
}

/// A carrier's token and a number: whether that is the SIM's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CarrierMatchCredential)]
pub(crate) struct CarrierMatchRequest {
    /// The vendor whose SDK gave the token.
    #[schema(example = "aliyun")]
    vendor: String,
    /// The token, of 1 to 4096 printable ASCII characters; good once.
    token: String,
    /// The number, in any spelling.
    #[schema(example = "13800138000")]
    phone: String,
}

/// Reads the member `credential`.
pub(crate) fn read(mut node: Node, ports: &Ports) -> Result<Credential, Problem> {
    if !matches!(node, Node::Object(_)) {
        return Err(Problem::field("credential", FieldCode::WrongType));
    }
    let kind = match node.take("type") {
        Some(Node::Text(it)) => it,
        Some(_) => return Err(Problem::field("credential.type", FieldCode::WrongType)),
        None => return Err(Problem::field("credential.type", FieldCode::Missing)),
    };
    let policy = &ports.policy;
    let identity = match kind.as_str() {
        "password" => return password(&typed(node, PARENT)?, policy).map(Credential::Password),
        "code" => IdentityCredential::Code(code(&typed(node, PARENT)?, policy)?),
        "provider_code" => provider_code(typed(node, PARENT)?, ports)?,
        "provider_token" => provider_token(typed(node, PARENT)?, ports)?,
        "provider_id_token" => provider_id_token(typed(node, PARENT)?, ports)?,
        "carrier_token" => carrier_token(&typed(node, PARENT)?, ports)?,
        "carrier_match" => carrier_match(&typed(node, PARENT)?, ports)?,
        _ => return Err(Problem::field("credential.type", FieldCode::Invalid)),
    };
    Ok(Credential::Identity(identity))
}

/// What the credential of a password is called.
pub(crate) const PASSWORD: &str = "password";

/// A credential's type, as on the wire.
pub(crate) const fn name(credential: &Credential) -> &'static str {
    match credential {
        Credential::Password(_) => PASSWORD,
        Credential::Identity(IdentityCredential::Code(_)) => "code",
        Credential::Identity(IdentityCredential::Carrier(it)) => match it.question {
            Question::Number => "carrier_token",
            Question::IsThis(_) => "carrier_match",
        },
        Credential::Identity(IdentityCredential::Provider(it)) => match it.proof {
            ProviderProof::Code { .. } => "provider_code",
            ProviderProof::Token { .. } => "provider_token",
            ProviderProof::IdToken { .. } => "provider_id_token",
        },
    }
}

fn code(request: &CodeRequest, policy: &Policy) -> Result<CodeCredential, Problem> {
    let code = Code::parse(&request.code, policy.codes.length)
        .map_err(|_| Problem::field("credential.code", FieldCode::Invalid))?;
    Ok(CodeCredential { challenge_id: ChallengeId::parse(&request.challenge_id), code })
}

fn carrier_token(
    request: &CarrierTokenRequest,
    ports: &Ports,
) -> Result<IdentityCredential, Problem> {
    carrier(&request.vendor, &request.token, Question::Number, ports)
}

fn carrier_match(
    request: &CarrierMatchRequest,
    ports: &Ports,
) -> Result<IdentityCredential, Problem> {
    let phone = PhoneNumber::parse(&request.phone, &ports.policy.phones)
        .map_err(|it| Problem::identifier(IdentifierError::Phone(it), "credential.phone"))?;
    carrier(&request.vendor, &request.token, Question::IsThis(phone), ports)
}

fn carrier(
    vendor: &str,
    token: &str,
    question: Question,
    ports: &Ports,
) -> Result<IdentityCredential, Problem> {
    let (vendor, _) = ports
        .carriers
        .get_key_value(vendor)
        .ok_or_else(|| Problem::field("credential.vendor", FieldCode::Invalid))?;
    let token = CarrierToken::parse(token)
        .map_err(|_| Problem::field("credential.token", FieldCode::Invalid))?;
    Ok(IdentityCredential::Carrier(CarrierCredential { vendor, token, question }))
}

fn provider_code(
    request: ProviderCodeRequest,
    ports: &Ports,
) -> Result<IdentityCredential, Problem> {
    let facts = provider(&request.provider, Way::Code, ports)?;
    if facts.needs_redirect_uri && request.redirect_uri.is_none() {
        return Err(Problem::field("credential.redirect_uri", FieldCode::Missing));
    }
    let proof = ProviderProof::Code {
        code: foreign(request.code, "credential.code")?.into(),
        redirect_uri: optional(request.redirect_uri, "credential.redirect_uri")?,
        code_verifier: optional(request.code_verifier, "credential.code_verifier")?.map(Into::into),
        nonce: None,
        user: None,
    };
    Ok(IdentityCredential::Provider(ProviderCredential { provider: facts.name, proof }))
}

fn provider_token(
    request: ProviderTokenRequest,
    ports: &Ports,
) -> Result<IdentityCredential, Problem> {
    let facts = provider(&request.provider, Way::Token, ports)?;
    if facts.needs_openid && request.openid.is_none() {
        return Err(Problem::field("credential.openid", FieldCode::Missing));
    }
    let proof = ProviderProof::Token {
        access_token: foreign(request.access_token, "credential.access_token")?.into(),
        openid: optional(request.openid, "credential.openid")?,
        expires_in: request.expires_in,
        refresh_token: optional(request.refresh_token, "credential.refresh_token")?.map(Into::into),
    };
    Ok(IdentityCredential::Provider(ProviderCredential { provider: facts.name, proof }))
}

fn provider_id_token(
    request: ProviderIdTokenRequest,
    ports: &Ports,
) -> Result<IdentityCredential, Problem> {
    let facts = provider(&request.provider, Way::IdToken, ports)?;
    let proof = ProviderProof::IdToken {
        id_token: foreign(request.id_token, "credential.id_token")?.into(),
        nonce: optional(request.nonce, "credential.nonce")?,
    };
    Ok(IdentityCredential::Provider(ProviderCredential { provider: facts.name, proof }))
}

/// A provider that is set up and offers a way. One that is switched off is known as well.
fn provider<'a>(name: &str, way: Way, ports: &'a Ports) -> Result<&'a ProviderFacts, Problem> {
    let known = ProviderName::parse(name).ok().and_then(|it| ports.providers.get(&it));
    let Some(provider) = known else {
        return Err(Problem::field("credential.provider", FieldCode::Invalid));
    };
    let facts = provider.adapter.facts();
    if !facts.ways.contains(&way) {
        return Err(Problem::field("credential.type", FieldCode::Invalid));
    }
    Ok(facts)
}

/// A text that goes on to somebody else: not empty, not endless, nothing that controls.
fn foreign(text: String, field: &'static str) -> Result<String, Problem> {
    let is_good = !text.is_empty() && text.len() <= 8192 && !text.contains(char::is_control);
    is_good.then_some(text).ok_or_else(|| Problem::field(field, FieldCode::Invalid))
}

fn optional(text: Option<String>, field: &'static str) -> Result<Option<String>, Problem> {
    text.map(|it| foreign(it, field)).transpose()
}

fn password(request: &PasswordRequest, policy: &Policy) -> Result<PasswordCredential, Problem> {
    let field = "credential.identifier";
    let kind = match &request.identity_type {
        Some(it) => Some(
            IdentifierKind::parse(it)
                .ok_or(Problem::field("credential.identity_type", FieldCode::Invalid))?,
        ),
        None => None,
    };
    let identifier = Identifier::parse(&request.identifier, kind, &policy.phones)
        .map_err(|it| Problem::identifier(it, field))?;
    if identifier.kind() == IdentifierKind::Username && !policy.ways.usernames {
        return Err(Problem::refused(ProblemCode::UsernameInvalid, field));
    }
    let password = PasswordAttempt::parse(&request.password)
        .map_err(|it| Problem::password(it, "credential.password"))?;
    Ok(PasswordCredential { identifier, password })
}
