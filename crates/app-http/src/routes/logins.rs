//! `GET /v1/me/logins`: who came in, or tried to, how and from where.

use actix_web::web;
use application::authenticate::Access;
use application::logins::list_logins;
use domain::Timestamp;
use domain::event::Login;
use domain::id::EventId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::bearer::Bearer;
use crate::problem::{FieldCode, Problem};
use crate::query::Query;

/// Logins of a page where the client does not say.
const USUAL: u32 = 20;
/// The most logins of a page.
const MOST: u32 = 100;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Request {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// A page of the history, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Logins)]
pub(crate) struct Answer {
    logins: Vec<Item>,
    /// Where the next page begins; `null` on the last one.
    #[schema(required)]
    next_cursor: Option<Uuid>,
}

/// One login, or the attempt of one.
#[derive(Serialize, ToSchema)]
#[schema(as = Login)]
struct Item {
    /// When (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How: `sms`, `email`, `password`, `carrier`, or the name of a provider.
    method: String,
    /// `success`, `failure`, or `locked`: a failure after which the account waits.
    outcome: &'static str,
    /// From which address.
    ip: String,
    /// The device's name, as the client gave it.
    #[schema(required)]
    device_name: Option<String>,
}

impl From<Login> for Item {
    fn from(login: Login) -> Self {
        Self {
            at: login.at,
            method: login.method.as_str().to_owned(),
            outcome: login.outcome.as_str(),
            ip: login.origin.ip.to_string(),
            device_name: login.origin.device.name,
        }
    }
}

/// Lists the caller's logins.
#[utoipa::path(
    get, path = "/v1/me/logins", operation_id = "list_logins", tag = "Me",
    security(("bearer" = [])),
    params(Request),
    responses(
        (status = 200, description = "A page of the history.", body = Answer),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 422, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn get(
    app: web::Data<App>,
    bearer: Bearer,
    Query(request): Query<Request>,
) -> Result<web::Json<Answer>, Problem> {
    let after = match request.cursor.as_deref().map(Uuid::parse_str) {
        Some(Ok(id)) => Some(EventId::from_uuid(id)),
        Some(Err(_)) => return Err(Problem::field("cursor", FieldCode::Invalid)),
        None => None,
    };
    let limit = match request.limit.as_deref().map(str::parse::<u32>) {
        Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
        Some(_) => return Err(Problem::field("limit", FieldCode::Invalid)),
        None => USUAL,
    };
    let caller = bearer.caller(&app, Access::Complete).await?;
    let page = list_logins(&app.ports, &caller, after, limit).await?;
    Ok(web::Json(Answer {
        logins: page.logins.into_iter().map(Item::from).collect(),
        next_cursor: page.next.map(|it| *it.as_uuid()),
    }))
}
