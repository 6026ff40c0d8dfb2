//! One requirement of a requirements file: a PEP 508 requirement, or a bare path or URL of a wheel or
//! source, followed by per-requirement options.
//!
//! <https://packaging.python.org/en/latest/specifications/dependency-specifiers/>

mod options;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use pep440_rs::VersionSpecifiers;
use pep508_rs::{ExtraName, MarkerTree, PackageName};
use url::Url;

use crate::dependency_specifier::{self, DependencySpecifier};
use crate::dist_file::Location;
use crate::error::Error;
use crate::filename::WheelFilename;
use crate::hash::Digest;
use crate::marker::{self, Effort};
use crate::requirement::{DirectWheel, Origin, Requirement, Source};
use crate::requirement_source::{Place, SourceRequirement, parse_source};
use crate::safe_url::percent_decode;
use crate::scanner::Unreadable;
use crate::wrong::{Wrong, at};

use options::Options;
pub(crate) use options::split_options;

/// Settings of a build: the values of each key.
pub type BuildSettings = BTreeMap<String, Vec<String>>;

/// What one line requires.
#[derive(Debug, Clone)]
pub enum Line {
    /// A project by its versions, or one wheel.
    Project(Requirement),
    /// A source, which has to be looked at before more of it is known.
    Source(Box<SourceRequirement>),
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(requirement) => requirement.fmt(f),
            Self::Source(source) => source.fmt(f),
        }
    }
}

impl Line {
    /// Has it count only where `marker` is true besides.
    pub(crate) fn and(&mut self, marker: &MarkerTree) {
        match self {
            Self::Project(requirement) => requirement.marker.and(marker.clone()),
            Self::Source(source) => source.marker.and(marker.clone()),
        }
    }

    /// Where it counts.
    pub(crate) fn marker(&self) -> &MarkerTree {
        match self {
            Self::Project(requirement) => &requirement.marker,
            Self::Source(source) => &source.marker,
        }
    }
}

/// What a line says, and what it asks of its build.
#[derive(Debug)]
pub(crate) struct Read {
    /// What it requires.
    pub(crate) line: Line,
    /// Its `--config-settings`.
    pub(crate) settings: BuildSettings,
    /// Its options that have no effect, by their names.
    pub(crate) ignored: Vec<String>,
}

/// Parses a line that may name no source, as build requirements may not.
///
/// # Errors
/// [`Error::Requirement`] with file, line, text and what is wrong.
pub fn parse(line: &str, origin: &Origin, working: &Path) -> Result<Requirement, Error> {
    match read(line, origin, working)? {
        Line::Project(requirement) => Ok(requirement),
        Line::Source(_) => {
            Err(Error::requirement(origin, line, "a source cannot be named here, only a wheel"))
        }
    }
}

/// The requirements of a build, as `[build-system]` or a backend names them.
///
/// # Errors
/// [`Error::Requirement`] for one that is none.
pub fn build_requirements(texts: &[String], of: &str) -> Result<Vec<Line>, Error> {
    let lines = texts.iter().enumerate();
    let parsed = lines.map(|(index, text)| {
        let origin = Origin { file: format!("build requirements of {of}").into(), line: index + 1 };
        read(text, &origin, Path::new("/"))
    });
    parsed.collect()
}

/// Parses a line of which only the requirement matters.
///
/// # Errors
/// [`Error::Requirement`] with file, line, text and what is wrong.
pub fn read(line: &str, origin: &Origin, working: &Path) -> Result<Line, Error> {
    let read = parse_line(line, origin, working);
    Ok(read.map_err(|wrong| Error::requirement(origin, line, &wrong.reason))?.line)
}

/// Parses one logical line.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn parse_line<'a>(
    line: &'a str,
    origin: &Origin,
    working: &Path,
) -> Result<Read, Wrong<'a>> {
    let (text, options) = split_options(line);
    let Options { hashes, settings, ignored } = Options::read(options)?;
    // pip takes an empty marker after `;`.
    let text = text.strip_suffix(';').unwrap_or(text).trim_end();
    let parts = if is_location(text) { bare(text) } else { named(text) }?;
    let line = parts.line(origin, working, hashes)?;
    Ok(Read { line, settings, ignored })
}

/// Parses what follows `-e`.
///
/// # Errors
/// As [`parse_line`]; also for what cannot be pointed into.
pub(crate) fn parse_editable<'a>(
    line: &'a str,
    origin: &Origin,
    working: &Path,
) -> Result<(SourceRequirement, BuildSettings), Wrong<'a>> {
    let (text, options) = split_options(line);
    let Options { settings, .. } = Options::read(options)?;
    let text = unquoted(text);
    if text.is_empty() {
        return Err(Wrong::new("a directory or repository is missing after -e", line));
    }
    let bare_name = split_direct(text).is_none_or(|(name, _)| !is_name(name));
    let parts = if bare_name { bare(text) } else { named(text) }?;
    match parts.line(origin, working, Vec::new())? {
        Line::Source(mut source) if !matches!(source.source.place, Place::Archive { .. }) => {
            source.source.editable = true;
            Ok((*source, settings))
        }
        _ => Err(Wrong::new("only a directory or a repository can be editable", text)),
    }
}

/// What is within quotes, where all is.
fn unquoted(text: &str) -> &str {
    let quote = text.chars().next().filter(|quote| ['"', '\''].contains(quote));
    let inner = quote.and_then(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    inner.unwrap_or(text)
}

/// Whether the text is a path or URL instead of `name …`.
fn is_location(text: &str) -> bool {
    let first = text.split([' ', ';', '[']).next().unwrap_or(text);
    // `name@https://…` without spaces.
    if split_direct(first).is_some_and(|(name, place)| is_name(name) && place.contains("://")) {
        return false;
    }
    let scheme = first.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
    }) || first.starts_with(['/', '.', '~'])
        || first.starts_with("file:")
        || ["git+", "hg+", "svn+", "bzr+"].iter().any(|tool| first.starts_with(tool))
        || first.contains('/') && !text.contains('@')
        || is_wheel(first)
        || crate::filename::archive_stem(first).is_some()
}

/// A requirement taken apart.
struct Parts<'a> {
    name: Option<PackageName>,
    extras: Vec<ExtraName>,
    what: What<'a>,
    marker: MarkerTree,
}

enum What<'a> {
    Versions(VersionSpecifiers),
    /// A path or URL.
    Location(&'a str),
}

impl<'a> Parts<'a> {
    fn line(self, origin: &Origin, working: &Path, hashes: Vec<Digest>) -> Result<Line, Wrong<'a>> {
        let Self { name, mut extras, what, marker } = self;
        let origin = origin.clone();
        let (name, source) = match what {
            What::Versions(specifiers) => (name, Source::Registry(specifiers)),
            What::Location(location) if is_wheel(location) => {
                let wheel = direct_wheel(relative_file(location), working).map_err(at(location))?;
                let found = &wheel.filename.name;
                if let Some(name) = name.filter(|name| name != found) {
                    let reason = format!("the wheel is {found}, not {name}");
                    return Err(Wrong::new(reason, location));
                }
                (Some(found.clone()), Source::Wheel(Box::new(wheel)))
            }
            What::Location(location) => {
                let source =
                    parse_source(relative_file(location), working).map_err(at(location))?;
                if let (Some(name), Some(egg)) = (&name, &source.name)
                    && name != egg
                {
                    let reason = format!("#egg= says {egg}, not {name}");
                    return Err(Wrong::new(reason, location));
                }
                extras.extend(source.extras.iter().cloned());
                let name = name.or_else(|| source.name.clone());
                return Ok(Line::Source(Box::new(SourceRequirement {
                    name,
                    extras,
                    source,
                    marker,
                    hashes,
                    origin,
                    constraint: false,
                })));
            }
        };
        let name = name.ok_or_else(|| Wrong::new("it has no name", ""))?;
        Ok(Line::Project(Requirement { name, extras, source, marker, hashes, origin }))
    }
}

/// `./a-1-py3-none-any.whl[extra] ; marker`.
fn bare(text: &str) -> Result<Parts<'_>, Wrong<'_>> {
    let (location, marker) = split_marker(text);
    // The extras of `#egg=a[x]` belong to the fragment.
    let bracket = location.strip_suffix(']').and_then(|text| text.rsplit_once('['));
    let (location, extras) = match bracket {
        Some((before, extras)) if !before.contains("#egg=") && !before.contains("&egg=") => {
            (before, extras)
        }
        _ => (location, ""),
    };
    let extras = extras.split(',').map(str::trim).filter(|extra| !extra.is_empty());
    let extras = extras
        .map(|extra| ExtraName::from_str(extra).map_err(at(extra)))
        .collect::<Result<_, _>>()?;
    let what = What::Location(location);
    Ok(Parts { name: None, extras, what, marker: parse_marker(marker)? })
}

/// Splits a marker off a path or URL. In a URL, `;` counts only with a space beside it, as in pip.
fn split_marker(text: &str) -> (&str, &str) {
    let spaced = text.split_once(" ;").or_else(|| text.split_once("; "));
    let split = spaced.or_else(|| text.split_once(';').filter(|_| !text.contains("://")));
    split.map_or((text.trim(), ""), |(location, marker)| (location.trim(), marker.trim()))
}

/// `file:d/e`, which is relative, as a path.
fn relative_file(location: &str) -> &str {
    let path = location.strip_prefix("file:").filter(|path| !path.starts_with('/'));
    path.unwrap_or(location)
}

fn parse_marker(text: &str) -> Result<MarkerTree, Wrong<'_>> {
    if text.is_empty() {
        return Ok(MarkerTree::TRUE);
    }
    marker::read(text).map_err(|error| pointed(error, text))
}

/// What is wrong with a text that was read, and where.
fn pointed(error: Unreadable, text: &str) -> Wrong<'_> {
    let part = text.get(error.at).unwrap_or(text);
    Wrong::new(error.reason, part)
}

/// `name[extra]>=1 ; marker` or `name @ location`.
fn named(text: &str) -> Result<Parts<'_>, Wrong<'_>> {
    if let Some((name, location)) = split_direct(text) {
        let (location, marker) = split_marker(location);
        let head = project(name).map_err(|error| pointed(error, name))?;
        return Ok(Parts {
            name: Some(head.name),
            extras: head.extras,
            what: What::Location(location),
            marker: parse_marker(marker)?,
        });
    }
    let parsed = match without_comma(text) {
        Some(shorter) => project(&shorter).map_err(|error| Wrong::new(error.reason, text))?,
        None => project(text).map_err(|error| pointed(error, text))?,
    };
    let dependency_specifier::What::Versions(specifiers) = parsed.what else {
        return Err(Wrong::new("a URL is written as `name @ URL`", text));
    };
    Ok(Parts {
        name: Some(parsed.name),
        extras: parsed.extras,
        what: What::Versions(specifiers),
        marker: parsed.marker,
    })
}

/// The text without a comma after the last version, which uv takes.
fn without_comma(text: &str) -> Option<String> {
    let end = text.find(';').unwrap_or(text.len());
    let versions = text[..end].trim_end();
    let (versions, close) = match versions.strip_suffix(')') {
        Some(inner) => (inner.trim_end(), ")"),
        None => (versions, ""),
    };
    let versions = versions.strip_suffix(',')?;
    versions.contains(['=', '<', '>']).then(|| format!("{versions}{close} {}", &text[end..]))
}

fn project(text: &str) -> Result<DependencySpecifier, Unreadable> {
    DependencySpecifier::read(text, &mut Effort::default())
}

/// Whether a text is `name` or `name[extra]`.
fn is_name(text: &str) -> bool {
    let name = text.split('[').next().unwrap_or(text).trim();
    PackageName::from_str(name).is_ok()
}

/// Whether a path or URL is a wheel's.
pub(crate) fn is_wheel(location: &str) -> bool {
    let path = location.split(['#', '?']).next().unwrap_or(location);
    Path::new(path).extension().is_some_and(|end| end == "whl") && !location.starts_with("git+")
}

fn split_direct(text: &str) -> Option<(&str, &str)> {
    let (name, location) = text.split_once('@')?;
    // An `@` inside a marker's string belongs to the marker.
    (!name.contains([';', '"', '\''])).then_some((name.trim(), location.trim()))
}

/// The wheel a URL or path names.
fn direct_wheel(location: &str, working: &Path) -> Result<DirectWheel, String> {
    let (location, filename, digest) = match location.split_once("://") {
        Some(("http" | "https", _)) => {
            let mut url = Url::parse(location).map_err(|error| format!("not a URL: {error}"))?;
            let digest = Digest::of_fragment(url.fragment().unwrap_or_default())?;
            url.set_fragment(None);
            let filename = url.path_segments().and_then(|mut segments| segments.next_back());
            let filename = percent_decode(filename.unwrap_or_default());
            (Location::Url(url), filename, digest)
        }
        Some(("file", _)) => {
            let url = Url::parse(location).map_err(|error| format!("not a URL: {error}"))?;
            let digest = Digest::of_fragment(url.fragment().unwrap_or_default())?;
            let path = url.to_file_path().map_err(|()| "not the URL of a local file".to_owned())?;
            let filename = file_name(&path);
            (Location::Path(path), filename, digest)
        }
        Some((scheme, _)) => return Err(format!("the URL scheme `{scheme}` is not supported")),
        None => {
            let path = working.join(location);
            let filename = file_name(&path);
            (Location::Path(path), filename, None)
        }
    };
    let filename = WheelFilename::from_str(&filename).map_err(|error| error.to_string())?;
    Ok(DirectWheel { filename, location, digest })
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
