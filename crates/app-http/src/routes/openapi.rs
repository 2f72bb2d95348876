//! `GET /openapi.json`: the document of the interface.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;

use crate::openapi::document;

/// Gives this document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "Operation",
    responses(
        (status = 200, description = "OpenAPI 3.1.", body = serde_json::Value),
    ),
)]
pub(crate) async fn get() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document())
}
