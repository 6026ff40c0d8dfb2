//! What a `pyfast.toml` for a project should say, from what lies in its directory. Owns facts, proposal and the words
//! in which it is explained; must not know how it is written to disk. [`propose`] is pure.

mod dockerfile;
mod environments;
mod files;
mod gather;
mod ignoring;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use pyfast_root::is_name;

use crate::compose_file::{Build, ComposeProject};

pub use environments::dockerfile_of;
pub use files::normal;
pub use gather::Question;

/// Everything that a proposal depends on. Paths are absolute.
#[derive(Debug, Default)]
pub struct Facts {
    /// The project's directory.
    pub directory: PathBuf,
    /// The compose project, with the services of all profiles.
    pub compose: Option<ComposeProject>,
    /// Requirements files with usual names, sorted.
    pub requirements: Vec<PathBuf>,
    /// Project files that state dependencies, sorted: taken where there is no requirements file.
    pub projects: Vec<PathBuf>,
    /// Locks of other tools, which are not read, sorted.
    pub locks: Vec<PathBuf>,
    /// Locks that are read beside requirements (`pylock.toml`), sorted.
    pub own_locks: Vec<PathBuf>,
    /// The tool that alone reads what the directory's project file states.
    pub foreign: Option<&'static str>,
    /// Further files that a Dockerfile installs and that exist.
    pub named: BTreeSet<PathBuf>,
    /// The text of each Dockerfile.
    pub dockerfiles: BTreeMap<PathBuf, String>,
    /// Virtual environments in the directory.
    pub virtual_environments: Vec<PathBuf>,
    /// The `.dockerignore` files that exist.
    pub ignore_files: BTreeSet<PathBuf>,
    /// What images are to be built from and is no directory.
    pub absent: BTreeSet<PathBuf>,
    /// What the user asked for.
    pub wishes: Wishes,
    /// What the reader of the facts has to say.
    pub notes: Vec<String>,
}

/// What the user asked for on the command line.
#[derive(Debug, Default)]
pub struct Wishes {
    /// The project's name.
    pub name: Option<String>,
    /// The volume.
    pub volume: Option<String>,
    /// The environment's name, where there is one environment.
    pub env: Option<String>,
    /// The image, where there is one environment.
    pub image: Option<String>,
    /// The version of Python, where there is one environment without an image.
    pub python: Option<String>,
}

/// What `pyfast.toml` should say, with reasons. Paths are relative to the project's directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// `[project] name`.
    pub name: Option<String>,
    /// `[project] root`.
    pub root: Option<String>,
    /// The environments, by name.
    pub environments: Vec<ProposedEnvironment>,
    /// Services that get no environment, with the reason.
    pub left: BTreeMap<String, String>,
    /// The `.dockerignore` files that are missing.
    pub ignores: Vec<IgnoreFile>,
    /// What else the user should know.
    pub notes: Vec<String>,
    /// Where something else could be meant just as well.
    pub doubts: Vec<String>,
}

/// `[env.NAME]`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ProposedEnvironment {
    /// Its name.
    pub name: String,
    /// Its requirements files.
    pub requirements: Vec<String>,
    /// Its constraints files.
    pub constraints: Vec<String>,
    /// The image whose interpreter it is for.
    pub image: Option<String>,
    /// The version of Python it is for.
    pub python: Option<String>,
    /// The services that start in it.
    pub services: Vec<String>,
    /// Why.
    pub reasons: Vec<String>,
}

/// A `.dockerignore` to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreFile {
    /// Where.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Usual patterns that are not in it, because a Dockerfile copies what they match.
    pub needed: Vec<String>,
}

/// Why nothing can be proposed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name that was asked for is none.
    #[error("`{name}` is not a name of a project")]
    Name {
        /// As it was given.
        name: String,
    },
    /// There are no requirements.
    #[error(
        "cannot propose an environment: no requirements file in `{}` (looked for requirements*.txt, \
         requirements/*.txt, and pyproject.toml with a [project] table, two directories deep){}",
        directory.display(),
        instead.as_ref().map(|instead| format!("; {}", instead.what)).unwrap_or_default()
    )]
    NothingToInstall {
        /// Where they were looked for.
        directory: PathBuf,
        /// What there is instead.
        instead: Option<Instead>,
    },
    /// The compose project cannot be read, or contradicts itself.
    #[error(transparent)]
    Compose(#[from] crate::Error),
}

/// What a project has instead of requirements that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// That it is there, and why it is not enough.
    pub what: String,
    /// The command that writes requirements of it.
    pub export: String,
}

/// Decides what `pyfast.toml` should say.
///
/// # Errors
/// [`Error::Name`] for a name that is none, [`Error::NothingToInstall`] where no requirements file is found, and
/// [`Error::Compose`] where images of services contradict each other.
pub fn propose(facts: &Facts) -> Result<Proposal, Error> {
    let mut proposal = Proposal { notes: facts.notes.clone(), ..Proposal::default() };
    if let Some(name) = facts.wishes.name.as_ref().filter(|name| !is_name(name)) {
        return Err(Error::Name { name: name.clone() });
    }
    let compose = facts.compose.as_ref();
    let name = compose.map(|compose| valid_name(&compose.name));
    proposal.name = facts.wishes.name.clone().or(name);
    let volume = compose.and(proposal.name.as_ref()).map(|name| format!("pyfast-{name}"));
    let volume = facts.wishes.volume.clone().or(volume);
    proposal.root = volume.map(|volume| format!("volume:{volume}"));
    if let Some(compose) = compose {
        environments::of_services(facts, compose, &mut proposal)?;
    }
    if proposal.environments.is_empty() {
        let default = environments::without_services(facts, &mut proposal)?;
        proposal.environments.push(default);
    }
    if let [only] = proposal.environments.as_mut_slice() {
        facts.wishes.apply(only);
    }
    environments::note_unused(facts, &mut proposal);
    environments::note_locks(facts, &mut proposal);
    proposal.ignores = ignoring::missing(facts);
    Ok(proposal)
}

impl Wishes {
    fn apply(&self, environment: &mut ProposedEnvironment) {
        let Self { env, image, python, .. } = self;
        environment.name = env.clone().unwrap_or_else(|| std::mem::take(&mut environment.name));
        environment.image = image.clone().or_else(|| environment.image.take());
        if environment.image.is_none() {
            environment.python.clone_from(python);
        }
    }
}

/// Where files may lie that a build's Dockerfile names, the likeliest first: most often it names a place in the image.
pub fn places_of(name: &str, dockerfile: &str, build: &Build) -> Vec<PathBuf> {
    let reading = dockerfile::read(dockerfile, &build.args, build.target.as_deref());
    files::candidates(name, Path::new(&build.context), &reading.copies)
}

/// A text as a name of a project or environment, and, behind a prefix, of a volume.
fn valid_name(text: &str) -> String {
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = text.chars().map(|c| if usual(c) { c } else { '-' }).take(100).collect();
    let name = name.trim_start_matches(['.', '-', '_']);
    if is_name(name) { name.to_owned() } else { "project".to_owned() }
}

/// A text as one line without control characters: names of files may hold anything.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            writeln!(f, "project {name}")?;
        }
        if let Some(root) = &self.root {
            writeln!(f, "root {root}")?;
        }
        for environment in &self.environments {
            writeln!(f, "environment {}: {}", environment.name, environment.summary())?;
            for reason in &environment.reasons {
                writeln!(f, "  because {}", one_line(reason))?;
            }
        }
        let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (service, reason) in &self.left {
            by_reason.entry(reason).or_default().push(service);
        }
        for (reason, services) in by_reason {
            writeln!(f, "no environment for {}: {}", services.join(", "), one_line(reason))?;
        }
        for ignore in self.ignores.iter().filter(|ignore| !ignore.needed.is_empty()) {
            let needed = ignore.needed.join(", ");
            writeln!(f, "{} lets {needed} through: a Dockerfile copies it", ignore.path)?;
        }
        Ok(())
    }
}

impl ProposedEnvironment {
    fn summary(&self) -> String {
        let mut parts = vec![one_line(&self.requirements.join(", "))];
        parts.extend(self.image.as_ref().map(|image| format!("image {image}")));
        parts.extend(self.python.as_ref().map(|python| format!("Python {python}")));
        if !self.services.is_empty() {
            parts.push(format!("services {}", self.services.join(", ")));
        }
        parts.join("; ")
    }
}
