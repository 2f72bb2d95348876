//! Giving a read value a type, naming the member that does not fit.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{
    self, Deserialize, DeserializeOwned, Deserializer, Expected, IntoDeserializer, Unexpected,
    Visitor,
};

use super::Node;
use crate::problem::{FieldCode, Problem};

/// Reads a value as a type; `parent` is the path that leads to it, empty or with a dot at its end.
pub(crate) fn typed<T: DeserializeOwned>(node: Node, parent: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(node).map_err(|error| {
        let path = error.path().to_string();
        let Misfit { code, name } = error.into_inner();
        // The path of a member that is missing or unknown ends at the object around it.
        let path = match (path.as_str(), name) {
            (".", Some(name)) => name,
            (path, Some(name)) if path == name || path.ends_with(&format!(".{name}")) => {
                path.to_owned()
            }
            (path, Some(name)) => format!("{path}.{name}"),
            (path, None) => path.to_owned(),
        };
        Problem::field(format!("{parent}{path}"), code)
    })
}

/// A member that does not fit.
#[derive(Debug)]
pub(crate) struct Misfit {
    code: FieldCode,
    /// The member, where the path ends at the object around it.
    name: Option<String>,
}

impl Misfit {
    fn here(code: FieldCode) -> Self {
        Self { code, name: None }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::here(FieldCode::Invalid)
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::here(FieldCode::WrongType)
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::here(FieldCode::Invalid)
    }

    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        // The name is the client's; what is longer than any of ours need not be told in full.
        let name = name.chars().take(64).collect();
        Self { code: FieldCode::Unknown, name: Some(name) }
    }

    fn missing_field(name: &'static str) -> Self {
        Self { code: FieldCode::Missing, name: Some(name.to_owned()) }
    }
}

impl IntoDeserializer<'_, Misfit> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(it) => visitor.visit_bool(it),
            Self::Number(it) => match (it.as_u64(), it.as_i64(), it.as_f64()) {
                (Some(it), _, _) => visitor.visit_u64(it),
                (_, Some(it), _) => visitor.visit_i64(it),
                (_, _, it) => visitor.visit_f64(it.unwrap_or(f64::NAN)),
            },
            Self::Text(it) => visitor.visit_string(it),
            Self::List(it) => SeqDeserializer::new(it.into_iter()).deserialize_any(visitor),
            Self::Object(it) => MapDeserializer::new(it.into_iter()).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Self::Null => visitor.visit_none(),
            it => visitor.visit_some(it),
        }
    }

    /// Only objects are structs; a list of the right length is not one.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self {
            Self::Object(_) => self.deserialize_any(visitor),
            _ => Err(Misfit::here(FieldCode::WrongType)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self {
            Self::Text(it) => StringDeserializer::new(it).deserialize_enum(name, variants, visitor),
            _ => Err(Misfit::here(FieldCode::WrongType)),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> Deserialize<'de> for Node {
    /// Keeps a value as it is, for what is given its type later.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keep;

        impl<'de> Visitor<'de> for Keep {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_bool<E>(self, it: bool) -> Result<Node, E> {
                Ok(Node::Bool(it))
            }

            fn visit_i64<E>(self, it: i64) -> Result<Node, E> {
                Ok(Node::Number(it.into()))
            }

            fn visit_u64<E>(self, it: u64) -> Result<Node, E> {
                Ok(Node::Number(it.into()))
            }

            fn visit_f64<E>(self, it: f64) -> Result<Node, E> {
                Ok(serde_json::Number::from_f64(it).map_or(Node::Null, Node::Number))
            }

            fn visit_str<E>(self, it: &str) -> Result<Node, E> {
                Ok(Node::Text(it.to_owned()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Node::List(list))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = entries.next_entry()? {
                    members.push(member);
                }
                Ok(Node::Object(members))
            }
        }

        deserializer.deserialize_any(Keep)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::problem::Language;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the shape counts")]
    struct Outer {
        name: String,
        count: Option<u32>,
        inner: Option<Inner>,
        #[serde(default)]
        list: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the shape counts")]
    struct Inner {
        code: String,
    }

    /// EDGE-02: the member that does not fit is named, and how.
    #[rstest]
    #[case::missing("{}", "name", "missing")]
    #[case::wrong_type(r#"{"name":1}"#, "name", "wrong_type")]
    #[case::null(r#"{"name":null}"#, "name", "wrong_type")]
    #[case::unknown(r#"{"name":"a","more":1}"#, "more", "unknown")]
    #[case::negative(r#"{"name":"a","count":-1}"#, "count", "invalid")]
    #[case::fraction(r#"{"name":"a","count":1.5}"#, "count", "wrong_type")]
    #[case::missing_below(r#"{"name":"a","inner":{}}"#, "inner.code", "missing")]
    #[case::wrong_type_below(r#"{"name":"a","inner":{"code":[]}}"#, "inner.code", "wrong_type")]
    #[case::unknown_below(r#"{"name":"a","inner":{"code":"","x":1}}"#, "inner.x", "unknown")]
    #[case::list_for_object(r#"{"name":"a","inner":["x"]}"#, "inner", "wrong_type")]
    #[case::in_a_list(r#"{"name":"a","list":[{"code":1}]}"#, "list[0].code", "wrong_type")]
    fn the_member_is_named(#[case] text: &str, #[case] field: &str, #[case] code: &str) {
        let node = Node::read(text.as_bytes()).expect("an object");
        let problem = typed::<Outer>(node, "").expect_err("a misfit");
        let body = format!("{:?}", problem.render("id", Language::En).into_body());
        assert!(body.contains(&format!(r#"\"field\":\"{field}\",\"code\":\"{code}\""#)), "{body}");
    }

    #[test]
    fn what_fits_is_read() {
        let node = Node::read(br#"{"name":"a","count":null,"inner":{"code":"b"}}"#);
        let outer: Outer = typed(node.expect("an object"), "").expect("it fits");
        assert_eq!((outer.name.as_str(), outer.count), ("a", None));
    }
}
