//! Forms, in a body or in a query: decoded strictly, each name with all its values.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use domain::oauth::authorize::Parameters;

use crate::json::text_of;
use crate::problem::{Code, Problem, RfcError};

/// The one type of a form's body (EDGE-03).
const FORM: &str = "application/x-www-form-urlencoded";

/// The members of a form.
#[derive(Debug)]
pub(crate) struct Form(pub(crate) Parameters);

impl FromRequest for Form {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let text = text_of(request, payload, FORM);
        Box::pin(async move {
            let text = text.await?;
            parse(&text).map(Self).ok_or(Problem::new(Code::MalformedRequest))
        })
    }
}

impl Form {
    /// The form in a query.
    pub(crate) fn of_query(query: &str) -> Result<Self, Problem> {
        parse(query.as_bytes()).map(Self).ok_or(Problem::new(Code::MalformedRequest))
    }

    /// Refuses a form in which a name is there twice (RFC 6749, 3.2).
    pub(crate) fn once(self) -> Result<Once, RfcError> {
        if self.0.values().any(|it| it.len() > 1) {
            return Err(RfcError::request("A parameter is there twice."));
        }
        Ok(Once(self.0))
    }
}

/// A form in which every name is there once.
#[derive(Debug)]
pub(crate) struct Once(Parameters);

impl Once {
    /// A member; one without value is not there (RFC 6749, 3.2).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|it| it.first()).map(String::as_str).filter(|it| !it.is_empty())
    }

    /// A member that has to be there.
    pub(crate) fn need(&self, name: &str, missing: &'static str) -> Result<&str, RfcError> {
        self.get(name).ok_or(RfcError::request(missing))
    }
}

fn parse(text: &[u8]) -> Option<Parameters> {
    let mut parameters = Parameters::new();
    for pair in text.split(|it| *it == b'&').filter(|it| !it.is_empty()) {
        let mut halves = pair.splitn(2, |it| *it == b'=');
        let name = decoded(halves.next().unwrap_or_default())?;
        let value = decoded(halves.next().unwrap_or_default())?;
        parameters.entry(name).or_default().push(value);
    }
    Some(parameters)
}

/// Undoes the encoding of a form; `None` for what is none, or not text.
pub(crate) fn decoded(text: &[u8]) -> Option<String> {
    let mut bytes = text.iter();
    let mut decoded = Vec::with_capacity(text.len());
    let digit = |it: Option<&u8>| char::from(*it?).to_digit(16);
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(decoded).ok().filter(|it| !it.contains('\0'))
}

/// Encodes a text for a query: all but what is never encoded (RFC 3986, 2.3).
pub(crate) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a+b%20c", Some("a b c"))]
    #[case("%C3%A4", Some("ä"))]
    #[case("%2b", Some("+"))]
    #[case("%", None)]
    #[case("%4", None)]
    #[case("%zz", None)]
    #[case("%ff", None)]
    #[case("%00", None)]
    fn a_form_is_decoded_or_refused(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(decoded(text.as_bytes()).as_deref(), expected);
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        let text = "a b&c=d+e%/ä~'\"<>";
        assert_eq!(decoded(encoded(text).as_bytes()).as_deref(), Some(text));
    }

    #[test]
    fn a_name_is_there_once() {
        let form = |it: &str| Form::of_query(it).unwrap().once();
        assert!(form("a=1&a=2").is_err() && form("a=1&%61=1").is_err());
        let once = form("a=1&&b&c=").unwrap();
        assert_eq!((once.get("a"), once.get("b"), once.get("c")), (Some("1"), None, None));
    }

    proptest! {
        #[test]
        fn any_text_is_decoded_again(text in "[^\u{0}]{0,40}") {
            prop_assert_eq!(decoded(encoded(&text).as_bytes()), Some(text));
        }

        /// Nothing breaks the reader, and no name or value that it takes has a NUL.
        #[test]
        fn nothing_that_comes_breaks_a_form(text: Vec<u8>) {
            for (name, values) in parse(&text).unwrap_or_default() {
                prop_assert!(!name.contains('\0') && values.iter().all(|it| !it.contains('\0')));
            }
        }
    }
}
