//! Source distributions: their names, which of them may be used, and their bytes. Knows nothing of
//! how they are built (`build_source`) or of versions and targets (`candidate`).
//!
//! <https://packaging.python.org/en/latest/specifications/source-distribution-format/>

pub(crate) mod archive;
pub(crate) mod git;
pub(crate) mod statics;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bytes::Bytes;
use http::StatusCode;
use pep440_rs::Version;
use pep508_rs::PackageName;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::cache::{self, Cache};
use crate::client::{Client, LARGEST_FILE, Request};
use crate::distribution::{Location, Sha256, WheelFilename};
use crate::error::Error;
use crate::requirement::{Origin, Requirement};

/// How source archives are named: today's two first, then those that pip reads besides (rule 16).
pub(crate) const ARCHIVES: [&str; 8] =
    [".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar"];

/// A file name without the ending that makes it a source archive's, and that ending's place in
/// [`ARCHIVES`]; `None` for other files.
pub(crate) fn archive_stem(filename: &str) -> Option<(&str, usize)> {
    let lower = filename.to_ascii_lowercase();
    let place = ARCHIVES.iter().position(|ending| lower.ends_with(ending))?;
    Some((&filename[..filename.len() - ARCHIVES[place].len()], place))
}

/// A source archive's file name taken apart: `{name}-{version}.tar.gz`, `.zip`, or an older ending.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceFilename {
    /// The normalised project name.
    pub name: PackageName,
    /// The version, as PEP 440 reads it.
    pub version: Version,
    /// The file name as it was given.
    pub text: String,
}

impl SourceFilename {
    /// Reads the name of a source archive of `project` (rule 16); `None` where it is none.
    pub fn of(project: &PackageName, filename: &str) -> Option<Self> {
        if filename.contains(['/', '\\', '\0']) {
            return None;
        }
        let (stem, _) = archive_stem(filename)?;
        // A project's name may itself contain dashes: try each dash that a version could follow.
        let mut dashes = stem.match_indices('-').map(|(dash, _)| dash);
        let dash = dashes.find(|&dash| {
            PackageName::from_str(&stem[..dash]).is_ok_and(|name| name == *project)
        })?;
        let version = Version::from_str(&stem[dash + 1..]).ok()?;
        Some(Self { name: project.clone(), version, text: filename.to_owned() })
    }

    /// Reads a name whose project is not known: the version follows the last dash.
    pub fn parse(filename: &str) -> Option<Self> {
        let (stem, _) = archive_stem(filename)?;
        let (name, _) = stem.rsplit_once('-')?;
        Self::of(&PackageName::from_str(name).ok()?, filename)
    }
}

/// The file name of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DistFilename {
    /// Of a wheel.
    Wheel(WheelFilename),
    /// Of a source archive, from which a wheel is built.
    Source(SourceFilename),
}

impl DistFilename {
    /// The wheel's name; `None` for source.
    pub fn wheel(&self) -> Option<&WheelFilename> {
        match self {
            Self::Wheel(wheel) => Some(wheel),
            Self::Source(_) => None,
        }
    }

    /// The source's name; `None` for a wheel.
    pub fn source(&self) -> Option<&SourceFilename> {
        match self {
            Self::Wheel(_) => None,
            Self::Source(source) => Some(source),
        }
    }

    /// The project.
    pub fn name(&self) -> &PackageName {
        match self {
            Self::Wheel(wheel) => &wheel.name,
            Self::Source(source) => &source.name,
        }
    }

    /// The version.
    pub fn version(&self) -> &Version {
        match self {
            Self::Wheel(wheel) => &wheel.version,
            Self::Source(source) => &source.version,
        }
    }

    /// The file name as it was given.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Wheel(wheel) => wheel.as_str(),
            Self::Source(source) => &source.text,
        }
    }
}

impl fmt::Display for DistFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Some projects, or all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Projects {
    /// Whether all are meant.
    pub all: bool,
    /// These are meant in any case.
    pub named: BTreeSet<PackageName>,
}

impl Projects {
    /// Adds what an option says (rule 12): names, `:all:`, or `:none:`, which forgets what was said.
    ///
    /// # Errors
    /// The part that is none of these.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part {
                ":all:" => self.all = true,
                ":none:" => *self = Self::default(),
                name => {
                    let name = PackageName::from_str(name);
                    self.named.insert(name.map_err(|_invalid| part.to_owned())?);
                }
            }
        }
        Ok(())
    }
}

/// Which kinds of distributions may be used (rule 12).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FormatControl {
    /// Projects of which only wheels may be used.
    pub only_binary: Projects,
    /// Projects of which no wheels of an index may be used.
    pub no_binary: Projects,
}

impl FormatControl {
    /// Whether a wheel of an index may be used. What names a project beats what names all.
    pub fn allows_wheel(&self, name: &PackageName) -> bool {
        !self.no_binary.named.contains(name)
            && (!self.no_binary.all || self.only_binary.named.contains(name))
    }

    /// Whether a source distribution may be used.
    pub fn allows_source(&self, name: &PackageName) -> bool {
        !self.only_binary.named.contains(name)
            && (!self.only_binary.all || self.no_binary.named.contains(name))
    }
}

/// A source from which a wheel can be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDist {
    /// The project, where it is known before it is built.
    pub name: Option<PackageName>,
    /// The version, where it is known before it is built.
    pub version: Option<Version>,
    /// Where its files are.
    pub tree: SourceTree,
    /// The directory below the tree's top that has the project.
    pub subdirectory: Option<String>,
    /// Whether the wheel only points into the tree (PEP 660).
    pub editable: bool,
}

/// Where the files of a source are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceTree {
    /// In an archive.
    Archive {
        /// Its file name, which says its format.
        filename: String,
        /// Where it is.
        location: Location,
        /// Its digest.
        sha256: Sha256,
    },
    /// In a directory of this machine, which is built in place.
    Directory(PathBuf),
    /// In a commit of a git repository.
    Repository {
        /// Its URL, without credentials; an ssh URL keeps its user.
        url: Url,
        /// The whole commit id.
        commit: String,
        /// The branch, tag or commit that was asked for.
        requested: Option<String>,
    },
}

impl SourceTree {
    /// The place of an archive, directory or repository.
    pub fn location(&self) -> Location {
        match self {
            Self::Archive { location, .. } => location.clone(),
            Self::Directory(path) => Location::Path(path.clone()),
            Self::Repository { url, .. } => Location::Url(url.clone()),
        }
    }
}

impl fmt::Display for SourceTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive { location, .. } => location.fmt(f),
            Self::Directory(path) => path.display().fmt(f),
            Self::Repository { url, commit, .. } => write!(f, "git+{url}@{commit}"),
        }
    }
}

impl fmt::Display for SourceDist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.version, &self.tree) {
            (Some(name), Some(version), _) => write!(f, "{name}=={version}"),
            (Some(name), None, _) => write!(f, "{name}"),
            (None, _, SourceTree::Archive { filename, .. }) => f.write_str(filename),
            (None, _, tree) => tree.fmt(f),
        }
    }
}

/// The bytes of a source archive, from the cache or from where it is, with their digest.
///
/// # Errors
/// What fetching or reading fails with; [`Error::HashMismatch`] for other bytes than `expected`.
pub async fn fetch_source(
    client: &Client,
    cache: &Cache,
    filename: &str,
    location: &Location,
    expected: Option<Sha256>,
) -> Result<(Bytes, Sha256), Error> {
    if let Some(expected) = expected
        && let Some(bytes) = cache.source(&expected)
    {
        return Ok((bytes, expected));
    }
    let bytes = match location {
        Location::Path(path) => read(path)?,
        Location::Url(url) => {
            let answer = client.fetch(&Request::file(url.clone(), LARGEST_FILE)).await?;
            if answer.status != StatusCode::OK {
                let status = answer.status.as_u16();
                return Err(Error::Status { url: url.clone(), status, attempts: 1 });
            }
            answer.body
        }
    };
    let found = cache::sha256(&bytes);
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        return Err(Error::HashMismatch {
            wheel: filename.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }
    if matches!(location, Location::Url(_)) {
        cache.store_source(&found, &bytes);
    }
    Ok((bytes, found))
}

fn read(path: &Path) -> Result<Bytes, Error> {
    let read = crate::regular::read(path);
    read.map(Bytes::from).map_err(|source| Error::ReadWheel { path: path.to_owned(), source })
}

/// The requirements of a build, as `[build-system]` or a backend names them.
///
/// # Errors
/// [`Error::Requirement`] for one that is none.
pub fn build_requirements(texts: &[String], of: &str) -> Result<Vec<Requirement>, Error> {
    let lines = texts.iter().enumerate();
    let parsed = lines.map(|(index, text)| {
        let origin = Origin { file: format!("build requirements of {of}").into(), line: index + 1 };
        crate::requirement_line::parse(text, &origin, Path::new("/"))
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PackageName {
        text.parse().expect("a name")
    }

    #[test]
    fn rule_16_source_names_are_taken_apart() {
        let check = |project: &str, filename: &str, expected: Option<&str>| {
            let found = SourceFilename::of(&name(project), filename);
            assert_eq!(found.map(|found| found.version.to_string()).as_deref(), expected);
        };
        check("a-b", "A.b-1.0.tar.gz", Some("1.0"));
        check("a-b", "a-b-1.0-1.zip", Some("1.0.post1"));
        check("a-b", "a-1.0.tar.gz", None);
        check("a", "a-x.tar.gz", None);
        check("a", "a-1.0.tar.xz", Some("1.0"));
        check("a", "a-1.0.tbz", Some("1.0"));
        check("a", "a-1.0.TAR", Some("1.0"));
        check("a", "a-1.0.tar.Z", None);
        check("a", "a-1.0.win32.exe", None);
        assert_eq!(
            SourceFilename::parse("a-b-2.tar.gz").map(|found| found.name),
            Some(name("a-b"))
        );
    }

    #[test]
    fn rule_12_what_names_a_project_beats_what_names_all() {
        let mut formats = FormatControl::default();
        assert!(formats.allows_wheel(&name("a")) && formats.allows_source(&name("a")));
        formats.only_binary.add(":all:").expect("all");
        formats.no_binary.add("a, b").expect("names");
        assert!(formats.allows_source(&name("a")) && !formats.allows_source(&name("c")));
        assert!(!formats.allows_wheel(&name("b")) && formats.allows_wheel(&name("c")));
        formats.no_binary.add(":none:").expect("none");
        assert!(formats.allows_wheel(&name("b")));
        assert_eq!(formats.no_binary.add("a,!"), Err("!".to_owned()));
    }
}
