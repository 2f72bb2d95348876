//! `/v1/me/identities`: the caller's ways in.

use actix_web::web;
use application::authenticate::Access;
use application::identities::{Shown, list_identities};
use domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::bearer::Bearer;
use crate::problem::Problem;

/// The caller's identities, the first linked first.
#[derive(Serialize, ToSchema)]
#[schema(as = Identities)]
pub(crate) struct Answer {
    identities: Vec<Item>,
}

/// One way in.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
struct Item {
    /// The identity's name.
    id: Uuid,
    /// `phone`, `email` or `username`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The identifier with its middle left out.
    #[schema(example = "138****8000")]
    identifier: String,
    /// How a third party calls its account; `null` for what is our own.
    #[schema(required)]
    display_name: Option<String>,
    /// When its owner proved it; `null` for a user name.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    verified_at: Option<Timestamp>,
    /// When it became the user's (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    linked_at: Timestamp,
    /// When it last logged in.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// From which address.
    #[schema(required)]
    last_ip: Option<String>,
}

impl From<Shown> for Item {
    fn from(Shown { identity, masked }: Shown) -> Self {
        Self {
            id: *identity.id.as_uuid(),
            kind: identity.kind.as_str(),
            identifier: masked,
            display_name: None,
            verified_at: identity.verified_at,
            linked_at: identity.linked_at,
            last_used_at: identity.last_used_at,
            last_ip: identity.last_ip.map(|it| it.to_string()),
        }
    }
}

/// Lists the caller's ways in.
#[utoipa::path(
    get, path = "/v1/me/identities", operation_id = "list_identities", tag = "Me",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The identities.", body = Answer),
        (status = 401, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn get(app: web::Data<App>, bearer: Bearer) -> Result<web::Json<Answer>, Problem> {
    let caller = bearer.caller(&app, Access::Session).await?;
    let identities = list_identities(&app.ports, &caller).await?;
    Ok(web::Json(Answer { identities: identities.into_iter().map(Item::from).collect() }))
}
