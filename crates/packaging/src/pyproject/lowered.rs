//! What `[tool.uv.sources]` of a source says of the source's own dependencies: they become direct references, which the
//! metadata of a project cannot have otherwise. Knows nothing of how sources are fetched, and of no index.

use std::path::{Component, Path, PathBuf};

use pep440_rs::VersionSpecifiers;
use pep508_rs::{MarkerTree, PackageName};
use toml::{Spanned, Table, Value};

use crate::dist_file::Location;
use crate::error::Error;
use crate::hash::Digest;
use crate::marker;
use crate::metadata::{Dependency, Metadata};
use crate::requirement::{Requirement, Source as Kind};
use crate::requirement_line::{self, Line, is_wheel};
use crate::requirement_source::{DirectSource, Place, is_archive as is_source_archive};
use crate::safe_url::{encode_fragment, encode_reference};

use super::sources::{Source, extra_name};
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
    /// Why places cannot be used, each with where that counts; their dependencies have the reason, too.
    pub refused: Vec<(MarkerTree, Error)>,
}

/// Where a package comes from.
struct Places {
    /// Each place, a direct reference, with where it is that.
    placed: Vec<(MarkerTree, Result<String, Error>)>,
    /// Where no place is, if that is anywhere.
    rest: Option<MarkerTree>,
}

/// Where the place of a package is known already, whatever the sources of a project say.
pub type KnownPlaces<'a> = dyn Fn(&PackageName) -> MarkerTree + 'a;

impl SourceProject<'_> {
    /// Lowers a project's metadata, but for what is `known`.
    ///
    /// # Errors
    /// A file that names places and cannot be read.
    pub fn lower(&self, metadata: &Metadata, known: &KnownPlaces<'_>) -> Result<Lowered, Error> {
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
            if dependency.url.is_some() || dependency.name == metadata.name {
                lowered.metadata.dependencies.push(dependency.clone());
            } else {
                project.lower(dependency, &known(&dependency.name), &mut lowered);
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

    fn lower(&self, dependency: &Dependency, known: &MarkerTree, lowered: &mut Lowered) {
        let sources = self.sources_of(&dependency.name);
        let Dependency { name, marker, .. } = dependency;
        let Places { placed, rest } = self.places_of(&sources, name, marker, known);
        for (marker, place) in placed {
            let (url, refused) = match place {
                Ok(url) => (Some(url), None),
                Err(error) => {
                    let reason = error.to_string();
                    lowered.refused.push((marker.clone(), error));
                    (None, Some(reason))
                }
            };
            let dependency = Dependency { url, refused, marker, ..dependency.clone() };
            lowered.metadata.dependencies.push(dependency);
        }
        let rest = rest.map(|marker| Dependency { marker, ..dependency.clone() });
        lowered.metadata.dependencies.extend(rest);
    }

    /// Where these sources have a package come from that is needed where the marker holds, but for where that is `known`.
    fn places_of(
        &self,
        sources: &[Spanned<Value>],
        name: &PackageName,
        needed: &MarkerTree,
        known: &MarkerTree,
    ) -> Places {
        let mut open = known.negate();
        open.and(needed.clone());
        let (mut placed, mut anywhere) = (Vec::new(), MarkerTree::FALSE);
        for written in sources {
            // Of a group that is none of the dependencies of whoever requires the project.
            let Some((mut marker, place)) = self.place(name, written) else { continue };
            marker.and(open.clone());
            if marker.is_false() {
                continue;
            }
            anywhere.or(marker.clone());
            placed.push((marker, place));
        }
        let mut rest = needed.clone();
        rest.and(anywhere.negate());
        let rest = (!rest.is_false() || placed.is_empty()).then_some(rest);
        Places { placed, rest }
    }

    /// Where a source counts, and the direct reference that it is; `None` for one of a dependency group.
    fn place(
        &self,
        name: &PackageName,
        written: &Spanned<Value>,
    ) -> Option<(MarkerTree, Result<String, Error>)> {
        let mut marker = match self.extra_of(name, written) {
            Ok(marker) => marker?,
            // Nobody can say where it does not count.
            Err(error) => return Some((MarkerTree::TRUE, Err(error))),
        };
        let place = self.source(name, written).and_then(|(source, own)| {
            marker.and(own);
            let wrong = |reason: String| self.wrong(written, name.as_ref(), &reason);
            self.reference(name, &source).map_err(wrong)
        });
        Some((marker, place))
    }

    /// Where a source counts by the extra that it is for; `None` for one of a dependency group.
    fn extra_of(
        &self,
        name: &PackageName,
        written: &Spanned<Value>,
    ) -> Result<Option<MarkerTree>, Error> {
        let key = |key: &str| written.get_ref().get(key).and_then(Value::as_str);
        match (key("group"), key("extra")) {
            (Some(_), _) => Ok(None),
            (None, Some(text)) => {
                let read = extra_name(text).and_then(|extra| {
                    marker::read(&format!("extra == '{extra}'")).map_err(|error| error.reason)
                });
                read.map(Some).map_err(|reason| self.wrong(written, name.as_ref(), &reason))
            }
            (None, None) => Ok(Some(MarkerTree::TRUE)),
        }
    }

    /// A requirement of the project's build, from each place that these sources name, but where that is `known`.
    fn build_requirement(
        &self,
        one: &Requirement,
        sources: &[Spanned<Value>],
        known: &MarkerTree,
    ) -> Result<Vec<String>, Error> {
        let Places { placed, rest } = self.places_of(sources, &one.name, &one.marker, known);
        let whole = Kind::Registry(VersionSpecifiers::empty());
        let head = Requirement { source: whole, marker: MarkerTree::TRUE, ..one.clone() };
        let mut lines = Vec::new();
        for (marker, place) in placed {
            let marker = marker::text_or_note(&marker).map(|marker| format!(" ; {marker}"));
            lines.push(format!("{head} @ {}{}", place?, marker.unwrap_or_default()));
        }
        lines.extend(rest.map(|marker| Requirement { marker, ..one.clone() }.to_string()));
        Ok(lines)
    }

    /// The sources of a package that are for no extra: a build has none.
    fn build_sources_of(&self, name: &PackageName) -> Vec<Spanned<Value>> {
        let mut sources = self.sources_of(name);
        // What is wrong with one is told where its place is asked for.
        sources
            .retain(|one| !self.extra_of(name, one).is_ok_and(|of| of != Some(MarkerTree::TRUE)));
        sources
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
        let (url, here) = match &line {
            Line::Source(one) => {
                let DirectSource { place, subdirectory, digest, .. } = &one.source;
                let below = subdirectory.as_deref().unwrap_or_default();
                (url_of(place, digest.as_ref(), below), here(place, below))
            }
            Line::Project(one) => match &one.source {
                Kind::Wheel(wheel) => {
                    let digest = wheel.digest.as_ref().map(fragment);
                    (with_fragments(&wheel.location.to_url(), digest), path_of(&wheel.location))
                }
                _ => return Err("it names no place".to_owned()),
            },
        };
        match (self.base, here) {
            (Base::Source(within), Some(_)) if self::here(&within.place, "").is_none() => {
                Err(format!("`{}` cannot name files of this machine", within.text))
            }
            (Base::Unpacked(top), Some(path)) if !is_below(&path, top) => {
                Err("what was fetched cannot name files of this machine".to_owned())
            }
            _ => Ok(url),
        }
    }
}

/// A project that is to be built.
#[derive(Debug, Clone, Copy)]
pub struct BuildProject<'a> {
    /// The directory that it is in.
    pub directory: &'a Path,
    /// The text of its `pyproject.toml`.
    pub text: &'a str,
    /// Where it was unpacked, if it was fetched: it names nothing of this machine that is not below.
    pub unpacked: Option<&'a Path>,
}

impl BuildProject<'_> {
    /// What it needs to be built, each requirement with the place that its sources name, but for what is `known`.
    ///
    /// # Errors
    /// A place that cannot be used.
    pub fn requirements(
        &self,
        requires: &[String],
        known: &KnownPlaces<'_>,
    ) -> Result<Vec<String>, Error> {
        let path = Path::new("pyproject.toml");
        let mut project = match ProjectFile::read(path, self.text) {
            Ok(project) => project.seen_from(self.directory),
            Err(error) if names_places(self.text) => return Err(error),
            Err(_) => return Ok(requires.to_vec()),
        };
        project.base = self.unpacked.map_or(Base::Here, Base::Unpacked);
        let mut lowered = Vec::new();
        for text in requires {
            let line = requirement_line::read(text, &project.origin_at(0), self.directory);
            let one = match line {
                Ok(Line::Project(one)) if matches!(one.source, Kind::Registry(_)) => Some(one),
                // What is no requirement is told by who reads it.
                _ => None,
            };
            let sources = one.as_ref().map(|one| project.build_sources_of(&one.name));
            match one.zip(sources.filter(|sources| !sources.is_empty())) {
                Some((one, sources)) => {
                    let known = known(&one.name);
                    lowered.extend(project.build_requirement(&one, &sources, &known)?);
                }
                None => lowered.push(text.clone()),
            }
        }
        Ok(lowered)
    }
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

/// Where on this machine a place is, if it is there, and what is below it if it is a directory.
fn here(place: &Place, below: &str) -> Option<PathBuf> {
    match place {
        Place::Archive { location, .. } => path_of(location),
        Place::Directory(path) => Some(path.join(below)),
        Place::Repository(repository) => {
            let url = &repository.url;
            let written = || PathBuf::from(url.path());
            (url.scheme() == "file").then(|| url.to_file_path().unwrap_or_else(|()| written()))
        }
    }
}

fn path_of(location: &Location) -> Option<PathBuf> {
    match location {
        Location::Path(path) => Some(path.clone()),
        Location::Url(_) => None,
    }
}

/// Whether a file is below a directory, wherever links on the way lead.
fn is_below(path: &Path, top: &Path) -> bool {
    let real = |path: &Path| fs_err::canonicalize(path);
    match (real(path), real(top)) {
        (Ok(path), Ok(top)) => path.starts_with(top),
        // What is not there is missed by who looks for it.
        (Err(_), Ok(_)) => {
            path.starts_with(top) && !path.components().any(|step| step == Component::ParentDir)
        }
        (_, Err(_)) => false,
    }
}

/// A place as a URL, which names it wherever it is read.
pub(super) fn url_of(place: &Place, digest: Option<&Digest>, below: &str) -> String {
    let url = match place {
        Place::Archive { location, .. } => location.to_url(),
        Place::Directory(path) => Location::Path(path.clone()).to_url(),
        Place::Repository(repository) => {
            let reference = repository.reference.as_deref().map(encode_reference);
            let reference = reference.map(|name| format!("@{name}")).unwrap_or_default();
            format!("git+{}{reference}", repository.url)
        }
    };
    let below = (!below.is_empty()).then(|| format!("subdirectory={}", encode_fragment(below)));
    with_fragments(&url, digest.map(fragment).into_iter().chain(below))
}

fn fragment(digest: &Digest) -> String {
    digest.to_string().replacen(':', "=", 1)
}

fn with_fragments(url: &str, fragments: impl IntoIterator<Item = String>) -> String {
    let fragments = fragments.into_iter().collect::<Vec<_>>().join("&");
    if fragments.is_empty() { url.to_owned() } else { format!("{url}#{fragments}") }
}

#[cfg(test)]
mod tests;
