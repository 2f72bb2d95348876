//! `/v1/me/sessions`: where the caller is logged in, and ending that.

use actix_web::{HttpResponse, web};
use application::authenticate::Access;
use application::sessions::{Scope, end_session, end_sessions, list_sessions};
use domain::Timestamp;
use domain::id::SessionId;
use domain::session::Session;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::bearer::Bearer;
use crate::edge::ClientIp;
use crate::problem::{Code, FieldCode, Problem};
use crate::query::Query;
use crate::shapes::origin;

/// The caller's sessions, the last used first.
#[derive(Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(crate) struct Answer {
    sessions: Vec<Item>,
}

/// One of the caller's sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionItem)]
struct Item {
    /// The session's name; it opens nothing.
    id: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    /// How the user proved who they are.
    #[schema(value_type = Vec<String>, example = json!(["sms"]))]
    amr: [&'static str; 1],
    /// When it began (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Its last use that was written down.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    /// The address that it began at.
    ip: String,
    /// The device's name, as the client gave it.
    #[schema(required)]
    device_name: Option<String>,
}

impl Item {
    fn new(session: Session, current: SessionId) -> Self {
        Self {
            id: *session.id.as_uuid(),
            current: session.id == current,
            amr: [session.method.amr()],
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            ip: session.origin.ip.to_string(),
            device_name: session.origin.device.name,
        }
    }
}

/// Which sessions end together.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Together {
    /// `others`: all but this one; `all`: this one too.
    #[param(required, example = "others")]
    scope: Option<String>,
}

/// Lists where the caller is logged in.
#[utoipa::path(
    get, path = "/v1/me/sessions", operation_id = "list_sessions", tag = "Me",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The live sessions.", body = Answer),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn get(app: web::Data<App>, bearer: Bearer) -> Result<web::Json<Answer>, Problem> {
    let caller = bearer.caller(&app, Access::Complete).await?;
    let current = caller.signed_in.session.id;
    let sessions = list_sessions(&app.ports, &caller).await?;
    let sessions = sessions.into_iter().map(|it| Item::new(it, current)).collect();
    Ok(web::Json(Answer { sessions }))
}

/// Ends one session.
#[utoipa::path(
    delete, path = "/v1/me/sessions/{id}", operation_id = "end_session", tag = "Me",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The session's name.")),
    responses(
        (status = 204, description = "The session has ended."),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 404, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn delete_one(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = bearer.caller(&app, Access::Complete).await?;
    // A text that is no id names nothing.
    let id = Uuid::parse_str(&id).map_err(|_| Problem::new(Code::NotFound))?;
    end_session(&app.ports, &caller, SessionId::from_uuid(id), origin(ip.0, None)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends all other sessions, or all.
#[utoipa::path(
    delete, path = "/v1/me/sessions", operation_id = "end_sessions", tag = "Me",
    security(("bearer" = [])),
    params(Together),
    responses(
        (status = 204, description = "The sessions have ended."),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 422, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn delete(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
    Query(together): Query<Together>,
) -> Result<HttpResponse, Problem> {
    let scope = match together.scope.as_deref() {
        Some("others") => Scope::Others,
        Some("all") => Scope::All,
        Some(_) => return Err(Problem::field("scope", FieldCode::Invalid)),
        None => return Err(Problem::field("scope", FieldCode::Missing)),
    };
    let caller = bearer.caller(&app, Access::Complete).await?;
    end_sessions(&app.ports, &caller, scope, origin(ip.0, None)?).await?;
    Ok(HttpResponse::NoContent().finish())
}
