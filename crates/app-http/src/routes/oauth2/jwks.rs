//! `GET /oauth2/jwks`: the public halves of the keys that sign (RFC 7517).

use actix_web::{HttpRequest, HttpResponse, web};
use application::oauth::keys::told;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::oauth::key::SigningKey;
use serde::Serialize;
use utoipa::ToSchema;

use super::cors;
use crate::app::App;
use crate::problem::RfcError;

/// The keys.
#[derive(Serialize, ToSchema)]
#[schema(as = Jwks)]
pub(crate) struct Answer {
    /// The one that signs, the next one, and former ones.
    keys: Vec<Key>,
}

/// The public half of one key.
#[derive(Serialize, ToSchema)]
#[schema(as = Jwk)]
struct Key {
    #[schema(example = "RSA")]
    kty: &'static str,
    r#use: &'static str,
    #[schema(example = "RS256")]
    alg: &'static str,
    kid: String,
    n: String,
    e: String,
}

impl From<SigningKey> for Key {
    fn from(key: SigningKey) -> Self {
        Self {
            kty: "RSA",
            r#use: "sig",
            alg: "RS256",
            kid: key.id.as_str().to_owned(),
            n: URL_SAFE_NO_PAD.encode(key.public.n),
            e: URL_SAFE_NO_PAD.encode(key.public.e),
        }
    }
}

/// Gives the keys by which id tokens are checked.
#[utoipa::path(
    get, path = "/oauth2/jwks", operation_id = "oauth_jwks", tag = "OAuth 2",
    responses((status = 200, description = "The keys.", body = Answer)),
)]
pub(crate) async fn get(
    app: web::Data<App>,
    request: HttpRequest,
) -> Result<HttpResponse, RfcError> {
    let keys = told(&app.ports).await?.into_iter().map(Key::from).collect();
    let response = HttpResponse::Ok().json(Answer { keys });
    Ok(cors::dress(response, &request, |it| cors::is_known(&app, it)))
}
