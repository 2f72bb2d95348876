//! A provider's answer, however it spells it: JSON, JSONP or a query string; numbers as numbers or
//! as text. The content type is not looked at, and the bytes are UTF-8 whatever it says.

use domain::Timestamp;
use domain::provider::{ProviderKind, ThirdPartyId};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The longest that a provider's token may live, as far as we note it: ten years.
const LONGEST_LIFE: u64 = 315_360_000;

/// How a vendor spells its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// A JSON object to the last byte.
    Json,
    /// A JSON object, alone or as `callback( {…} );`, or a query string: QQ.
    Loose,
}

/// What a provider answered.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    members: Map<String, Value>,
    text: Zeroizing<String>,
}

impl Answer {
    /// Reads a body; `None` if it is no answer at all.
    pub(crate) fn read(status: u16, body: &[u8], spelling: Spelling) -> Option<Self> {
        let text = Zeroizing::new(String::from_utf8_lossy(body).into_owned());
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        let members = match spelling {
            Spelling::Json => object(trimmed)?,
            Spelling::Loose => object(trimmed)
                .or_else(|| object(padded(trimmed)?))
                .or_else(|| query_string(trimmed))?,
        };
        Some(Self { status, members, text })
    }

    /// An answer whose body says nothing.
    pub(crate) fn bare(status: u16) -> Self {
        Self { status, members: Map::new(), text: Zeroizing::default() }
    }

    /// The body as it came, for a signature over its bytes.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// A member, if it is there and not `null`.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|it| !it.is_null())
    }

    /// The table that a member holds, as an answer of its own.
    pub(crate) fn table(&self, name: &str) -> Option<Self> {
        let members = self.member(name)?.as_object()?.clone();
        Some(Self { status: self.status, members, text: Zeroizing::default() })
    }

    /// A text, or a whole number as text; `None` for anything else, and for the empty one.
    pub(crate) fn text_of(&self, name: &str) -> Option<String> {
        scalar(self.member(name)?).filter(|it| !it.is_empty())
    }

    /// A whole number, or a text that is one.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.member(name)? {
            Value::Number(it) => it.as_i64(),
            Value::String(it) => it.trim().parse().ok(),
            _ => None,
        }
    }

    /// A secret text that must be there.
    pub(crate) fn token(&self, name: &'static str) -> Result<Zeroizing<String>, Failure> {
        self.text_of(name).map(Zeroizing::new).ok_or_else(|| Failure::lacks(name))
    }

    /// The name of an account. Missing, empty, `null`, 0 and what is no scalar name nobody.
    pub(crate) fn id(
        &self,
        kind: ProviderKind,
        namespace: &str,
        name: &str,
    ) -> Result<ThirdPartyId, Failure> {
        let subject = self.text_of(name).ok_or_else(Failure::nobody)?;
        // Bytes that were no UTF-8 would all be one and the same letter.
        if subject.contains(char::REPLACEMENT_CHARACTER) {
            return Err(Failure::nobody());
        }
        ThirdPartyId::new(kind, namespace, &subject).map_err(|_| Failure::nobody())
    }

    /// When a token given now ends, by a member that holds seconds.
    pub(crate) fn end(&self, name: &str, now: Timestamp) -> Option<Timestamp> {
        end(self.number(name).and_then(|it| u64::try_from(it).ok()), now)
    }

    /// An address of a picture, by the first of some members that holds one.
    ///
    /// Chinese vendors give `http` addresses of pictures that they serve by `https` as well.
    pub(crate) fn picture(&self, names: &[&str]) -> Option<String> {
        let found = names.iter().find_map(|it| self.text_of(it))?;
        Some(match found.strip_prefix("http://") {
            Some(rest) => format!("https://{rest}"),
            None => found,
        })
    }
}

/// When a token with so many seconds left ends.
pub(crate) fn end(seconds: Option<u64>, now: Timestamp) -> Option<Timestamp> {
    let seconds = seconds.filter(|it| *it > 0)?.min(LONGEST_LIFE);
    Some(domain::later(now, domain::Duration::from_secs(seconds)))
}

/// A text, or a whole number as text.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(it) => Some(it.clone()),
        Value::Number(it) if it.is_i64() || it.is_u64() => Some(it.to_string()),
        _ => None,
    }
}

fn object(text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// What stands between the brackets of `callback( … );`.
fn padded(text: &str) -> Option<&str> {
    let (name, rest) = text.split_once('(')?;
    let is_name = !name.is_empty()
        && name.trim().bytes().all(|it| it.is_ascii_alphanumeric() || b"_.$".contains(&it));
    let inner = rest.trim_end().trim_end_matches(';').trim_end().strip_suffix(')')?;
    is_name.then_some(inner.trim())
}

fn query_string(text: &str) -> Option<Map<String, Value>> {
    let is_one = !text.is_empty() && !text.contains(['<', '{', '\n']);
    let pair = |it: &str| {
        let (name, value) = it.split_once('=')?;
        Some((name.to_owned(), Value::String(decoded(value))))
    };
    text.split('&').map(pair).collect::<Option<Map<_, _>>>().filter(|_| is_one)
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |it: u8| char::from(it).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let escaped = (byte == b'%').then(|| {
            let mut ahead = rest.clone();
            let (high, low) = (hex(ahead.next()?)?, hex(ahead.next()?)?);
            rest = ahead;
            Some(high << 4 | low)
        });
        bytes.push(match (byte, escaped.flatten()) {
            (_, Some(escaped)) => escaped,
            (b'+', None) => b' ',
            (byte, None) => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::address::encoded;

    proptest! {
        #[test]
        fn nothing_that_comes_breaks_us(
            bytes: Vec<u8>,
            padded in " ?(callback)?[(]? ?[{]?(?s:.){0,30}[}]? ?[)]?;?|([a-z=&%]|%[0-9a-f]{2}){0,20}",
            status in 200_u16..500,
        ) {
            for (body, spelling) in [bytes.as_slice(), padded.as_bytes()]
                .into_iter()
                .flat_map(|it| [(it, Spelling::Json), (it, Spelling::Loose)])
            {
                if let Some(read) = Answer::read(status, body, spelling) {
                    prop_assert_eq!(read.status, status);
                }
            }
        }

        #[test]
        fn what_we_encode_is_read_back(value in "[^<{\n]{1,40}") {
            let body = encoded(&[("a", &value), ("b", "1")]);
            let read = read(&body, Spelling::Loose).unwrap();
            prop_assert_eq!(read.text_of("a"), Some(value));
        }
    }

    fn read(body: &str, spelling: Spelling) -> Option<Answer> {
        Answer::read(200, body.as_bytes(), spelling)
    }

    #[rstest]
    #[case::alone(r#"{"client_id":"1","openid":"A"}"#)]
    #[case::padded("callback( {\"client_id\":1,\"openid\":\"A\"} );\n")]
    #[case::other_padding("cb_1.x({\"client_id\":\"1\",\"openid\":\"A\"})")]
    #[case::marked("\u{feff} {\"client_id\":\"1\",\"openid\":\"A\"}\n")]
    #[case::pairs("client_id=1&openid=%41")]
    fn qq_is_read_however_it_is_spelt(#[case] body: &str) {
        let read = read(body, Spelling::Loose).unwrap();
        assert_eq!(read.text_of("client_id").as_deref(), Some("1"));
        assert_eq!(read.number("client_id"), Some(1));
        assert_eq!(read.text_of("openid").as_deref(), Some("A"));
    }

    /// EXT-05.
    #[rstest]
    #[case::empty("")]
    #[case::html("<!DOCTYPE html><html a=b></html>")]
    #[case::truncated(r#"{"access_token":"abc","#)]
    #[case::truncated_padding(r#"callback( {"access_token":"abc","#)]
    #[case::list("[]")]
    #[case::text("ok")]
    #[case::after_the_end(r#"{"a":"b"} and more"#)]
    fn what_is_no_answer_is_not_read(#[case] body: &str) {
        assert!(read(body, Spelling::Json).is_none());
        assert!(read(body, Spelling::Loose).is_none());
    }

    #[test]
    fn a_padded_answer_is_for_those_who_pad() {
        assert!(read("callback({\"a\":\"b\"})", Spelling::Json).is_none());
    }

    /// EXT-05: a missing, empty, null, zero or structured subject names nobody.
    #[rstest]
    #[case("{}")]
    #[case(r#"{"id":null}"#)]
    #[case(r#"{"id":""}"#)]
    #[case(r#"{"id":"  "}"#)]
    #[case(r#"{"id":0}"#)]
    #[case(r#"{"id":"0"}"#)]
    #[case(r#"{"id":1.5}"#)]
    #[case(r#"{"id":true}"#)]
    #[case(r#"{"id":["1"]}"#)]
    #[case(r#"{"id":{"id":"1"}}"#)]
    fn nobody_is_nobody(#[case] body: &str) {
        let read = read(body, Spelling::Json).unwrap();
        assert_eq!(read.id(ProviderKind::Weibo, "", "id"), Err(Failure::nobody()));
    }

    #[test]
    fn two_names_that_are_no_text_are_not_one() {
        let read = Answer::read(200, b"{\"id\":\"a\xff\"}", Spelling::Json).unwrap();
        assert_eq!(read.id(ProviderKind::Weibo, "", "id"), Err(Failure::nobody()));
    }

    #[test]
    fn a_number_of_64_bits_keeps_its_digits() {
        let read = read(r#"{"id":9223372036854775807}"#, Spelling::Json).unwrap();
        let id = read.id(ProviderKind::Weibo, "", "id").unwrap();
        assert_eq!(id.subject(), "9223372036854775807");
    }

    #[test]
    fn a_nickname_is_utf8_and_a_picture_https() {
        let body = r#"{"nickname":"小明 😀","a":"","b":"http://q.example.com/40"}"#;
        let read = read(body, Spelling::Json).unwrap();
        assert_eq!(read.text_of("nickname").as_deref(), Some("小明 😀"));
        assert_eq!(read.picture(&["a", "b"]).as_deref(), Some("https://q.example.com/40"));
    }
}
