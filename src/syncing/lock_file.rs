//! Which lock a sync goes by: the user's own beside the requirements, else the one kept in the root.

use std::path::{Path, PathBuf};

use pyfast_packaging::dist_file::Location;
use pyfast_packaging::target::Target;
use pyfast_resolver::{Lock, Pin, Standing, Targets, file_digest};
use pyfast_root::{Root, read_regular_text};

use super::{LockUse, Options, Place};
use crate::commands::lock::{FILE, beside, is_lock};
use crate::failure::{Code, Failure};
use crate::project::is_remote;
use crate::resolving::{Inputs, lock_request};
use crate::settings::Settings;
use crate::targets::TargetChoice;

/// The most that a lock has, in bytes.
const LIMIT: u64 = 256 << 20;

/// The lock that there is, and where a new one goes.
pub(super) struct LockFile {
    /// The user's own lock file, kept up to date where there is one.
    pub(super) path: Option<PathBuf>,
    /// The text and content of the existing lock.
    pub(super) existing: Option<Lock>,
    /// Whether it answers the requirements.
    pub(super) current: bool,
    /// Its versions, for all that it is for.
    pub(super) kept: Vec<Pin>,
    /// What a new lock is to be for.
    pub(super) targets: Targets,
}

impl LockFile {
    /// Finds the lock, and says whether it may be used as it is.
    pub(super) fn find(
        (options, settings): (&Options, &Settings),
        (place, root): (&Place, &Root),
        inputs: Option<&Inputs>,
        target: &Target,
    ) -> Result<Self, Failure> {
        let own = Some(own_path(options, settings, inputs)).filter(|path| path.is_file());
        if options.lock_use == LockUse::Frozen {
            let path = own.clone().unwrap_or_else(|| place.directory().join(FILE));
            let text = match &own {
                Some(own) => Some(read_regular_text(own).map_err(|e| no_lock(own, &e))?),
                None => kept(root, place)?,
            };
            let missing = || no_lock(&path, &std::io::ErrorKind::NotFound.into());
            let text = text.ok_or_else(missing)?;
            let lock = Lock::from_toml(&text, &path, target)?;
            let targets = Targets::One(target.clone());
            let (existing, kept) = (Some(lock), Vec::new());
            return Ok(Self { path: None, existing, current: true, kept, targets });
        }
        let path = own.clone().unwrap_or_else(|| place.directory().join(FILE));
        let text = match &own {
            Some(own) => read_regular_text(own).ok(),
            None => kept(root, place)?,
        };
        let several = match (&own, &text, inputs) {
            (Some(path), Some(text), Some(inputs)) => {
                several(settings, inputs, (path, text), target)?
            }
            _ => None,
        };
        let kept = text.as_deref().map(|text| Lock::kept(text, &path)).unwrap_or_default();
        let existing = match text {
            None => None,
            // The user's own lock is not thrown away for being unreadable; but the configuration may
            // want it for this target from now on.
            Some(text) if own.is_some() => match Lock::from_toml(&text, &path, target) {
                Err(_) if several.is_some() => None,
                read => Some(read?),
            },
            Some(text) => Lock::from_toml(&text, &path, target).ok(),
        };
        let upgrade = options.resolve.upgrade || !options.resolve.upgrade_package.is_empty();
        // Another tool's lock may say more than this target needs: it is kept to, never rewritten.
        let foreign = existing.as_ref().is_some_and(|lock| lock.inputs.is_none());
        let targets = several.filter(|_| !foreign).unwrap_or(Targets::One(target.clone()));
        let standing = match (inputs, &existing) {
            (Some(inputs), Some(lock)) => {
                let targets = targets.clone();
                let request = lock_request(&inputs.set, &options.resolve, targets, Vec::new())?;
                Some(request.standing(lock))
            }
            _ => None,
        };
        let current = !upgrade
            && standing == Some(Standing::Current)
            && existing.as_ref().is_some_and(local_wheels_stand);
        if options.lock_use == LockUse::Locked && !current {
            let what = match (&own, standing) {
                (None, _) => "is missing",
                (_, Some(Standing::OtherVersion)) => {
                    "was made by another version of pyfast, so that nobody can tell what it answers"
                }
                _ => "does not answer the requirements",
            };
            let message =
                format!("the lock `{}` {what}, and --locked forbids changing it", path.display());
            return Err(
                Failure::new("lock-outdated", message, Code::Mendable).hint("run `pyfast lock`")
            );
        }
        if let Some(own) = own.as_ref().filter(|_| foreign) {
            settings.ui.warning(format!(
                "`{}` was not made by pyfast: its versions are preferred, and it is left as it is",
                own.display()
            ));
        }
        Ok(Self { path: own.filter(|_| !foreign), existing, current, kept, targets })
    }
}

/// The text of the lock that is kept in the root; `None` if there is none.
fn kept(root: &Root, place: &Place) -> Result<Option<String>, Failure> {
    let Some(directory) = root.project_env(&place.name)? else { return Ok(None) };
    Ok(directory.read_text(FILE, LIMIT)?)
}

/// What the user's own lock is for, where that is more than one target: what the configuration says, else
/// what it was made for.
fn several(
    settings: &Settings,
    inputs: &Inputs,
    (path, text): (&Path, &str),
    target: &Target,
) -> Result<Option<Targets>, Failure> {
    let configured = TargetChoice::configured(settings);
    if !configured.is_single() {
        return configured.several(&inputs.set, Some(target));
    }
    // What cannot be read is told where the lock is read for the target.
    let Ok(lock) = Lock::whole(text, path) else { return Ok(None) };
    TargetChoice::of_lock(&lock).several(&inputs.set, Some(target))
}

/// Whether the wheels on this machine are still those that were locked.
fn local_wheels_stand(lock: &Lock) -> bool {
    lock.packages.iter().all(|package| match &package.location {
        Location::Path(path) if package.sha256.is_some() => {
            file_digest(path).is_ok_and(|digest| Some(digest) == package.sha256)
        }
        _ => true,
    })
}

/// Where the user's own lock would be: beside the first requirements file, or in the project.
pub(super) fn own_path(options: &Options, settings: &Settings, inputs: Option<&Inputs>) -> PathBuf {
    let working = &settings.project.working_directory;
    let first = inputs
        .and_then(|inputs| inputs.set.files.first())
        .or_else(|| options.resolve.requirements.iter().find(|file| !is_remote(file)));
    let first = first.cloned().or_else(|| settings.project.first_file(&settings.env));
    match first {
        // A lock may be named where requirements are.
        Some(path) if is_lock(&path) => working.join(path),
        Some(path) => beside(&working.join(path)),
        None => settings.project.directory.join(FILE),
    }
}

fn no_lock(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("cannot read the lock `{}`: {error}", path.display());
    Failure::new("lock", message, Code::Mendable)
        .hint("make one with `pyfast lock`, or leave --frozen out")
}
