//! `POST /oauth2/revoke`: ends a token (RFC 7009).

use actix_web::{HttpRequest, HttpResponse, web};
use application::oauth::inspect::revoke;
use serde::Deserialize;
use utoipa::ToSchema;

use super::calling;
use crate::app::App;
use crate::edge::ClientIp;
use crate::form::Form;
use crate::shapes::origin;

/// What a client sends, here and to look at a token.
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenOfClient)]
#[expect(dead_code, reason = "the document's shape; a form is read member by member")]
pub(crate) struct Request {
    /// The token, of any kind.
    token: String,
    /// A hint that is not needed.
    token_type_hint: Option<String>,
    /// The client, where it does not prove itself by the header `Authorization: Basic`.
    client_id: Option<String>,
    /// Its secret, likewise.
    client_secret: Option<String>,
    /// A JWT that the client signed, instead of a secret.
    client_assertion: Option<String>,
    /// Its type.
    #[schema(example = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")]
    client_assertion_type: Option<String>,
}

/// Ends a token of the client's. A refresh token takes its access tokens along; a token that is
/// unknown or somebody else's is left as it is.
#[utoipa::path(
    post, path = "/oauth2/revoke", operation_id = "oauth_revoke", tag = "OAuth 2",
    request_body(content = Request, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It opens nothing any more."),
        (status = 401, response = crate::openapi::RfcRefused),
    ),
)]
pub(crate) async fn post(
    app: web::Data<App>,
    ip: ClientIp,
    request: HttpRequest,
    form: Form,
) -> HttpResponse {
    calling::answer(&app, ip, &request, form, async |client, form| {
        let token = form.need("token", "A token is required.")?;
        revoke(&app.ports, client, token, origin(ip.0, None)?).await?;
        Ok(HttpResponse::Ok().finish())
    })
    .await
}
