//! A lock as lines of a requirements file, for tools that read nothing else.

use std::collections::BTreeSet;
use std::fmt::Write;

use pep508_rs::PackageName;

use super::model::{Lock, LockedPackage};
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Digest;
use pyfast_packaging::marker;
use pyfast_packaging::safe_url::{encode_fragment, public_address};
use pyfast_packaging::source_dist::{SourceDist, SourceTree};

/// What the lines carry besides `name==version`.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineOptions {
    /// `--hash=sha256:…` after each; of a file without one the strongest that there is.
    pub hashes: bool,
    /// A comment that says what needs it.
    pub annotate: bool,
}

impl Lock {
    /// One line for each package, in the order of their names.
    pub fn to_requirements(&self, options: LineOptions) -> String {
        let mut text = String::new();
        for package in &self.packages {
            text.push_str(&requirement(package));
            if let Some(marker) = marker::text_or_note(&package.marker) {
                let _ = write!(text, " ; {marker}");
            }
            for digest in digests(package).into_iter().filter(|_| options.hashes) {
                let _ = write!(text, " \\\n    --hash={digest}");
            }
            text.push('\n');
            if options.annotate {
                let parents = self.packages.iter().filter(|parent| {
                    parent.dependencies.contains(&package.name)
                        && !marker::disjoint(&parent.marker, &package.marker)
                });
                let mut via: Vec<String> = parents.map(|parent| parent.name.to_string()).collect();
                via.dedup();
                if package.requested {
                    via.insert(0, "your requirements".to_owned());
                }
                let _ = writeln!(text, "    # via {}", via.join(", "));
            }
        }
        text
    }
}

/// The digests of all files that may be installed, each once.
fn digests(package: &LockedPackage) -> BTreeSet<Digest> {
    let others = package.pending.as_ref().map(|pending| &pending.others[..]);
    let own = (package.sha256, others.unwrap_or_default());
    let files = package.files.iter().map(|file| (file.sha256, &file.others[..]));
    let best = |(sha256, others): (Option<_>, &[_])| {
        sha256.map(Digest::Sha256).or_else(|| others.first().cloned().map(Digest::Other))
    };
    files.chain([own]).filter_map(best).collect()
}

fn requirement(package: &LockedPackage) -> String {
    let name = &package.name;
    if let Some(dist) = &package.tree {
        return source(name, dist);
    }
    match &package.location {
        place if package.direct => {
            format!("{name} @ {}{}", place.to_url(), below(package.subdirectory()))
        }
        _ => format!("{name}=={}", package.version),
    }
}

/// A source as pip reads it.
fn source(name: &PackageName, dist: &SourceDist) -> String {
    let place = match &dist.tree {
        SourceTree::Archive { location, .. } => location.to_url(),
        SourceTree::Directory(path) => Location::Path(path.clone()).to_url(),
        SourceTree::Repository { url, commit, .. } => {
            format!("git+{}@{commit}", public_address(url))
        }
    };
    let below = below(dist.subdirectory.as_deref());
    if dist.editable {
        let separator = if below.is_empty() { "#" } else { "&" };
        return format!("-e {place}{below}{separator}egg={name}");
    }
    format!("{name} @ {place}{below}")
}

/// The end of a URL that names the directory below its top.
fn below(subdirectory: Option<&str>) -> String {
    let below = subdirectory.map(|below| format!("#subdirectory={}", encode_fragment(below)));
    below.unwrap_or_default()
}
