//! What a project asks for, changed by a command: the file is edited in memory, the environment is made of that, and the
//! file is written last, so that whatever fails leaves it as it was. Owns the order of it; must not know how a file is
//! spelt, or how an environment is made.

mod adding;
mod file;
mod removing;
mod script;

use std::path::{Path, PathBuf};

use pyfast_packaging::PackageName;
use pyfast_packaging::edit::{List, Outcome};
use pyfast_packaging::requirements_txt::Drafts;
use pyfast_resolver::Lock;
use pyfast_settings::{Itself, ResolveFlags, Settings, is_remote};
use serde_json::{Value, json};

use crate::error::Error;
use crate::inputs::read_inputs;
use crate::sync::sync;
use crate::task::{Options, Report, Task};

pub use adding::add;
pub use removing::remove;
pub use script::{Change, in_script, is_script};

use file::File;

/// The requirements file that is made where a project has none.
const NEW: &str = "requirements.txt";
/// The file of a project that is installed itself, and of its groups.
const PYPROJECT: &str = "pyproject.toml";

/// Which file is edited, and which of its lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as a user names it.
    pub file: PathBuf,
    /// A dependency group of it.
    pub group: Option<String>,
    /// Whether it is made, and found without being named from then on.
    pub is_new: bool,
}

impl Place {
    fn list(&self) -> List<'_> {
        self.group.as_deref().map_or(List::Dependencies, List::Group)
    }
}

/// What a request reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Requirements files.
    pub files: Vec<PathBuf>,
    /// Dependency groups, `[FILE:]GROUP`.
    pub groups: Vec<String>,
}

/// How far an edit goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing is changed: it is only tried.
    Tried,
    /// The file is written.
    File,
    /// The environment is made, and the file is written.
    Environment,
}

/// What came of an edit.
#[derive(Debug)]
pub struct Done {
    /// What became of what was to be added, by file.
    pub added: Vec<(PathBuf, Outcome)>,
    /// What was removed, as it was written, by file.
    pub removed: Vec<(PathBuf, String)>,
    /// What was removed and is there all the same, with what needs it.
    pub needed: Vec<(PackageName, Vec<PackageName>)>,
    /// What came of the environment.
    pub report: Report,
    /// How far it went.
    pub reach: Reach,
    /// Whether a script's own environment is still as the script was.
    pub is_behind: bool,
}

impl Done {
    /// What became of the files, for scripts.
    pub fn edits(&self) -> Value {
        let added = self.added.iter().map(|(file, outcome)| match outcome {
            Outcome::Added { text } => json!({ "file": file, "added": text }),
            Outcome::Changed { before, text } => {
                json!({ "file": file, "removed": before, "added": text })
            }
            Outcome::There { text } => json!({ "file": file, "kept": text }),
        });
        let removed = self.removed.iter();
        let removed = removed.map(|(file, text)| json!({ "file": file, "removed": text }));
        added.chain(removed).collect()
    }
}

/// Where what is added goes: the file or group that is named, else the first file that a request reads.
///
/// # Errors
/// If that is no file of this machine.
pub fn place(
    file: Option<PathBuf>,
    group: Option<String>,
    resolve: &ResolveFlags,
    settings: &Settings,
) -> Result<Place, Error> {
    let project = &settings.project;
    if let Some(group) = group {
        let (of_group, group) = project.group(&group);
        let file = file.unwrap_or(of_group);
        // A file is not made for a group alone.
        let found = fs_err::metadata(project.working_directory.join(&file));
        found.map_err(|source| Error::Edit { path: file.clone(), source })?;
        return Ok(Place { file, group: Some(group), is_new: false });
    }
    let mut is_new = false;
    let file = match file {
        Some(file) => file,
        None => match project.requirements(&resolve.requirements, &settings.env) {
            Ok(files) if files.is_empty() => return configured_place(settings),
            Ok(files) => {
                files.into_iter().find(|file| !is_remote(file)).ok_or(Error::NothingToEdit)?
            }
            Err(pyfast_settings::Error::NoRequirements { .. }) => {
                is_new = true;
                project.shown(NEW.as_ref())
            }
            Err(error) => return Err(error.into()),
        },
    };
    if is_remote(&file) {
        return Err(Error::NothingToEdit);
    }
    Ok(Place { file, group: None, is_new })
}

/// Where it goes where the configuration names no file: the project that is installed itself, else the first of the groups.
fn configured_place(settings: &Settings) -> Result<Place, Error> {
    let project = &settings.project;
    if project.itself(&settings.env) != Itself::No {
        let file = project.shown(Path::new(PYPROJECT));
        return Ok(Place { file, group: None, is_new: false });
    }
    let configured = project.config.env.get(&settings.env);
    let group = configured.and_then(|env| env.groups.first()).ok_or(Error::NothingToEdit)?;
    let (file, group) = project.configured_group(group);
    Ok(Place { file, group: Some(group), is_new: false })
}

/// The same where a file or group is named.
///
/// # Errors
/// If that is no file of this machine.
pub fn named_place(
    file: Option<PathBuf>,
    group: Option<String>,
    resolve: &ResolveFlags,
    settings: &Settings,
) -> Result<Option<Place>, Error> {
    let is_named = file.is_some() || group.is_some();
    is_named.then(|| place(file, group, resolve, settings)).transpose()
}

/// What a request reads that reads a place besides; `None` where it reads that anyway.
///
/// # Errors
/// What is wrong with the files.
pub fn reading(
    place: &Place,
    resolve: &ResolveFlags,
    task: Task<'_>,
) -> Result<Option<Reading>, Error> {
    let Task { settings, events, .. } = task;
    let project = &settings.project;
    let files = match project.requirements(&resolve.requirements, &settings.env) {
        Err(pyfast_settings::Error::NoRequirements { .. }) => Vec::new(),
        files => files?,
    };
    let mut groups: Vec<String> = resolve.group.clone();
    if let Some(group) = &place.group {
        let wanted = (project.working_directory.join(&place.file), group);
        let is_it = |(file, group): (PathBuf, String)| {
            (project.working_directory.join(file), &group) == wanted
        };
        let configured = project.config.env.get(&settings.env).filter(|_| resolve.is_of_project());
        let mut configured = configured.iter().flat_map(|env| &env.groups);
        if groups.iter().chain(&resolve.only_group).any(|one| is_it(project.group(one)))
            || configured.any(|one| is_it(project.configured_group(one)))
        {
            return Ok(None);
        }
        // As it would be typed: the same request in other words would be another one.
        let is_usual = is_it(project.group(group));
        let file = place.file.display();
        groups.push(if is_usual { group.clone() } else { format!("{file}:{group}") });
        return Ok(Some(Reading { files: resolve.requirements.clone(), groups }));
    }
    let path = project.working_directory.join(&place.file);
    let same = |file: &PathBuf| fs_err::canonicalize(file).ok() == fs_err::canonicalize(&path).ok();
    // What it needs is read of the project where it is installed itself.
    let is_itself = project.itself(&settings.env) != Itself::No && resolve.is_of_project();
    let is_read = is_itself && same(&project.directory.join(PYPROJECT))
        || !files.is_empty() && read_inputs(resolve, settings, events)?.set.files.iter().any(same);
    let files = [files, vec![place.file.clone()]].concat();
    Ok((!is_read).then_some(Reading { files, groups }))
}

/// Files that are edited, before any of them is written.
struct Edits<'a> {
    task: Task<'a>,
    reach: Reach,
    files: Vec<File>,
}

impl Edits<'_> {
    /// Makes the environment of the files as they will be, and writes them.
    fn carry_out(self) -> Result<Report, Error> {
        let Self { task, reach, files } = self;
        for file in files.iter().filter(|file| reach != Reach::Tried && file.changes()) {
            file.check_place()?;
        }
        let options = Options { dry_run: reach != Reach::Environment, ..drafted(task, &files) };
        let report = sync(Task { options: &options, ..task })?;
        if reach == Reach::Tried {
            return Ok(report);
        }
        let mut written: Vec<&File> = Vec::new();
        for file in files.iter().filter(|file| file.changes()) {
            if let Err(error) = file.write() {
                restore(&written);
                return Err(error);
            }
            written.push(file);
        }
        // What a project's own build says of it is known only now.
        if reach == Reach::Environment && files.iter().any(File::is_project) {
            let mut options = task.options.clone();
            options.install.reinstall = false;
            let again =
                sync(Task { options: &options, ..task }).inspect_err(|_| restore(&written))?;
            return Ok(if again.sync.changed { again } else { report });
        }
        Ok(report)
    }

    /// The lock that is made of the files as they will be, as far as that is known.
    fn tried(&self) -> Result<Lock, Error> {
        let options =
            Options { dry_run: true, without_hashes: true, ..drafted(self.task, &self.files) };
        locked(&sync(Task { options: &options, ..self.task })?, self.task)
    }
}

fn restore(written: &[&File]) {
    for file in written {
        file.restore();
    }
}

fn drafted(task: Task<'_>, files: &[File]) -> Options {
    let mut drafts = Drafts::default();
    for file in files.iter().filter(|file| file.changes()) {
        drafts.insert(&file.path, file.before(), file.content());
    }
    Options { drafts, ..task.options.clone() }
}

/// The lock of a report.
fn locked(report: &Report, task: Task<'_>) -> Result<Lock, Error> {
    let Some(text) = &report.lock else { return Ok(Lock::default()) };
    let path = task.settings.project.working_directory.join(pyfast_settings::own_lock::FILE);
    Ok(Lock::whole(text, &path)?)
}

/// Which packages of a lock need one.
fn parents(lock: &Lock, name: &PackageName) -> Vec<PackageName> {
    let needs = lock.packages.iter().filter(|package| package.dependencies.contains(name));
    let mut names: Vec<PackageName> = needs.map(|package| package.name.clone()).collect();
    names.dedup();
    names
}
