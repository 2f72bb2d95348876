//! The headers of every answer, and those that no request may use (EDGE-03, EDGE-08, EDGE-09).

use actix_web::guard::GuardContext;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The two colours that Swagger UI's logo brings along in its picture; without them it is black.
const LOGO_COLOURS: &str = "sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w=";

/// What a page of ours may do: nothing but what the scripts and style sheets do that it names with
/// the page's own nonce (EDGE-08).
pub(crate) fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; \
         style-src 'nonce-{nonce}' '{LOGO_COLOURS}'; \
         img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

/// What an answer may do where a browser shows it: nothing.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Headers by which some servers take another method than the one that proxies see.
const OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];

/// True if the request's method is the one in its first line and no other.
pub(crate) fn no_override(context: &GuardContext<'_>) -> bool {
    !OVERRIDES.iter().any(|it| context.head().headers().contains_key(it))
}

/// Sets what every answer has; a page keeps the policy that it brought.
pub(super) fn harden(headers: &mut HeaderMap, is_https: bool) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let opener = HeaderName::from_static("cross-origin-opener-policy");
        headers.insert(opener, HeaderValue::from_static("same-origin"));
    } else {
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    }
    if is_https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    headers.remove(header::SERVER);
}
