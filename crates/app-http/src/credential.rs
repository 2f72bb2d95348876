//! Credentials on the wire: one tagged object for every way in.
//!
//! A new type is a variant here and an arm in [`read`]; what comes after is the use case's.

use domain::credential::code::{Code, CodeCredential};
use domain::credential::{Credential, PasswordCredential};
use domain::id::ChallengeId;
use domain::identifier::{Identifier, IdentifierKind};
use domain::password::PasswordAttempt;
use domain::policy::Policy;
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

/// Reads the member `credential`.
pub(crate) fn read(mut node: Node, policy: &Policy) -> Result<Credential, Problem> {
    if !matches!(node, Node::Object(_)) {
        return Err(Problem::field("credential", FieldCode::WrongType));
    }
    let kind = match node.take("type") {
        Some(Node::Text(it)) => it,
        Some(_) => return Err(Problem::field("credential.type", FieldCode::WrongType)),
        None => return Err(Problem::field("credential.type", FieldCode::Missing)),
    };
    match kind.as_str() {
        "code" => code(&typed(node, PARENT)?, policy).map(Credential::Code),
        "password" => password(&typed(node, PARENT)?, policy).map(Credential::Password),
        _ => Err(Problem::field("credential.type", FieldCode::Invalid)),
    }
}

/// A credential's type, as on the wire.
pub(crate) const fn name(credential: &Credential) -> &'static str {
    match credential {
        Credential::Code(_) => "code",
        Credential::Password(_) => "password",
    }
}

fn code(request: &CodeRequest, policy: &Policy) -> Result<CodeCredential, Problem> {
    let code = Code::parse(&request.code, policy.codes.length)
        .map_err(|_| Problem::field("credential.code", FieldCode::Invalid))?;
    Ok(CodeCredential { challenge_id: ChallengeId::parse(&request.challenge_id), code })
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
    if identifier.kind() == IdentifierKind::Username && !policy.allow_username {
        return Err(Problem::refused(ProblemCode::UsernameInvalid, field));
    }
    let password = PasswordAttempt::parse(&request.password)
        .map_err(|it| Problem::password(it, "credential.password"))?;
    Ok(PasswordCredential { identifier, password })
}
