//! The directories of bytecode beside the modules of stored wheels. Owns which modules there are and how those directories
//! are made; must not know who compiles.
//!
//! Where bytecode comes after a wheel is used they are made before that: a directory that gets another one looks as if
//! somebody had touched it.

use std::path::Path;

use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, LockName, Root, Share};
use rayon::prelude::*;

use crate::error::Error;
use crate::interpreter::Interpreter;
use crate::store::{self, CACHE};

/// Makes the directories of bytecode of stored wheels, so that nothing else changes when they are compiled. Returns
/// whether any of them is to be compiled yet for this interpreter.
///
/// # Errors
/// If a wheel is not in the store, or the disk refuses.
pub fn prepare(root: &Root, interpreter: &Interpreter, wheels: &[Sha256]) -> Result<bool, Error> {
    let uncompiled =
        wheels.par_iter().filter(|wheel| !super::is_compiled(root, interpreter, wheel));
    let prepared = uncompiled.map(|wheel| prepare_one(root, wheel).map(|()| 1));
    Ok(prepared.sum::<Result<usize, Error>>()? > 0)
}

fn prepare_one(root: &Root, wheel: &Sha256) -> Result<(), Error> {
    let lock = root.queue(&LockName::bytecode(&wheel.to_string()), Share::Alone)?;
    if !lock.is_held()? {
        // Who compiles it makes them first of all.
        return Ok(());
    }
    let directory = store::directory(root, wheel)?;
    let modules = modules(root, wheel)?;
    parents(&modules).into_iter().try_for_each(|parent| {
        let parent = directory.dir(parent)?;
        if !parent.has_dir(CACHE) {
            make_cache(&parent, 0o555)?;
        }
        Ok(())
    })
}

/// The modules of a wheel by their paths in its directory, those of one directory together, with their sizes.
pub(super) fn modules(root: &Root, wheel: &Sha256) -> Result<Vec<(String, u64)>, Error> {
    let modules = store::files(root, wheel)?.into_iter().filter(|file| {
        file.path.starts_with("root/") && Path::new(&file.path).extension() == Some("py".as_ref())
    });
    Ok(modules.map(|file| (file.path, file.size)).collect())
}

/// The directories that modules are in.
fn parents(modules: &[(String, u64)]) -> Vec<&str> {
    let mut parents: Vec<&str> = modules.iter().map(|(path, _)| split(path).0).collect();
    parents.sort_unstable();
    parents.dedup();
    parents
}

fn make_cache(parent: &Dir, mode: u32) -> Result<(), Error> {
    parent.set_mode(0o755)?;
    let created = parent.create_dir(CACHE, mode);
    parent.set_mode(0o555)?;
    Ok(created?)
}

/// Creates `__pycache__` beside each module, and opens it to be written.
pub(super) fn open_caches(wheel: &Dir, modules: &[(String, u64)]) -> Result<Vec<Dir>, Error> {
    let parents = parents(modules);
    let mut caches = Vec::with_capacity(parents.len());
    for parent in parents {
        let parent = wheel.dir(parent)?;
        let cache = if let Some(cache) = parent.find_dir(CACHE)? {
            cache
        } else {
            make_cache(&parent, 0o755)?;
            parent.dir(CACHE)?
        };
        cache.set_mode(0o755)?;
        remove_unfinished(&cache)?;
        caches.push(cache);
    }
    Ok(caches)
}

/// Removes what a killed compilation left. Its lock is ours now.
fn remove_unfinished(cache: &Dir) -> Result<(), Error> {
    for entry in cache.entries()? {
        if Path::new(&entry.name).extension() != Some("pyc".as_ref()) && !entry.kind.is_dir() {
            cache.remove_file(&entry.name)?;
        }
    }
    Ok(())
}

/// The directory of a module, and its name without the extension.
pub(super) fn split(module: &str) -> (&str, &str) {
    let (parent, name) = module.rsplit_once('/').unwrap_or(("", module));
    (parent, name.strip_suffix(".py").unwrap_or(name))
}
