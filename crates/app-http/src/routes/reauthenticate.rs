//! `POST /v1/reauthenticate`: proves again who is calling.

use actix_web::web;
use application::authenticate::Access;
use application::reauthenticate::reauthenticate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::bearer::Bearer;
use crate::credential::{self, CredentialRequest};
use crate::edge::ClientIp;
use crate::json::{Json, Node};
use crate::metrics;
use crate::problem::Problem;
use crate::shapes::{AdmissionBody, origin};

/// A credential of the caller's own; a code must be of purpose `reauthenticate`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReauthenticateRequest)]
pub(crate) struct Request {
    /// What proves who it is.
    #[schema(value_type = CredentialRequest)]
    credential: Node,
}

/// Proves again who is calling. The session goes on under a new token.
#[utoipa::path(
    post, path = "/v1/reauthenticate", operation_id = "reauthenticate", tag = "Me",
    security(("bearer" = [])),
    request_body = Request,
    responses(
        (status = 200, description = "The session under its new token.", body = AdmissionBody),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 429, response = crate::openapi::Throttled),
    ),
)]
pub(crate) async fn post(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
    Json(request): Json<Request>,
) -> Result<web::Json<AdmissionBody>, Problem> {
    let credential = credential::read(request.credential, &app.ports)?;
    let origin = origin(ip.0, None)?;
    let caller = bearer.caller(&app, Access::Session).await?;
    let method = credential::name(&credential);
    let came = reauthenticate(&app.ports, &caller, credential, origin).await;
    let admission = metrics::counted("reauthenticate", method, came.map_err(Problem::from))?;
    Ok(web::Json(AdmissionBody::new(&app, &admission)))
}
