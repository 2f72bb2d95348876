//! `POST /v1/me/merge`: one account out of two.

use actix_web::web;
use application::authenticate::Access;
use application::identities::Shown;
use application::merge::{Merge, merge};
use domain::merge::ProfileFrom;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::bearer::Bearer;
use crate::credential::{self, CredentialRequest};
use crate::edge::ClientIp;
use crate::json::{Json, Node};
use crate::metrics;
use crate::problem::{FieldCode, Problem};
use crate::shapes::{UserBody, origin};

/// A credential of the other account; a code must be of purpose `merge`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MergeRequest)]
pub(crate) struct Request {
    /// What proves the other account.
    #[schema(value_type = CredentialRequest)]
    credential: Node,
    /// Whose profile stays: `this` (the default) or `other`.
    #[schema(example = "this")]
    profile_from: Option<String>,
    /// True for the plan alone; a code is still good afterwards.
    dry_run: Option<bool>,
}

/// What becomes of the other account's belongings.
#[derive(Serialize, ToSchema)]
#[schema(as = Merged)]
pub(crate) struct Answer {
    user: UserBody,
    /// What becomes the caller's.
    moved: Vec<Item>,
    /// What goes.
    dropped: Vec<Item>,
}

/// One of the other account's belongings.
#[derive(Serialize, ToSchema)]
#[schema(as = MergedItem)]
struct Item {
    /// The identity's type, or `password`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The identifier with its middle left out; `null` for a password.
    #[schema(required, example = "138****8000")]
    identifier: Option<String>,
}

impl From<Shown> for Item {
    fn from(Shown { identity, masked, .. }: Shown) -> Self {
        Self { kind: identity.kind.as_str(), identifier: Some(masked) }
    }
}

/// Takes another account of the same person into the caller's.
///
/// The other account's id means the caller's from then on, its sessions end, and its password
/// goes.
#[utoipa::path(
    post, path = "/v1/me/merge", operation_id = "merge_accounts", tag = "Me",
    security(("bearer" = [])),
    request_body = Request,
    responses(
        (status = 200, description = "One account, or the plan of it.", body = Answer),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 409, response = crate::openapi::Refused),
        (status = 429, response = crate::openapi::Throttled),
    ),
)]
pub(crate) async fn post(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
    Json(request): Json<Request>,
) -> Result<web::Json<Answer>, Problem> {
    let profile_from = match request.profile_from.as_deref() {
        None | Some("this") => ProfileFrom::This,
        Some("other") => ProfileFrom::Other,
        Some(_) => return Err(Problem::field("profile_from", FieldCode::Invalid)),
    };
    let asked = Merge {
        credential: credential::read(request.credential, &app.ports)?,
        profile_from,
        dry_run: request.dry_run.unwrap_or(false),
        origin: origin(ip.0, None)?,
    };
    let caller = bearer.caller(&app, Access::Session).await?;
    let method = credential::name(&asked.credential);
    let came = merge(&app.ports, &caller, asked).await.map_err(Problem::from);
    let merged = metrics::counted("merge", method, came)?;
    let password = Item { kind: "password", identifier: None };
    Ok(web::Json(Answer {
        user: UserBody::from(&merged.user),
        moved: merged.moved.into_iter().map(Item::from).collect(),
        dropped: merged.drops_password.then_some(password).into_iter().collect(),
    }))
}
