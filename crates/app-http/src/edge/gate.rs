//! The one middleware around all routes: names the request, refuses what no route should see,
//! bounds its time, survives its panics, and dresses and logs its answer.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use adapters_otlp::Remote;
use futures_util::FutureExt as _;
use ports::watch::TRACE;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::framing::{REFUSED, Refused};
use super::request_id::{X_REQUEST_ID, request_id};
use super::{headers, target};
use crate::app::App;
use crate::metrics;
use crate::problem::{Code, Language, Problem, RfcError};

/// Where a caller names the trace that the request belongs to.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The one route to which others send what is secret in a query.
const CALLBACK: &str = "/v1/providers/{provider}/callback";

/// The longest time that a route may take (EDGE-05).
const SLOWEST: Duration = Duration::from_secs(15);

/// When to ask again while the database is not there yet.
const AGAIN: Duration = Duration::from_secs(2);

/// How the routes begin that need no database: operation, documents, and what is no route.
const NO_DATABASE: [&str; 5] = ["/health/", "/openapi.json", "/docs", "/dev/", "-"];

/// The types of answers that are complete whatever their status, as readiness is, or a page.
const COMPLETE: [HeaderValue; 2] = [
    HeaderValue::from_static("application/json"),
    HeaderValue::from_static("text/html; charset=utf-8"),
];

/// Where errors are those of the standards.
const RFC: [&str; 2] = ["/oauth2/", "/.well-known/"];

/// What is known of a request before its route is.
struct Arrived {
    id: String,
    language: Language,
    method: &'static str,
    route: String,
    /// The span of the request, where it is traced.
    trace: Span,
    since: Instant,
    is_https: bool,
    is_open: bool,
    is_rfc: bool,
}

/// Lets one request through.
pub(crate) async fn gate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(app) = request.app_data::<web::Data<App>>().cloned() else {
        return Err(Problem::internal("the application is not set up").into());
    };
    let (method, route) = (plain(request.method()), request.match_pattern());
    let route = route.unwrap_or_else(|| "-".to_owned());
    let trace = tracing::debug_span!(
        target: TRACE,
        "request",
        otel.name = %format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    let trace_id = trace_id(request.headers(), &trace);
    let arrived = Arrived {
        id: request_id(request.headers(), app.ports.clock.now(), &*app.ports.entropy),
        language: Language::of(request.headers()),
        method,
        route,
        trace,
        since: Instant::now(),
        is_https: app.is_https,
        is_open: app.is_open(),
        is_rfc: RFC.iter().any(|it| request.path().starts_with(it)),
    };
    let span = tracing::info_span!("request", request_id = %arrived.id, trace_id);
    pass(request, next, &arrived).instrument(span).instrument(arrived.trace.clone()).await
}

/// Joins the trace of the caller, if it names one, and gives the trace's id for the log.
fn trace_id(headers: &HeaderMap, trace: &Span) -> Option<String> {
    let mut given = headers.get_all(TRACEPARENT);
    let remote = given.next().and_then(|it| Remote::read(it.to_str().ok()?));
    // Two callers are none.
    let remote = remote.filter(|_| given.next().is_none());
    let named = remote.as_ref().map(Remote::trace_id);
    if let Some(remote) = remote {
        remote.adopt(trace);
    }
    named.or_else(|| adapters_otlp::trace_id(trace))
}

async fn pass(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    arrived: &Arrived,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(problem) = refusal(&request).or_else(|| arrived.unopened()) {
        let response = arrived.finish(render(&problem, arrived));
        return Ok(request.into_response(response));
    }
    let called = AssertUnwindSafe(next.call(request)).catch_unwind();
    let problem = match tokio::time::timeout(SLOWEST, called).await {
        Ok(Ok(Ok(answered))) => {
            let (request, response) = answered.into_parts();
            let response = dress(response.map_into_boxed_body(), arrived);
            return Ok(ServiceResponse::new(request, arrived.finish(response)));
        }
        Ok(Ok(Err(error))) => match error.as_error::<Problem>() {
            Some(problem) => render(problem, arrived),
            None => render(&Problem::internal(error.to_string()), arrived),
        },
        Ok(Err(_)) => render(&Problem::internal("the route panicked"), arrived),
        Err(_) => render(&Problem::new(Code::RequestTimeout).closing(), arrived),
    };
    // The request went with its route, so the answer travels as an error that is complete.
    Err(InternalError::from_response("", arrived.finish(problem)).into())
}

/// What is refused whatever the route.
fn refusal(request: &ServiceRequest) -> Option<Problem> {
    if request.method().as_str() == REFUSED {
        return Some(Refused::read(request.path()).problem());
    }
    if target::is_ambiguous(request.uri().path()) {
        return Some(Problem::new(Code::NotFound));
    }
    if !target::has_secret(request.query_string()) {
        return None;
    }
    // A provider's callback brings its code, which is good once and for us alone (EDGE-11).
    let is_callback = request.match_pattern().as_deref() == Some(CALLBACK);
    (!is_callback).then(|| Problem::new(Code::CredentialsInUrl))
}

/// Puts problems into words; everything else stays as the route gave it.
fn dress(response: HttpResponse, arrived: &Arrived) -> HttpResponse {
    if let Some(problem) = response.error().and_then(|it| it.as_error::<Problem>()) {
        return render(problem, arrived);
    }
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_complete = response.headers().get(CONTENT_TYPE).is_some_and(|it| COMPLETE.contains(it));
    if !is_error || is_complete {
        return response;
    }
    // What actix refused by itself, which it says by its status alone.
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::new(Code::NotFound),
        StatusCode::BAD_REQUEST => Problem::new(Code::MalformedRequest),
        other => Problem::internal(format!("actix answered {other}")),
    };
    render(&problem, arrived)
}

fn render(problem: &Problem, arrived: &Arrived) -> HttpResponse {
    if arrived.is_rfc {
        return RfcError::render_problem(problem);
    }
    let code = problem.code().as_str();
    match problem.causes() {
        Some(cause) if problem.code() == Code::Internal => tracing::error!(code, cause),
        Some(cause) => tracing::warn!(code, cause),
        None => tracing::debug!(code),
    }
    if problem.code().status() == StatusCode::SERVICE_UNAVAILABLE {
        metrics::unavailable(problem);
    }
    problem.render(&arrived.id, arrived.language)
}

impl Arrived {
    /// Until the database has its tables and was opened, what needs those or the keys would fail in
    /// ways that say nothing (REL-05).
    fn unopened(&self) -> Option<Problem> {
        let told = || Problem::new(Code::DependencyUnavailable).after(AGAIN);
        let stands_alone = || NO_DATABASE.iter().any(|it| self.route.starts_with(it));
        (!self.is_open && !stands_alone()).then(told)
    }

    /// Adds what every answer has, and writes the request's line into the log.
    fn finish(&self, mut response: HttpResponse) -> HttpResponse {
        headers::harden(response.headers_mut(), self.is_https);
        if let Ok(id) = self.id.parse() {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        let took = self.since.elapsed();
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let (method, route) = (self.method, self.route.as_str());
        let status = response.status().as_u16();
        metrics::answered(method, route, status, took);
        self.trace.record("http.response.status_code", status);
        if response.status().is_server_error() {
            self.trace.record("otel.status_code", "ERROR");
        }
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(method, route, status, micros, "answered");
        } else {
            tracing::info!(method, route, status, micros, "answered");
        }
        response
    }
}

/// The method's name where it is a known one: the log has no texts of clients.
fn plain(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "-",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::middleware::from_fn;
    use actix_web::test as at;

    use super::*;
    use crate::problem::FieldCode;
    use crate::settings::{Environment, Settings};

    async fn panics() -> HttpResponse {
        panic!("on purpose")
    }

    async fn sleeps() -> HttpResponse {
        tokio::time::sleep(SLOWEST * 2).await;
        HttpResponse::Ok().finish()
    }

    async fn refuses() -> Result<HttpResponse, Problem> {
        Err(Problem::field("name", FieldCode::Missing))
    }

    async fn is_not_ready() -> HttpResponse {
        HttpResponse::ServiceUnavailable().json("no")
    }

    /// Calls a route behind the gate: the status, the body, and all headers as text.
    async fn call(path: &str, language: &str) -> (u16, String, String) {
        let variables = [("LATCHKEY_CONFIG_DIR".to_owned(), "/nowhere".to_owned())];
        let environment = Environment::new(variables.into());
        let settings = Settings::read(&environment).expect("settings");
        let app = App::new(&settings, adapters_memory::ports(), None);
        if path != "/unopened" {
            app.set_open();
        }
        let service = at::init_service(
            actix_web::App::new()
                .app_data(web::Data::from(Arc::clone(&app)))
                .wrap(from_fn(gate))
                .route("/panics", web::get().to(panics))
                .route("/sleeps", web::get().to(sleeps))
                .route("/refuses", web::get().to(refuses))
                .route("/unopened", web::get().to(panics))
                .route("/ready", web::get().to(is_not_ready)),
        )
        .await;
        let request = at::TestRequest::get().uri(path).insert_header(("accept-language", language));
        let response = match at::try_call_service(&service, request.to_request()).await {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        let headers = format!("{:?}", response.headers());
        let status = response.status().as_u16();
        let body = actix_web::body::to_bytes(response.into_body()).await.expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("text"), headers)
    }

    /// REL-10: a panic is one 500 of the usual form, and tells nothing.
    #[actix_web::test]
    async fn a_panic_is_an_answer() {
        let (status, body, headers) = call("/panics", "en").await;
        assert_eq!(status, 500);
        assert!(body.contains("\"code\":\"internal\"") && !body.contains("purpose"), "{body}");
        assert!(headers.contains("nosniff") && headers.contains("x-request-id"), "{headers}");
    }

    /// REL-05: without tables and keys nothing is asked of the database, and no route fails.
    #[actix_web::test]
    async fn before_it_is_opened_the_database_is_not_there() {
        let (status, body, headers) = call("/unopened", "en").await;
        assert_eq!(status, 503);
        assert!(body.contains("dependency_unavailable"), "{body}");
        assert!(headers.contains("retry-after"), "{headers}");
    }

    /// EDGE-05: a route has its time.
    #[actix_web::test]
    async fn a_route_that_takes_too_long_is_told() {
        tokio::time::pause();
        let (status, body, headers) = call("/sleeps", "en").await;
        assert_eq!(status, 408);
        assert!(body.contains("request_timeout") && headers.contains("nosniff"), "{body}");
    }

    #[actix_web::test]
    async fn a_refusal_is_told_in_the_clients_language() {
        let (status, body, headers) = call("/refuses", "zh-CN,zh;q=0.9,en;q=0.8").await;
        assert_eq!(status, 422);
        assert!(body.contains("校验失败") && body.contains("\"field\":\"name\""), "{body}");
        assert!(headers.contains("application/problem+json") && headers.contains("zh-CN"));
        let (status, body, _) = call("/nothing", "en").await;
        assert_eq!((status, body.contains("\"code\":\"not_found\"")), (404, true), "{body}");
    }

    /// EDGE-08: an answer that is none of a problem keeps its body and gets the headers.
    #[actix_web::test]
    async fn an_answer_of_a_route_stays() {
        let (status, body, headers) = call("/ready", "en").await;
        assert_eq!((status, body.as_str()), (503, "\"no\""));
        for header in ["nosniff", "no-referrer", "no-store", "default-src 'none'"] {
            assert!(headers.contains(header), "{headers}");
        }
    }

    /// EDGE-04, EDGE-11.
    #[actix_web::test]
    async fn what_no_route_should_see_is_refused() {
        assert_eq!(call("/refuses;a", "en").await.0, 404);
        assert_eq!(call("/refuses?code=1", "en").await.0, 400);
    }
}
