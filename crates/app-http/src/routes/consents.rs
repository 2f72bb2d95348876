//! `/v1/me/consents`: what the caller lets programs know.
//!
//! By a session alone: a token that another program holds is none, so that none of them agrees to
//! anything in the person's name.

use actix_web::{HttpResponse, web};
use application::authenticate::Access;
use application::oauth::consent::{give_consent, list_consents, withdraw_consent};
use domain::Timestamp;
use domain::oauth::consent::Consent;
use domain::oauth::scope::Scopes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::bearer::Bearer;
use crate::edge::ClientIp;
use crate::json::Json;
use crate::problem::{FieldCode, Problem};
use crate::shapes::origin;

/// The caller's consents, the last given first.
#[derive(Serialize, ToSchema)]
#[schema(as = Consents)]
pub(crate) struct Answer {
    consents: Vec<Item>,
}

/// What one program may know.
#[derive(Serialize, ToSchema)]
#[schema(as = Consent)]
pub(crate) struct Item {
    /// The program.
    client_id: String,
    /// All that was agreed to, with blanks between.
    #[schema(example = "openid phone")]
    scope: String,
    /// When the caller last agreed (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    granted_at: Timestamp,
}

impl From<Consent> for Item {
    fn from(it: Consent) -> Self {
        Self {
            client_id: it.client_id.as_str().to_owned(),
            scope: it.scope.to_string(),
            granted_at: it.granted_at,
        }
    }
}

/// What the caller agrees to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentRequest)]
pub(crate) struct Request {
    /// Of `openid`, `profile`, `phone`, `email`, with blanks between; may be empty.
    #[schema(example = "openid phone")]
    scope: String,
}

/// Lists what the caller lets programs know.
#[utoipa::path(
    get, path = "/v1/me/consents", operation_id = "list_consents", tag = "Me",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The consents.", body = Answer),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn get(app: web::Data<App>, bearer: Bearer) -> Result<web::Json<Answer>, Problem> {
    let caller = bearer.caller(&app, Access::Complete).await?;
    let consents = list_consents(&app.ports, &caller).await?;
    Ok(web::Json(Answer { consents: consents.into_iter().map(Item::from).collect() }))
}

/// Agrees to what a program asks. What was agreed to before stays; to take some of it back, take
/// all of it back first.
#[utoipa::path(
    put, path = "/v1/me/consents/{client_id}", operation_id = "give_consent", tag = "Me",
    security(("bearer" = [])),
    params(("client_id" = String, Path, description = "The program.")),
    request_body = Request,
    responses(
        (status = 200, description = "The consent as it is now.", body = Item),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 404, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn put(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
    client_id: web::Path<String>,
    Json(request): Json<Request>,
) -> Result<web::Json<Item>, Problem> {
    let scope = Scopes::parse_known(&request.scope);
    let scope = scope.map_err(|_| Problem::field("scope", FieldCode::Invalid))?;
    let caller = bearer.caller(&app, Access::Complete).await?;
    let from = origin(ip.0, None)?;
    let consent = give_consent(&app.ports, &caller, &client_id, scope, from).await?;
    Ok(web::Json(Item::from(consent)))
}

/// Takes a consent back. Codes, sessions and tokens that the program holds of the caller end.
#[utoipa::path(
    delete, path = "/v1/me/consents/{client_id}", operation_id = "withdraw_consent", tag = "Me",
    security(("bearer" = [])),
    params(("client_id" = String, Path, description = "The program.")),
    responses(
        (status = 204, description = "The program holds nothing of the caller."),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 404, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn delete(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
    client_id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = bearer.caller(&app, Access::Complete).await?;
    withdraw_consent(&app.ports, &caller, &client_id, origin(ip.0, None)?).await?;
    Ok(HttpResponse::NoContent().finish())
}
