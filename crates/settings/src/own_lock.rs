//! Which lock file is an environment's own. Environments that ask for the same share one; where those of one
//! directory ask for different things, each has its own by PEP 751's name for it. Owns the names of locks;
//! must not know what is in one.

use std::path::{Path, PathBuf};

use pyfast_packaging::hash::Sha256;
use pyfast_packaging::target::Target;
use pyfast_resolver::Lock;
use pyfast_root::regular_file;

use crate::config::EnvConfig;
use crate::project::Project;

/// The name of a lock file (PEP 751).
pub const FILE: &str = "pylock.toml";

/// How the names of environments begin that a command was run in with files of its own.
pub const ONE_RUN: &str = "run-";

/// A name for the environment that a command is run in with these files alone: readable, and another for others.
pub fn environment_of(files: &[PathBuf], from: &Path) -> String {
    let stem = files.first().and_then(|file| file.file_stem()).unwrap_or_default();
    let stem: String =
        stem.to_string_lossy().chars().filter(char::is_ascii_alphanumeric).take(24).collect();
    let files: Vec<String> =
        files.iter().map(|file| from.join(file).display().to_string()).collect();
    format!("{ONE_RUN}{stem}-{}", &Sha256::of(files.join("\n").as_bytes()).to_string()[..8])
}

/// The environment that has the plain name where several want it.
const DEFAULT: &str = "default";

/// Where an environment's lock is, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLock {
    /// Where it would be made; then where else it may be.
    places: Vec<PathBuf>,
    /// The one that has the plain name, where its own is another file.
    of_others: Option<PathBuf>,
}

impl OwnLock {
    /// The one that the configuration gives an environment.
    pub fn configured(project: &Project, env: &str) -> Self {
        Self::beside(project, env, project.first_file(env).as_deref(), true)
    }

    /// The one of requirements that are named instead of the configuration's; `first` is the first file of
    /// this machine among them.
    pub fn given(project: &Project, env: &str, first: Option<&Path>) -> Self {
        Self::beside(project, env, first, false)
    }

    /// The one of files that are run with alone: never the project's.
    pub fn of_one_run(project: &Project, env: &str, first: Option<&Path>) -> Self {
        match first {
            Some(lock) if is_lock(lock) => Self::named(project.working_directory.join(lock)),
            _ => Self::named(directory(project, first).join(format!("pylock.{env}.toml"))),
        }
    }

    fn named(path: PathBuf) -> Self {
        Self { places: vec![path], of_others: None }
    }

    fn beside(project: &Project, env: &str, first: Option<&Path>, configured: bool) -> Self {
        // A lock may be named where requirements are.
        if let Some(lock) = first.filter(|file| is_lock(file)) {
            return Self::named(project.working_directory.join(lock));
        }
        let directory = directory(project, first);
        let plain = directory.join(FILE);
        let rivals = rivals(project, env, &directory);
        if rivals.is_empty() {
            return Self::named(plain);
        }
        // What stands between `pylock.` and `.toml` has no dot.
        let own = directory.join(format!("pylock.{}.toml", env.replace('.', "--")));
        let of_others = Some(plain.clone());
        let Some(mine) = project.config.env.get(env).filter(|_| configured) else {
            return Self { places: vec![own], of_others };
        };
        let same_request = rivals.iter().all(|rival| mine.asks_for_the_same_as(rival));
        let same_python = rivals.iter().all(|rival| mine.is_for_the_same_as(rival));
        match (same_request, same_python) {
            (true, true) if !own.is_file() => Self { places: vec![plain, own], of_others: None },
            (true, _) => Self { places: vec![own, plain], of_others },
            (false, _) => Self { places: vec![own], of_others },
        }
    }

    /// Every file that it may be: the first is where it would be made.
    pub fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// The lock that is there for a target, else where it would be made.
    pub fn path(&self, target: impl FnOnce() -> Option<Target>) -> &Path {
        let own = &self.places[0];
        if self.places.len() == 1 || own.is_file() {
            return own;
        }
        let Some(target) = target() else { return own };
        let fits = |path: &&PathBuf| {
            regular_file::read_text(path)
                .is_ok_and(|text| Lock::from_toml(&text, path, &target).is_ok())
        };
        self.places[1..].iter().find(fits).unwrap_or(own)
    }

    /// The lock of other environments that lies where one would look for this one's, which is not there.
    pub fn passed_over(&self, chosen: &Path) -> Option<&Path> {
        let other = self.of_others.as_deref().filter(|other| *other != chosen && other.is_file());
        other.filter(|_| !chosen.exists())
    }
}

/// Whether a file is a lock by its name: `pylock.toml`, or `pylock.NAME.toml` (PEP 751).
pub fn is_lock(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix("pylock.")
        .and_then(|rest| if rest == "toml" { Some("") } else { rest.strip_suffix(".toml") })
        .is_some_and(|inner| !inner.contains('.'))
}

/// Files of servers have no lock beside them.
fn directory(project: &Project, first: Option<&Path>) -> PathBuf {
    let beside = first.map(|file| project.working_directory.join(file));
    let directory = beside.as_deref().and_then(Path::parent);
    directory.unwrap_or(&project.directory).to_owned()
}

/// The other environments that want the plain name in a directory: where `default` is among them it has
/// that, and nobody else counts.
fn rivals<'a>(project: &'a Project, env: &str, directory: &Path) -> Vec<&'a EnvConfig> {
    if env == DEFAULT {
        return Vec::new();
    }
    let others = project.config.env.iter().filter(|(name, _)| *name != env);
    let there =
        |name: &str| self::directory(project, project.first_file(name).as_deref()) == directory;
    let rivals: Vec<_> = others.filter(|(name, _)| there(name)).collect();
    let default = rivals.iter().find(|(name, _)| *name == DEFAULT).map(|(_, config)| *config);
    default.map_or_else(|| rivals.into_iter().map(|(_, config)| config).collect(), |one| vec![one])
}
