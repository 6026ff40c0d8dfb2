//! What makes two environments equal: a digest of everything that shapes one is its name.

use std::path::Path;

use pyfast_packaging::Version;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::tags::TagFacts;
use pyfast_root::Root;
use serde::Serialize;

use super::{EnvironmentOptions, EnvironmentSpec, Package};

/// Raised whenever an environment of equal inputs would be composed in another way.
pub(crate) const FORMAT: u32 = 3;
/// The same for one that has native libraries beside an interpreter.
const NATIVE: u32 = 2;

/// The id of the environment that `spec` describes: 20 hexadecimal digits.
pub fn id(root: &Root, spec: &EnvironmentSpec) -> String {
    id_at(root.seen(), spec)
}

/// The same of one in a root that Python sees at `seen`.
///
/// # Panics
/// If a path is no text. Roots are refused then, and interpreters describe themselves in text.
pub fn id_at(seen: &Path, spec: &EnvironmentSpec) -> String {
    let python = &spec.interpreter;
    let shape = Shape {
        format: FORMAT,
        seen,
        packages: &spec.packages,
        options: &spec.options,
        native: spec.options.native.as_ref().map(|_| NATIVE),
        executable: &python.executable,
        implementation: &python.implementation,
        version: python.version(),
        soabi: python.soabi.as_deref(),
        cache_tag: python.cache_tag.as_deref(),
        lib_dir: &python.lib_dir,
        tags: &python.tags,
    };
    let text = serde_json::to_vec(&shape).expect("paths of roots and of interpreters are text");
    Sha256::of(&text).to_string()[..20].to_owned()
}

/// What shapes an environment. Only that: the kernel's version in an interpreter's markers does not.
#[derive(Serialize)]
struct Shape<'a> {
    format: u32,
    seen: &'a Path,
    packages: &'a [Package],
    options: &'a EnvironmentOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<u32>,
    executable: &'a Path,
    implementation: &'a str,
    version: &'a Version,
    soabi: Option<&'a str>,
    cache_tag: Option<&'a str>,
    lib_dir: &'a str,
    tags: &'a TagFacts,
}
