//! Locks that exist, for whoever looks at them and resolves nothing. Owns which lock is meant where none is named; must not
//! know what is looked for in it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_environment::ask::last_lock;
use pyfast_packaging::PackageName;
use pyfast_packaging::target::Target;
use pyfast_resolver::{Lock, LockedPackage};
use pyfast_root::regular_file;
use pyfast_settings::Settings;
use pyfast_settings::own_lock::OwnLock;

use crate::error::Error;
use crate::event::Events;
use crate::locking::TargetFlags;
use crate::nearest::nearest;
use crate::volume_place::at_place;

/// A lock as it applies to one target.
#[derive(Debug)]
pub struct Opened {
    /// Where it lies, or would lie beside the requirements.
    pub path: PathBuf,
    /// What it is called where the user reads of it.
    pub name: String,
    /// What it has.
    pub lock: Lock,
    /// The target.
    pub target: Target,
}

/// The lock that is named, else the environment's own: beside its first requirements file, or of its last sync.
///
/// # Errors
/// If it cannot be read, or is not for that target.
pub fn open(
    named: Option<&Path>,
    target: &TargetFlags,
    settings: &Settings,
) -> Result<Opened, Error> {
    let path = if let Some(path) = named {
        settings.project.working_directory.join(path)
    } else {
        // Where no file is named, the error of looking for one tells more than a missing lock.
        settings.project.requirements(&[], &settings.env)?;
        let own = OwnLock::configured(&settings.project, &settings.env);
        own.path(|| target.one(settings).ok()).to_owned()
    };
    // A pipe that the user names is read; one that lies where a lock should be would be waited for.
    let text = match named {
        Some(_) => fs_err::read_to_string(&path),
        None => regular_file::read_text(&path),
    };
    let missing = |source| Error::ReadLock { path: path.clone(), source };
    let mut name = format!("the lock `{}`", path.display());
    let (text, beside) = match text {
        Ok(text) => (text, path.clone()),
        // What was synced without a lock beside the requirements has one of its own.
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => {
            let silent: Events = Arc::new(|_| ());
            let kept = at_place(settings, &silent, last_lock)?.ok_or_else(|| missing(error))?;
            name = format!("the lock of the environment `{}`", settings.env);
            (kept, PathBuf::from("/pylock.toml"))
        }
        Err(error) => return Err(missing(error)),
    };
    let target = target.one(settings)?;
    let lock = Lock::from_toml(&text, &beside, &target)?;
    Ok(Opened { path, name, lock, target })
}

impl Opened {
    /// A package of the lock.
    ///
    /// # Errors
    /// [`Error::NotLocked`].
    pub fn package(&self, name: &PackageName) -> Result<&LockedPackage, Error> {
        let packages = &self.lock.packages;
        packages.iter().find(|package| package.name == *name).ok_or_else(|| {
            let near = nearest(name.as_ref(), packages.iter().map(|package| &package.name));
            let (near, lock) = (near.cloned(), self.name.clone());
            Error::NotLocked { name: name.clone(), near, lock }
        })
    }
}
