//! `POST /oauth2/introspect`: tells a client what a token of its own is good for (RFC 7662).

use actix_web::{HttpRequest, HttpResponse, web};
use application::oauth::inspect::{Inspected, introspect};
use serde::Serialize;
use utoipa::ToSchema;

use super::revoke::Request;
use super::shown;
use crate::app::App;
use crate::edge::ClientIp;
use crate::form::Form;
use crate::problem::RfcError;

/// What a token is good for; nothing but `active` where it is not.
#[derive(Serialize, ToSchema)]
#[schema(as = Introspection)]
pub(crate) struct Answer {
    /// Whether it is good for anything.
    active: bool,
    #[serde(flatten)]
    held: Option<Held>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ActiveToken)]
struct Held {
    /// The client whose it is.
    client_id: String,
    /// The person.
    sub: String,
    /// What the client may.
    scope: String,
    /// When it is over, as things stand.
    exp: i64,
    /// Who made it.
    iss: String,
    /// For whom.
    aud: String,
    /// `Bearer` for one that calls; absent for one that refreshes.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
}

/// Tells what a token is good for. Only a client that can prove itself may ask, and only for its own.
#[utoipa::path(
    post, path = "/oauth2/introspect", operation_id = "oauth_introspect", tag = "OAuth 2",
    request_body(content = Request, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What it is good for.", body = Answer),
        (status = 401, response = crate::openapi::RfcRefused),
    ),
)]
pub(crate) async fn post(
    app: web::Data<App>,
    ip: ClientIp,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, RfcError> {
    let form = form.once()?;
    let client = shown::client(&app, ip, &request, &form).await?;
    if client.is_public() {
        // Whoever only says who it is has not proven anything (RFC 7662, 2.1).
        return Err(RfcError::client());
    }
    let token = form.need("token", "A token is required.")?;
    let found = introspect(&app.ports, client, token).await?;
    let active = found.is_some();
    let held = found.as_ref().map(|it| held(&app, it));
    Ok(HttpResponse::Ok().json(Answer { active, held }))
}

fn held(app: &App, it: &Inspected) -> Held {
    Held {
        sub: it.signed_in.user.id.to_string(),
        scope: it.scope.to_string(),
        exp: it.expires_at.as_second(),
        iss: app.ports.policy.oauth.issuer.clone(),
        aud: it.client_id.as_str().to_owned(),
        client_id: it.client_id.as_str().to_owned(),
        token_type: it.is_access.then_some("Bearer"),
    }
}
