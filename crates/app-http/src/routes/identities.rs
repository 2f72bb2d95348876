//! `/v1/me/identities`: the caller's ways in, listed, linked and unlinked.

use actix_web::{HttpResponse, web};
use application::authenticate::Access;
use application::fallback::or_send;
use application::identities::{Shown, list_identities};
use application::link::{Link, link};
use application::unlink::unlink;
use domain::Timestamp;
use domain::credential::code::Purpose;
use domain::id::IdentityId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::bearer::Bearer;
use crate::credential::{self, CredentialRequest};
use crate::edge::ClientIp;
use crate::fallback::{self, FallbackRequest};
use crate::json::{Json, Node};
use crate::problem::{Code, FieldCode, Problem};
use crate::routes::challenges;
use crate::shapes::origin;

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
    /// `phone`, `email`, `username`, or the kind of provider, as `wechat`.
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
    fn from(Shown { identity, masked, display_name }: Shown) -> Self {
        Self {
            id: *identity.id.as_uuid(),
            kind: identity.kind.as_str(),
            identifier: masked,
            display_name,
            verified_at: identity.verified_at,
            linked_at: identity.linked_at,
            last_used_at: identity.last_used_at,
            last_ip: identity.last_ip.map(|it| it.to_string()),
        }
    }
}

/// A credential that proves the identity to be linked; a code must be of purpose `link`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LinkRequest)]
pub(crate) struct LinkRequest {
    /// What proves that it is the caller's.
    #[schema(value_type = CredentialRequest)]
    credential: Node,
    /// The phone or e-mail identity whose place it takes.
    replace: Option<String>,
    /// Where a code goes, in the same call, if the carrier proves nothing; beside a carrier's
    /// credential only.
    fallback: Option<FallbackRequest>,
}

/// An identity that is the caller's.
#[derive(Serialize, ToSchema)]
#[schema(as = Linked)]
pub(crate) struct LinkAnswer {
    identity: Item,
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

/// Links a way in, also in the place of another one.
#[utoipa::path(
    post, path = "/v1/me/identities", operation_id = "link_identity", tag = "Me",
    security(("bearer" = [])),
    request_body = LinkRequest,
    responses(
        (status = 200, description = "It was the caller's already.", body = LinkAnswer),
        (status = 201, description = "It is the caller's now.", body = LinkAnswer),
        (status = 202, description = "The carrier proved nothing, and a code is on its way.", body = challenges::Answer),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 404, response = crate::openapi::Refused),
        (status = 409, response = crate::openapi::Refused),
        (status = 429, response = crate::openapi::Throttled),
    ),
)]
pub(crate) async fn post(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
    Json(request): Json<LinkRequest>,
) -> Result<HttpResponse, Problem> {
    let replace = request.replace.as_deref().map(Uuid::parse_str).transpose();
    let origin = origin(ip.0, None)?;
    let credential = credential::read(request.credential, &app.ports)?;
    let fallback = fallback::read(request.fallback, &credential, Purpose::Link, &origin, &app)?;
    let asked = Link {
        credential,
        replace: replace
            .map_err(|_| Problem::field("replace", FieldCode::Invalid))?
            .map(IdentityId::from_uuid),
        origin,
    };
    let caller = bearer.caller(&app, Access::Session).await?;
    let method = credential::name(&asked.credential);
    let linked = link(&app.ports, &caller, asked).await;
    let came = or_send(&app.ports, linked, fallback).await.map_err(Problem::from);
    fallback::answer("link", method, came, |linked| {
        let body = LinkAnswer { identity: linked.identity.into() };
        if linked.is_new {
            HttpResponse::Created().json(body)
        } else {
            HttpResponse::Ok().json(body)
        }
    })
}

/// Unlinks a way in. The sessions born from it end, but this one goes on.
#[utoipa::path(
    delete, path = "/v1/me/identities/{id}", operation_id = "unlink_identity", tag = "Me",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The identity's name.")),
    responses(
        (status = 204, description = "It is nobody's now."),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 404, response = crate::openapi::Refused),
        (status = 409, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn delete(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = bearer.caller(&app, Access::Session).await?;
    // A text that is no id names nothing.
    let id = Uuid::parse_str(&id).map_err(|_| Problem::new(Code::NotFound))?;
    unlink(&app.ports, &caller, IdentityId::from_uuid(id), origin(ip.0, None)?).await?;
    Ok(HttpResponse::NoContent().finish())
}
