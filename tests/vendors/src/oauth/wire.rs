//! Requests and answers, as the vendors spell them.

use std::collections::HashMap;

use serde_json::{Value, json};

/// An answer of JSON, under a content type of the vendor's liking.
pub(super) fn answer(status: u16, kind: &str, body: &Value) -> actix_web::HttpResponse {
    text(status, kind, body.to_string())
}

/// Any answer.
pub(super) fn text(status: u16, kind: &str, body: String) -> actix_web::HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    actix_web::HttpResponse::build(status).content_type(kind).body(body)
}

/// Adds a member to an object.
pub(super) fn put(body: &mut Value, name: &str, value: impl Into<Value>) {
    if let Value::Object(members) = body {
        members.insert(name.to_owned(), value.into());
    }
}

/// A refusal as RFC 6749 has it.
pub(super) fn rfc_6749(error: &str) -> actix_web::HttpResponse {
    let status = if error == "invalid_client" { 401 } else { 400 };
    answer(status, "application/json", &json!({"error": error, "error_description": "no"}))
}

/// Parameters of a query or a form.
pub(super) type Pairs = HashMap<String, String>;

/// A parameter; empty without it.
pub(super) fn of<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
    pairs.get(name).map_or("", String::as_str)
}
