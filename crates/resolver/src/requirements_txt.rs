//! Reads requirements and constraints files, pip's format.
//! Knows nothing of indexes: it gives requirements, constraints and the index options it met.
//!
//! <https://pip.pypa.io/en/stable/reference/requirements-file-format/>

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pep508_rs::{ExtraName, PackageName};

use crate::credentials::Credentials;
use crate::distribution::Location;
use crate::error::Error;
use crate::project_file::{ProjectFile, RequiresPython, WantedExtras, is_project_file};
use crate::requirement::{Origin, Requirement, Source};
use crate::requirement_line::{self, Line};
use crate::requirement_source::{Place, SourceRequirement};

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
    /// Projects that are left out wherever they are asked for.
    pub excludes: BTreeSet<PackageName>,
    /// User names and passwords of what is named by URL.
    pub credentials: Credentials,
    /// Index options given in the files.
    pub index: IndexOptions,
    /// Every file read, in the order of reading.
    pub files: Vec<PathBuf>,
    /// Limits on the interpreter that project files and scripts state.
    pub requires_python: Vec<RequiresPython>,
    /// Names of the variables that the files expand, whether set or not.
    pub variables: BTreeSet<String>,
    /// Lines that were understood but have no effect, with the reason.
    pub warnings: Vec<String>,
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
    /// Packages that are looked for in one index alone, with its URL. No file says so, but it shapes
    /// what is found as much.
    pub pins: BTreeMap<PackageName, String>,
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
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Requirements,
    Constraints,
    Overrides,
}

/// Reads requirements, constraints and overrides files with all that they include.
///
/// # Errors
/// A file that cannot be read or decoded, or a line that is no requirement; the error carries file,
/// line and text.
pub fn read_requirements(
    requirements: &[PathBuf],
    constraints: &[PathBuf],
    overrides: &[PathBuf],
    context: &ReadContext,
) -> Result<RequirementSet, Error> {
    let mut reader = Reader {
        context,
        set: RequirementSet::default(),
        visited: BTreeSet::new(),
        extras: BTreeSet::new(),
        known_extras: BTreeSet::new(),
    };
    for file in requirements {
        reader.file(file, Role::Requirements, None)?;
    }
    for (file, name) in &context.groups {
        reader.group(file, name)?;
    }
    reader.check_extras()?;
    for file in constraints {
        reader.file(file, Role::Constraints, None)?;
    }
    for file in overrides {
        reader.file(file, Role::Overrides, None)?;
    }
    Ok(reader.set)
}

struct Reader<'a> {
    context: &'a ReadContext,
    set: RequirementSet,
    visited: BTreeSet<(Role, PathBuf)>,
    /// Wanted extras that a project file has.
    extras: BTreeSet<ExtraName>,
    /// All extras of project files.
    known_extras: BTreeSet<String>,
}

impl Reader<'_> {
    fn file(&mut self, file: &Path, role: Role, origin: Option<&Origin>) -> Result<(), Error> {
        let key = fs_err::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        if !self.visited.insert((role, key)) {
            return Ok(());
        }
        let text = self.text(file, origin)?;
        if is_project_file(file) {
            return self.project_file(file, &text, role);
        }
        let name: Arc<str> = file.display().to_string().into();
        for (number, line) in logical_lines(&text) {
            let origin = Origin { file: Arc::clone(&name), line: number };
            let line = expand_variables(&line, &self.context.variables, &mut self.set.variables);
            self.line(&line, role, &origin, file)?;
        }
        Ok(())
    }

    fn text(&mut self, file: &Path, origin: Option<&Origin>) -> Result<String, Error> {
        let bytes = fs_err::read(file).map_err(|source| Error::ReadRequirements {
            path: file.to_owned(),
            included_from: origin.cloned(),
            source,
        })?;
        if !self.set.files.iter().any(|known| known == file) {
            self.set.files.push(file.to_owned());
        }
        decode(&bytes).ok_or_else(|| Error::RequirementsEncoding { path: file.to_owned() })
    }

    fn project_file(&mut self, file: &Path, text: &str, role: Role) -> Result<(), Error> {
        let project = ProjectFile::read(file, text)?;
        let requirements = project.requirements(&self.context.extras, &mut self.extras)?;
        self.known_extras.extend(project.extras().map(str::to_owned));
        if role == Role::Requirements {
            self.set.requires_python.extend(project.requires_python()?);
        }
        for requirement in requirements {
            self.take(requirement, role)?;
        }
        Ok(())
    }

    fn group(&mut self, file: &Path, name: &str) -> Result<(), Error> {
        let text = self.text(file, None)?;
        let project = ProjectFile::read(file, &text)?;
        self.set.requires_python.extend(project.requires_python()?);
        let requirements = project.group(name)?;
        for requirement in requirements {
            self.take(requirement, Role::Requirements)?;
        }
        Ok(())
    }

    /// An extra that no file has is a slip of the pen.
    fn check_extras(&self) -> Result<(), Error> {
        let Some(missing) = self.context.extras.names.difference(&self.extras).next() else {
            return Ok(());
        };
        let known: Vec<&str> = self.known_extras.iter().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Err(Error::Setting(format!(
            "no project file of the requirements has the extra `{missing}`; they have {known}"
        )))
    }

    fn line(&mut self, line: &str, role: Role, origin: &Origin, file: &Path) -> Result<(), Error> {
        if let Some(editable) = editable(line) {
            let working = &self.context.working_directory;
            let source = requirement_line::parse_editable(editable, origin, working)?;
            return self.source(source, role);
        }
        if line.starts_with('-') {
            return self.options(line, role, origin, file);
        }
        if !line.contains(['=', '<', '>', '~', '!', '@', ';', '['])
            && Path::new(line).extension().is_some_and(|end| end == "txt")
        {
            return Err(Error::requirement(
                origin,
                line,
                "this is a file name, not a requirement: was `-r` meant before it?",
            ));
        }
        if let Some(option) = requirement_line::without_effect(line) {
            self.set.warnings.push(format!(
                "{origin}: {option} of one requirement has no effect in pyfast; -C on the command line is for all builds"
            ));
        }
        let parsed = requirement_line::parse_line(line, origin, &self.context.working_directory)?;
        self.take(parsed, role)
    }

    fn take(&mut self, line: Line, role: Role) -> Result<(), Error> {
        let mut requirement = match line {
            Line::Project(requirement) => requirement,
            Line::Source(source) => return self.source(*source, role),
        };
        if !requirement.hashes.is_empty() {
            self.set.index.require_hashes = true;
        }
        if let Source::Wheel(wheel) = &mut requirement.source
            && let Location::Url(url) = &mut wheel.location
        {
            *url = self.set.credentials.absorb(url.clone());
        }
        match role {
            Role::Requirements => self.set.requirements.push(requirement),
            Role::Constraints => self.set.constraints.push(requirement),
            Role::Overrides => self.set.overrides.push(requirement),
        }
        Ok(())
    }

    fn source(&mut self, mut source: SourceRequirement, role: Role) -> Result<(), Error> {
        let refused = |source: &SourceRequirement, reason: &str| {
            Err(Error::requirement(&source.origin, &source.to_string(), reason))
        };
        source.source.give_credentials(&mut self.set.credentials);
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
        match role {
            Role::Overrides => {
                refused(&source, "an override by path, URL or repository is not supported")
            }
            Role::Constraints if source.source.editable => {
                refused(&source, "a constraint cannot be editable")
            }
            Role::Constraints if source.name.is_none() => {
                refused(&source, "a constraint must have a name: `name @ …`")
            }
            _ => {
                self.set.sources.push(source);
                Ok(())
            }
        }
    }

    fn options(
        &mut self,
        line: &str,
        role: Role,
        origin: &Origin,
        file: &Path,
    ) -> Result<(), Error> {
        let mut rest = line.trim();
        while !rest.is_empty() {
            let (name, value, after) = take_option(rest)
                .ok_or_else(|| Error::requirement(origin, line, "not an option pip knows"))?;
            rest = after.trim_start();
            let directory = file.parent().unwrap_or(Path::new(""));
            match (name, value.as_deref()) {
                ("-r" | "--requirement", Some(value)) => {
                    self.file(&directory.join(value), role, Some(origin))?;
                }
                ("-c" | "--constraint", Some(value)) => {
                    self.file(&directory.join(value), Role::Constraints, Some(origin))?;
                }
                _ => self.index_option(name, value, origin, directory),
            }
        }
        Ok(())
    }

    fn index_option(
        &mut self,
        name: &str,
        value: Option<String>,
        origin: &Origin,
        directory: &Path,
    ) {
        let index = &mut self.set.index;
        match (name, value) {
            ("-i" | "--index-url" | "--pypi-url", Some(url)) => index.index_url = Some(url),
            ("--extra-index-url", Some(url)) => index.extra_index_urls.push(url),
            ("-f" | "--find-links", Some(place)) => {
                let local = directory.join(&place);
                let place = if !place.contains("://") && local.exists() {
                    local.display().to_string()
                } else {
                    place
                };
                index.find_links.push(place);
            }
            ("--no-index", _) => index.no_index = true,
            ("--require-hashes", _) => index.require_hashes = true,
            ("--pre", _) => index.pre = true,
            ("--no-binary", Some(names)) => index.no_binary.push(names),
            ("--only-binary", Some(names)) => index.only_binary.push(names),
            (name, _) => {
                self.set.warnings.push(format!("{origin}: {name} has no effect in pyfast"));
            }
        }
    }
}

/// What follows `-e`: the rest of the line, which may have spaces.
fn editable(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix("--editable") {
        Some(rest) => rest.strip_prefix(['=', ' ', '\t'])?,
        None => line.strip_prefix("-e")?.trim_start_matches('='),
    };
    let rest = rest.trim();
    let quote = rest.chars().next().filter(|quote| ['"', '\''].contains(quote));
    let inner = quote.and_then(|quote| rest.strip_prefix(quote)?.strip_suffix(quote));
    Some(inner.unwrap_or(rest))
}

/// Options that take a value; the others are switches.
const VALUED: &[&str] = &[
    "-r",
    "--requirement",
    "-c",
    "--constraint",
    "-i",
    "--index-url",
    "--pypi-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "--no-binary",
    "--only-binary",
    "--trusted-host",
    "--use-feature",
];
const SWITCHES: &[&str] = &["--no-index", "--require-hashes", "--pre", "--prefer-binary"];

/// Splits the first option off: its name, its value, and what follows.
fn take_option(text: &str) -> Option<(&'static str, Option<String>, &str)> {
    if let Some(name) = SWITCHES.iter().find(|name| {
        text.strip_prefix(**name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    }) {
        return Some((name, None, &text[name.len()..]));
    }
    let name = VALUED.iter().find(|name| {
        text.strip_prefix(**name).is_some_and(|rest| {
            // `-rfile` is an option with its value; `--requirementfile` is nothing.
            !name.starts_with("--") || rest.starts_with(|c: char| c == '=' || c.is_whitespace())
        })
    })?;
    let rest = text[name.len()..].trim_start();
    let rest = rest.strip_prefix('=').map_or(rest, str::trim_start);
    let (value, after) = match rest.chars().next()? {
        quote @ ('"' | '\'') => {
            let end = rest[1..].find(quote)?;
            (&rest[1..=end], &rest[end + 2..])
        }
        _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
    };
    Some((name, Some(value.to_owned()), after))
}

/// Text of a file (rule 40): a byte-order mark decides, else a coding line (PEP 263), else UTF-8.
fn decode(bytes: &[u8]) -> Option<String> {
    let encoding = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None => match declared(bytes) {
            Some(label) => encoding_rs::Encoding::for_label(label.as_bytes())?,
            None => encoding_rs::UTF_8,
        },
    };
    let (text, _, broken) = encoding.decode(bytes);
    (!broken).then(|| text.into_owned())
}

/// The label of the encoding that a comment of the first two lines declares.
fn declared(bytes: &[u8]) -> Option<String> {
    let lines = bytes.split(|byte| *byte == b'\n').take(2);
    let comments = lines.filter(|line| line.trim_ascii_start().starts_with(b"#"));
    let name = comments.map(String::from_utf8_lossy).find_map(|line| {
        let (_, after) = line.split_once("coding")?;
        let after = after.strip_prefix([':', '='])?.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
        Some(after[..end.unwrap_or(after.len())].to_ascii_lowercase().replace('_', "-"))
    })?;
    // Python's spellings that are no labels of the encoding standard.
    Some(match name.as_str() {
        "latin-1" | "iso-latin-1" => "latin1".to_owned(),
        "utf-8-sig" | "utf8-sig" => "utf-8".to_owned(),
        _ => name,
    })
}

/// Joins continuations, drops comments and blank lines. Gives the number of each line's first part.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut pending: Option<(usize, String)> = None;
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for (index, line) in text.split('\n').enumerate() {
        let comment = line.trim_start().starts_with('#');
        // A comment line ends a continuation and is none itself.
        let continued = (!comment).then(|| line.strip_suffix('\\')).flatten();
        let (number, mut joined) = pending.take().unwrap_or((index + 1, String::new()));
        joined.push_str(if comment { "" } else { continued.unwrap_or(line) });
        if continued.is_some() {
            pending = Some((number, joined));
        } else {
            lines.push((number, joined));
        }
    }
    lines.extend(pending);
    lines
        .into_iter()
        .map(|(number, line)| {
            // Text copied from web pages brings no-break spaces along.
            let line = line.replace(['\u{a0}', '\u{202f}', '\u{2007}', '\u{feff}'], " ");
            (number, strip_comment(&line).trim().to_owned())
        })
        .filter(|(_, line)| !line.is_empty())
        .collect()
}

/// Drops a comment: `#` at the start or after white space, so that URL fragments survive.
fn strip_comment(line: &str) -> &str {
    let mut before = ' ';
    for (index, character) in line.char_indices() {
        if character == '#' && before.is_whitespace() {
            return &line[..index];
        }
        before = character;
    }
    line
}

/// Replaces `${NAME}` where NAME is set; anything else stays as it is (rule 41).
fn expand_variables(
    line: &str,
    variables: &BTreeMap<String, String>,
    used: &mut BTreeSet<String>,
) -> String {
    let mut expanded = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + length];
        expanded.push_str(&rest[..start]);
        if is_variable_name(name) {
            used.insert(name.to_owned());
        }
        match variables.get(name) {
            Some(value) if is_variable_name(name) => expanded.push_str(value),
            _ => expanded.push_str(&rest[start..=start + length]),
        }
        rest = &rest[start + length + 1..];
    }
    expanded.push_str(rest);
    expanded
}

fn is_variable_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests;
