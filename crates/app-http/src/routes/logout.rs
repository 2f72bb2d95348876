//! `POST /v1/logout`: ends the caller's session.

use actix_web::{HttpResponse, web};
use application::logout::logout;

use crate::app::App;
use crate::bearer::Bearer;
use crate::edge::ClientIp;
use crate::json::NoBody;
use crate::problem::Problem;
use crate::shapes::origin;

/// Ends this session.
#[utoipa::path(
    post, path = "/v1/logout", operation_id = "log_out", tag = "Me",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The session has ended."),
        (status = 401, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn post(
    app: web::Data<App>,
    bearer: Bearer,
    ip: ClientIp,
    _: NoBody,
) -> Result<HttpResponse, Problem> {
    logout(&app.ports, bearer.token()?, origin(ip.0, None)?).await?;
    Ok(HttpResponse::NoContent().finish())
}
