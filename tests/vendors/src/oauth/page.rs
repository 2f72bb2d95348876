//! The page at which a person agrees, or refuses.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse};

use super::desk::{Ask, Desk};
use super::wire::{Pairs, of};

/// How a vendor spells what its page is asked and what it answers.
pub(super) struct Spelling {
    /// The vendor's path.
    pub(super) vendor: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// The parameter with the app's id.
    pub(super) app: &'static str,
    /// The parameter that brings the code back.
    pub(super) code: &'static str,
    /// What is sent back, beside the state, where the person refused.
    pub(super) refusal: &'static str,
    /// True if the answer is posted by a form of the vendor's page.
    pub(super) posts: bool,
}

/// Serves the page: a list of people, or straight back where one was chosen.
pub(super) fn serve(
    desk: &Desk,
    request: &HttpRequest,
    query: &Pairs,
    spelling: &Spelling,
) -> HttpResponse {
    let Spelling { vendor, title, app, code, refusal, posts } = *spelling;
    let (app_id, redirect_uri) = (of(query, app), of(query, "redirect_uri"));
    let is_registered = desk.app(vendor, app_id).is_some_and(|it| {
        it.redirect_uris.is_empty() || it.redirect_uris.iter().any(|it| it == redirect_uri)
    });
    // Vendors show such an error to the person: nobody is sent to an address that is not known.
    if !is_registered
        || of(query, "response_type") != "code" && vendor != "alipay" && vendor != "github"
    {
        return page(title, "<p>This app or its address is not registered.</p>");
    }
    let pkce = query.contains_key("code_challenge");
    if pkce && of(query, "code_challenge_method") != "S256" {
        return page(title, "<p>code_challenge_method must be S256.</p>");
    }
    let back = |more: &str| {
        if posts {
            return form(title, redirect_uri, &format!("state={}&{more}", of(query, "state")));
        }
        let sign = if redirect_uri.contains('?') { '&' } else { '?' };
        let and = if more.is_empty() { "" } else { "&" };
        let address =
            format!("{redirect_uri}{sign}state={}{and}{more}", escaped(of(query, "state")));
        HttpResponse::Found().insert_header((LOCATION, address)).finish()
    };
    if query.contains_key("refuse") {
        return back(refusal);
    }
    let chosen = desk.people().into_iter().find(|it| it.id.to_string() == of(query, "login_as"));
    if let Some(person) = chosen {
        let given = |name: &str| query.get(name).cloned();
        let ask = Ask {
            redirect_uri: Some(redirect_uri.to_owned()),
            challenge: given("code_challenge"),
            nonce: given("nonce"),
        };
        let code = format!("{code}={}", desk.code(vendor, app_id, &person, ask));
        if !posts {
            return back(&code);
        }
        // The name comes here and nowhere else.
        let name = serde_json::json!({"name": {"firstName": person.nickname, "lastName": ""}});
        return back(&format!("{code}&user={name}"));
    }
    let here = escaped_html(&format!("{}?{}", request.path(), request.query_string()));
    let link = |parameter: &str, text: &str| {
        format!("<li><a href=\"{here}&amp;{parameter}\">{}</a></li>", escaped_html(text))
    };
    let mut links: Vec<_> = desk
        .people()
        .iter()
        .map(|it| link(&format!("login_as={}", it.id), &format!("Log in as {}", it.nickname)))
        .collect();
    links.push(link("refuse=1", "Refuse"));
    page(title, &format!("<ul>{}</ul>", links.concat()))
}

fn page(title: &str, body: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(format!(
        "<!DOCTYPE html><html><head><title>{title}</title></head>\
         <body><h1>{title} (stand-in)</h1>{body}</body></html>"
    ))
}

/// A page that posts parameters, as they are, to another one.
fn form(title: &str, address: &str, pairs: &str) -> HttpResponse {
    let pairs = pairs.split('&').filter_map(|it| it.split_once('='));
    let pairs: Vec<_> = pairs
        .map(|(name, value)| {
            let value = escaped_html(value);
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        })
        .collect();
    let (address, pairs) = (escaped_html(address), pairs.concat());
    page(
        title,
        &format!("<form method=\"post\" action=\"{address}\">{pairs}<button>Go on</button></form>"),
    )
}

/// A text as it may stand in a query.
pub(super) fn escaped(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        it if it.is_ascii_alphanumeric() => char::from(it).to_string(),
        it => format!("%{it:02X}"),
    };
    text.bytes().map(letter).collect::<Vec<_>>().concat()
}

/// A text as it may stand in a page.
pub(super) fn escaped_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
