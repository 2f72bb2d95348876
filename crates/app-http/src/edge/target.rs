//! The request's target: paths that only confuse, and secrets in queries (EDGE-04, EDGE-11).

/// Names that never stand in a query: what is there ends up in logs and histories.
const SECRETS: [&str; 9] = [
    "password",
    "new_password",
    "code",
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "client_assertion",
    "client_secret",
];

/// True for a path that proxies and routers may read in different ways.
pub(super) fn is_ambiguous(path: &str) -> bool {
    // Nearly all paths are letters between single slashes, of which there is one reading.
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"/_-".contains(&it);
    if path.starts_with('/') && path.bytes().all(is_plain) && !path.contains("//") {
        return false;
    }
    let lower = path.to_ascii_lowercase();
    let spelled = ["//", ";", "\\", "%2f", "%5c", "%00", "%3b"];
    !path.starts_with('/')
        || spelled.iter().any(|it| lower.contains(it))
        || lower.split('/').any(|it| {
            let dots = it.replace("%2e", ".");
            dots == "." || dots == ".."
        })
}

/// True if a query has a member that names a secret, however it is spelled.
pub(super) fn has_secret(query: &str) -> bool {
    query.split(['&', ';']).any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        let name = decoded(name);
        SECRETS.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes()))
    })
}

/// Undoes percent-encoding; what is no such encoding stays as it is.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let pair = (byte == b'%').then(|| (digit(ahead.next()), digit(ahead.next())));
        if let Some((Some(high), Some(low))) = pair {
            decoded.push(high * 16 + low);
            bytes = ahead;
        } else {
            decoded.push(byte);
        }
    }
    decoded
}

fn digit(byte: Option<u8>) -> Option<u8> {
    u8::try_from(char::from(byte?).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// EDGE-04: such a path never reaches a route.
    #[rstest]
    #[case("//v1/me")]
    #[case("/v1//me")]
    #[case("/v1/./me")]
    #[case("/v1/../v1/me")]
    #[case("/v1/%2e%2E/me")]
    #[case("/v1/.%2e/me")]
    #[case("/v1/me;a=b")]
    #[case("/v1%2fme")]
    #[case("/v1%2Fme")]
    #[case("/v1%5Cme")]
    #[case("/v1\\me")]
    #[case("/v1/me%00")]
    #[case("/v1/me/..")]
    #[case("v1/me")]
    #[case("*")]
    #[case("")]
    fn a_path_with_two_readings_has_none(#[case] path: &str) {
        assert!(is_ambiguous(path));
    }

    #[rstest]
    #[case("/")]
    #[case("/v1/me")]
    #[case("/.well-known/openid-configuration")]
    #[case("/docs/swagger-ui.css")]
    #[case("/v1/a..b/%E6%BC%A2")]
    fn a_plain_path_passes(#[case] path: &str) {
        assert!(!is_ambiguous(path));
    }

    /// EDGE-11: secrets are found in a query however they are spelled.
    #[rstest]
    #[case("password=x", true)]
    #[case("a=b&code=123456", true)]
    #[case("Access_Token=x", true)]
    #[case("%63ode=1", true)]
    #[case("a=b;token=x", true)]
    #[case("id_token", true)]
    #[case("to=13800138000", false)]
    #[case("codes=1&mytoken=2&%zz=1&%", false)]
    #[case("", false)]
    fn a_secret_in_a_query_is_found(#[case] query: &str, #[case] found: bool) {
        assert_eq!(has_secret(query), found);
    }
}
