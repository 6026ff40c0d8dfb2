//! The schema of `pyfast.toml`, generated from the types that read it: what is committed for editors is held to be that, and
//! the reference to name each key.

use std::path::Path;

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::Config;

/// A text, or a list of such.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is of use")]
pub(super) enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// How the project itself is part of an environment.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is of use")]
pub(super) enum ItselfWritten {
    /// Whether it is.
    Flag(bool),
    /// As its directory.
    Editable(Editable),
}

/// Which services of an environment are supervised.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is of use")]
pub(super) enum SupervisedWritten {
    /// Whether all of them are.
    Flag(bool),
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// The interpreter of an environment.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is of use")]
pub(super) enum PythonWritten {
    /// A version, a range, or a program on `PATH`.
    Text(String),
    /// A version, and where it comes from.
    Table {
        /// The version, or a range of versions.
        version: String,
        /// `managed`: it is brought from a channel.
        from: Option<Managed>,
    },
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is of use")]
pub(super) enum Managed {
    Managed,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is of use")]
pub(super) enum Editable {
    Editable,
}

fn generated() -> Value {
    let mut schema = schemars::schema_for!(Config).to_value();
    schema["title"] = json!("pyfast.toml");
    schema
}

#[test]
fn the_schema_for_editors_is_that_of_the_types() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let committed = fs_err::read_to_string(docs.join("pyfast.schema.json")).unwrap_or_default();
    let text = serde_json::to_string_pretty(&generated()).unwrap() + "\n";
    if committed != text {
        let place = std::env::temp_dir().join("pyfast.schema.json");
        fs_err::write(&place, text).unwrap();
        panic!("docs/pyfast.schema.json is another: copy {}", place.display());
    }
}

#[test]
fn the_reference_has_each_key() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let reference = fs_err::read_to_string(docs.join("configuration.md")).unwrap();
    let schema = generated();
    let mut keys = Vec::new();
    for table in schema["$defs"].as_object().unwrap().values() {
        keys.extend(table["properties"].as_object().into_iter().flat_map(|keys| keys.keys()));
    }
    assert!(keys.len() > 15, "{keys:?}");
    for key in keys {
        assert!(reference.contains(&format!("| `{key}` |")), "{key}");
    }
}
