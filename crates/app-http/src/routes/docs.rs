//! `GET /docs`: the document of the interface as a page, all of it from this process.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY};
use actix_web::{HttpResponse, web};
use ports::entropy;
use utoipa_swagger_ui::{Config, SwaggerFile, serve};

use crate::app::App;
use crate::edge::page_policy;
use crate::problem::{Code, Problem};

/// Shows this document as a page.
#[utoipa::path(
    get, path = "/docs", operation_id = "docs", tag = "Operation",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
pub(crate) async fn page(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let file = find("index.html")?;
    let nonce = u128::from_be_bytes(entropy::bytes(&*app.ports.entropy));
    let nonce = format!("{nonce:032x}");
    // The page names its files as if it stood in their folder.
    let page = String::from_utf8_lossy(&file.bytes)
        .replace("\"./", "\"/docs/")
        .replace("\"index.css\"", "\"/docs/index.css\"")
        .replace("<script ", &format!("<script nonce=\"{nonce}\" "))
        .replace(
            "<link rel=\"stylesheet\" ",
            &format!("<link rel=\"stylesheet\" nonce=\"{nonce}\" "),
        );
    let mut response = HttpResponse::Ok();
    response.content_type(&*file.content_type);
    response.insert_header((CONTENT_SECURITY_POLICY, page_policy(&nonce)));
    Ok(response.body(page))
}

/// Gives a file of the page.
pub(crate) async fn file(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let file = find(&name)?;
    let mut response = HttpResponse::Ok();
    response.content_type(&*file.content_type);
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(response.body(file.bytes.into_owned()))
}

fn find(name: &str) -> Result<SwaggerFile<'static>, Problem> {
    let config = Arc::new(Config::from("/openapi.json"));
    match serve(name, config) {
        Ok(Some(file)) => Ok(file),
        Ok(None) => Err(Problem::new(Code::NotFound)),
        Err(error) => Err(Problem::internal(error.to_string())),
    }
}
