//! Removing a whole root. Owns that nobody uses any of it.

use pyfast_root::{Root, Waiting};

use super::facts::size;
use crate::error::Error;
use crate::generation::Generation;
use crate::generation::activate::lock_project;
use crate::store::Store;

/// Removes a whole root, unless a process uses a generation of it; gives the bytes that it had.
///
/// # Errors
/// [`Error::InUse`]; if a lock is not had in the end, or something cannot be removed: what is left is a root.
pub fn remove_root(root: &Root, waiting: &dyn Fn(&Waiting)) -> Result<u64, Error> {
    super::let_files_be_open();
    let mut projects = Vec::new();
    for name in root.project_envs()? {
        projects.push(lock_project(root, &name, waiting)?);
    }
    let store = Store::open_alone(root, waiting)?;
    let mut unused = Vec::new();
    for generation in Generation::all(root)? {
        let Some(directory) = root.env(&generation.id)? else { continue };
        match pyfast_root::lease::unused(&directory)? {
            Some(held) => unused.push(held),
            None => return Err(Error::InUse { id: generation.id }),
        }
    }
    let bytes = size(root.top())?;
    root.remove()?;
    drop((unused, store, projects));
    Ok(bytes)
}
