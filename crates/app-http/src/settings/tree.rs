//! Settings before they have a type: what files say, overlaid by the environment.
//!
//! A text of the environment is read as what the key is declared to be: a number where a number
//! is wanted, JSON where a list or table is, and the text itself where text is.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapDeserializer, StringDeserializer};
use serde::de::{self, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};
use serde_json::Value;

/// A setting, or a table of them.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    /// What a file, or JSON, says.
    Said(Value),
    /// A text of the environment.
    Text(String),
    /// A table.
    Table(BTreeMap<String, Tree>),
}

impl From<Value> for Tree {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(members) => {
                Self::Table(members.into_iter().map(|(key, it)| (key, it.into())).collect())
            }
            other => Self::Said(other),
        }
    }
}

impl Tree {
    /// An empty table.
    pub(super) const fn empty() -> Self {
        Self::Table(BTreeMap::new())
    }

    /// Sets what is at a path, making the tables that lead to it.
    pub(super) fn set(&mut self, path: &[&str], text: String) {
        let Some((first, rest)) = path.split_first() else {
            *self = Self::Text(text);
            return;
        };
        // A whole section given as JSON comes first, its single keys after it.
        if let Self::Text(section) = self
            && let Ok(section @ Value::Object(_)) = serde_json::from_str(section)
        {
            *self = section.into();
        }
        // Any other value in the way stays there, to be refused as no table.
        if let Self::Table(members) = self {
            members.entry((*first).to_owned()).or_insert_with(Self::empty).set(rest, text);
        }
    }

    /// Reads JSON where a list or a table is declared.
    fn parsed(self, wanted: &str) -> Result<Self, KeyError> {
        match self {
            Self::Text(text) => serde_json::from_str::<Value>(&text)
                .map(Self::from)
                .map_err(|_| KeyError::new(format!("must be {wanted} in JSON"))),
            other => Ok(other),
        }
    }
}

/// What is wrong with a key. Never holds a value.
#[derive(Debug)]
pub(super) struct KeyError {
    pub(super) problem: String,
    /// The key, where the path ends at the table around it.
    pub(super) name: Option<String>,
}

impl KeyError {
    fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), name: None }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for KeyError {}

impl de::Error for KeyError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new("has a value that cannot be")
    }

    fn invalid_type(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wanted = wanted.to_string();
        let is_number = wanted.strip_prefix(['u', 'i']).is_some_and(|it| it.parse::<u8>().is_ok());
        let wanted = if is_number { "a whole number that fits" } else { wanted.as_str() };
        Self::new(format!("must be {wanted}"))
    }

    fn invalid_value(given: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(given, wanted)
    }

    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        Self { problem: "there is no such setting".to_owned(), name: Some(name.to_owned()) }
    }
}

impl IntoDeserializer<'_, KeyError> for Tree {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads a number or truth value out of a text, where one is declared.
macro_rules! scalars {
    ($($method:ident $visit:ident $type:ty, $wanted:literal;)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, KeyError> {
            match self {
                Self::Text(text) => match text.parse::<$type>() {
                    Ok(it) => visitor.$visit(it),
                    Err(_) => Err(KeyError::new(concat!("must be ", $wanted))),
                },
                other => other.deserialize_any(visitor),
            }
        }
    )* };
}

impl<'de> Deserializer<'de> for Tree {
    type Error = KeyError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, KeyError> {
        match self {
            Self::Text(text) => visitor.visit_string(text),
            Self::Table(members) => {
                MapDeserializer::new(members.into_iter()).deserialize_any(visitor)
            }
            Self::Said(Value::Null) => visitor.visit_unit(),
            Self::Said(Value::Bool(it)) => visitor.visit_bool(it),
            Self::Said(Value::String(it)) => visitor.visit_string(it),
            Self::Said(Value::Number(it)) => match (it.as_u64(), it.as_i64(), it.as_f64()) {
                (Some(it), _, _) => visitor.visit_u64(it),
                (_, Some(it), _) => visitor.visit_i64(it),
                (_, _, it) => visitor.visit_f64(it.unwrap_or(f64::NAN)),
            },
            Self::Said(Value::Array(items)) => {
                let items = items.into_iter().map(Self::from);
                de::value::SeqDeserializer::new(items).deserialize_any(visitor)
            }
            Self::Said(Value::Object(members)) => {
                Self::from(Value::Object(members)).deserialize_any(visitor)
            }
        }
    }

    scalars! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_u8 visit_u8 u8, "a whole number that fits";
        deserialize_u16 visit_u16 u16, "a whole number that fits";
        deserialize_u32 visit_u32 u32, "a whole number that fits";
        deserialize_u64 visit_u64 u64, "a whole number that fits";
        deserialize_i64 visit_i64 i64, "a whole number that fits";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, KeyError> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, KeyError> {
        self.parsed("a list")?.deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, KeyError> {
        self.parsed("a table")?.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, KeyError> {
        match self.parsed("a table")? {
            it @ Self::Table(_) => it.deserialize_any(visitor),
            _ => Err(KeyError::new("must be a table")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, KeyError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, KeyError> {
        match self {
            Self::Text(it) | Self::Said(Value::String(it)) => {
                StringDeserializer::new(it).deserialize_enum(name, variants, visitor)
            }
            _ => Err(KeyError::new("must be a name")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, KeyError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct identifier
    }
}
