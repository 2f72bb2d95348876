//! `POST /v1/password-reset`: a new password by a code alone.

use actix_web::{HttpResponse, web};
use application::reset::{Reset, reset_password};
use domain::credential::{Credential, IdentityCredential};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::credential::{self, CredentialRequest};
use crate::edge::ClientIp;
use crate::json::{Json, Node};
use crate::metrics;
use crate::problem::{FieldCode, PasswordField as _, Problem};
use crate::shapes::origin;

/// A code of purpose `reset_password`, and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordResetRequest)]
pub(crate) struct Request {
    /// The code; no other type is taken.
    #[schema(value_type = CredentialRequest)]
    credential: Node,
    /// The new password.
    new_password: String,
}

/// Sets a new password. All sessions end, and a lock is lifted; nobody is logged in by it.
#[utoipa::path(
    post, path = "/v1/password-reset", operation_id = "reset_password", tag = "Log in",
    request_body = Request,
    responses(
        (status = 204, description = "The password is set."),
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
    let credential = credential::read(request.credential, &app.ports)?;
    let method = credential::name(&credential);
    let code = match credential {
        Credential::Identity(IdentityCredential::Code(it)) => it,
        Credential::Identity(_) | Credential::Password(_) => {
            return Err(Problem::field("credential.type", FieldCode::Invalid));
        }
    };
    let asked = Reset { code, new: request.new_password, origin: origin(ip.0, None)? };
    let came = reset_password(&app.ports, asked).await.password_in("new_password");
    metrics::counted("password_reset", method, came)?;
    Ok(HttpResponse::NoContent().finish())
}
