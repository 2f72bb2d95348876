//! `GET /.well-known/openid-configuration`: what clients need to know of us (OP-09).

use actix_web::{HttpRequest, HttpResponse, web};
use domain::oauth::assertion::Algorithm;
use domain::oauth::authorize::ResponseMode;
use domain::oauth::scope::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::cors;
use crate::app::App;

/// What clients need to know of us (OpenID Connect Discovery 1.0; RFC 8414).
#[derive(Serialize, ToSchema)]
#[schema(as = OpenIdConfiguration)]
#[expect(clippy::struct_excessive_bools, reason = "the names are those of the standard")]
pub(crate) struct Answer {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    scopes_supported: [&'static str; 4],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 2],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 3],
    code_challenge_methods_supported: [&'static str; 1],
    claims_supported: [&'static str; 16],
    prompt_values_supported: [&'static str; 4],
    authorization_response_iss_parameter_supported: bool,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

/// Tells clients where everything is.
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", operation_id = "openid_configuration",
    tag = "OAuth 2",
    responses((status = 200, description = "What clients need to know.", body = Answer)),
)]
pub(crate) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let provider = &app.ports.policy.oauth;
    let proofs = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    let [basic, post, by_key] = proofs;
    let algorithms = Algorithm::ALL.map(Algorithm::as_str);
    let answer = Answer {
        issuer: provider.issuer.clone(),
        authorization_endpoint: provider.address("/oauth2/authorize"),
        token_endpoint: provider.address("/oauth2/token"),
        userinfo_endpoint: provider.address("/oauth2/userinfo"),
        jwks_uri: provider.address("/oauth2/jwks"),
        revocation_endpoint: provider.address("/oauth2/revoke"),
        introspection_endpoint: provider.address("/oauth2/introspect"),
        scopes_supported: Scope::ALL.map(Scope::as_str),
        response_types_supported: ["code"],
        response_modes_supported: ResponseMode::ALL.map(ResponseMode::as_str),
        grant_types_supported: ["authorization_code", "refresh_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
        token_endpoint_auth_methods_supported: ["none", basic, post, by_key],
        token_endpoint_auth_signing_alg_values_supported: algorithms,
        revocation_endpoint_auth_methods_supported: ["none", basic, post, by_key],
        revocation_endpoint_auth_signing_alg_values_supported: algorithms,
        introspection_endpoint_auth_methods_supported: proofs,
        introspection_endpoint_auth_signing_alg_values_supported: algorithms,
        code_challenge_methods_supported: ["S256"],
        claims_supported: [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "amr",
            "at_hash",
            "name",
            "nickname",
            "picture",
            "phone_number",
            "phone_number_verified",
            "email",
            "email_verified",
        ],
        prompt_values_supported: ["none", "login", "consent", "select_account"],
        authorization_response_iss_parameter_supported: true,
        claims_parameter_supported: false,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
    };
    let response = HttpResponse::Ok().json(answer);
    cors::dress(response, &request, |it| cors::is_known(&app, it))
}
