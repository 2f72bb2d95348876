//! `POST /v1/login`: logs in, and registers whoever comes for the first time.

use actix_web::{HttpResponse, web};
use application::fallback::{Outcome, or_send};
use application::login::{Login, Newcomers, login};
use domain::credential::code::Purpose;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::credential::{self, CredentialRequest};
use crate::edge::ClientIp;
use crate::fallback::{self, FallbackRequest};
use crate::json::{Json, Node};
use crate::metrics;
use crate::problem::{FieldCode, PasswordField as _, Problem};
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
    /// Asks for a one-time code instead of a session; not built yet.
    #[schema(ignore)]
    response: Option<Node>,
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
        (status = 200, description = "A session.", body = Answer),
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
    if request.response.is_some() {
        return Err(Problem::field("response", FieldCode::Invalid));
    }
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
    let came = login(&app.ports, asked).await;
    let came = or_send(&app.ports, came, fallback).await.password_in("password");
    let came = match came {
        Ok(Outcome::Sent { sent, instead_of }) => {
            metrics::tried(method, Some(&instead_of.into()));
            return Ok(fallback::sent(sent));
        }
        Ok(Outcome::Done(came)) => Ok(came),
        Err(problem) => Err(problem),
    };
    metrics::tried(method, came.as_ref().err());
    let came = came?;
    let admission = AdmissionBody::new(&app, &came.admission);
    Ok(HttpResponse::Ok().json(Answer::new(admission, came.is_new_user)))
}
