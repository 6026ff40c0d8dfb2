//! What shapes a resolution: the flags that making a lock and making an environment share.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use pyfast_packaging::pyproject::uv::Wishes;
use pyfast_packaging::requirement::{Origin, Requirement, Source};
use pyfast_packaging::{ExtraName, MarkerTree, PackageName, VersionSpecifiers};
use pyfast_resolver::cutoff::{Cutoff, InvalidCutoff};
use pyfast_resolver::{Preference, Prereleases};

use crate::error::Error;

/// What shapes a resolution.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Debug, Clone, Default)]
pub struct ResolveFlags {
    /// Requirements files.
    pub requirements: Vec<PathBuf>,
    /// Optional dependencies of a `pyproject.toml`.
    pub extra: Vec<ExtraName>,
    /// Whether all of them are included.
    pub all_extras: bool,
    /// Dependency groups, `[FILE:]GROUP`.
    pub group: Vec<String>,
    /// Dependency groups without the project's own dependencies, `[FILE:]GROUP`.
    pub only_group: Vec<String>,
    /// Constraints files.
    pub constraints: Vec<PathBuf>,
    /// Overrides files.
    pub overrides: Vec<PathBuf>,
    /// Whether pre-releases may be chosen, where that was said.
    pub prerelease: Option<Prereleases>,
    /// Which versions are preferred, where that was said.
    pub resolution: Option<Preference>,
    /// The time from which on uploaded files are ignored.
    pub exclude_newer: Option<Cutoff>,
    /// Whether every distribution must have a hash.
    pub require_hashes: bool,
    /// Whether the lock's versions are not kept.
    pub upgrade: bool,
    /// Packages whose versions are not kept, each with how far it may go.
    pub upgrade_package: Vec<Upgrade>,
    /// Packages that are left out.
    pub exclude_dependency: Vec<PackageName>,
    /// Whether dependencies are left out.
    pub no_deps: bool,
    /// Whether nothing is built.
    pub no_build: bool,
    /// Packages of which wheels alone are used, or `:all:`.
    pub only_binary: Vec<String>,
    /// Packages that are built, or `:all:`.
    pub no_binary: Vec<String>,
    /// Settings for build backends, `KEY=VALUE`.
    pub config_settings: Vec<String>,
    /// Constraints files for what builds need.
    pub build_constraints: Vec<PathBuf>,
    /// Whether builds happen with what the interpreter has installed.
    pub no_build_isolation: bool,
    /// How many builds run at once; `None`: as many as the machine carries.
    pub concurrent_builds: Option<NonZeroUsize>,
}

/// A package to upgrade, and how far.
#[derive(Debug, Clone)]
pub struct Upgrade {
    name: PackageName,
    versions: VersionSpecifiers,
}

impl FromStr for Upgrade {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = text.find(|c: char| " \t<>=!~([;@".contains(c)).unwrap_or(text.len());
        let (name, versions) = text.split_at(end);
        let name = name.parse().map_err(|error| format!("{error}"))?;
        let versions = versions.parse().map_err(|error| {
            format!("`{}` is no limit of versions, such as `<2`: {error}", versions.trim())
        })?;
        Ok(Self { name, versions })
    }
}

impl Upgrade {
    /// The limit as a constraint.
    fn limit(&self) -> Option<Requirement> {
        (!self.versions.is_empty()).then(|| Requirement {
            name: self.name.clone(),
            extras: Vec::new(),
            source: Source::Registry(self.versions.clone()),
            marker: MarkerTree::TRUE,
            hashes: Vec::new(),
            origin: Origin { file: "--upgrade-package".into(), line: 1 },
        })
    }
}

impl ResolveFlags {
    /// Whether what the project says of the environment counts: no files are named, nor groups alone.
    pub fn is_of_project(&self) -> bool {
        self.requirements.is_empty() && self.only_group.is_empty()
    }

    /// Whether the lock's version of a package is not to be kept.
    pub fn upgrades(&self, name: &PackageName) -> bool {
        self.upgrade_package.iter().any(|upgrade| upgrade.name == *name)
    }

    /// The same with what project files wish that the flags leave open.
    ///
    /// # Errors
    /// [`Error::Wish`] for words that mean nothing.
    pub fn wishing(&self, wishes: &Wishes) -> Result<Self, Error> {
        let mut flags = self.clone();
        let wrong = |key, word: &str, reason: &str| {
            let (word, reason) = (word.to_owned(), reason.to_owned());
            Error::Wish { key, word, reason }
        };
        if let (None, Some(word)) = (flags.prerelease, &wishes.prerelease) {
            flags.prerelease = Some(match word.as_str() {
                "if-necessary" => Prereleases::IfNecessary,
                "allow" => Prereleases::Allow,
                "explicit" => Prereleases::Explicit,
                "disallow" => Prereleases::Disallow,
                _ => return Err(wrong("prerelease", word, "it is no way of choosing them")),
            });
        }
        if let (None, Some(word)) = (flags.resolution, &wishes.resolution) {
            flags.resolution = Some(match word.as_str() {
                "highest" => Preference::Highest,
                "lowest" => Preference::Lowest,
                "lowest-direct" => Preference::LowestDirect,
                _ => return Err(wrong("resolution", word, "it is no preference")),
            });
        }
        if let (None, Some(word)) = (&flags.exclude_newer, &wishes.exclude_newer) {
            let cutoff = word.parse();
            flags.exclude_newer = Some(cutoff.map_err(|error: InvalidCutoff| {
                wrong("exclude-newer", word, &error.to_string())
            })?);
        }
        Ok(flags)
    }

    /// The packages that are to be upgraded.
    pub fn upgraded(&self) -> impl Iterator<Item = &PackageName> {
        self.upgrade_package.iter().map(|upgrade| &upgrade.name)
    }

    /// How far packages may be upgraded: limits of this one resolution, of which the lock's digest
    /// knows nothing.
    pub fn limits(&self) -> impl Iterator<Item = Requirement> {
        self.upgrade_package.iter().filter_map(Upgrade::limit)
    }
}
