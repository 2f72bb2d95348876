//! The text of a body, read strictly: what one reader sees, every reader sees.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// The deepest nesting.
const DEEPEST: u8 = 16;

/// A JSON value whose objects keep their order and have no member twice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text without NUL and byte-order mark.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Reads a text that is one object; `None` for everything else.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let node = Level(DEEPEST).deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        matches!(node, Self::Object(_)).then_some(node)
    }

    /// Takes a member out of an object.
    pub(crate) fn take(&mut self, name: &str) -> Option<Self> {
        let Self::Object(members) = self else { return None };
        let at = members.iter().position(|(it, _)| it == name)?;
        Some(members.remove(at).1)
    }
}

/// How many levels may still be opened.
#[derive(Clone, Copy)]
struct Level(u8);

impl Level {
    fn below<E: Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom("nested too deep"))
    }
}

fn plain<E: Error>(text: String) -> Result<String, E> {
    if text.contains(['\0', '\u{feff}']) {
        return Err(E::custom("a character that nobody types"));
    }
    Ok(text)
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, it: bool) -> Result<Node, E> {
        Ok(Node::Bool(it))
    }

    fn visit_i64<E: Error>(self, it: i64) -> Result<Node, E> {
        Ok(Node::Number(it.into()))
    }

    fn visit_u64<E: Error>(self, it: u64) -> Result<Node, E> {
        Ok(Node::Number(it.into()))
    }

    fn visit_f64<E: Error>(self, it: f64) -> Result<Node, E> {
        Number::from_f64(it).map(Node::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<Node, E> {
        self.visit_string(it.to_owned())
    }

    fn visit_string<E: Error>(self, it: String) -> Result<Node, E> {
        plain(it).map(Node::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let below = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let below = self.below()?;
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            let name = plain(name)?;
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a member twice"));
            }
            members.push((name, entries.next_value_seed(below)?));
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// EDGE-02: what is not one strict object in UTF-8 is refused as a whole.
    #[rstest]
    #[case::empty(b"")]
    #[case::blank(b"  ")]
    #[case::cut(br#"{"a":"#)]
    #[case::more_after_it(br#"{"a":1} {}"#)]
    #[case::comma_at_the_end(br#"{"a":1,}"#)]
    #[case::comment(b"{/* */}")]
    #[case::single_quotes(b"{'a':1}")]
    #[case::list(b"[]")]
    #[case::text(br#""a""#)]
    #[case::number(b"1")]
    #[case::null(b"null")]
    #[case::not_utf8(b"{\"a\":\"\xff\"}")]
    #[case::overlong_utf8(b"{\"a\":\"\xc0\xaf\"}")]
    #[case::byte_order_mark_before(b"\xef\xbb\xbf{}")]
    #[case::byte_order_mark_within("{\"a\":\"\u{feff}\"}".as_bytes())]
    #[case::byte_order_mark_escaped(br#"{"a":"x\ufeff"}"#)]
    #[case::nul_escaped(br#"{"a":"x\u0000"}"#)]
    #[case::nul_raw(b"{\"a\":\"x\0\"}")]
    #[case::nul_in_a_name(br#"{"a\u0000":1}"#)]
    #[case::lone_high_surrogate(br#"{"a":"\ud800"}"#)]
    #[case::lone_low_surrogate(br#"{"a":"\udc00"}"#)]
    #[case::member_twice(br#"{"a":1,"a":1}"#)]
    #[case::member_twice_by_escape(br#"{"a":1,"\u0061":2}"#)]
    #[case::member_twice_below(br#"{"a":{"b":1,"b":2}}"#)]
    #[case::not_a_number(br#"{"a":NaN}"#)]
    #[case::number_without_end(br#"{"a":1e999}"#)]
    fn a_text_that_readers_may_read_differently_is_refused(#[case] text: &[u8]) {
        assert_eq!(Node::read(text), None);
    }

    /// EDGE-02: sixteen levels are fine, seventeen are not.
    #[test]
    fn nesting_has_an_end() {
        let nested =
            |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(Node::read(nested(16).as_bytes()).is_some());
        assert!(Node::read(nested(17).as_bytes()).is_none());
        assert!(Node::read(nested(8000).as_bytes()).is_none());
    }

    #[test]
    fn an_object_is_read_as_it_stands() {
        let text = r#" {"b":[1,-2,1.5,true,null],"a":"\u6f22\ud83d\ude00"} "#;
        let mut node = Node::read(text.as_bytes()).expect("an object");
        assert_eq!(node.take("a"), Some(Node::Text("漢😀".into())));
        assert_eq!(node.take("a"), None);
        assert!(matches!(node.take("b"), Some(Node::List(it)) if it.len() == 5));
    }

    /// Texts that are nearly objects, and some that are.
    fn nearly_objects() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just(r#"{"a":"#),
            Just("}"),
            Just("["),
            Just("]"),
            Just(","),
            Just(r#""b":"#),
            Just(r#""\u00e4""#),
            Just("-1.5e3"),
            Just("null"),
            Just("\"\\ud800\""),
        ];
        prop_oneof![
            any::<Vec<u8>>(),
            prop::collection::vec(part, 0..12).prop_map(|it| it.concat().into_bytes()),
        ]
    }

    fn same(node: &Node, value: &serde_json::Value) -> bool {
        use serde_json::Value;
        match (node, value) {
            (Node::Null, Value::Null) => true,
            (Node::Bool(a), Value::Bool(b)) => a == b,
            (Node::Number(a), Value::Number(b)) => a == b,
            (Node::Text(a), Value::String(b)) => a == b,
            (Node::List(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Node::Object(a), Value::Object(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(name, it)| b.get(name).is_some_and(|b| same(it, b)))
            }
            _ => false,
        }
    }

    proptest! {
        /// EDGE-02: nothing breaks the reader, and what it takes others read the same.
        #[test]
        fn what_is_taken_every_reader_reads_the_same(text in nearly_objects()) {
            if let Some(node) = Node::read(&text) {
                let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
                prop_assert!(same(&node, &value), "{node:?} {value}");
            }
        }
    }
}
