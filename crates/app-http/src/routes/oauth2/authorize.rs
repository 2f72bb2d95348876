//! `GET|POST /oauth2/authorize`: gives a client a code of somebody who holds a session (OP-10).
//!
//! The session comes as a bearer token; pages of our own, which would bring it as a cookie, come
//! later. Whatever needs a page is told to the client by the name that the standards give it.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use application::authenticate::{Access, Caller};
use application::oauth::issue::{CodeRequest, IssuedCode, NoCode, code_for_session};
use domain::oauth::authorize::{Refusal, Request, ResponseMode, ReturnTo, Wrong, read};
use ports::entropy;
use utoipa::IntoParams;

use crate::app::App;
use crate::bearer::Bearer;
use crate::form::{Form, encoded};
use crate::problem::{Code, RfcError};

/// What a client asks for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document's shape; a form is read member by member")]
pub(crate) struct Asked {
    /// The client.
    client_id: String,
    /// Where the answer goes; one that is registered, byte for byte.
    redirect_uri: String,
    /// Always `code`.
    response_type: String,
    /// SHA-256 of the verifier, in base64url (PKCE).
    code_challenge: String,
    /// Always `S256`.
    code_challenge_method: String,
    /// `openid`, `profile`, `phone`, `email`, with blanks between.
    scope: Option<String>,
    /// Comes back as it is.
    state: Option<String>,
    /// Comes back in the id token.
    nonce: Option<String>,
    /// `query` or `form_post`.
    response_mode: Option<String>,
    /// `none`, or what the person is to do again.
    prompt: Option<String>,
    /// How many seconds ago the person may have proven who they are.
    max_age: Option<u64>,
}

/// Gives a code of the person whose session comes along.
#[utoipa::path(
    get, path = "/oauth2/authorize", operation_id = "oauth_authorize", tag = "OAuth 2",
    params(Asked),
    security((), ("bearer" = [])),
    responses(
        (status = 303, description = "To the client, with a code or an error."),
        (status = 200, description = "The same as a form that posts itself.", body = String, content_type = "text/html"),
        (
            status = 400,
            description = "A page: there is no address that could be told. JSON where the query could not be read at all.",
            content((String = "text/html"), (crate::problem::RfcErrorBody = "application/json")),
        ),
    ),
)]
pub(crate) async fn get(
    app: web::Data<App>,
    request: HttpRequest,
    bearer: Bearer,
) -> Result<HttpResponse, RfcError> {
    answer(&app, Form::of_query(request.query_string())?, &bearer).await
}

/// The same by a form.
pub(crate) async fn post(
    app: web::Data<App>,
    bearer: Bearer,
    form: Form,
) -> Result<HttpResponse, RfcError> {
    answer(&app, form, &bearer).await
}

async fn answer(app: &App, form: Form, bearer: &Bearer) -> Result<HttpResponse, RfcError> {
    let request = match read(&app.ports.policy.oauth, &form.0) {
        Ok(request) => request,
        Err(Refusal::Page) => return Ok(page(&app.ports)),
        Err(Refusal::Client(to, wrong)) => return Ok(refuse(app, &to, wrong)),
    };
    let to = request.to.clone();
    match code(app, request, bearer).await? {
        Ok(code) => Ok(send(app, &to, &[("code", code.code.reveal())])),
        Err(wrong) => Ok(refuse(app, &to, wrong)),
    }
}

/// A code, or what the person would have to do first.
async fn code(
    app: &App,
    request: Request<'_>,
    bearer: &Bearer,
) -> Result<Result<IssuedCode, Wrong>, RfcError> {
    let caller = match bearer.caller(app, Access::Complete).await {
        Ok(caller) => Some(caller),
        Err(problem) if problem.code() == Code::SessionInvalid => None,
        Err(problem) if problem.code() == Code::PhoneRequired => {
            return Ok(Err(Wrong::Interaction));
        }
        Err(problem) => return Err(problem.into()),
    };
    let session = caller.as_ref().map(|it: &Caller| &it.signed_in.session);
    let policy = &app.ports.policy.sessions;
    let need = match request.decide(session, policy, app.ports.clock.now()) {
        Ok(need) => need,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let Some(caller) = caller else { return Ok(Err(Wrong::Login)) };
    let asked = CodeRequest {
        client: request.client.clone(),
        redirect_uri: request.to.redirect_uri,
        challenge: request.challenge,
        scope: request.scope,
        nonce: request.nonce,
    };
    let issued = code_for_session(&app.ports, asked, &caller, need).await?;
    Ok(issued.map_err(|it| match it {
        NoCode::SessionEnded => Wrong::Login,
        NoCode::Unconsented => Wrong::Consent,
    }))
}

fn refuse(app: &App, to: &ReturnTo, wrong: Wrong) -> HttpResponse {
    let description = wrong.to_string();
    send(app, to, &[("error", wrong.as_str()), ("error_description", &description)])
}

/// Sends an answer to the client, with what it wants back and who we are (RFC 9207).
fn send(app: &App, to: &ReturnTo, said: &[(&str, &str)]) -> HttpResponse {
    let state = to.state.as_deref().map(|it| ("state", it));
    let issuer = ("iss", app.ports.policy.oauth.issuer.as_str());
    let said: Vec<_> = said.iter().copied().chain(state).chain([issuer]).collect();
    match to.mode {
        ResponseMode::Query => {
            let separator = if to.redirect_uri.contains('?') { '&' } else { '?' };
            let query: Vec<_> =
                said.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
            let location = format!("{}{separator}{}", to.redirect_uri, query.join("&"));
            HttpResponse::SeeOther().insert_header((LOCATION, location)).finish()
        }
        ResponseMode::FormPost => {
            let mut inputs = String::new();
            for (name, value) in &said {
                let value = escaped(value);
                inputs.extend([
                    "<input type=\"hidden\" name=\"",
                    name,
                    "\" value=\"",
                    &value,
                    "\">",
                ]);
            }
            let nonce = nonce(&app.ports);
            let policy = format!(
                "default-src 'none'; script-src 'nonce-{nonce}'; form-action {}; object-src \
                 'none'; base-uri 'none'; frame-ancestors 'none'",
                source(&to.redirect_uri)
            );
            let form = format!(
                "<form method=\"post\" action=\"{}\">{inputs}\
                 <noscript><button>Continue</button></noscript></form>\
                 <script nonce=\"{nonce}\">document.forms[0].submit()</script>",
                escaped(&to.redirect_uri)
            );
            HttpResponse::Ok()
                .content_type("text/html; charset=utf-8")
                .insert_header((CONTENT_SECURITY_POLICY, policy))
                .body(html(&form))
        }
    }
}

/// What a person sees where nobody can be told anything.
fn page(ports: &ports::Ports) -> HttpResponse {
    let policy = crate::edge::page_policy(&nonce(ports));
    let text = "<h1>This link does not work</h1><p>The application that sent you here is not \
                registered, or asks to send you to an address that is not. Nothing was shared.</p>";
    HttpResponse::BadRequest()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .body(html(text))
}

fn html(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Latchkey</title>\
         <body>{body}</body></html>"
    )
}

fn nonce(ports: &ports::Ports) -> String {
    format!("{:032x}", u128::from_be_bytes(entropy::bytes(&*ports.entropy)))
}

/// A text inside of HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// Where a form may go, for the page's policy: the address's origin, or its scheme.
fn source(uri: &str) -> String {
    match uri.split_once("://") {
        Some((scheme, rest)) if scheme.starts_with("http") => {
            let host = rest.split(['/', '?', ';', ',']).next().unwrap_or_default();
            format!("{scheme}://{host}")
        }
        _ => uri.split_once(':').map(|(scheme, _)| format!("{scheme}:")).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_it_is_told_and_does_no_more() {
        assert_eq!(escaped("\"><script>'&"), "&quot;&gt;&lt;script&gt;&#39;&amp;");
        assert_eq!(source("https://a.example.com:8443/cb?x"), "https://a.example.com:8443");
        assert_eq!(source("com.example.app:/cb"), "com.example.app:");
        assert_eq!(source("https://a.example.com;script-src"), "https://a.example.com");
    }
}
