//! The reader of requirements files: takes each line for what it is, and follows what files include.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pep508_rs::{ExtraName, PackageName};
use url::Url;

use super::document::{Document, OF_THIS_MACHINE};
use super::lines::{LogicalLine, Text};
use super::{PinnedIndex, ReadContext, RequirementSet, SettingsOf};
use crate::dist_file::Location;
use crate::error::{Error, Include};
use crate::option_words;
use crate::pyproject::uv::UvTable;
use crate::pyproject::{ProjectFile, Stated, Workspace, is_project_file};
use crate::regular;
use crate::requirement::{Origin, Source};
use crate::requirement_line::{self, BuildSettings, Line};
use crate::requirement_source::{Place, SourceRequirement};
use crate::spot::offset;
use crate::wrong::Wrong;

/// The largest requirements file that is read from a pipe or device, in bytes.
const LARGEST: usize = 64 << 20;

/// What a file's requirements are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Requirements,
    Constraints,
    Overrides,
    /// Limits on what builds need.
    BuildConstraints,
}

/// Reads files into a set.
pub(super) struct Reader<'a> {
    context: &'a ReadContext,
    pub(super) set: RequirementSet,
    visited: BTreeSet<(Role, String)>,
    /// Wanted extras that a project file has.
    extras: BTreeSet<ExtraName>,
    /// All extras of project files.
    known_extras: BTreeSet<String>,
    /// Project files whose settings for uv are taken.
    uv: BTreeSet<PathBuf>,
}

/// One logical line with what is known of it.
#[derive(Clone, Copy)]
struct At<'a> {
    document: &'a Document,
    text: &'a Text,
    line: &'a LogicalLine,
    origin: &'a Origin,
    role: Role,
}

impl At<'_> {
    /// The error for a part of the line.
    fn wrong(&self, wrong: &Wrong<'_>) -> Error {
        let at = offset(&self.line.text, wrong.part);
        let spot = self.text.spot(self.line, at, wrong.part.len());
        let mut error = Error::requirement(self.origin, &self.line.text, &wrong.reason).at(spot);
        if let Error::Requirement { advice, .. } = &mut error {
            *advice = wrong.advice.clone().or_else(|| self.unexpanded());
        }
        error
    }

    /// Why a variable of the line has no value.
    fn unexpanded(&self) -> Option<String> {
        let (_, after) = self.line.text.split_once("${")?;
        let (name, _) = after.split_once('}')?;
        let why = match self.document {
            Document::Local(_) => format!("the variable {name} is not set"),
            Document::Remote(_) => "variables are put into files of this machine only".to_owned(),
        };
        Some(format!("{why}, and so nothing takes the place of `${{{name}}}`"))
    }

    /// An error of the whole line where it says no part.
    fn whole(&self, mut error: Error) -> Error {
        if let Error::Requirement { spot: spot @ None, origin, .. } = &mut error
            && origin == self.origin
        {
            *spot = Some(Box::new(self.text.spot(self.line, 0, self.line.text.len())));
        }
        error
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(context: &'a ReadContext) -> Self {
        Self {
            context,
            set: RequirementSet::default(),
            visited: BTreeSet::new(),
            extras: BTreeSet::new(),
            known_extras: BTreeSet::new(),
            uv: BTreeSet::new(),
        }
    }

    /// Reads a file, unless it was read for the same purpose.
    pub(super) fn file(
        &mut self,
        document: Document,
        role: Role,
        include: Option<Include>,
    ) -> Result<(), Error> {
        let document = match document {
            Document::Remote(url) => Document::Remote(self.set.bare(url)),
            local @ Document::Local(_) => local,
        };
        let (name, key) = match &document {
            Document::Local(path) => {
                let key = fs_err::canonicalize(path).unwrap_or_else(|_| path.clone());
                (path.display().to_string(), key.display().to_string())
            }
            Document::Remote(url) => (shown(url), url.to_string()),
        };
        if !self.visited.insert((role, key)) {
            return Ok(());
        }
        let bytes = self.bytes(&document, include)?;
        let text = decoded(&bytes, &name)?;
        if is_project_file(Path::new(&name)) {
            return self.project_file(Path::new(&name), &document, &text.whole(), role);
        }
        let name: Arc<str> = name.into();
        for mut line in text.logical() {
            let origin = Origin { file: Arc::clone(&name), line: line.number };
            self.expand(&mut line, &document, &origin);
            let at = At { document: &document, text: &text, line: &line, origin: &origin, role };
            self.line(at).map_err(|error| at.whole(error))?;
        }
        Ok(())
    }

    /// Puts variables into a line. What a server wrote gets none: it could ask for any of this process
    /// and have it sent to itself or to others.
    fn expand(&mut self, line: &mut LogicalLine, document: &Document, origin: &Origin) {
        let Document::Remote(_) = document else {
            line.expand(&self.context.variables, &mut self.set.variables);
            return;
        };
        // That a variable is not set here changes nothing, so the warning is the same either way.
        let names: BTreeSet<&str> = line.variables().collect();
        let warnings = names.into_iter().map(|name| {
            format!(
                "{origin}: `${{{name}}}` stays as it is written: variables are put into files of \
                 this machine only"
            )
        });
        self.set.warnings.extend(warnings);
    }

    fn bytes(&mut self, document: &Document, include: Option<Include>) -> Result<Vec<u8>, Error> {
        let include = include.map(Box::new);
        match document {
            Document::Local(path) => {
                // A user may name a pipe, `-r <(…)`. What a file names may be somebody else's wish.
                let read = match (self.context.drafts.get(path), &include) {
                    (Some(draft), _) => Ok(draft.to_owned()),
                    (None, Some(_)) => regular::read(path),
                    (None, None) => regular::read_up_to(path, LARGEST),
                };
                // Also one that is not there: it may come into being.
                if !self.set.files.contains(path) {
                    self.set.files.push(path.clone());
                }
                read.map_err(|source| Error::ReadRequirements {
                    path: path.clone(),
                    include,
                    source,
                })
            }
            Document::Remote(url) => {
                let fetched = match &self.context.fetch {
                    Some(fetch) => fetch.text(url, &self.set.logins),
                    None => Err("nobody is there to fetch it".into()),
                };
                self.set.remote_files.push(url.clone());
                let bytes = fetched.map_err(|error| Error::RemoteRequirements {
                    url: url.clone(),
                    include,
                    source: error,
                });
                bytes.map(|bytes| bytes.to_vec())
            }
        }
    }

    fn project_file(
        &mut self,
        file: &Path,
        document: &Document,
        text: &str,
        role: Role,
    ) -> Result<(), Error> {
        let server = match document {
            Document::Remote(url) => Some(url),
            Document::Local(_) => None,
        };
        let remote = server.is_some();
        let project = ProjectFile::read(file, text)?.fetched_from(server);
        let project = project.seen_from(&self.context.working_directory);
        let project = project.in_workspace(self.context.workspace.as_ref());
        let stated = project.requirements(&self.context.extras, &mut self.extras)?;
        self.known_extras.extend(project.extras().map(str::to_owned));
        if role == Role::Requirements {
            self.set.requires_python.extend(project.requires_python()?);
            self.uv_of(&project, remote)?;
            self.set.projects.push(project.facts());
        }
        self.stated(stated, role, remote)
    }

    /// Requires the project in a directory.
    pub(super) fn itself(&mut self, directory: &Path, editable: bool) -> Result<(), Error> {
        let file = directory.join("pyproject.toml");
        let shown = file.strip_prefix(&self.context.working_directory).unwrap_or(&file);
        let origin = Origin { file: shown.display().to_string().into(), line: 1 };
        let read = requirement_line::parse_editable("./", &origin, directory);
        let (mut source, _) =
            read.map_err(|wrong| Error::requirement(&origin, "./", &wrong.reason))?;
        source.source.editable = editable;
        self.source(source, Role::Requirements, false)
    }

    /// Takes what a project file states, each package from where it says.
    fn stated(&mut self, stated: Stated, role: Role, remote: bool) -> Result<(), Error> {
        self.pin(stated.pins);
        for requirement in stated.lines {
            self.take(requirement, role, remote)?;
        }
        Ok(())
    }

    fn pin(&mut self, pins: Vec<(PackageName, PinnedIndex)>) {
        for (package, mut pin) in pins {
            if let Ok(url) = Url::parse(&pin.url) {
                pin.url = self.set.bare(url).into();
            }
            let known = self.set.index.pins.entry(package).or_default();
            if !known.contains(&pin) {
                known.push(pin);
            }
        }
    }

    /// Takes in what a project file says for uv. An `uv.toml` beside it stands for what it says.
    fn uv_of(&mut self, project: &ProjectFile<'_>, remote: bool) -> Result<(), Error> {
        let beside = self.context.working_directory.join(project.path().with_file_name("uv.toml"));
        if !remote && beside.is_file() {
            return Ok(());
        }
        match project.uv_table()? {
            Some(table) => self.uv(&table, remote),
            None => Ok(()),
        }
    }

    /// Takes in what uv's settings say, once whoever named their file.
    pub(super) fn uv(&mut self, table: &UvTable, remote: bool) -> Result<(), Error> {
        if !self.uv.insert(self.context.working_directory.join(&table.file)) {
            return Ok(());
        }
        self.set.take_uv(table);
        for constraint in &table.constraints {
            self.take(constraint.clone(), Role::Constraints, remote)?;
        }
        for replacement in &table.overrides {
            self.take(replacement.clone(), Role::Overrides, remote)?;
        }
        for constraint in &table.build_constraints {
            self.take(constraint.clone(), Role::BuildConstraints, remote)?;
        }
        Ok(())
    }

    /// A directory that is required names places of its own dependencies, too, and so on.
    pub(super) fn places_of_directories(&mut self) -> Result<(), Error> {
        let (mut at, mut seen) = (0, BTreeSet::new());
        while let Some(source) = self.set.sources.get(at) {
            at += 1;
            let Place::Directory(path) = &source.source.place else { continue };
            let below = source.source.subdirectory.as_deref().unwrap_or_default();
            let file = path.join(below).join("pyproject.toml");
            if !seen.insert(file.clone()) {
                continue;
            }
            // What is wrong with it is told by whoever looks at the directory.
            let draft = self.context.drafts.get(&file).map(<[u8]>::to_vec);
            let Ok(bytes) = draft.map_or_else(|| regular::read(&file), Ok) else { continue };
            let Ok(text) = decoded(&bytes, &file.display().to_string()) else { continue };
            let text = text.whole();
            let Ok(project) = ProjectFile::read(&file, &text) else { continue };
            let project = project.in_workspace(self.context.workspace.as_ref());
            let places = project.places()?;
            self.pin(places.pins);
            for line in places.lines {
                match line {
                    Line::Source(source) => {
                        let mut source = SourceRequirement { constraint: true, ..*source };
                        self.set.logins.extend(source.source.take_login());
                        self.set.sources.push(source);
                    }
                    wheel @ Line::Project(_) => self.take(wheel, Role::Constraints, false)?,
                }
            }
        }
        Ok(())
    }

    /// The file that counts the projects says of each what it needs, too.
    pub(super) fn workspace(&mut self) {
        let file = self.context.workspace.as_ref().map(Workspace::file);
        let is_read = self.set.files.iter().any(|one| one.ends_with("pyproject.toml"));
        if let Some(file) = file.filter(|_| is_read)
            && !self.set.files.iter().any(|one| self.context.working_directory.join(one) == file)
        {
            self.set.files.push(file.to_owned());
        }
    }

    /// Reads a dependency group of a project file.
    pub(super) fn group(&mut self, file: &Path, name: &str) -> Result<(), Error> {
        let bytes = self.bytes(&Document::Local(file.to_owned()), None)?;
        let text = decoded(&bytes, &file.display().to_string())?.whole();
        let project = ProjectFile::read(file, &text)?.seen_from(&self.context.working_directory);
        let project = project.in_workspace(self.context.workspace.as_ref());
        self.set.requires_python.extend(project.requires_python()?);
        self.uv_of(&project, false)?;
        self.stated(project.group(name)?, Role::Requirements, false)
    }

    /// An extra that no file has is a slip of the pen.
    pub(super) fn check_extras(&self) -> Result<(), Error> {
        let Some(missing) = self.context.extras.names.difference(&self.extras).next() else {
            return Ok(());
        };
        let known: Vec<&str> = self.known_extras.iter().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Err(Error::Setting(format!(
            "no project file of the requirements has the extra `{missing}`; they have {known}"
        )))
    }

    fn line(&mut self, at: At<'_>) -> Result<(), Error> {
        let line = at.line.text.as_str();
        let remote = matches!(at.document, Document::Remote(_));
        let working = &self.context.working_directory;
        if line.starts_with('-') {
            return self.options(at);
        }
        if self.is_file_name(line, at.document) {
            let reason = "this is a file name, not a requirement";
            let advice = Some(format!("was `-r {line}` meant?"));
            return Err(at.wrong(&Wrong { advice, ..Wrong::new(reason, line) }));
        }
        let read = requirement_line::parse_line(line, at.origin, working);
        let read = read.map_err(|wrong| at.wrong(&wrong))?;
        for option in &read.ignored {
            let warning =
                format!("{}: {option} of one requirement has no effect in pyfast", at.origin);
            self.set.warnings.push(warning);
        }
        match &read.line {
            Line::Project(one) => self.settings(Some(&one.name), None, read.settings),
            Line::Source(source) => self.settings(None, Some(source), read.settings),
        }
        self.take(read.line, at.role, remote)
    }

    fn editable(&mut self, rest: &str, at: At<'_>) -> Result<(), Error> {
        let working = &self.context.working_directory;
        let read = requirement_line::parse_editable(rest, at.origin, working);
        let (source, settings) = read.map_err(|wrong| at.wrong(&wrong))?;
        self.settings(None, Some(&source), settings);
        self.source(source, at.role, matches!(at.document, Document::Remote(_)))
    }

    /// Whether a line is the name of a requirements file.
    fn is_file_name(&self, line: &str, document: &Document) -> bool {
        if line.contains(['=', '<', '>', '~', '!', '@', ';', '['])
            || line.contains(char::is_whitespace)
        {
            return false;
        }
        let Document::Local(file) = document else { return false };
        let beside = file.parent().unwrap_or(Path::new(""));
        let end = Path::new(line).extension();
        end.is_some_and(|end| end == "txt" || end == "in")
            && [beside, &self.context.working_directory]
                .iter()
                .any(|directory| directory.join(line).is_file())
    }

    /// Keeps what a requirement asks of its build.
    fn settings(
        &mut self,
        name: Option<&PackageName>,
        source: Option<&SourceRequirement>,
        settings: BuildSettings,
    ) {
        if settings.is_empty() {
            return;
        }
        let name = name.or_else(|| source?.name.as_ref()).cloned();
        let place = source.map(|source| {
            let mut source = source.source.clone();
            self.set.logins.extend(source.take_login());
            source.place
        });
        self.set.build_settings.push(SettingsOf { name, place, settings });
    }

    fn take(&mut self, line: Line, role: Role, remote: bool) -> Result<(), Error> {
        let mut requirement = match line {
            Line::Project(requirement) => requirement,
            Line::Source(source) => return self.source(*source, role, remote),
        };
        if !requirement.hashes.is_empty() {
            self.set.index.require_hashes = true;
        }
        if let Source::Wheel(wheel) = &mut requirement.source {
            match &mut wheel.location {
                Location::Url(url) => *url = self.set.bare(url.clone()),
                Location::Path(_) if remote => {
                    let shown = requirement.to_string();
                    return Err(Error::requirement(&requirement.origin, &shown, OF_THIS_MACHINE));
                }
                Location::Path(_) => {}
            }
        }
        match role {
            Role::Requirements => self.set.requirements.push(requirement),
            Role::Constraints => self.set.constraints.push(requirement),
            Role::Overrides => self.set.overrides.push(requirement),
            Role::BuildConstraints => self.set.build_constraints.push(requirement),
        }
        Ok(())
    }

    fn source(
        &mut self,
        mut source: SourceRequirement,
        role: Role,
        remote: bool,
    ) -> Result<(), Error> {
        self.set.logins.extend(source.source.take_login());
        if let Some(reason) = refusal(&source, role, remote) {
            return Err(Error::requirement(&source.origin, &source.to_string(), reason));
        }
        if source.source.editable && matches!(source.source.place, Place::Repository(_)) {
            // pip would keep a clone beside the environment, which nothing else here does.
            source.source.editable = false;
            self.set.warnings.push(format!(
                "{}: `{source}` is installed as its commit is; to edit it, clone it and name its directory",
                source.origin
            ));
        }
        if !source.hashes.is_empty() {
            self.set.index.require_hashes = true;
        }
        source.constraint = role == Role::Constraints;
        self.set.sources.push(source);
        Ok(())
    }

    fn options(&mut self, at: At<'_>) -> Result<(), Error> {
        let mut rest = at.line.text.as_str();
        while !rest.is_empty() {
            if let Some(editable) = editable(rest) {
                return self.editable(editable, at);
            }
            let written = option_words::take(rest).map_err(|refused| at.wrong(&refused.into()))?;
            rest = written.after.trim_start();
            let role = match written.name {
                "--requirement" => Some(at.role),
                "--constraint" => Some(Role::Constraints),
                _ => None,
            };
            let Some(role) = role else {
                self.index_option(written.name, written.value.as_ref(), at)?;
                continue;
            };
            let Some((name, part)) = written.value else { continue };
            let document = at
                .document
                .including(&name)
                .map_err(|reason| at.wrong(&Wrong::new(reason, part)))?;
            let spot = at.text.spot(at.line, offset(&at.line.text, part), part.len());
            self.file(document, role, Some(Include { origin: at.origin.clone(), spot }))?;
        }
        Ok(())
    }

    fn index_option(
        &mut self,
        name: &str,
        written: Option<&(String, &str)>,
        at: At<'_>,
    ) -> Result<(), Error> {
        let index = &mut self.set.index;
        let place = |place: Result<String, String>| {
            let part = written.map_or("", |(_, part)| part);
            place.map_err(|reason| at.wrong(&Wrong::new(reason, part)))
        };
        match (name, written.map(|(value, _)| value.clone())) {
            ("--index-url" | "--pypi-url", Some(url)) => {
                index.index_url = Some(place(at.document.index(&url))?);
            }
            ("--extra-index-url", Some(url)) => {
                index.extra_index_urls.push(place(at.document.index(&url))?);
            }
            ("--find-links", Some(links)) => {
                index.find_links.push(place(at.document.find_links(&links))?);
            }
            ("--no-index", _) => index.no_index = true,
            ("--require-hashes", _) => index.require_hashes = true,
            ("--pre", _) => index.pre = true,
            ("--no-binary", Some(names)) => index.no_binary.push(names),
            ("--only-binary", Some(names)) => index.only_binary.push(names),
            (name, _) => {
                self.set.warnings.push(format!("{}: {name} has no effect in pyfast", at.origin));
            }
        }
        Ok(())
    }
}

/// Why a source cannot be required so.
fn refusal(source: &SourceRequirement, role: Role, remote: bool) -> Option<&'static str> {
    let local = match &source.source.place {
        Place::Archive { location, .. } => matches!(location, Location::Path(_)),
        Place::Directory(_) => true,
        Place::Repository(repository) => repository.url.scheme() == "file",
    };
    match role {
        _ if remote && local => Some(OF_THIS_MACHINE),
        Role::Overrides => Some("an override by path, URL or repository is not supported"),
        Role::BuildConstraints => Some("a constraint of builds names a version, or a wheel"),
        Role::Constraints if source.source.editable => Some("a constraint cannot be editable"),
        Role::Constraints if source.name.is_none() => {
            Some("a constraint must have a name: `name @ …`")
        }
        _ => None,
    }
}

/// A URL as the name of a file: a query may hold a token.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

fn decoded(bytes: &[u8], file: &str) -> Result<Text, Error> {
    Text::decode(bytes).map_err(|wrong| Error::RequirementsEncoding {
        file: file.to_owned(),
        line: wrong.line,
        encoding: wrong.encoding,
    })
}

/// What follows `-e`: the rest of the line, which may have spaces.
fn editable(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix("--editable") {
        Some(rest) => rest.strip_prefix(['=', ' ', '\t'])?,
        None => line.strip_prefix("-e")?.trim_start_matches('='),
    };
    Some(rest.trim())
}
