//! `/v1/providers`: who else proves people, and a browser's way to them and back.

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use application::browser_flow::{Finish, Finished, Start, finish, start};
use application::oauth::issue::{CodeRefusal, CodeRequest};
use domain::browser_flow::{FLOW_LIFE, is_state};
use domain::oauth::authorize::Parameters;
use domain::oauth::pkce::{Challenge, ChallengeError};
use domain::oauth::scope::{Scope, Scopes};
use domain::policy::Policy;
use domain::provider::{ProviderName, Way};
use domain::secret::OpaqueToken;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::edge::ClientIp;
use crate::form::{Form, encoded};
use crate::problem::{Code, FieldCode, Problem};
use crate::shapes::origin;

/// The cookie by which a browser is known again; it opens nothing.
const BROWSER: &str = "__Host-latchkey-browser";

/// The providers that are enabled.
#[derive(Serialize, ToSchema)]
#[schema(as = Providers)]
pub(crate) struct Answer {
    providers: Vec<Item>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
#[schema(as = Provider)]
struct Item {
    /// Its name in credentials and paths.
    #[schema(example = "wechat")]
    id: String,
    /// Its name for people.
    #[schema(example = "WeChat")]
    name: &'static str,
    /// The types of credential that it takes, and `browser`.
    #[schema(value_type = Vec<String>, example = json!(["provider_code", "browser"]))]
    ways: Vec<&'static str>,
}

/// What a browser is sent for; like an authorization request.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document's shape; a query is read member by member")]
pub(crate) struct Asked {
    /// The client that gets a code in the end: one that is ours or a partner's.
    client_id: String,
    /// Where that code goes; one that is registered, byte for byte.
    redirect_uri: String,
    /// SHA-256 of the client's verifier, in base64url (PKCE).
    code_challenge: String,
    /// Always `S256`.
    code_challenge_method: String,
    /// Comes back as it is.
    state: Option<String>,
    /// What the client may know; `openid` when absent.
    scope: Option<String>,
    /// Comes back in the id token.
    nonce: Option<String>,
}

/// Lists the providers that are enabled.
#[utoipa::path(
    get, path = "/v1/providers", operation_id = "list_providers", tag = "Third parties",
    responses((status = 200, description = "The providers.", body = Answer)),
)]
pub(crate) async fn list(app: web::Data<App>) -> web::Json<Answer> {
    let enabled = app.ports.providers.values().filter(|it| it.is_enabled);
    let providers = enabled.map(|it| {
        let facts = it.adapter.facts();
        let ways = facts.ways.iter().map(|it| way(*it)).collect();
        Item { id: facts.name.as_str().to_owned(), name: facts.title, ways }
    });
    web::Json(Answer { providers: providers.collect() })
}

const fn way(it: Way) -> &'static str {
    match it {
        Way::Code => "provider_code",
        Way::Token => "provider_token",
        Way::IdToken => "provider_id_token",
        Way::Browser => "browser",
    }
}

/// Sends a browser to a provider.
#[utoipa::path(
    get, path = "/v1/providers/{provider}/start", operation_id = "start_provider",
    tag = "Third parties",
    params(("provider" = String, Path, description = "The provider's name."), Asked),
    responses(
        (status = 303, description = "To the provider."),
        (status = 400, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 404, response = crate::openapi::Refused),
        (status = 429, response = crate::openapi::Throttled),
    ),
)]
pub(crate) async fn begin(
    app: web::Data<App>,
    ip: ClientIp,
    name: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let provider = provider(&app, &name)?;
    let given = Form::of_query(request.query_string())?.0;
    let asked = Start {
        provider,
        asked: code_request(&app.ports.policy, &given)?,
        state: state(&given)?,
        browser: browser(&request),
        callback: callback(&app, provider),
        origin: origin(ip.0, None)?,
    };
    let started = start(&app.ports, asked).await?;
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, started.location));
    Ok(response.cookie(cookie(&started.browser)).finish())
}

/// Where a provider sends a browser back to.
#[utoipa::path(
    get, path = "/v1/providers/{provider}/callback", operation_id = "finish_provider",
    tag = "Third parties",
    params(("provider" = String, Path, description = "The provider's name.")),
    responses(
        (status = 303, description = "To the client, with `code`, `state` and `iss`, or with `error` and `state`."),
        (status = 400, response = crate::openapi::Refused),
        (status = 403, response = crate::openapi::Refused),
        (status = 404, response = crate::openapi::Refused),
    ),
)]
pub(crate) async fn back(
    app: web::Data<App>,
    ip: ClientIp,
    name: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let given = Form::of_query(request.query_string())?.0;
    came_back(&app, ip, &name, &request, &given).await
}

/// The same by a form, as Apple posts it.
pub(crate) async fn posted_back(
    app: web::Data<App>,
    ip: ClientIp,
    name: web::Path<String>,
    request: HttpRequest,
    form: Form,
) -> Result<HttpResponse, Problem> {
    came_back(&app, ip, &name, &request, &form.0).await
}

async fn came_back(
    app: &App,
    ip: ClientIp,
    name: &str,
    request: &HttpRequest,
    given: &Parameters,
) -> Result<HttpResponse, Problem> {
    let provider = provider(app, name)?;
    let code = app.ports.providers.get(&provider).map(|it| it.adapter.facts().code_parameter);
    let one = |name: &str| one(given, name).ok().flatten().map(str::to_owned);
    let came = Finish {
        provider,
        state: one("state").ok_or(Problem::new(Code::StateInvalid))?,
        browser: browser(request),
        code: code.and_then(one),
        error: one("error"),
        iss: one("iss"),
        user: one("user"),
        callback: callback(app, provider),
        origin: origin(ip.0, None)?,
    };
    let Finished { redirect_uri, state, outcome } = finish(&app.ports, came).await?;
    let mut said = match &outcome {
        Ok(code) => vec![("code", code.code.reveal())],
        Err(denied) => vec![("error", denied.as_str())],
    };
    said.extend(state.as_deref().map(|it| ("state", it)));
    said.push(("iss", &app.ports.policy.oauth.issuer));
    let said: Vec<_> =
        said.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    let location = format!("{redirect_uri}{separator}{}", said.join("&"));
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, location)).finish())
}

/// A provider that is set up and has a way for browsers.
fn provider(app: &App, name: &str) -> Result<ProviderName, Problem> {
    let found = ProviderName::parse(name).ok().and_then(|it| app.ports.providers.get(&it));
    let facts = found.map(|it| it.adapter.facts());
    let with_page = facts.filter(|it| it.ways.contains(&Way::Browser));
    with_page.map(|it| it.name).ok_or(Problem::new(Code::NotFound))
}

/// Where the provider sends browsers: an address of the configuration, never of the request
/// (EDGE-07).
fn callback(app: &App, provider: ProviderName) -> String {
    app.ports.policy.oauth.address(&format!("/v1/providers/{provider}/callback"))
}

/// Reads what the client wants in the end. Client and address come first: nobody is sent, or told
/// of, where they do not belong.
fn code_request(policy: &Policy, given: &Parameters) -> Result<CodeRequest, Problem> {
    let invalid = |it: &'static str| Problem::field(it, FieldCode::Invalid);
    let need = |name| one(given, name)?.ok_or(Problem::new(Code::RedirectNotAllowed));
    let (client_id, redirect_uri) = (need("client_id")?, need("redirect_uri")?);
    let is_registered =
        policy.oauth.client(client_id).is_some_and(|it| it.takes_redirect(redirect_uri));
    if !is_registered {
        return Err(Problem::new(Code::RedirectNotAllowed));
    }
    let challenge = (one(given, "code_challenge")?, one(given, "code_challenge_method")?);
    let challenge = Challenge::parse(challenge.0, challenge.1).map_err(|it| match it {
        ChallengeError::Missing => Problem::field("code_challenge", FieldCode::Missing),
        ChallengeError::Method => invalid("code_challenge_method"),
        ChallengeError::Form => invalid("code_challenge"),
    })?;
    let scope = one(given, "scope")?.unwrap_or(Scope::OpenId.as_str());
    let scope = Scopes::parse(scope).map_err(|_| invalid("scope"))?;
    let nonce = one(given, "nonce")?.map(str::to_owned);
    let checked = CodeRequest::check(policy, client_id, redirect_uri, challenge, scope, nonce);
    checked.map_err(|it| match it {
        CodeRefusal::Client => Problem::new(Code::ClientNotAllowed),
        CodeRefusal::Redirect => Problem::new(Code::RedirectNotAllowed),
        CodeRefusal::Nonce => invalid("nonce"),
    })
}

fn state(given: &Parameters) -> Result<Option<String>, Problem> {
    match one(given, "state")? {
        Some(it) if !is_state(it) => Err(Problem::field("state", FieldCode::Invalid)),
        other => Ok(other.map(str::to_owned)),
    }
}

/// A parameter that is there at most once; an empty one is not there.
fn one<'a>(given: &'a Parameters, name: &str) -> Result<Option<&'a str>, Problem> {
    match given.get(name).map(Vec::as_slice) {
        None => Ok(None),
        Some([it]) => Ok(Some(it.as_str()).filter(|it| !it.is_empty())),
        Some(_) => Err(Problem::field(name.to_owned(), FieldCode::Invalid)),
    }
}

/// The browser's own token, where it has one.
fn browser(request: &HttpRequest) -> Option<OpaqueToken> {
    request.cookie(BROWSER).and_then(|it| OpaqueToken::parse(it.value()))
}

/// The token as a cookie. A provider's page may post its answer, so the cookie comes along with
/// requests of other sites; the state is what binds them.
fn cookie(token: &OpaqueToken) -> Cookie<'static> {
    let life = i64::try_from(FLOW_LIFE.as_secs()).unwrap_or(i64::MAX);
    Cookie::build(BROWSER, token.reveal().to_owned())
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::None)
        .max_age(time::Duration::seconds(life))
        .finish()
}
