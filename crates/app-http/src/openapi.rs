//! The document of the interface, made of the same structs that the routes read and write.
//!
//! What every route may answer stands here once: the edge's refusals, and with a body those of
//! the body.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Content, Header, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, Schema,
};
use utoipa::openapi::{ResponseBuilder, schema::Type};
use utoipa::{Modify, OpenApi, ToResponse, ToSchema};

use crate::problem::{ProblemBody, RfcErrorBody};
use crate::routes;

/// The interface.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Latchkey",
        description = "One person, one account, every way in.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        routes::challenges::post,
        routes::login::post,
        routes::register::post,
        routes::logout::post,
        routes::me::get,
        routes::me::patch,
        routes::password::put,
        routes::reauthenticate::post,
        routes::identities::get,
        routes::identities::post,
        routes::identities::delete,
        routes::merge::post,
        routes::password_reset::post,
        routes::me::delete,
        routes::sessions::get,
        routes::sessions::delete,
        routes::sessions::delete_one,
        routes::logins::get,
        routes::consents::get,
        routes::consents::put,
        routes::consents::delete,
        routes::providers::list,
        routes::providers::begin,
        routes::providers::back,
        routes::oauth2::authorize::get,
        routes::oauth2::token::post,
        routes::oauth2::revoke::post,
        routes::oauth2::introspect::post,
        routes::oauth2::userinfo::get,
        routes::oauth2::jwks::get,
        routes::oauth2::discovery::get,
        routes::health::live,
        routes::health::ready,
        routes::dev::get,
        routes::openapi::get,
        routes::docs::page,
    ),
    components(schemas(ProblemBody, RfcErrorBody), responses(Refused, Throttled, RfcRefused)),
    modifiers(&Common),
)]
struct Interface;

/// The document as text, made once.
pub(crate) fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| Interface::openapi().to_pretty_json().unwrap_or_default())
}

/// A refusal or failure: problem details.
pub(crate) struct Refused;

/// The same with `Retry-After`.
pub(crate) struct Throttled;

impl<'a> ToResponse<'a> for Refused {
    fn response() -> (&'a str, RefOr<Response>) {
        ("Refused", problem("Refused; `code` says why.").build().into())
    }
}

impl<'a> ToResponse<'a> for Throttled {
    fn response() -> (&'a str, RefOr<Response>) {
        let seconds = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)))
            .description(Some("Seconds until another try makes sense."));
        let response = problem("Not now; `code` says why.").header("Retry-After", seconds.build());
        ("Throttled", response.build().into())
    }
}

/// A refusal or failure to the letter of the standards of OAuth 2.
pub(crate) struct RfcRefused;

impl<'a> ToResponse<'a> for RfcRefused {
    fn response() -> (&'a str, RefOr<Response>) {
        let schema = Ref::from_schema_name(RfcErrorBody::name());
        let response = ResponseBuilder::new()
            .description("Refused or failed; `error` says why.")
            .content("application/json", Content::new(Some(schema)));
        ("OauthRefused", response.build().into())
    }
}

fn problem(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name(ProblemBody::name());
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", Content::new(Some(schema)))
}

/// Adds what every route may answer.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = &mut document.components {
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
            components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
            name_tags(&mut components.schemas);
        }
        for (place, path) in &mut document.paths.paths {
            let is_rfc = place.starts_with("/oauth2/") || place.starts_with("/.well-known/");
            let operations =
                [&mut path.get, &mut path.post, &mut path.put, &mut path.patch, &mut path.delete];
            for operation in operations.into_iter().flatten() {
                add(operation, is_rfc);
            }
        }
    }
}

/// Makes a tag one of the members of what it stands beside: that is closed, and without the tag
/// among its members no object would be both.
fn name_tags(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let mut tags = Vec::new();
    for schema in schemas.values() {
        let RefOr::T(Schema::OneOf(choice)) = schema else { continue };
        for branch in &choice.items {
            if let RefOr::T(Schema::AllOf(both)) = branch
                && let [RefOr::Ref(closed), RefOr::T(Schema::Object(tag))] = both.items.as_slice()
                && let Some((_, name)) = closed.ref_location.rsplit_once('/')
            {
                tags.push((name.to_owned(), tag.clone()));
            }
        }
    }
    for (name, tag) in tags {
        if let Some(RefOr::T(Schema::Object(closed))) = schemas.get_mut(&name) {
            closed.properties.extend(tag.properties);
            closed.required.extend(tag.required);
        }
    }
}

fn add(operation: &mut Operation, is_rfc: bool) {
    let (refused, throttled) =
        if is_rfc { ("OauthRefused", "OauthRefused") } else { ("Refused", "Throttled") };
    let refusals = ["400", "405", "408", "414", "431", "500"];
    let of_bodies: &[&str] = if is_rfc { &["413", "415"] } else { &["413", "415", "422"] };
    let has_body = operation.request_body.is_some();
    let is_post = operation.operation_id.as_deref() == Some("log_out");
    let of_bodies = of_bodies.iter().copied().filter(|_| has_body || is_post);
    let responses = &mut operation.responses.responses;
    for status in refusals.into_iter().chain(of_bodies) {
        let refused = Ref::from_response_name(refused);
        responses.entry(status.to_owned()).or_insert(RefOr::Ref(refused));
    }
    let throttled = Ref::from_response_name(throttled);
    responses.entry("503".to_owned()).or_insert(RefOr::Ref(throttled));
    let request_id: Header = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some("The name of this request."))
        .build();
    for response in responses.values_mut() {
        if let RefOr::T(response) = response {
            response.headers.insert("X-Request-Id".to_owned(), request_id.clone().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A credential is a closed object with its type in it, whichever it is.
    #[test]
    fn a_credential_may_have_its_type() {
        let document: serde_json::Value = serde_json::from_str(document()).expect("JSON");
        let schemas = &document["components"]["schemas"];
        let branches = schemas["Credential"]["oneOf"].as_array().expect("a choice");
        assert!(branches.len() >= 7);
        for branch in branches {
            let tag = &branch["allOf"][1]["properties"]["type"];
            let name = branch["allOf"][0]["$ref"].as_str().expect("a reference");
            let closed = &schemas[name.rsplit('/').next().expect("a name")];
            assert_eq!(closed["additionalProperties"], false, "{name}");
            assert!(tag.is_object() && closed["properties"]["type"] == *tag, "{name}");
        }
    }

    #[test]
    fn the_document_is_whole() {
        let document: serde_json::Value = serde_json::from_str(document()).expect("JSON");
        for path in ["/v1/login", "/v1/me", "/v1/me/password", "/oauth2/token", "/health/ready"] {
            assert!(document["paths"][path].is_object(), "{path}");
        }
        let problem = &document["components"]["schemas"]["Problem"]["properties"];
        assert!(problem["request_id"].is_object());
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#/components/").skip(1) {
            let name = reference.split('"').next().expect("a name");
            assert!(document.pointer(&format!("/components/{name}")).is_some(), "{name}");
        }
    }
}
