//! Reads requirements and constraints files, pip's format.
//! Knows nothing of indexes: it gives requirements, constraints and the index options it met.
//!
//! <https://pip.pypa.io/en/stable/reference/requirements-file-format/>

pub(crate) mod document;
mod drafts;
mod fetch;
mod lines;
mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pep508_rs::{MarkerTree, PackageName};
use url::Url;

use crate::dist_file::Location;
use crate::error::Error;
use crate::pyproject::uv::{UvIndex, UvTable, Wishes};
use crate::pyproject::{RequiresPython, WantedExtras, Workspace};
use crate::requirement::Requirement;
use crate::requirement_line::BuildSettings;
use crate::requirement_source::{Place, SourceRequirement};
use crate::safe_url::SafeUrl;
use crate::source_dist::{SourceDist, SourceTree};

use document::Document;
pub use drafts::Drafts;
pub use fetch::FetchText;
use reader::{Reader, Role};

/// Everything that a set of requirements files says.
#[derive(Debug, Default)]
pub struct RequirementSet {
    /// What is asked for, in the order it was read.
    pub requirements: Vec<Requirement>,
    /// Sources that are asked for by path, URL or repository.
    pub sources: Vec<SourceRequirement>,
    /// What limits the versions of projects otherwise asked for.
    pub constraints: Vec<Requirement>,
    /// What replaces every requirement on a project.
    pub overrides: Vec<Requirement>,
    /// What limits the versions of what builds need.
    pub build_constraints: Vec<Requirement>,
    /// Projects that are left out wherever they are asked for.
    pub excludes: BTreeSet<PackageName>,
    /// The URLs that name a user or a password, with both; everything else here is without them.
    pub logins: Vec<SafeUrl>,
    /// Index options given in the files.
    pub index: IndexOptions,
    /// Every file of this machine that was read, in the order of reading.
    pub files: Vec<PathBuf>,
    /// Every file that was fetched, in the order of reading, without credentials.
    pub remote_files: Vec<Url>,
    /// What single requirements ask of their builds.
    pub build_settings: Vec<SettingsOf>,
    /// Project files that were read for what they always need.
    pub projects: Vec<ReadProject>,
    /// Which versions project files and scripts want.
    pub wishes: Wishes,
    /// Limits on the interpreter that project files and scripts state.
    pub requires_python: Vec<RequiresPython>,
    /// Names of the variables that the files expand, whether set or not.
    pub variables: BTreeSet<String>,
    /// Lines that were understood but have no effect, with the reason.
    pub warnings: Vec<String>,
}

impl RequirementSet {
    /// A URL without its user and password, which are kept apart.
    fn bare(&mut self, mut url: Url) -> Url {
        self.logins.extend(SafeUrl::take(&mut url));
        url
    }
}

/// A project whose dependencies were read, which it is not one of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadProject {
    /// Its file.
    pub file: PathBuf,
    /// Its directory, absolute where the working directory is.
    pub directory: PathBuf,
    /// The commands that it would have if it were installed.
    pub commands: Vec<String>,
}

/// The `--config-settings` of one requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsOf {
    /// The project, where it is known.
    pub name: Option<PackageName>,
    /// The source, where the requirement names one.
    pub place: Option<Place>,
    /// The settings.
    pub settings: BuildSettings,
}

impl SettingsOf {
    /// Whether they are for the build of this source.
    pub fn is_for(&self, source: &SourceDist) -> bool {
        let named = self.name.is_some() && self.name == source.name;
        named
            || match (&self.place, &source.tree) {
                (Some(Place::Directory(ours)), SourceTree::Directory(path)) => ours == path,
                (
                    Some(Place::Archive { location, .. }),
                    SourceTree::Archive { location: of, .. },
                ) => bare(location) == bare(of),
                (Some(Place::Repository(ours)), SourceTree::Repository { url, .. }) => {
                    ours.url.as_str() == url.to_string()
                }
                _ => false,
            }
    }
}

/// A location without credentials.
fn bare(location: &Location) -> String {
    crate::safe_url::redact(&location.to_string()).replace("****@", "")
}

/// Index options of a requirements file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexOptions {
    /// `-i`, `--index-url`.
    pub index_url: Option<String>,
    /// `--extra-index-url`.
    pub extra_index_urls: Vec<String>,
    /// `-f`, `--find-links`; relative paths are already relative to the file's directory.
    pub find_links: Vec<String>,
    /// `--no-index`.
    pub no_index: bool,
    /// `--require-hashes`, or implied by any `--hash`.
    pub require_hashes: bool,
    /// `--pre`.
    pub pre: bool,
    /// Values of `--no-binary`, in their order: names separated by commas, `:all:` or `:none:`.
    pub no_binary: Vec<String>,
    /// Values of `--only-binary`, in the same form.
    pub only_binary: Vec<String>,
    /// Packages that are looked for in one index alone. No requirements file says so, but it shapes what is found
    /// as much.
    pub pins: BTreeMap<PackageName, Vec<PinnedIndex>>,
    /// Indexes that project files name for their own tools.
    pub stated: Vec<UvIndex>,
}

/// The index that a package is looked for in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedIndex {
    /// Its name.
    pub name: String,
    /// Its URL, without user and password.
    pub url: String,
    /// Where it counts; elsewhere all indexes are searched.
    pub marker: MarkerTree,
}

/// What reading may look at besides the files.
#[derive(Debug, Clone, Default)]
pub struct ReadContext {
    /// Values for `${NAME}`.
    pub variables: BTreeMap<String, String>,
    /// Relative package paths are relative to this directory.
    pub working_directory: PathBuf,
    /// Which optional dependencies of project files are wanted.
    pub extras: WantedExtras,
    /// Dependency groups (PEP 735), each with the `pyproject.toml` that has it.
    pub groups: Vec<(PathBuf, String)>,
    /// What uv's settings say that is not in the files that are read.
    pub uv: Vec<UvTable>,
    /// The directory of a project that is required itself, and whether the environment is to point into it.
    pub itself: Option<(PathBuf, bool)>,
    /// How files that are named by URL are had; without it they are refused.
    pub fetch: Option<FetchText>,
    /// Files that are read as they will be.
    pub drafts: Drafts,
    /// The workspace that the project belongs to.
    pub workspace: Option<Workspace>,
}

/// Reads requirements, constraints and overrides files with all that they include. What begins with
/// `http://`, `https://` or `file://` is a URL.
///
/// # Errors
/// A file that cannot be read, fetched or decoded, or a line that is no requirement; the error carries
/// file, line and column.
pub fn read_requirements(
    requirements: &[PathBuf],
    constraints: &[PathBuf],
    overrides: &[PathBuf],
    context: &ReadContext,
) -> Result<RequirementSet, Error> {
    let mut reader = Reader::new(context);
    for file in requirements {
        reader.file(Document::given(file)?, Role::Requirements, None)?;
    }
    for (file, name) in &context.groups {
        reader.group(file, name)?;
    }
    if let Some((directory, editable)) = &context.itself {
        reader.itself(directory, *editable)?;
    }
    reader.check_extras()?;
    for table in &context.uv {
        reader.uv(table, false)?;
    }
    for file in constraints {
        reader.file(Document::given(file)?, Role::Constraints, None)?;
    }
    for file in overrides {
        reader.file(Document::given(file)?, Role::Overrides, None)?;
    }
    reader.places_of_directories()?;
    reader.workspace();
    reader.set.place_drafted(&context.drafts);
    Ok(reader.set)
}

/// Reads files that limit what builds need.
///
/// # Errors
/// As those of [`read_requirements`]; a source limits no version.
pub fn read_build_constraints(
    files: &[PathBuf],
    context: &ReadContext,
) -> Result<RequirementSet, Error> {
    let mut reader = Reader::new(context);
    for file in files {
        reader.file(Document::given(file)?, Role::BuildConstraints, None)?;
    }
    Ok(reader.set)
}

/// The text of a file of requirements, and its encoding; `None` where it is not in that.
pub(crate) fn decode(bytes: &[u8]) -> Option<(String, &'static encoding_rs::Encoding)> {
    lines::decode_named(bytes).ok()
}

/// The logical line that some lines of a requirements file are together, without its comment; `None` for nothing
/// but blanks and comments.
pub(crate) fn logical(lines: &str) -> Option<String> {
    let mut logical = lines::Text::new(lines).logical();
    (!logical.is_empty()).then(|| logical.remove(0).into_text())
}

#[cfg(test)]
mod tests;
