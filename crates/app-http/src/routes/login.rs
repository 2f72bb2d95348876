//! `POST /v1/login`: logs in, and registers whoever comes for the first time.

use actix_web::{HttpResponse, web};
use application::fallback::or_send;
use application::login::{LoggedIn, Login, Newcomers, login};
use application::oauth::issue::{CodeRefusal, CodeRequest, IssuedCode, login_for_code};
use domain::credential::code::Purpose;
use domain::oauth::pkce::{Challenge, ChallengeError};
use domain::oauth::scope::{Scope, Scopes};
use domain::policy::Policy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::credential::{self, CredentialRequest};
use crate::edge::ClientIp;
use crate::fallback::{self, FallbackRequest};
use crate::json::{Json, Node};
use crate::problem::{Code, FieldCode, PasswordField as _, Problem};
use crate::routes::challenges;
use crate::shapes::{AdmissionBody, DeviceRequest, ProfileRequest, origin, profile};

/// A credential, and what a new user brings along.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoginRequest)]
pub(crate) struct Request {
    /// What proves who it is.
    #[schema(value_type = CredentialRequest)]
    credential: Node,
    /// The profile of a new user.
    profile: Option<ProfileRequest>,
    /// The password of a new user.
    password: Option<String>,
    /// True for an account of one's own where the number's account was unused for long and
    /// `extra_proof_required` was answered; the old account keeps its other ways in.
    new_account: Option<bool>,
    /// Where a code goes, in the same call, if the carrier proves nothing; beside a carrier's
    /// credential only.
    fallback: Option<FallbackRequest>,
    /// The device, for the list of sessions.
    device: Option<DeviceRequest>,
    /// Asks for a one-time code instead of a session, for a client to exchange.
    response: Option<ResponseRequest>,
}

/// A one-time code in place of a session, for a client that is ours or a partner's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoginResponse)]
pub(crate) struct ResponseRequest {
    /// Always `code`.
    #[schema(example = "code")]
    r#type: String,
    /// The client.
    client_id: String,
    /// Where the code goes; one that the client registered, byte for byte.
    redirect_uri: String,
    /// SHA-256 of the verifier, in base64url (PKCE).
    code_challenge: String,
    /// Always `S256`.
    #[schema(example = "S256")]
    code_challenge_method: String,
    /// What the client may know; `openid` when absent.
    scope: Option<String>,
    /// Comes back in the id token.
    nonce: Option<String>,
}

/// What a login is answered with.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = LoginAnswer)]
pub(crate) enum Given {
    /// A session.
    Session(Box<Answer>),
    /// A code, where one was asked for.
    Code(CodeAnswer),
}

/// A one-time code, for `/oauth2/token`.
#[derive(Serialize, ToSchema)]
#[schema(as = LoginCode)]
pub(crate) struct CodeAnswer {
    /// The code.
    code: String,
    /// Seconds for which it is good.
    #[schema(example = 60)]
    expires_in: u64,
}

/// A login that came in.
#[derive(Serialize, ToSchema)]
#[schema(as = LoggedIn)]
pub(crate) struct Answer {
    #[serde(flatten)]
    admission: AdmissionBody,
    /// True if the login registered its user.
    is_new_user: bool,
}

impl Given {
    fn code(IssuedCode { code, life }: IssuedCode) -> Self {
        Self::Code(CodeAnswer { code: code.reveal().to_owned(), expires_in: life.as_secs() })
    }

    fn session(app: &App, came: &LoggedIn) -> Self {
        let admission = AdmissionBody::new(app, &came.admission);
        Self::Session(Box::new(Answer::new(admission, came.is_new_user)))
    }
}

impl Answer {
    /// What the person gets to see.
    pub(crate) const fn new(admission: AdmissionBody, is_new_user: bool) -> Self {
        Self { admission, is_new_user }
    }
}

/// Logs in.
///
/// An unknown phone number registers in the same call: `profile` and `password` are applied to a
/// new user only, and are checked before the code is looked at.
#[utoipa::path(
    post, path = "/v1/login", operation_id = "log_in", tag = "Log in",
    request_body = Request,
    responses(
        (status = 200, description = "A session, or a code where one was asked for.", body = Given),
        (status = 202, description = "The carrier proved nothing, and a code is on its way.", body = challenges::Answer),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 429, response = crate::openapi::Throttled),
    ),
)]
pub(crate) async fn post(
    app: web::Data<App>,
    ip: ClientIp,
    Json(request): Json<Request>,
) -> Result<HttpResponse, Problem> {
    let response = request.response.map(|it| code_request(&app.ports.policy, it)).transpose()?;
    let origin = origin(ip.0, request.device)?;
    let credential = credential::read(request.credential, &app.ports)?;
    let fallback = fallback::read(request.fallback, &credential, Purpose::Login, &origin, &app)?;
    let asked = Login {
        credential,
        newcomer: Newcomers {
            profile: profile(request.profile)?,
            password: request.password,
            takes_dormant: request.new_account.unwrap_or(false),
        },
        origin,
    };
    let method = credential::name(&asked.credential);
    let came = match response {
        Some(response) => login_for_code(&app.ports, response, asked).await.map(Given::code),
        None => login(&app.ports, asked).await.map(|it| Given::session(&app, &it)),
    };
    let came = or_send(&app.ports, came, fallback).await.password_in("password");
    fallback::answer("login", method, came, |given| HttpResponse::Ok().json(given))
}

/// Reads what the login is to be answered with, before anything else of it is looked at.
fn code_request(policy: &Policy, asked: ResponseRequest) -> Result<CodeRequest, Problem> {
    let invalid = |it: &'static str| Problem::field(it, FieldCode::Invalid);
    if asked.r#type != "code" {
        return Err(invalid("response.type"));
    }
    let challenge = (Some(&*asked.code_challenge), Some(&*asked.code_challenge_method));
    let challenge = Challenge::parse(challenge.0, challenge.1).map_err(|it| match it {
        ChallengeError::Method => invalid("response.code_challenge_method"),
        ChallengeError::Missing | ChallengeError::Form => invalid("response.code_challenge"),
    })?;
    let scope = Scopes::parse(asked.scope.as_deref().unwrap_or(Scope::OpenId.as_str()));
    let scope = scope.map_err(|_| invalid("response.scope"))?;
    let (client_id, redirect_uri) = (&*asked.client_id, &*asked.redirect_uri);
    let checked =
        CodeRequest::check(policy, client_id, redirect_uri, challenge, scope, asked.nonce);
    checked.map_err(|it| match it {
        CodeRefusal::Client => Problem::new(Code::ClientNotAllowed),
        CodeRefusal::Redirect => Problem::new(Code::RedirectNotAllowed),
        CodeRefusal::Nonce => invalid("response.nonce"),
    })
}
