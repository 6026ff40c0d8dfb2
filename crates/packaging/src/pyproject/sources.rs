//! `[tool.uv.sources]`: where the dependencies that a project file states come from, which is another place than an
//! index would be. Whoever passes it over installs a stranger's package of the same name.

use std::borrow::Cow;
use std::path::{Component, Path};

use pep508_rs::{ExtraName, MarkerTree, PackageName};
use serde::Deserialize;
use toml::{Spanned, Value};

use crate::error::Error;
use crate::marker;
use crate::requirement::Source as From;
use crate::requirement_line::{self, Line};
use crate::requirement_source::DirectSource;
use crate::requirements_txt::PinnedIndex;
use crate::safe_url::{encode_fragment, encode_reference};

use super::lowered::{is_archive, url_of};
use super::uv::IndexRole;
use super::{Base, ProjectFile, normalized};

/// What of a project file is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// What it always needs.
    Base,
    /// An extra.
    Extra(&'a ExtraName),
    /// A dependency group.
    Group(&'a str),
}

/// What was read of a project file.
#[derive(Debug, Default)]
pub(crate) struct Stated {
    /// The requirements.
    pub(crate) lines: Vec<Line>,
    /// Packages that are looked for in one index alone.
    pub(crate) pins: Vec<(PackageName, PinnedIndex)>,
}

/// Where a dependency comes from.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Source {
    pub(super) index: Option<String>,
    git: Option<String>,
    rev: Option<String>,
    tag: Option<String>,
    branch: Option<String>,
    url: Option<String>,
    path: Option<String>,
    subdirectory: Option<String>,
    editable: Option<bool>,
    workspace: bool,
    package: Option<bool>,
    lfs: bool,
    marker: Option<String>,
    extra: Option<String>,
    group: Option<String>,
}

/// The extra that a source is for. What is no name would match no extra, and leave its package to an index.
pub(super) fn extra_name(text: &str) -> Result<ExtraName, String> {
    text.parse().map_err(|_invalid| format!("`{text}` is not the name of an extra"))
}

impl Source {
    /// Whether it is for what is read.
    fn is_for(&self, part: Part<'_>) -> bool {
        let same = |own: &Option<String>, other: Option<&str>| {
            own.as_ref().is_none_or(|own| Some(normalized(own)) == other.map(normalized))
        };
        let (extra, group) = match part {
            Part::Base => (None, None),
            Part::Extra(extra) => (Some(extra.as_ref()), None),
            Part::Group(group) => (None, Some(group)),
        };
        same(&self.extra, extra) && same(&self.group, group)
    }

    /// Where the package is, in the words of a requirement.
    fn location(&self) -> Result<String, String> {
        let below = self
            .subdirectory
            .as_ref()
            .map(|below| format!("#subdirectory={}", encode_fragment(below)));
        let below = below.unwrap_or_default();
        match (&self.git, &self.url, &self.path) {
            (Some(url), None, None) => {
                let mut references = [&self.rev, &self.tag, &self.branch].into_iter().flatten();
                let reference =
                    references.next().map(|name| format!("@{}", encode_reference(name)));
                if references.next().is_some() {
                    return Err("it has one of `rev`, `tag` and `branch`".to_owned());
                }
                let url = url.strip_prefix("git+").unwrap_or(url);
                Ok(format!("git+{url}{}{below}", reference.unwrap_or_default()))
            }
            (None, Some(url), None) if url.contains('#') => {
                Ok(format!("{url}{}", below.replacen('#', "&", 1)))
            }
            (None, Some(url), None) => Ok(format!("{url}{below}")),
            (None, None, Some(path)) if path.starts_with(['/', '.']) => {
                Ok(format!("{path}{below}"))
            }
            (None, None, Some(path)) => Ok(format!("./{path}{below}")),
            _ => Err("it has one of `index`, `git`, `url` and `path`".to_owned()),
        }
    }

    /// The same of a file in an archive or a repository, whose paths are those of its own files.
    fn within(&self, source: &DirectSource) -> Result<String, String> {
        let Some(path) = self.path.as_deref().filter(|_| self.git.is_none() && self.url.is_none())
        else {
            return self.location();
        };
        if is_archive(path) {
            return Err(format!(
                "`{path}` is a file in `{}`, of which only directories can be used",
                source.text
            ));
        }
        let top = source.subdirectory.as_deref().unwrap_or_default();
        let steps = Path::new(top).components().chain(Path::new(path).components());
        let below = self.subdirectory.as_deref().unwrap_or_default();
        let mut parts: Vec<Cow<'_, str>> = Vec::new();
        for step in steps.chain(Path::new(below).components()) {
            match step {
                Component::Normal(name) => parts.push(name.to_string_lossy()),
                Component::CurDir => {}
                Component::ParentDir if parts.pop().is_some() => {}
                _ => return Err(format!("`{path}` is not in `{}`", source.text)),
            }
        }
        Ok(url_of(&source.place, source.digest.as_ref(), &parts.join("/")))
    }
}

impl ProjectFile<'_> {
    /// Puts requirements in, each from where the file has it come.
    pub(super) fn state(
        &self,
        lines: Vec<Line>,
        part: Part<'_>,
        stated: &mut Stated,
    ) -> Result<(), Error> {
        for line in lines {
            self.state_one(line, part, stated)?;
        }
        Ok(())
    }

    fn state_one(&self, line: Line, part: Part<'_>, stated: &mut Stated) -> Result<(), Error> {
        let name = match &line {
            Line::Project(one) => Some(&one.name),
            Line::Source(source) => source.name.as_ref(),
        };
        let Some(name) = name.filter(|name| Some(*name) != self.name.as_ref()).cloned() else {
            stated.lines.push(line);
            return Ok(());
        };
        // Where it comes from no index.
        let mut direct = MarkerTree::FALSE;
        let own = self.sources_of(&name);
        let shared = if own.is_empty() { self.shared()? } else { None };
        let (owner, sources) = match &shared {
            Some(root) => (root, root.sources_of(&name)),
            None => (self, own),
        };
        for written in &sources {
            let (source, marker) = owner.source(&name, written)?;
            if !source.is_for(part) {
                continue;
            }
            let wrong = |reason: &str| owner.wrong(written, name.as_ref(), reason);
            let Line::Project(one) = &line else {
                return Err(wrong("its requirement names a place already"));
            };
            if let Some(index) = &source.index {
                // For whoever else needs it, too, wherever that is.
                let pin = owner.pinned(index, marker).map_err(|reason| wrong(&reason))?;
                stated.pins.push((name.clone(), pin));
                continue;
            }
            if !matches!(one.source, From::Registry(_)) {
                return Err(wrong("its requirement names a place already"));
            }
            let extras: Vec<&str> = one.extras.iter().map(AsRef::as_ref).collect();
            let head = format!("{name}[{}]", extras.join(","));
            let placed = owner.direct(&head, &source, &one.origin);
            let mut placed = placed.map_err(|reason| wrong(&reason))?;
            placed.and(&one.marker);
            placed.and(&marker);
            stated.lines.push(placed);
            direct.or(marker);
        }
        let mut rest = line;
        rest.and(&direct.negate());
        if !rest.marker().is_false() || direct.is_false() {
            stated.lines.push(rest);
        }
        Ok(())
    }

    /// The sources that are written for a package.
    pub(super) fn sources_of(&self, name: &PackageName) -> Vec<Spanned<Value>> {
        let Some(uv) = self.raw.tool.uv.as_ref().filter(|uv| !uv.no_sources) else {
            return Vec::new();
        };
        let of_it = |known: &String| known.parse::<PackageName>().is_ok_and(|one| one == *name);
        let written = uv.sources.iter().filter(|(known, _)| of_it(known));
        let several = written.flat_map(|(_, value)| match value.get_ref() {
            Value::Array(values) => {
                values.iter().map(|one| Spanned::new(value.span(), one.clone())).collect()
            }
            one => vec![Spanned::new(value.span(), one.clone())],
        });
        several.collect()
    }

    pub(super) fn source(
        &self,
        name: &PackageName,
        written: &Spanned<Value>,
    ) -> Result<(Source, MarkerTree), Error> {
        let wrong = |reason: &str| self.wrong(written, name.as_ref(), reason);
        let mut source: Source = written
            .get_ref()
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| wrong(error.message().trim()))?;
        if source.workspace {
            match self.base {
                Base::Here => {
                    let place = self.member(name).map_err(|reason| wrong(&reason))?;
                    source.url = Some(place.into());
                    // As uv has it.
                    source.editable = source.editable.or(Some(true));
                }
                // Whoever requires it cannot write into its files.
                Base::Server(_) | Base::Source(_) | Base::Unpacked(_) => {
                    return Err(wrong(&format!("{WORKSPACE}: pin {name} to an index yourself")));
                }
            }
        }
        let unread = [
            (source.package == Some(false), "`package = false` is not supported"),
            (source.lfs, "`lfs` is not supported"),
        ];
        if let Some((_, reason)) = unread.iter().find(|(there, _)| *there) {
            return Err(wrong(reason));
        }
        source.extra.as_deref().map_or(Ok(()), |text| {
            extra_name(text).map(|_extra| ()).map_err(|reason| wrong(&reason))
        })?;
        let marker = match &source.marker {
            Some(text) => marker::read(text).map_err(|error| wrong(&error.reason))?,
            None => MarkerTree::TRUE,
        };
        Ok((source, marker))
    }

    fn pinned(&self, index: &str, marker: MarkerTree) -> Result<PinnedIndex, String> {
        let mut table = self.uv_table().map_err(|error| error.to_string())?.unwrap_or_default();
        if let Some(workspace) = self.workspace.filter(|_| table.index(index).is_none()) {
            let root = workspace.root().and_then(|root| root.uv_table());
            table.indexes.extend(root.ok().flatten().unwrap_or_default().indexes);
        }
        let Some(found) = table.index(index) else {
            let known: Vec<&str> =
                table.indexes.iter().filter_map(|index| index.name.as_deref()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!(
                "the file has no index `{index}`: its [[tool.uv.index]] tables name {known}"
            ));
        };
        if found.role == IndexRole::Links {
            return Err(format!("`{index}` is a page of files, which nothing can be pinned to"));
        }
        Ok(PinnedIndex { name: index.to_owned(), url: found.url.clone(), marker })
    }

    pub(super) fn direct(
        &self,
        head: &str,
        source: &Source,
        origin: &crate::requirement::Origin,
    ) -> Result<Line, String> {
        let location = match self.base {
            Base::Source(within) => source.within(within)?,
            Base::Here | Base::Server(_) | Base::Unpacked(_) => source.location()?,
        };
        let text = format!("{head} @ {location}");
        let is_editable = source.editable == Some(true);
        let read = if is_editable && matches!(self.base, Base::Here) {
            let read = requirement_line::parse_editable(&text, origin, &self.directory);
            read.map(|(source, _)| Line::Source(Box::new(source)))
        } else {
            requirement_line::parse_line(&text, origin, &self.directory).map(|read| read.line)
        };
        read.map_err(|wrong| wrong.reason.clone())
    }

    /// The indexes of what it needs besides: what builds it, and dependencies that only a build tells.
    fn further_pins(&self) -> Vec<(PackageName, PinnedIndex)> {
        let sources = self.raw.tool.uv.iter().flat_map(|uv| &uv.sources);
        let pins = sources.flat_map(|(name, written)| {
            let mut stated = Stated::default();
            let line = self.requirement(name, written.span());
            // What is wrong with one is told where that is needed.
            let _ = line.and_then(|line| self.state_one(line, Part::Base, &mut stated));
            stated.pins
        });
        pins.collect()
    }

    /// What the sources that it names say of its dependencies, of its extras too, where it is required itself.
    pub(crate) fn places(&self) -> Result<Stated, Error> {
        let mut stated = Stated::default();
        stated.pins.extend(self.further_pins());
        let Some(project) = &self.raw.project else { return Ok(stated) };
        self.state(self.all(&project.dependencies)?, Part::Base, &mut stated)?;
        for (name, entries) in &project.optional_dependencies {
            let Ok(extra) = name.parse() else { continue };
            self.state(self.all(entries)?, Part::Extra(&extra), &mut stated)?;
        }
        stated.lines.retain(|line| match line {
            Line::Project(one) => matches!(one.source, From::Wheel(_)),
            Line::Source(_) => true,
        });
        Ok(stated)
    }
}

const WORKSPACE: &str = "it is a member of a workspace that is not here";
