//! `POST /v1/register`: a new user with a user name and a password.

use actix_web::{HttpResponse, web};
use application::register::{Registration, register};
use domain::username::Username;
use serde::Deserialize;
use utoipa::ToSchema;

use super::login::Answer;
use crate::app::App;
use crate::credential::PASSWORD;
use crate::edge::ClientIp;
use crate::json::Json;
use crate::metrics;
use crate::problem::{Code, PasswordField as _, Problem};
use crate::shapes::{AdmissionBody, DeviceRequest, ProfileRequest, origin, profile};

/// A user name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RegisterRequest)]
pub(crate) struct Request {
    /// 3 to 32 letters, digits, dots, hyphens or underscores of one script.
    #[schema(example = "maple.leaf")]
    username: String,
    /// The password.
    password: String,
    /// What the user shows of themselves.
    profile: Option<ProfileRequest>,
    /// The device, for the list of sessions.
    device: Option<DeviceRequest>,
}

/// Registers with a user name, where the service has user names.
#[utoipa::path(
    post, path = "/v1/register", operation_id = "register", tag = "Log in",
    request_body = Request,
    responses(
        (status = 201, description = "A session of the new user.", body = Answer),
        (status = 404, response = crate::openapi::Refused),
        (status = 409, response = crate::openapi::Refused),
        (status = 429, response = crate::openapi::Throttled),
    ),
)]
pub(crate) async fn post(
    app: web::Data<App>,
    ip: ClientIp,
    Json(request): Json<Request>,
) -> Result<HttpResponse, Problem> {
    if !app.ports.policy.ways.usernames {
        return Err(Problem::new(Code::NotFound));
    }
    let username = Username::parse(&request.username)
        .ok()
        .filter(|it| !it.is_reserved())
        .ok_or(Problem::refused(Code::UsernameInvalid, "username"))?;
    let registration = Registration {
        username,
        password: request.password,
        profile: profile(request.profile)?,
        origin: origin(ip.0, request.device)?,
    };
    let came = register(&app.ports, registration).await.password_in("password");
    let admission = metrics::counted("register", PASSWORD, came)?;
    let body = AdmissionBody::new(&app, &admission);
    Ok(HttpResponse::Created().json(Answer::new(body, true)))
}
