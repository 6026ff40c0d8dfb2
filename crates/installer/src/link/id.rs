//! What makes two environments equal: a digest of everything that shapes one is its name.

use std::path::Path;

use pyfast_packaging::hash::Sha256;
use pyfast_root::Root;

use super::EnvironmentSpec;

/// Raised whenever an environment of equal inputs would be composed in another way.
pub(crate) const FORMAT: u32 = 3;

/// The id of the environment that `spec` describes: 20 hexadecimal digits.
pub fn id(root: &Root, spec: &EnvironmentSpec) -> String {
    id_at(root.seen(), spec)
}

/// The same of one in a root that Python sees at `seen`.
pub fn id_at(seen: &Path, spec: &EnvironmentSpec) -> String {
    let python = &spec.interpreter;
    // Only what shapes the environment: the kernel's version in the markers does not.
    let inputs = serde_json::json!({
        "format": FORMAT,
        "seen": seen,
        "packages": spec.packages,
        "options": spec.options,
        "python": {
            "executable": python.executable,
            "implementation": python.implementation,
            "version": python.version(),
            "soabi": python.soabi,
            "cache_tag": python.cache_tag,
            "lib_dir": python.lib_dir,
            "tags": python.tags,
        },
    });
    Sha256::of(inputs.to_string().as_bytes()).to_string()[..20].to_owned()
}
