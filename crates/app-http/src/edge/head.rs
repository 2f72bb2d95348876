//! Judging one request head before anybody else reads it (EDGE-01, EDGE-14).
//!
//! Two readers of one connection must never see two different requests. So whatever a proxy might
//! read differently is refused: line ends without CR, folded lines, and doubtful lengths.

use actix_web::http::Uri;

use crate::problem::{Code, Problem};

/// The longest target (EDGE-01).
const LONGEST_TARGET: usize = 8 * 1024;
/// The longest header block (EDGE-01).
const LONGEST_HEADERS: usize = 16 * 1024;
/// The most headers; actix has room for no more.
const MOST_HEADERS: usize = 96;
/// Longest method and version beside a target.
const AROUND_TARGET: usize = 64;

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not HTTP as it is meant to be.
    Malformed,
    /// It did not come in time.
    Slow,
    /// The target is too long.
    Target,
    /// The header block is too long.
    Headers,
}

impl Refused {
    const ALL: [Self; 4] = [Self::Malformed, Self::Slow, Self::Target, Self::Headers];

    /// The path that stands for it in the request that takes the refused one's place.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Malformed => "/malformed",
            Self::Slow => "/slow",
            Self::Target => "/target",
            Self::Headers => "/headers",
        }
    }

    /// Reads the path.
    pub(super) fn read(path: &str) -> Self {
        Self::ALL.into_iter().find(|it| it.path() == path).unwrap_or(Self::Malformed)
    }

    /// What the client is told. The connection ends, since nobody knows what comes next on it.
    pub(super) fn problem(self) -> Problem {
        let code = match self {
            Self::Malformed => Code::MalformedRequest,
            Self::Slow => Code::RequestTimeout,
            Self::Target => Code::UriTooLong,
            Self::Headers => Code::HeadersTooLarge,
        };
        Problem::new(code).closing()
    }
}

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Sized(u64),
    /// Chunks.
    Chunked,
}

/// Looks at the bytes that have come, from the first of a head on: the head's length and what
/// follows it, or `None` while more has to come. `seen` of them were looked at before.
pub(super) fn judge(bytes: &[u8], seen: usize) -> Result<Option<(usize, Body)>, Refused> {
    let Some(end) = end(bytes, seen)? else {
        return within(bytes).map(|()| None);
    };
    let head = bytes.get(..end).unwrap_or_default();
    within(head)?;
    read(head).map(|body| Some((end, body)))
}

/// Finds the end of the head and refuses line ends and control characters that are not plain.
fn end(bytes: &[u8], seen: usize) -> Result<Option<usize>, Refused> {
    // The last three bytes are looked at again: the end may straddle two arrivals.
    let from = seen.saturating_sub(3);
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        let before = at.checked_sub(1).and_then(|it| bytes.get(it));
        match byte {
            b'\n' if before != Some(&b'\r') => return Err(Refused::Malformed),
            b'\0' => return Err(Refused::Malformed),
            b'\n' if at >= 3 && bytes.get(at - 3..=at) == Some(b"\r\n\r\n") => {
                return Ok(Some(at + 1));
            }
            _ if before == Some(&b'\r') && *byte != b'\n' => return Err(Refused::Malformed),
            _ => {}
        }
    }
    Ok(None)
}

/// Refuses what is too long, whole or not.
fn within(bytes: &[u8]) -> Result<(), Refused> {
    let line = bytes.iter().position(|it| *it == b'\n').map_or(bytes.len(), |it| it + 1);
    if line > LONGEST_TARGET + AROUND_TARGET {
        return Err(Refused::Target);
    }
    if bytes.len() - line > LONGEST_HEADERS {
        return Err(Refused::Headers);
    }
    Ok(())
}

/// Reads a whole head as actix will, and more strictly where that leaves a doubt.
fn read(head: &[u8]) -> Result<Body, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Refused::Headers),
        _ => return Err(Refused::Malformed),
    }
    let target = request.path.unwrap_or_default();
    if target.len() > LONGEST_TARGET {
        return Err(Refused::Target);
    }
    Uri::try_from(target).map_err(|_| Refused::Malformed)?;
    let modern = request.version == Some(1);
    let all = |name: &str| -> Vec<&[u8]> {
        let named = request.headers.iter().filter(|it| it.name.eq_ignore_ascii_case(name));
        named.map(|it| it.value).collect()
    };
    // Both would make a tunnel of the connection, which nobody here looks into.
    if request.method == Some("CONNECT") || !all("upgrade").is_empty() {
        return Err(Refused::Malformed);
    }
    let host = all("host");
    if host.len() > 1 || (modern && host.is_empty()) {
        return Err(Refused::Malformed);
    }
    match (all("content-length").as_slice(), all("transfer-encoding").as_slice()) {
        ([], []) => {
            let body_must_be_told = !modern && request.method == Some("POST");
            if body_must_be_told { Err(Refused::Malformed) } else { Ok(Body::Sized(0)) }
        }
        ([length], []) => number(length).map(Body::Sized).ok_or(Refused::Malformed),
        ([], [coding]) if modern && coding.eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
        _ => Err(Refused::Malformed),
    }
}

/// Reads digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn whole(head: &str) -> Result<Option<(usize, Body)>, Refused> {
        judge(head.as_bytes(), 0)
    }

    /// EDGE-14: what two readers may take for different requests is no request.
    #[rstest]
    #[case::bare_line_feed("GET / HTTP/1.1\nHost: a\n\n")]
    #[case::bare_line_feed_in_a_header("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n")]
    #[case::bare_line_feed_at_the_end("GET / HTTP/1.1\r\nHost: a\r\n\n")]
    #[case::bare_carriage_return("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n")]
    #[case::line_end_first("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    #[case::folded("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n")]
    #[case::folded_first("GET / HTTP/1.1\r\n Host: a\r\n\r\n")]
    #[case::blank_before_colon("GET / HTTP/1.1\r\nHost : a\r\n\r\n")]
    #[case::both_lengths(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    )]
    #[case::length_twice(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"
    )]
    #[case::length_list("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n")]
    #[case::length_with_sign("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n")]
    #[case::length_in_hex("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n")]
    #[case::empty_length("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n")]
    #[case::other_coding("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")]
    #[case::identity("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n")]
    #[case::chunked_twice(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
    )]
    #[case::chunked_in_old_http("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")]
    #[case::no_host("GET / HTTP/1.1\r\n\r\n")]
    #[case::two_hosts("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
    #[case::no_version("GET /\r\nHost: a\r\n\r\n")]
    #[case::newer("PRI * HTTP/2.0\r\n\r\n")]
    #[case::tunnel("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n")]
    #[case::tunnel_to_a_path("CONNECT /v1/me HTTP/1.1\r\nHost: a\r\n\r\n")]
    #[case::web_socket(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    )]
    #[case::upgrade_alone("GET / HTTP/1.1\r\nHost: a\r\nupgrade: h2c\r\n\r\n")]
    #[case::nul("GET / HTTP/1.1\r\nHost: a\0\r\n\r\n")]
    #[case::not_http("\x16\x03\x01\x02\r\n\r\n")]
    fn a_doubtful_head_is_refused(#[case] head: &str) {
        assert_eq!(whole(head), Err(Refused::Malformed));
    }

    #[rstest]
    #[case::plain("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Body::Sized(0))]
    #[case::sized("POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 12\r\n\r\n", Body::Sized(12))]
    #[case::chunked(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
        Body::Chunked
    )]
    #[case::old("GET / HTTP/1.0\r\n\r\n", Body::Sized(0))]
    fn a_plain_head_passes(#[case] head: &str, #[case] body: Body) {
        assert_eq!(whole(head), Ok(Some((head.len(), body))));
        let with_more = format!("{head}more\n");
        assert_eq!(whole(&with_more), Ok(Some((head.len(), body))));
    }

    #[test]
    fn a_head_may_come_byte_by_byte() {
        let head = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
        for seen in 0..head.len() {
            assert_eq!(judge(&head.as_bytes()[..seen], seen.saturating_sub(1)), Ok(None));
        }
        assert!(matches!(judge(head.as_bytes(), head.len() - 1), Ok(Some(_))));
    }

    /// EDGE-01: the excess is cut while reading.
    #[test]
    fn a_head_has_a_longest_form() {
        let target =
            |length: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(length - 1));
        assert!(whole(&target(LONGEST_TARGET)).is_ok());
        assert_eq!(whole(&target(LONGEST_TARGET + 1)), Err(Refused::Target));
        assert_eq!(whole(&"a".repeat(9_000)), Err(Refused::Target));
        let headers =
            |length: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "a".repeat(length));
        assert_eq!(whole(&headers(16_000)), Ok(None));
        assert_eq!(whole(&headers(17_000)), Err(Refused::Headers));
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: a\r\n".repeat(100));
        assert_eq!(whole(&many), Err(Refused::Headers));
    }

    /// Bytes that are nearly a head, and some that are one.
    fn nearly_heads() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just("GET / HTTP/1.1\r\n"),
            Just("POST /v1/login HTTP/1.0\r\n"),
            Just("Host: a\r\n"),
            Just("Content-Length: 5\r\n"),
            Just("Transfer-Encoding: chunked\r\n"),
            Just(" folded\r\n"),
            Just("X: \u{e4}\r\n"),
            Just("\r\n"),
            Just("\r"),
            Just("\n"),
        ];
        prop_oneof![
            any::<Vec<u8>>(),
            prop::collection::vec(part, 0..8).prop_map(|it| it.concat().into_bytes()),
        ]
    }

    proptest! {
        /// EDGE-14: nothing breaks the judge, and it is the same wherever the bytes were split.
        #[test]
        fn a_split_changes_no_judgement(bytes in nearly_heads(), at: prop::sample::Index) {
            let split = at.index(bytes.len() + 1);
            let whole = judge(&bytes, 0);
            if judge(&bytes[..split], 0) == Ok(None) {
                prop_assert_eq!(judge(&bytes, split), whole);
            }
        }
    }
}
