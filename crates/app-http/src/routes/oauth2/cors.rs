//! Browsers of other origins: only those that a public client registered, to the letter (OP-13).

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderValue, ORIGIN, VARY,
};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::problem::{Problem, RfcError};

/// Adds what a browser wants to see, if `admits` the origin that it says it has.
pub(super) fn dress(
    mut response: HttpResponse,
    request: &HttpRequest,
    admits: impl Fn(&str) -> bool,
) -> HttpResponse {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin(request, admits) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed = HeaderValue::from_static("Retry-After, WWW-Authenticate, X-Request-Id");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

fn origin(request: &HttpRequest, admits: impl Fn(&str) -> bool) -> Option<HeaderValue> {
    let mut sent = request.headers().get_all(ORIGIN);
    let origin = sent.next()?;
    let alone = sent.next().is_none();
    (alone && origin.to_str().is_ok_and(admits)).then(|| origin.clone())
}

/// True for an origin that any client registered.
pub(super) fn is_known(app: &App, origin: &str) -> bool {
    app.ports.policy.oauth.clients.iter().any(|it| it.admits_origin(origin))
}

/// Answers what a browser asks before it calls: which client will call is not known yet, so any
/// registered origin may ask. Whoever else asks learns that there is no such method.
pub(crate) async fn preflight(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let admits = |it: &str| is_known(&app, it);
    let asks = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !asks || origin(&request, admits).is_none() {
        let refused = RfcError::from(Problem::method_not_allowed("GET, HEAD, POST")).render();
        return dress(refused, &request, |_| false);
    }
    let mut response = HttpResponse::NoContent();
    response
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "600"));
    dress(response.finish(), &request, admits)
}
