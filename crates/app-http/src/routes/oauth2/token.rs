//! `POST /oauth2/token`: exchanges codes and refreshes tokens.

use actix_web::{HttpRequest, HttpResponse, web};
use application::oauth::token::{Tokens, exchange, refresh};
use domain::oauth::client::Client;
use domain::oauth::scope::Scopes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::calling;
use crate::app::App;
use crate::edge::ClientIp;
use crate::form::{Form, Once};
use crate::problem::RfcError;
use crate::shapes::origin;

/// What a client sends.
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenRequest)]
#[expect(dead_code, reason = "the document's shape; a form is read member by member")]
pub(crate) struct Request {
    /// `authorization_code` or `refresh_token`.
    #[schema(example = "authorization_code")]
    grant_type: String,
    /// The code.
    code: Option<String>,
    /// Where the code went.
    redirect_uri: Option<String>,
    /// The secret of the code's challenge (PKCE).
    code_verifier: Option<String>,
    /// The refresh token.
    refresh_token: Option<String>,
    /// Less than what was granted, at a refresh.
    scope: Option<String>,
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

/// What a client gets.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct Answer {
    /// The session's token for a client of ours, a short one for others.
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until it is good for nothing; a session's end is pushed on by use.
    #[schema(example = 600)]
    expires_in: u64,
    /// For the next one, good once; absent for a client of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Who the person is, where `openid` was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    /// What was granted.
    scope: String,
}

/// Exchanges a code, or refreshes.
#[utoipa::path(
    post, path = "/oauth2/token", operation_id = "oauth_token", tag = "OAuth 2",
    request_body(content = Request, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Tokens.", body = Answer),
        (status = 400, response = crate::openapi::RfcRefused),
        (status = 401, response = crate::openapi::RfcRefused),
        (status = 429, response = crate::openapi::RfcRefused),
    ),
)]
pub(crate) async fn post(
    app: web::Data<App>,
    ip: ClientIp,
    request: HttpRequest,
    form: Form,
) -> HttpResponse {
    calling::answer(&app, ip, &request, form, async |client, form| {
        let tokens = match form.need("grant_type", "A grant_type is required.")? {
            "authorization_code" => by_code(&app, ip, client, form).await?,
            "refresh_token" => by_refresh(&app, ip, client, form).await?,
            _ => {
                let description = "The grant_type is authorization_code or refresh_token.";
                return Err(RfcError::refused("unsupported_grant_type", description));
            }
        };
        Ok(HttpResponse::Ok().insert_header(("Pragma", "no-cache")).json(body(tokens)))
    })
    .await
}

async fn by_code(
    app: &App,
    ip: ClientIp,
    client: &Client,
    form: &Once,
) -> Result<Tokens, RfcError> {
    let code = form.need("code", "A code is required.")?;
    let redirect_uri = form.need("redirect_uri", "A redirect_uri is required.")?;
    let verifier = form.get("code_verifier");
    let from = origin(ip.0, None)?;
    Ok(exchange(&app.ports, client, code, redirect_uri, verifier, from).await?)
}

async fn by_refresh(
    app: &App,
    ip: ClientIp,
    client: &Client,
    form: &Once,
) -> Result<Tokens, RfcError> {
    let token = form.need("refresh_token", "A refresh_token is required.")?;
    let scope = form.get("scope").map(Scopes::parse).transpose();
    let scope = scope
        .map_err(|_| RfcError::refused("invalid_scope", "The scope is not a list of names."))?;
    Ok(refresh(&app.ports, client, token, scope, origin(ip.0, None)?).await?)
}

fn body(tokens: Tokens) -> Answer {
    let life = tokens.life;
    Answer {
        access_token: tokens.access_token,
        token_type: "Bearer",
        // Rounded up: what is told at once is the whole time.
        expires_in: life.as_secs() + u64::from(life.subsec_nanos() > 0),
        refresh_token: tokens.refresh_token,
        id_token: tokens.id_token,
        scope: tokens.scope.to_string(),
    }
}
