//! `PUT /v1/me/password`: a first password, or another one.

use actix_web::web;
use application::authenticate::Access;
use application::password::{SetPassword, set_password};
use domain::password::PasswordAttempt;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::bearer::Bearer;
use crate::credential::PASSWORD;
use crate::edge::ClientIp;
use crate::json::Json;
use crate::metrics;
use crate::problem::{PasswordField as _, Problem};
use crate::shapes::{AdmissionBody, origin};

/// A password to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordRequest)]
pub(crate) struct Request {
    /// The password that is set now. Without it a first password, or a fresh proof, is needed.
    current_password: Option<String>,
    /// The new one.
    new_password: String,
}

/// Sets the password. The session goes on under a new token; all others end.
#[utoipa::path(
    put, path = "/v1/me/password", operation_id = "set_password", tag = "Me",
    security(("bearer" = [])),
    request_body = Request,
    responses(
        (status = 200, description = "The session under its new token.", body = AdmissionBody),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 429, response = crate::openapi::Throttled),
    ),
)]
pub(crate) async fn put(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
    Json(request): Json<Request>,
) -> Result<web::Json<AdmissionBody>, Problem> {
    let current = request.current_password.as_deref().map(PasswordAttempt::parse).transpose();
    let wanted = SetPassword {
        current: current.map_err(|it| Problem::password(it, "current_password"))?,
        new: request.new_password,
        origin: origin(ip.0, None)?,
    };
    let caller = bearer.caller(&app, Access::Complete).await?;
    let shows = wanted.current.is_some();
    let mut came = set_password(&app.ports, &caller, wanted).await.password_in("new_password");
    if shows {
        came = metrics::counted("password_change", PASSWORD, came);
    }
    let admission = came?;
    Ok(web::Json(AdmissionBody::new(&app, &admission)))
}
