//! `GET /docs`: the document of the interface as a page, all of it from this process.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY};
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::{Config, SwaggerFile, serve};

use crate::edge::PAGE_POLICY;
use crate::problem::{Code, Problem};

/// Shows this document as a page.
#[utoipa::path(
    get, path = "/docs", operation_id = "docs", tag = "Operation",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
pub(crate) async fn page() -> Result<HttpResponse, Problem> {
    let file = find("index.html")?;
    // The page names its files as if it stood in their folder.
    let page = String::from_utf8_lossy(&file.bytes)
        .replace("\"./", "\"/docs/")
        .replace("\"index.css\"", "\"/docs/index.css\"");
    Ok(answer(&file.content_type, page.into_bytes(), false))
}

/// Gives a file of the page.
pub(crate) async fn file(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let file = find(&name)?;
    Ok(answer(&file.content_type, file.bytes.into_owned(), file.gzpipped))
}

fn find(name: &str) -> Result<SwaggerFile<'static>, Problem> {
    let config = Arc::new(Config::from("/openapi.json"));
    match serve(name, config) {
        Ok(Some(file)) => Ok(file),
        Ok(None) => Err(Problem::new(Code::NotFound)),
        Err(error) => Err(Problem::internal(error.to_string())),
    }
}

fn answer(content_type: &str, bytes: Vec<u8>, compressed: bool) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(content_type).insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY));
    if compressed {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    response.body(bytes)
}
