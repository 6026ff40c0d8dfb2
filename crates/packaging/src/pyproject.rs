//! Dependencies that a project or a script states in TOML: `[project]` and `[dependency-groups]` of `pyproject.toml`,
//! the header of a script, and what `[tool.uv]` says of them. Knows their form, and nothing of what is done with the
//! requirements.
//!
//! - <https://packaging.python.org/en/latest/specifications/pyproject-toml/>
//! - <https://packaging.python.org/en/latest/specifications/dependency-groups/>
//! - <https://packaging.python.org/en/latest/specifications/inline-script-metadata/>

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use pep440_rs::VersionSpecifiers;
use pep508_rs::{ExtraName, MarkerTree, PackageName};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use toml::Spanned;
use url::Url;

use crate::error::Error;
use crate::requirement::Origin;
use crate::requirement_line::{self, Line};
use crate::requirement_source::DirectSource;
use crate::requirements_txt::ReadProject;
use crate::spot::{Spot, offset};

mod lowered;
mod sources;
pub mod uv;
mod workspace;

pub use lowered::{BuildProject, KnownPlaces, Lowered, SourceProject};
use sources::Part;
pub(crate) use sources::Stated;
use uv::RawUv;
pub use workspace::Workspace;

/// Which of a project's optional dependencies are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedExtras {
    /// All that there are.
    pub all: bool,
    /// These; each has to be one of some file's.
    pub names: BTreeSet<ExtraName>,
}

/// A limit on the interpreter that a file states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiresPython {
    /// The versions of Python.
    pub specifiers: VersionSpecifiers,
    /// Where it is written.
    pub origin: Origin,
}

/// What a file states.
#[derive(Debug)]
pub(crate) struct ProjectFile<'a> {
    path: &'a Path,
    /// What relative paths in it are relative to.
    directory: PathBuf,
    base: Base<'a>,
    /// The line of the TOML's first one in the file, less one: a script's header begins further down.
    above: usize,
    text: String,
    raw: Raw,
    name: Option<PackageName>,
    /// The workspace that it is a project of.
    workspace: Option<&'a Workspace>,
}

/// Where a file is, and so what it names.
#[derive(Debug, Clone, Copy)]
enum Base<'a> {
    /// On this machine.
    Here,
    /// Fetched from a server: what it names is there, and nothing of this machine.
    Server(&'a Url),
    /// In an archive or a repository: what it names is there, too.
    Source(&'a DirectSource),
    /// The same, unpacked below this directory: nothing else of this machine is its own.
    Unpacked(&'a Path),
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Raw {
    project: Option<Project>,
    #[serde(default)]
    dependency_groups: BTreeMap<String, Vec<Spanned<GroupEntry>>>,
    /// Of scripts.
    #[serde(default)]
    dependencies: Vec<Spanned<String>>,
    /// Of scripts.
    requires_python: Option<Spanned<String>>,
    #[serde(default)]
    tool: Tool,
}

/// What tools state for themselves.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tool {
    uv: Option<RawUv>,
    poetry: Option<IgnoredAny>,
    pdm: Option<IgnoredAny>,
    flit: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Project {
    name: Option<String>,
    #[serde(default)]
    dependencies: Vec<Spanned<String>>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Spanned<String>>>,
    requires_python: Option<Spanned<String>>,
    #[serde(default)]
    dynamic: Vec<Spanned<String>>,
    #[serde(default)]
    scripts: BTreeMap<String, toml::Value>,
    #[serde(default)]
    gui_scripts: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum GroupEntry {
    Requirement(String),
    Include {
        #[serde(rename = "include-group")]
        group: String,
    },
}

/// The groups that were met on the way through one.
#[derive(Default)]
struct Included {
    /// Those that include the one that is being read.
    chain: Vec<String>,
    /// Those whose requirements are taken already: once is enough, and each could include others twice.
    done: BTreeSet<String>,
}

/// Extras whose requirements are taken, and where.
type Covered = BTreeMap<ExtraName, MarkerTree>;

/// The tool whose a `pyproject.toml` without `[project]` table is.
fn whose(tool: &Tool) -> Option<&'static str> {
    let Tool { uv: _, poetry, pdm, flit } = tool;
    let whose = [("Poetry", poetry), ("PDM", pdm), ("Flit", flit)];
    whose.iter().find(|(_, table)| table.is_some()).map(|(tool, _)| *tool)
}

/// A `pyproject.toml` that has no `[project]` table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// The tool that states dependencies in a table of its own there, where one is known.
    pub tool: Option<&'static str>,
}

/// Whether the text of a `pyproject.toml` has no `[project]` table.
pub fn foreign(text: &str) -> Option<Foreign> {
    match toml::from_str::<Raw>(text) {
        Ok(Raw { project: None, tool, .. }) => Some(Foreign { tool: whose(&tool) }),
        // What is wrong with it is told by whoever reads it.
        _ => None,
    }
}

/// What of a project may be wanted besides what it always needs, by the names that are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Its optional dependencies.
    pub extras: Vec<String>,
    /// Its dependency groups.
    pub groups: Vec<String>,
    /// The commands that it would have where it is installed itself.
    pub commands: Vec<String>,
}

impl Parts {
    /// Those that the text of a `pyproject.toml` has; none of one that cannot be read.
    pub fn of(text: &str) -> Self {
        let Raw { project, dependency_groups, tool, .. } = toml::from_str(text).unwrap_or_default();
        let project = project.unwrap_or_default();
        let commands = project.scripts.keys().chain(project.gui_scripts.keys()).cloned().collect();
        let extras = project.optional_dependencies.into_keys().collect();
        let mut groups: Vec<String> = dependency_groups.into_keys().collect();
        let has_dev = tool.uv.is_some_and(|uv| !uv.dev_dependencies.is_empty());
        if has_dev && groups.iter().all(|group| normalized(group) != "dev") {
            groups.push("dev".to_owned());
        }
        Self { extras, groups, commands }
    }
}

/// Whether a file of this name is no requirements file but states dependencies in TOML.
pub(crate) fn is_project_file(path: &Path) -> bool {
    is_pyproject(path) || path.extension().is_some_and(|end| end == "py")
}

fn is_pyproject(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "pyproject.toml")
}

impl<'a> ProjectFile<'a> {
    /// Reads the text of a `pyproject.toml`, or of a script.
    pub(crate) fn read(path: &'a Path, text: &str) -> Result<Self, Error> {
        let (text, above) = if is_pyproject(path) {
            (text.to_owned(), 0)
        } else {
            script_header(text).map_err(|reason| unusable(path, &reason))?
        };
        let raw: Raw = from_toml(path, &text, above)?;
        let name = raw.project.as_ref().and_then(|project| project.name.as_deref()?.parse().ok());
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let (base, workspace) = (Base::Here, None);
        Ok(Self { path, directory, base, above, text, raw, name, workspace })
    }

    /// The same, with paths that are relative to the file's as seen from this directory.
    pub(crate) fn seen_from(mut self, working: &Path) -> Self {
        self.directory = working.join(self.directory);
        self
    }

    /// The same of a file that was fetched from here.
    pub(crate) fn fetched_from(mut self, server: Option<&'a Url>) -> Self {
        self.base = server.map_or(Base::Here, Base::Server);
        self
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.path
    }

    /// What is known of the project itself.
    pub(crate) fn facts(&self) -> ReadProject {
        let scripts = self
            .raw
            .project
            .iter()
            .flat_map(|one| one.scripts.keys().chain(one.gui_scripts.keys()));
        let (file, directory) = (self.path.to_owned(), self.directory.clone());
        ReadProject { file, directory, commands: scripts.cloned().collect() }
    }

    /// The limits on Python.
    pub(crate) fn requires_python(&self) -> Result<Option<RequiresPython>, Error> {
        let project = self.raw.project.as_ref().and_then(|one| one.requires_python.as_ref());
        let Some(text) = project.or(self.raw.requires_python.as_ref()) else { return Ok(None) };
        let origin = self.origin(text);
        let specifiers = text.get_ref().parse().map_err(|error| {
            let reason = format!("`requires-python` is no version specifier: {error}");
            Error::requirement(&origin, text.get_ref(), &reason).at(self.spot(text.span()))
        })?;
        Ok(Some(RequiresPython { specifiers, origin }))
    }

    /// The dependencies, and those of the extras that are wanted and there; found extras are put into `found`.
    pub(crate) fn requirements(
        &self,
        wanted: &WantedExtras,
        found: &mut BTreeSet<ExtraName>,
    ) -> Result<Stated, Error> {
        let none = Project::default();
        let project = match &self.raw.project {
            Some(project) => project,
            None if is_pyproject(self.path) => return Err(unusable(self.path, &self.no_project())),
            None => &none,
        };
        let mut requirements = Stated::default();
        for dependencies in [&project.dependencies, &self.raw.dependencies] {
            self.state(self.all(dependencies)?, Part::Base, &mut requirements)?;
        }
        self.refuse_dynamic(project, "dependencies")?;
        let mut seen = Covered::new();
        for name in project.optional_dependencies.keys() {
            let Ok(extra) = name.parse::<ExtraName>() else { continue };
            if wanted.all || wanted.names.contains(&extra) {
                self.extra(&extra, &MarkerTree::TRUE, &mut seen, &mut requirements)?;
                found.insert(extra);
            }
        }
        if wanted.all || !wanted.names.is_empty() {
            self.refuse_dynamic(project, "optional-dependencies")?;
        }
        self.without_itself(requirements, &mut seen)
    }

    /// The names of its extras, as written.
    pub(crate) fn extras(&self) -> impl Iterator<Item = &str> {
        self.raw.project.iter().flat_map(|one| one.optional_dependencies.keys()).map(String::as_str)
    }

    /// Why it states no dependencies, though it is there.
    fn no_project(&self) -> String {
        let whose = whose(&self.raw.tool);
        let whose = whose.map(|tool| format!("; it is {tool}'s, whose own table is not read"));
        format!("it has no [project] table{}", whose.unwrap_or_default())
    }

    /// The requirements of a dependency group, those it includes among them (PEP 735). uv's own table has some of the
    /// group `dev`, too.
    pub(crate) fn group(&self, name: &str) -> Result<Stated, Error> {
        let mut requirements = Stated::default();
        let dev: &[Spanned<String>] = match &self.raw.tool.uv {
            Some(uv) if normalized(name) == "dev" => &uv.dev_dependencies,
            _ => &[],
        };
        let only_there = !self.raw.dependency_groups.keys().any(|known| normalized(known) == "dev");
        if dev.is_empty() || !only_there {
            self.include(name, &mut Included::default(), &mut requirements)?;
        }
        self.state(self.all(dev)?, Part::Group("dev"), &mut requirements)?;
        self.without_itself(requirements, &mut Covered::new())
    }

    fn include(
        &self,
        name: &str,
        included: &mut Included,
        requirements: &mut Stated,
    ) -> Result<(), Error> {
        let wanted = normalized(name);
        if included.done.contains(&wanted) {
            return Ok(());
        }
        let groups = &self.raw.dependency_groups;
        let mut same = groups.iter().filter(|(known, _)| normalized(known) == wanted);
        let Some((_, entries)) = same.next() else {
            let known: Vec<&str> = groups.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {}", known.join(", "))
            };
            return Err(unusable(
                self.path,
                &format!("there is no dependency group `{name}`; {known}"),
            ));
        };
        if same.next().is_some() {
            let reason = format!("the dependency group `{name}` is there twice, spelt differently");
            return Err(unusable(self.path, &reason));
        }
        if included.chain.contains(&wanted) {
            let reason = format!(
                "the dependency group `{name}` includes itself by way of {}",
                included.chain.join(", ")
            );
            return Err(unusable(self.path, &reason));
        }
        included.chain.push(wanted);
        for entry in entries {
            match entry.get_ref() {
                GroupEntry::Include { group } => self.include(group, included, requirements)?,
                GroupEntry::Requirement(text) => {
                    let line = self.requirement(text, entry.span())?;
                    self.state(vec![line], Part::Group(name), requirements)?;
                }
            }
        }
        included.done.extend(included.chain.pop());
        Ok(())
    }

    fn extra(
        &self,
        extra: &ExtraName,
        marker: &MarkerTree,
        seen: &mut Covered,
        requirements: &mut Stated,
    ) -> Result<(), Error> {
        let covered = seen.entry(extra.clone()).or_insert(MarkerTree::FALSE);
        let mut union = covered.clone();
        union.or(marker.clone());
        if union == *covered {
            return Ok(());
        }
        *covered = union;
        let optional = self.raw.project.iter().flat_map(|project| &project.optional_dependencies);
        let named =
            optional.filter(|(name, _)| name.parse::<ExtraName>().is_ok_and(|one| one == *extra));
        for (_, entries) in named {
            let mut lines = self.all(entries)?;
            for line in &mut lines {
                line.and(marker);
            }
            self.state(lines, Part::Extra(extra), requirements)?;
        }
        Ok(())
    }

    /// Puts the extras of the project itself in the place of requirements on it (`all = ["pkg[a,b]"]`).
    fn without_itself(&self, requirements: Stated, seen: &mut Covered) -> Result<Stated, Error> {
        let mut open = requirements;
        let mut done = Stated::default();
        while !open.lines.is_empty() {
            let mut next = Stated::default();
            for line in open.lines {
                let itself = match line {
                    Line::Project(one) if Some(&one.name) == self.name.as_ref() => one,
                    other => {
                        done.lines.push(other);
                        continue;
                    }
                };
                for extra in &itself.extras {
                    self.extra(extra, &itself.marker, seen, &mut next)?;
                }
            }
            done.pins.append(&mut open.pins);
            open = next;
        }
        done.pins.append(&mut open.pins);
        Ok(done)
    }

    fn all(&self, entries: &[Spanned<String>]) -> Result<Vec<Line>, Error> {
        entries.iter().map(|entry| self.requirement(entry.get_ref(), entry.span())).collect()
    }

    fn requirement(&self, text: &str, span: Range<usize>) -> Result<Line, Error> {
        let origin = self.origin_at(span.start);
        let read = requirement_line::parse_line(text.trim(), &origin, &self.directory);
        let read = read.map_err(|wrong| {
            let written = &self.text[span.clone()];
            // A string with escapes is not what it is written as; the whole of it is shown then.
            let part = written.find(text).filter(|_| !text.is_empty()).map(|inner| {
                let start = span.start + inner + offset(text, wrong.part);
                start..start + wrong.part.len()
            });
            let spot = self.spot(part.unwrap_or_else(|| span.clone()));
            Error::requirement(&origin, text.trim(), &wrong.reason).at(spot)
        })?;
        Ok(read.line)
    }

    /// What only a build would tell is not guessed.
    fn refuse_dynamic(&self, project: &Project, field: &str) -> Result<(), Error> {
        let Some(dynamic) = project.dynamic.iter().find(|one| one.get_ref() == field) else {
            return Ok(());
        };
        let reason = format!(
            "only a build of the project tells its {field}; require the project itself instead"
        );
        let error =
            Error::requirement(&self.origin(dynamic), &format!("dynamic = [\"{field}\"]"), &reason);
        Err(error.at(self.spot(dynamic.span())))
    }

    /// An error of an entry, which is told as `shown`.
    fn wrong<T>(&self, entry: &Spanned<T>, shown: &str, reason: &str) -> Error {
        Error::requirement(&self.origin(entry), shown, reason).at(self.spot(entry.span()))
    }

    fn origin<T>(&self, entry: &Spanned<T>) -> Origin {
        self.origin_at(entry.span().start)
    }

    fn origin_at(&self, offset: usize) -> Origin {
        let line = self.above + line_of(&self.text, offset);
        Origin { file: self.path.display().to_string().into(), line }
    }

    fn spot(&self, span: Range<usize>) -> Spot {
        spot_of(&self.text, self.above, span)
    }
}

/// Reads TOML; an error says where it is wrong.
fn from_toml<T: DeserializeOwned>(path: &Path, text: &str, above: usize) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let spot = spot_of(text, above, error.span().unwrap_or_default());
        let origin = Origin { file: path.display().to_string().into(), line: spot.line };
        let shown = text.lines().nth(spot.line - above - 1).unwrap_or_default().trim();
        Error::requirement(&origin, shown, error.message()).at(spot)
    })
}

fn unusable(path: &Path, reason: &str) -> Error {
    Error::Setting(format!("cannot read the dependencies of `{}`: {reason}", path.display()))
}

/// The place of some TOML in its file. With lines above it, it is a script's header, whose lines begin
/// with `# `.
fn spot_of(text: &str, above: usize, span: Range<usize>) -> Spot {
    let start = span.start.min(text.len());
    let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[begin..].lines().next().unwrap_or_default();
    let prefix = if above > 0 { "# " } else { "" };
    let column = prefix.len() + text[begin..start].chars().count() + 1;
    let end = span.end.clamp(start, begin + line.len().max(start - begin));
    let width = text.get(start..end).unwrap_or_default().chars().count();
    Spot::new(above + line_of(text, start), column, &format!("{prefix}{line}"), width)
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// A group's name as it is compared: lower case, runs of `-`, `_` and `.` as one `-`.
pub(crate) fn normalized(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

/// The TOML of a script's header, and how many lines are above it.
fn script_header(text: &str) -> Result<(String, usize), String> {
    let Some(header) = header_lines(text)? else {
        return Err("it has no header (`# /// script`) that names them".to_owned());
    };
    let above = header.start;
    let lines = text.lines().skip(above).take(header.len());
    let body: Vec<&str> = lines.map(|line| uncommented(line.trim_end())).collect();
    Ok((body.join("\n"), above))
}

/// A line of a header as a line of TOML.
pub(crate) fn uncommented(line: &str) -> &str {
    line.get(2..).unwrap_or_default()
}

/// Which lines of a script are the TOML of its header; `None` of one without a header.
pub(crate) fn header_lines(text: &str) -> Result<Option<Range<usize>>, String> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut starts = (0..lines.len()).filter(|&at| lines[at] == "# /// script");
    let Some(start) = starts.next() else { return Ok(None) };
    let commented = |line: &&str| *line == "#" || line.starts_with("# ");
    let block = lines[start + 1..].iter().take_while(|line| commented(line)).count();
    // The last `# ///` of the comment ends it: TOML may hold such a line too.
    let end = (start + 1..=start + block).rev().find(|&at| lines[at] == "# ///");
    let Some(end) = end else {
        return Err(format!("the header that begins on line {} has no end (`# ///`)", start + 1));
    };
    if starts.any(|at| at > end) {
        return Err("it has two headers".to_owned());
    }
    Ok(Some(start + 1..end))
}

#[cfg(test)]
mod tests;
