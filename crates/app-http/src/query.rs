//! The query of a request, read as strictly as a body: every parameter known, and there once.

use std::collections::BTreeSet;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;

use crate::json::{Node, typed};
use crate::problem::{FieldCode, Problem};

/// The parameters of a query; all of them are texts.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self))
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query);
    // What is wrong with the encoding is nobody's name; every query that arrives can be decoded.
    let pairs = pairs.map(web::Query::into_inner).unwrap_or_default();
    let mut seen = BTreeSet::new();
    if let Some((name, _)) = pairs.iter().find(|(name, _)| !seen.insert(name.as_str())) {
        return Err(Problem::field(name.clone(), FieldCode::Invalid));
    }
    let members = pairs.into_iter().map(|(name, value)| (name, Node::Text(value)));
    typed(Node::Object(members.collect()), "")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde::Deserialize;

    use super::*;
    use crate::problem::Language;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        to: Option<String>,
    }

    #[test]
    fn a_query_is_decoded() {
        assert_eq!(read::<Asked>("to=%2B86+138").unwrap().to.as_deref(), Some("+86 138"));
        assert!(read::<Asked>("").unwrap().to.is_none());
    }

    #[rstest]
    #[case("x=1", "x")]
    #[case("to=1&x=1", "x")]
    #[case("to=1&to=2", "to")]
    fn what_is_wrong_is_named(#[case] query: &str, #[case] field: &str) {
        let problem = read::<Asked>(query).expect_err("a refusal");
        let answer = problem.render("", Language::En);
        let body = actix_web::body::to_bytes(answer.into_body());
        let body = futures_util::FutureExt::now_or_never(body).unwrap().unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["errors"][0]["field"], field, "{body}");
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_comes_breaks_a_query(query in "(?s:.){0,60}|([a-z=&%+]|to=|%[0-9a-f]{2}){0,30}") {
            let _ = read::<Asked>(&query);
        }
    }
}
