//! The configuration of an image: what a container of it runs, and which layers it has. Owns its fields, and that those
//! of a base image which nobody knows here stay as they are.
//!
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::error::Error;
use crate::manifest::{Platform, Texts, read};

/// Fields that this program has no use for.
type Rest = BTreeMap<String, Value>;

/// The configuration of an image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// `v8`, where the architecture has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// What its containers run.
    #[serde(default)]
    pub config: Run,
    /// Its layers.
    pub rootfs: RootFs,
    /// How they came about.
    #[serde(default)]
    pub history: Vec<History>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

/// What containers of an image run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Run {
    /// Its variables, as `NAME=VALUE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    /// What stands before every command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// The command where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// What is said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Texts>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Run {
    /// The value of a variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let mut pairs = self.env.iter().flatten().rev().filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Gives a variable a value, in the place where it was.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        let (pairs, pair) = (self.env.get_or_insert_default(), format!("{name}={value}"));
        let is_it = |known: &&mut String| known.split_once('=').is_some_and(|(key, _)| key == name);
        match pairs.iter_mut().find(is_it) {
            Some(known) => *known = pair,
            None => pairs.push(pair),
        }
    }
}

/// The layers of an image, by the digests that they have unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// The digests, the lowest layer first.
    pub diff_ids: Vec<Digest>,
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
}

impl Default for RootFs {
    fn default() -> Self {
        Self { diff_ids: Vec::new(), kind: "layers".to_owned() }
    }
}

/// How a layer came about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// By what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`Error::Document`].
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        read("the configuration of an image", bytes)
    }

    /// What its image runs on.
    pub fn platform(&self) -> Platform {
        let (architecture, os) = (self.architecture.clone(), self.os.clone());
        Platform { architecture, os, variant: self.variant.clone() }
    }
}
