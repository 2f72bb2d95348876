//! `/v1/me`: who is calling, what they show of themselves, and leaving for good.

use actix_web::{HttpResponse, web};
use application::authenticate::Access;
use application::delete::delete as delete_account;
use application::profile::patch_profile;
use domain::profile::{AvatarUrl, Nickname, ProfileError, ProfilePatch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::bearer::Bearer;
use crate::edge::ClientIp;
use crate::json::{Json, nullable};
use crate::problem::Problem;
use crate::shapes::{SessionBody, UserBody, origin};

/// The caller.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub(crate) struct Answer {
    user: UserBody,
    session: SessionBody,
}

/// A change of the profile: what is absent stays, `null` clears.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProfilePatch)]
#[expect(clippy::option_option, reason = "absent stays, null clears")]
pub(crate) struct Request {
    /// 1 to 64 characters.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    nickname: Option<Option<String>>,
    /// An `https` address.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    avatar_url: Option<Option<String>>,
}

/// The user after the change.
#[derive(Serialize, ToSchema)]
#[schema(as = MyUser)]
pub(crate) struct Patched {
    user: UserBody,
}

/// Tells who is calling.
#[utoipa::path(
    get, path = "/v1/me", operation_id = "get_me", tag = "Me",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The caller and their session.", body = Answer),
        (status = 401, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn get(app: web::Data<App>, bearer: Bearer) -> Result<web::Json<Answer>, Problem> {
    let caller = bearer.caller(&app, Access::Session).await?;
    let user = UserBody::from(&caller.signed_in.user);
    Ok(web::Json(Answer { user, session: SessionBody::from(&caller.signed_in.session) }))
}

/// Changes nickname and avatar.
#[utoipa::path(
    patch, path = "/v1/me", operation_id = "patch_me", tag = "Me",
    security(("bearer" = [])),
    request_body = Request,
    responses(
        (status = 200, description = "The user after the change.", body = Patched),
        (status = 401, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn patch(
    app: web::Data<App>,
    bearer: Bearer,
    Json(request): Json<Request>,
) -> Result<web::Json<Patched>, Problem> {
    let refused = |it| Problem::profile(it, "");
    let patch = ProfilePatch {
        nickname: read(request.nickname.as_ref(), Nickname::parse).map_err(refused)?,
        avatar_url: read(request.avatar_url.as_ref(), AvatarUrl::parse).map_err(refused)?,
    };
    let caller = bearer.caller(&app, Access::Session).await?;
    let user = patch_profile(&app.ports, &caller, &patch).await?;
    Ok(web::Json(Patched { user: UserBody::from(&user) }))
}

/// Deletes the account. Its sessions end, and its ways in are free for others.
#[utoipa::path(
    delete, path = "/v1/me", operation_id = "delete_me", tag = "Me",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The account is deleted."),
        (status = 401, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn delete(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
) -> Result<HttpResponse, Problem> {
    let caller = bearer.caller(&app, Access::Session).await?;
    delete_account(&app.ports, &caller, origin(ip.0, None)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Reads what is set, and leaves alone what is absent or cleared.
#[expect(clippy::option_option, reason = "absent stays, null clears")]
fn read<T>(
    given: Option<&Option<String>>,
    parse: impl Fn(&str) -> Result<T, ProfileError>,
) -> Result<Option<Option<T>>, ProfileError> {
    given.map(|it| it.as_deref().map(&parse).transpose()).transpose()
}
