//! What `[tool.uv.sources]` of a source says of the source's own dependencies: they become direct references, which the
//! metadata of a project cannot have otherwise. Knows nothing of how sources are fetched, and of no index.

use std::path::{Path, PathBuf};

use pep508_rs::{MarkerTree, PackageName};
use toml::{Table, Value};
use url::Url;

use crate::dist_file::Location;
use crate::error::Error;
use crate::hash::Digest;
use crate::marker;
use crate::metadata::{Dependency, Metadata};
use crate::requirement::{Requirement, Source as Kind};
use crate::requirement_line::{self, Line, is_wheel};
use crate::requirement_source::{DirectSource, Place, is_archive as is_source_archive};

use super::sources::{Source, encoded};
use super::{Base, ProjectFile};

/// The `pyproject.toml` of a source.
#[derive(Debug)]
pub struct SourceProject<'a> {
    /// The source.
    pub source: &'a DirectSource,
    /// The text of the file.
    pub text: &'a str,
}

/// Metadata in which dependencies have the places that they come from.
#[derive(Debug)]
pub struct Lowered {
    /// The metadata.
    pub metadata: Metadata,
    /// Dependencies whose places cannot be used, each with where that counts and why.
    pub refused: Vec<(MarkerTree, Error)>,
}

impl SourceProject<'_> {
    /// Lowers a project's metadata. Of what `is_known` the place is known already.
    ///
    /// # Errors
    /// A file that names places and cannot be read.
    pub fn lower(
        &self,
        metadata: &Metadata,
        is_known: &dyn Fn(&PackageName) -> bool,
    ) -> Result<Lowered, Error> {
        let mut lowered = Lowered { metadata: metadata.clone(), refused: Vec::new() };
        let path = self.path();
        let project = match ProjectFile::read(&path, self.text) {
            Ok(project) => project,
            Err(error) if names_places(self.text) => return Err(error),
            // What is wrong with it is told by whoever builds it.
            Err(_) => return Ok(lowered),
        };
        let project = match &self.source.place {
            Place::Directory(_) => project,
            _ => project.in_source(self.source),
        };
        lowered.metadata.dependencies.clear();
        for dependency in &metadata.dependencies {
            if dependency.url.is_some()
                || dependency.name == metadata.name
                || is_known(&dependency.name)
            {
                lowered.metadata.dependencies.push(dependency.clone());
            } else {
                project.lower(dependency, &mut lowered);
            }
        }
        Ok(lowered)
    }

    /// The file as it is named where it is told of.
    fn path(&self) -> PathBuf {
        let below = self.source.subdirectory.as_deref().unwrap_or_default();
        let top = match &self.source.place {
            Place::Directory(path) => path,
            _ => Path::new(self.source.text.split('#').next().unwrap_or_default()),
        };
        top.join(below).join("pyproject.toml")
    }
}

impl<'a> ProjectFile<'a> {
    /// The same of a file in this source.
    fn in_source(mut self, source: &'a DirectSource) -> Self {
        self.base = Base::Source(source);
        self.directory = PathBuf::from("/");
        self
    }

    fn lower(&self, dependency: &Dependency, lowered: &mut Lowered) {
        let name = &dependency.name;
        let mut placed = MarkerTree::FALSE;
        for written in self.sources_of(name) {
            // Of a group that is none of the dependencies of whoever requires the project.
            let Some(mut marker) = extra_of(written.get_ref()) else { continue };
            marker.and(dependency.marker.clone());
            let found = self.source(name, &written).and_then(|(source, own)| {
                marker.and(own);
                let wrong = |reason: String| self.wrong(&written, name.as_ref(), &reason);
                self.reference(name, &source).map_err(wrong)
            });
            placed.or(marker.clone());
            match found {
                Ok(url) => {
                    let url = Some(url);
                    lowered.metadata.dependencies.push(Dependency {
                        url,
                        marker,
                        ..dependency.clone()
                    });
                }
                Err(error) => lowered.refused.push((marker, error)),
            }
        }
        let mut rest = dependency.clone();
        rest.marker.and(placed.negate());
        if !rest.marker.is_false() || placed.is_false() {
            lowered.metadata.dependencies.push(rest);
        }
    }

    /// A requirement of the project's build, from each place that its sources name.
    fn build_requirement(&self, text: &str, name: &PackageName) -> Result<Vec<String>, Error> {
        let (head, marker) = text.split_once(';').unwrap_or((text, ""));
        let marker = if marker.trim().is_empty() { MarkerTree::TRUE } else { self.marker(marker)? };
        let head = head.split(['<', '>', '=', '!', '~', '(']).next().unwrap_or(head).trim();
        let (mut placed, mut lines) = (MarkerTree::FALSE, Vec::new());
        let written = |text: &str, marker: &MarkerTree| match marker::text_or_note(marker) {
            Some(marker) => format!("{text} ; {marker}"),
            None => text.to_owned(),
        };
        for one in self.sources_of(name) {
            if extra_of(one.get_ref()) != Some(MarkerTree::TRUE) {
                continue;
            }
            let (source, mut own) = self.source(name, &one)?;
            placed.or(own.clone());
            own.and(marker.clone());
            let url = self.reference(name, &source);
            let url = url.map_err(|reason| self.wrong(&one, name.as_ref(), &reason))?;
            lines.push(written(&format!("{head} @ {url}"), &own));
        }
        let mut rest = marker.clone();
        rest.and(placed.negate());
        if !rest.is_false() || placed.is_false() {
            lines.push(if placed.is_false() {
                text.to_owned()
            } else {
                written(text.split(';').next().unwrap_or(text).trim(), &rest)
            });
        }
        Ok(lines)
    }

    fn marker(&self, text: &str) -> Result<MarkerTree, Error> {
        marker::read(text.trim())
            .map_err(|error| Error::requirement(&self.origin_at(0), text, &error.reason))
    }

    /// The direct reference that a source is.
    fn reference(&self, name: &PackageName, source: &Source) -> Result<String, String> {
        if let Some(index) = &source.index {
            return Err(format!(
                "it comes from the index `{index}`, which only a project of yours may name: pin {name} to an index yourself"
            ));
        }
        let origin = self.origin_at(0);
        let line = self.direct(name.as_ref(), source, &origin)?;
        let (url, is_here) = match &line {
            Line::Source(one) => {
                let DirectSource { place, subdirectory, digest, .. } = &one.source;
                let below = subdirectory.as_deref().unwrap_or_default();
                (url_of(place, digest.as_ref(), below), is_here(place))
            }
            Line::Project(one) => match &one.source {
                Kind::Wheel(wheel) => {
                    let digest = wheel.digest.as_ref().map(fragment);
                    let is_here = matches!(wheel.location, Location::Path(_));
                    (with_fragments(&located(&wheel.location), digest), is_here)
                }
                _ => return Err("it names no place".to_owned()),
            },
        };
        match self.base {
            Base::Source(within) if is_here && !self::is_here(&within.place) => {
                Err(format!("`{}` cannot name files of this machine", within.text))
            }
            _ => Ok(url),
        }
    }
}

/// Where a source counts by the extra that it is for; `None` for one of a dependency group.
fn extra_of(written: &Value) -> Option<MarkerTree> {
    let key = |key: &str| written.get(key).and_then(Value::as_str);
    match (key("group"), key("extra")) {
        (Some(_), _) => None,
        (None, Some(extra)) => marker::read(&format!("extra == '{extra}'")).ok(),
        (None, None) => Some(MarkerTree::TRUE),
    }
}

/// What a project needs to be built, each requirement with the place that its sources name. The project is in
/// `directory`; of what `is_known` the place is known already.
///
/// # Errors
/// A place that cannot be used.
pub fn build_requirements(
    directory: &Path,
    text: &str,
    requires: &[String],
    is_known: &dyn Fn(&PackageName) -> bool,
) -> Result<Vec<String>, Error> {
    let path = Path::new("pyproject.toml");
    let project = match ProjectFile::read(path, text) {
        Ok(project) => project.seen_from(directory),
        Err(error) if names_places(text) => return Err(error),
        Err(_) => return Ok(requires.to_vec()),
    };
    let mut lowered = Vec::new();
    for text in requires {
        let line = requirement_line::read(text, &project.origin_at(0), directory);
        match line {
            Ok(Line::Project(Requirement { name, source: Kind::Registry(_), .. }))
                if !is_known(&name) && !project.sources_of(&name).is_empty() =>
            {
                lowered.extend(project.build_requirement(text, &name)?);
            }
            // What is no requirement is told by who reads it.
            _ => lowered.push(text.clone()),
        }
    }
    Ok(lowered)
}

/// Whether a text has places of dependencies, readable or not.
fn names_places(text: &str) -> bool {
    let table: Option<Table> = toml::from_str(text).ok();
    let tool = table.as_ref().and_then(|table| table.get("tool")?.get("uv")?.get("sources"));
    tool.and_then(Value::as_table).is_none_or(|sources| !sources.is_empty()) && tool.is_some()
}

/// Whether a path names a file that is installed, and no directory.
pub(super) fn is_archive(path: &str) -> bool {
    is_wheel(path) || is_source_archive(path)
}

fn is_here(place: &Place) -> bool {
    match place {
        Place::Archive { location, .. } => matches!(location, Location::Path(_)),
        Place::Directory(_) => true,
        Place::Repository(repository) => repository.url.scheme() == "file",
    }
}

/// A place as a URL, which names it wherever it is read.
pub(super) fn url_of(place: &Place, digest: Option<&Digest>, below: &str) -> String {
    let url = match place {
        Place::Archive { location, .. } => located(location),
        Place::Directory(path) => located(&Location::Path(path.clone())),
        Place::Repository(repository) => {
            let reference = repository.reference.as_deref().map(encoded);
            let reference = reference.map(|name| format!("@{name}")).unwrap_or_default();
            format!("git+{}{reference}", repository.url)
        }
    };
    let below = (!below.is_empty()).then(|| format!("subdirectory={}", encoded(below)));
    with_fragments(&url, digest.map(fragment).into_iter().chain(below))
}

fn located(location: &Location) -> String {
    match location {
        Location::Url(url) => url.to_string(),
        Location::Path(path) => {
            Url::from_file_path(path).map_or_else(|()| path.display().to_string(), String::from)
        }
    }
}

fn fragment(digest: &Digest) -> String {
    digest.to_string().replacen(':', "=", 1)
}

fn with_fragments(url: &str, fragments: impl IntoIterator<Item = String>) -> String {
    let fragments = fragments.into_iter().collect::<Vec<_>>().join("&");
    if fragments.is_empty() { url.to_owned() } else { format!("{url}#{fragments}") }
}
