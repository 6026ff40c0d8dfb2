//! Locks that exist, for commands that look at them and resolve nothing.

use std::io::ErrorKind;
use std::path::PathBuf;

use pyfast_environment::ask::last_lock;
use pyfast_packaging::PackageName;
use pyfast_packaging::target::Target;
use pyfast_resolver::{Lock, LockedPackage};

use crate::commands::lock::TargetArgs;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use crate::syncing::at_place;
use pyfast_settings::own_lock::OwnLock;

/// Which lock a command looks at.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct LockArgs {
    /// The lock to look at [default: the environment's, beside its first requirements file, else the last sync's]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
}

/// A lock as it applies to the environment's interpreter.
pub(crate) struct Opened {
    /// Where it lies, or would lie beside the requirements.
    pub(crate) path: PathBuf,
    /// What it is called where the user reads of it.
    name: String,
    pub(crate) lock: Lock,
    pub(crate) target: Target,
}

impl LockArgs {
    /// This lock, or the project's own; for the environment's interpreter.
    pub(crate) fn of(lock: Option<PathBuf>) -> Self {
        Self { lock, ..Self::default() }
    }

    /// Reads the lock.
    pub(crate) fn open(&self, settings: &Settings) -> Result<Opened, Failure> {
        let working = &settings.project.working_directory;
        let path = if let Some(path) = &self.lock {
            working.join(path)
        } else {
            // Where no file is named, the error of looking for one tells more than a missing lock.
            settings.project.requirements(&[], &settings.env)?;
            let own = OwnLock::configured(&settings.project, &settings.env);
            own.path(|| self.target.one(settings).ok()).to_owned()
        };
        // A pipe that the user names is read; one that lies where a lock should be would be waited for.
        let text = match &self.lock {
            Some(_) => fs_err::read_to_string(&path),
            None => pyfast_root::regular_file::read_text(&path),
        };
        let missing = |error: std::io::Error| {
            let message = format!("cannot read the lock `{}`: {error}", path.display());
            Failure::new("lock", message, Code::Mendable)
                .hint("make one with `pyfast lock`, or an environment with `pyfast sync`")
        };
        let mut name = format!("the lock `{}`", path.display());
        let (text, beside) = match text {
            Ok(text) => (text, path.clone()),
            // What was synced without a lock beside the requirements has one of its own.
            Err(error) if self.lock.is_none() && error.kind() == ErrorKind::NotFound => {
                let kept = at_place(settings, last_lock)?.ok_or_else(|| missing(error))?;
                name = format!("the lock of the environment `{}`", settings.env);
                (kept, PathBuf::from("/pylock.toml"))
            }
            Err(error) => return Err(missing(error)),
        };
        let target = self.target.one(settings)?;
        let lock = Lock::from_toml(&text, &beside, &target)?;
        Ok(Opened { path, name, lock, target })
    }
}

impl Opened {
    /// A package of the lock.
    pub(crate) fn package(&self, name: &PackageName) -> Result<&LockedPackage, Failure> {
        self.lock.packages.iter().find(|package| package.name == *name).ok_or_else(|| {
            let message = format!("`{name}` is not in {}", self.name);
            Failure::new("not-locked", message, Code::Mendable)
        })
    }
}
