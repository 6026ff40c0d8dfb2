//! Metadata that is not the wheel's own could hide a requirement. Owns the comparison of what an index
//! claimed with what the wheels in the store say; whoever installs a plan cannot leave it out.

use pyfast_installer::store::stored_text;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::metadata::{Dependency, Metadata, parse as parse_metadata};
use pyfast_resolver::{Claim, Lock};
use pyfast_root::{Fingerprint, Root};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What was claimed of a wheel, in a form that goes to whoever has the wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claimed {
    filename: String,
    sha256: Sha256,
    /// Whether it came from a file beside the wheel: then also a wheel that is there is compared.
    beside: bool,
    /// Fingerprint of the metadata.
    metadata: String,
}

impl Claimed {
    /// The claims about what a lock installs: one for several targets has files that only others install.
    pub(crate) fn all(claims: &[Claim], lock: &Lock) -> Vec<Self> {
        let installed = |claim: &&Claim| {
            lock.packages.iter().any(|package| package.sha256 == Some(claim.sha256))
        };
        let one = |claim: &Claim| Self {
            filename: claim.filename.clone(),
            sha256: claim.sha256,
            beside: claim.beside,
            metadata: fingerprint(&claim.metadata),
        };
        claims.iter().filter(installed).map(one).collect()
    }
}

/// Compares what was claimed with what the wheels say: of those that were `admitted` just now, and of all
/// whose metadata came from a file beside them.
///
/// # Errors
/// [`Error::HiddenRequirements`].
pub(crate) fn check(root: &Root, claims: &[Claimed], admitted: &[Sha256]) -> Result<(), Error> {
    let doubtful = |claim: &&Claimed| claim.beside || admitted.contains(&claim.sha256);
    for claim in claims.iter().filter(doubtful) {
        let own = parse_metadata(&stored_text(root, &claim.sha256, "METADATA")?);
        if own.is_ok_and(|own| fingerprint(&own) == claim.metadata) {
            continue;
        }
        return Err(Error::HiddenRequirements { filename: claim.filename.clone() });
    }
    Ok(())
}

fn fingerprint(metadata: &Metadata) -> String {
    let Metadata { name, version, requires_python, dependencies, extras } = metadata;
    let dependency = |dependency: &Dependency| {
        // What a wheel says of itself is never refused.
        let Dependency { name, extras, specifiers, url, refused: _, marker } = dependency;
        Fingerprint::new("dependency", 1)
            .field("name", name)
            .fields("extras", extras)
            .field("specifiers", specifiers)
            .fields("url", url)
            .fields("marker", marker.contents())
            .finish()
    };
    Fingerprint::new("metadata", 1)
        .field("name", name)
        .field("version", version)
        .fields("requires-python", requires_python)
        .fields("dependencies", dependencies.iter().map(dependency))
        .fields("extras", extras)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_counts() {
        let base = "Metadata-Version: 2.1\nName: a\nVersion: 1\n";
        let of = |more: &str| fingerprint(&parse_metadata(&format!("{base}{more}")).unwrap());
        let mut known = vec![of("")];
        for more in [
            "Requires-Python: >=3.8\n",
            "Requires-Dist: b\n",
            "Requires-Dist: b>1\n",
            "Requires-Dist: b[x]\n",
            "Requires-Dist: b; python_version < '3.8'\n",
            "Requires-Dist: b @ https://example.org/b-1-py3-none-any.whl\n",
            "Provides-Extra: x\n",
        ] {
            let one = of(more);
            assert!(!known.contains(&one), "{more}");
            known.push(one);
        }
        assert_eq!(of("Summary: other\n"), of(""), "what resolving does not need");
    }
}
