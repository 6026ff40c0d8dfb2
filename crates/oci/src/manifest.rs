//! Descriptors, manifests and indexes as they are written. Owns their fields; decides nothing.
//!
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::digest::{ALGORITHM, Digest};
use crate::error::Error;

/// What kinds of content are called.
pub mod media {
    /// A manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// A list of manifests.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// Docker's list of manifests.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// A configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// A layer as it is unpacked.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// The same, compressed by gzip.
    pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
}

/// Names of images, values of labels: sorted, so that equal ones are written alike.
pub(crate) type Texts = BTreeMap<String, String>;

/// What a blob is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Texts,
    /// The digest of its bytes.
    pub digest: Digest,
    /// What kind of content it is.
    pub media_type: String,
    /// What a manifest's image runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// How many bytes it has.
    pub size: u64,
    /// Where else it is to be had, of what may not be passed on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
}

impl Descriptor {
    /// One of which nothing more is said.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        let (annotations, media_type) = (Texts::new(), media_type.to_owned());
        Self { annotations, digest, media_type, platform: None, size, urls: Vec::new() }
    }
}

/// What an image runs on, in the words of Go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// `v8`, where the architecture has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// What an image is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// What is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Texts,
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// That it is a manifest.
    #[serde(default)]
    pub media_type: String,
    /// Always 2.
    pub schema_version: u32,
}

/// Several manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// What is said of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Texts,
    /// Which; those of which only digests of other kinds are known are left out.
    #[serde(default, deserialize_with = "known")]
    pub manifests: Vec<Descriptor>,
    /// That it is an index.
    #[serde(default)]
    pub media_type: String,
    /// Always 2.
    pub schema_version: u32,
}

impl Default for Index {
    fn default() -> Self {
        let (annotations, manifests) = (Texts::new(), Vec::new());
        Self { annotations, manifests, media_type: media::INDEX.to_owned(), schema_version: 2 }
    }
}

/// Those of several that are named as everything is here. What is wrong in another way is wrong for all.
fn known<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Descriptor>, D::Error> {
    let mut all = Vec::<Value>::deserialize(from)?;
    let is_of_another_kind = |one: &Value| {
        let digest = one["digest"].as_str().unwrap_or_default();
        digest.contains(':') && !digest.starts_with(ALGORITHM)
    };
    all.retain(|one| !is_of_another_kind(one));
    let known = all.into_iter().map(serde_json::from_value);
    known.collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

/// A document's bytes, with the names of every object sorted, however a map keeps them.
pub(crate) fn bytes_of(document: &impl Serialize) -> Vec<u8> {
    // Texts, numbers, lists and maps with texts for keys always have a form.
    let value = serde_json::to_value(document).unwrap_or_default();
    serde_json::to_vec(&sorted(value)).unwrap_or_default()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let object: BTreeMap<String, Value> = object.into_iter().collect();
            Value::Object(object.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// Reads a document.
pub(crate) fn read<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::Document { what: what.to_owned(), reason: error.to_string() })
}
