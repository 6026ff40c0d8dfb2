//! Which generation a project's environment is at, and was at. The only place where `current` changes.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::disk::{FileLock, replace_link};
use crate::environment::Generation;
use crate::error::Error;
use crate::layout::{Layout, ProjectEnv};

/// One activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// The generation that became current.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// The generation before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// Where to roll back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollback {
    /// To the generation whose id begins so.
    To(String),
    /// So many activations back.
    Back(usize),
}

/// Takes a project's environment for this process alone; a sync holds it from reading the state to
/// activation. `waiting` is called once if another process has it.
///
/// # Errors
/// If the lock cannot be had within five minutes.
pub fn lock_project(
    layout: &Layout,
    name: &ProjectEnv,
    waiting: &dyn Fn(&Path),
) -> Result<FileLock, Error> {
    let directory = layout.project_env(name);
    fs_err::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
    let lock = format!("project-{}--{}", name.project(), name.env());
    FileLock::exclusive(&layout.locks().join(lock), waiting)
}

/// The current generation of a project's environment.
pub fn current(layout: &Layout, name: &ProjectEnv) -> Option<Generation> {
    let target = fs_err::read_link(layout.current(name)).ok()?;
    Generation::find(layout, target.file_name()?.to_str()?)
}

/// Makes a generation current by one rename, and remembers it in the history; false if it was current
/// already. `at` is the time in milliseconds since 1970. Call it while holding [`lock_project`].
///
/// # Errors
/// If the link or the history cannot be written.
pub fn activate(
    layout: &Layout,
    name: &ProjectEnv,
    generation: &Generation,
    at: u64,
) -> Result<bool, Error> {
    let directory = layout.project_env(name);
    fs_err::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
    let link = layout.current(name);
    let before = current(layout, name);
    copy_lock(layout, name, generation)?;
    if before.as_ref() == Some(generation) {
        return Ok(false);
    }
    let target = PathBuf::from("../../../envs/v1").join(&generation.id);
    replace_link(&target, &link)?;
    let previous = before.map(|generation| generation.id);
    append(&layout.history(name), &Activation { id: generation.id.clone(), at, previous })?;
    Ok(true)
}

/// Copies the generation's lock beside `current`. The copy is for people and tools: losing it to a power
/// cut harms nothing, so it is not synced.
fn copy_lock(layout: &Layout, name: &ProjectEnv, generation: &Generation) -> Result<(), Error> {
    let (from, to) = (generation.lock_copy(), layout.lock_copy(name));
    let text = fs_err::read(&from).map_err(Error::io("read", &from))?;
    if fs_err::read(&to).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let temporary = to.with_file_name(format!(".{}", crate::disk::fresh_name()));
    crate::disk::write_new(&temporary, &text, 0o644)?;
    fs_err::rename(&temporary, &to).map_err(Error::io("replace", &to))
}

/// Appends one line in one write, so that a reader never sees half of it unless the disk is full.
fn append(path: &Path, activation: &Activation) -> Result<(), Error> {
    let failed = |error: serde_json::Error| Error::Damaged {
        path: path.to_owned(),
        reason: format!("an activation cannot be written as JSON: {error}"),
    };
    let mut line = serde_json::to_string(activation).map_err(failed)?;
    line.push('\n');
    let mut options = std::fs::OpenOptions::new();
    let file = options.append(true).create(true).mode(0o644).open(path);
    let mut file = file.map_err(Error::io("open", path))?;
    file.write_all(line.as_bytes()).map_err(Error::io("write", path))
}

/// Every activation of a project's environment, oldest first.
///
/// # Errors
/// If the history is there and cannot be read.
pub fn history(layout: &Layout, name: &ProjectEnv) -> Result<Vec<Activation>, Error> {
    let path = layout.history(name);
    let text = match fs_err::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    // A line that a full disk cut short is no activation.
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// The generation that a rollback means.
///
/// # Errors
/// [`Error::NoGeneration`] if it means none or several, or the generation is gone.
pub fn rollback_target(
    layout: &Layout,
    name: &ProjectEnv,
    to: &Rollback,
) -> Result<Generation, Error> {
    let history = history(layout, name)?;
    let missing = |id: &str| Error::NoGeneration { id: id.to_owned() };
    let id = match to {
        Rollback::Back(count) => {
            let last = history.len().checked_sub(1);
            let place = last.and_then(|last| last.checked_sub(*count));
            let place = place.ok_or_else(|| missing(&format!("-{count}")))?;
            history[place].id.clone()
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
    Generation::find(layout, &id).ok_or_else(|| missing(&id))
}

/// The current generation, held for a running process. `None` if there is none yet.
///
/// # Errors
/// If the lease cannot be had.
pub fn lease_current(
    layout: &Layout,
    name: &ProjectEnv,
) -> Result<Option<(Generation, FileLock)>, Error> {
    // It may be replaced and removed between reading the link and taking the lease.
    for _ in 0..100 {
        let Some(generation) = current(layout, name) else { return Ok(None) };
        let Ok(lease) = generation.lease() else { continue };
        if current(layout, name).as_ref() == Some(&generation) {
            return Ok(Some((generation, lease)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
