//! Which generation a project's environment is at, and was at.

use pyfast_root::{
    Activation, Cause, Durability, Lock, LockName, ProjectEnv, Root, Share, Waiting,
};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::generation::Generation;

/// The lock that the active generation was made from, beside `current`.
const LOCK_COPY: &str = "pylock.toml";

/// Where to roll back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rollback {
    /// To the generation whose id begins so.
    To(String),
    /// So many activations back.
    Back(usize),
}

impl Rollback {
    /// What a user names: the beginning of an id, or `-` and a number; `None` for anything else behind a `-`.
    pub fn named(text: &str) -> Option<Self> {
        match text.strip_prefix('-') {
            Some(count) => count.parse().ok().map(Self::Back),
            None => Some(Self::To(text.to_owned())),
        }
    }
}

/// Takes a project's environment for this process alone; a sync holds it from reading the state to
/// activation. `waiting` is called once if another process has it.
///
/// # Errors
/// If it is not had in the end: see [`Root::lock`].
pub fn lock_project(
    root: &Root,
    name: &ProjectEnv,
    waiting: &dyn Fn(&Waiting),
) -> Result<Lock, Error> {
    root.make_project_env(name)?;
    Ok(root.lock(&LockName::project(name), Share::Alone, waiting)?)
}

/// The current generation of a project's environment; `None` if there is none, or it is gone.
///
/// # Errors
/// If something else is in its place, or the link leads elsewhere.
pub fn current(root: &Root, name: &ProjectEnv) -> Result<Option<Generation>, Error> {
    match root.current(name)? {
        Some(id) => Generation::find(root, &id),
        None => Ok(None),
    }
}

/// Makes a generation current by one rename, and remembers it in the history; false if it was current
/// already. `at` is the time in milliseconds since 1970, `cause` what was done. Call it while holding [`lock_project`].
///
/// # Errors
/// If the link or the history cannot be written; the old one is current then.
pub fn activate(
    root: &Root,
    name: &ProjectEnv,
    generation: &Generation,
    at: u64,
    cause: Cause,
) -> Result<bool, Error> {
    // Whatever else is there is replaced.
    let before = current(root, name).unwrap_or_default();
    copy_lock(root, name, generation)?;
    if before.as_ref() == Some(generation) {
        return Ok(false);
    }
    let previous = before.map(|generation| generation.id);
    let activation = Activation { id: generation.id.clone(), at, previous, cause: Some(cause) };
    // The history first: what fails after the rename could not be told as a failure.
    root.remember(name, &activation)?;
    if let Err(error) = root.set_current(name, &generation.id) {
        // The first error is the one to report.
        let _ = root.take_back(name, &activation);
        return Err(error.into());
    }
    Ok(true)
}

/// Copies the generation's lock beside `current`. The copy is for people and tools: losing it to a power
/// cut harms nothing, so it is not synced.
fn copy_lock(root: &Root, name: &ProjectEnv, generation: &Generation) -> Result<(), Error> {
    let text = generation.lock_text(root)?;
    let directory = root.make_project_env(name)?;
    // What else is there is replaced.
    if directory.read(LOCK_COPY, text.len() as u64).is_ok_and(|known| known == Some(text.clone())) {
        return Ok(());
    }
    Ok(directory.replace(LOCK_COPY, &text, 0o644, Durability::Eventual)?)
}

/// The generation that a rollback means.
///
/// # Errors
/// [`Error::NoGeneration`] if it means none or several, [`Error::NothingBefore`] if there are not as many, and
/// [`Error::Collected`] if the generation is gone.
pub fn rollback_target(root: &Root, name: &ProjectEnv, to: &Rollback) -> Result<Generation, Error> {
    let history = root.history(name)?;
    let missing = |id: &str| Error::NoGeneration { id: id.to_owned() };
    let id = match to {
        Rollback::Back(count) => {
            // A process that was killed between the history and the rename leaves an entry too many.
            let current = root.current(name)?;
            let last = history.iter().rposition(|one| Some(&one.id) == current.as_ref());
            let last = last.or_else(|| history.len().checked_sub(1));
            let place = last.and_then(|last| last.checked_sub(*count));
            let none = || Error::NothingBefore { before: last.unwrap_or_default() };
            history[place.ok_or_else(none)?].id.clone()
        }
        Rollback::To(prefix) => {
            let mut ids: Vec<&str> = history
                .iter()
                .map(|activation| activation.id.as_str())
                .filter(|id| !prefix.is_empty() && id.starts_with(prefix.as_str()))
                .collect();
            ids.sort_unstable();
            ids.dedup();
            match ids[..] {
                [id] => id.to_owned(),
                _ => return Err(missing(prefix)),
            }
        }
    };
    Generation::find(root, &id)?.ok_or(Error::Collected { id })
}

#[cfg(test)]
mod tests;
