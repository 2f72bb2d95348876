//! `GET|POST /oauth2/userinfo`: tells a client who the person is (OpenID Connect Core, 5.3).

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use application::oauth::claims::{Known, user_info};
use domain::oauth::client::ClientId;
use domain::oauth::scope::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::cors;
use crate::app::App;
use crate::bearer::Bearer;
use crate::problem::RfcError;

/// Who the person is, as far as the token's scope goes.
#[derive(Serialize, ToSchema)]
#[schema(as = UserInfo)]
pub(crate) struct Answer {
    /// The person; never changes, never given to anybody else.
    sub: String,
    /// With scope `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// With scope `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
    /// With scope `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
    /// With scope `phone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
    /// With scope `phone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_verified: Option<bool>,
    /// With scope `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// With scope `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

/// Tells who the person is.
#[utoipa::path(
    get, path = "/oauth2/userinfo", operation_id = "oauth_userinfo", tag = "OAuth 2",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Who the person is.", body = Answer),
        (status = 401, response = crate::openapi::RfcRefused),
        (status = 403, response = crate::openapi::RfcRefused),
    ),
)]
pub(crate) async fn get(app: web::Data<App>, request: HttpRequest, bearer: Bearer) -> HttpResponse {
    let mut asking = None;
    let answer = answer(&app, &request, &bearer, &mut asking).await;
    let response = answer.unwrap_or_else(|it| it.error_response());
    let client = asking.as_ref().and_then(|it| app.ports.policy.oauth.client(it.as_str()));
    cors::dress(response, &request, |origin| match client {
        Some(client) => client.admits_origin(origin),
        // What is wrong with a token tells nothing of anybody.
        None => cors::is_known(&app, origin),
    })
}

async fn answer(
    app: &App,
    request: &HttpRequest,
    bearer: &Bearer,
    asking: &mut Option<ClientId>,
) -> Result<HttpResponse, RfcError> {
    if !request.headers().contains_key(AUTHORIZATION) {
        return Err(RfcError::no_token());
    }
    let token = bearer.token().map_err(|_| RfcError::token())?;
    let known = user_info(&app.ports, token).await?;
    asking.clone_from(&known.client_id);
    if !known.scope.has(Scope::OpenId) {
        return Err(RfcError::scope());
    }
    Ok(HttpResponse::Ok().json(body(known)))
}

fn body(known: Known) -> Answer {
    let profile = known.scope.has(Scope::Profile).then_some(known.user.profile);
    let nickname = profile.as_ref().and_then(|it| it.nickname.as_ref());
    let nickname = nickname.map(|it| it.as_str().to_owned());
    let picture = profile.as_ref().and_then(|it| it.avatar_url.as_ref());
    Answer {
        sub: known.user.id.to_string(),
        name: nickname.clone(),
        nickname,
        picture: picture.map(|it| it.as_str().to_owned()),
        phone_number_verified: known.phone.as_ref().map(|it| it.is_verified),
        phone_number: known.phone.map(|it| it.text),
        email_verified: known.email.as_ref().map(|it| it.is_verified),
        email: known.email.map(|it| it.text),
    }
}
