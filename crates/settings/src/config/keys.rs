//! Keys that nothing reads, and the nearest that something does. Which keys a table has is asked of the types that are read
//! from it, so that there is no second list; must not know what a key means.

use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use toml::de::{DeTable, DeValue};

use super::{
    CheckConfig, Config, EnvConfig, IndexConfig, LinkConfig, NativeConfig, ProjectConfig,
    RemoteConfig, Wrong, nearest,
};

/// What stands in a table's place.
enum Keys {
    /// These.
    Of(&'static [&'static str]),
    /// Names that are the user's.
    Any,
}

/// The keys of the table at a place, `*` standing for a name; `None` where there is no table.
fn keys_of(place: &str) -> Option<Keys> {
    Some(match place {
        "" => Keys::Of(fields::<Config>()),
        "project" => Keys::Of(fields::<ProjectConfig>()),
        "env.*" => Keys::Of(fields::<EnvConfig>()),
        "index" => Keys::Of(fields::<IndexConfig>()),
        "check" => Keys::Of(fields::<CheckConfig>()),
        "link" => Keys::Of(fields::<LinkConfig>()),
        "remote" => Keys::Of(fields::<RemoteConfig>()),
        "native" => Keys::Of(fields::<NativeConfig>()),
        "env" | "index.named" | "index.packages" => Keys::Any,
        _ => return None,
    })
}

/// Refuses keys that nothing reads. A table that is missing above is refused by its type, in other words.
pub(crate) fn check(place: &str, table: &DeTable<'_>) -> Result<(), Wrong> {
    let Some(keys) = keys_of(place) else { return Ok(()) };
    for (key, value) in table {
        let (span, key) = (key.span(), key.get_ref().as_ref());
        if let Keys::Of(known) = keys
            && !known.contains(&key)
        {
            let nearest = nearest(key, known);
            let place = if place.is_empty() { String::new() } else { format!(" in [{place}]") };
            let reason =
                format!("unknown key `{key}`{place}; the nearest known key is `{nearest}`");
            return Err(Wrong { span: Some(span), reason });
        }
        if let DeValue::Table(inner) = value.get_ref() {
            let key = if matches!(keys, Keys::Any) { "*" } else { key };
            let place = if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
            check(&place, inner)?;
        }
    }
    Ok(())
}

/// The fields that a type reads, as they are written.
fn fields<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut asked = Asked(&[]);
    // It always fails: there is nothing to be read.
    let _ = T::deserialize(&mut asked);
    asked.0
}

/// Holds nothing; keeps what a type wants to read from it.
struct Asked(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut Asked {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("no value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Error> {
        self.0 = fields;
        Err(Error::custom("no value"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_types_own_fields_are_its_keys() {
        assert_eq!(fields::<ProjectConfig>(), ["name", "root"]);
        let tables = ["project", "env", "index", "link", "native", "remote", "check"];
        assert_eq!(fields::<Config>(), tables);
        assert!(fields::<EnvConfig>().contains(&"exclude-dependencies"));
    }
}
