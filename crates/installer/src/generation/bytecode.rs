//! Bytecode that comes after a generation is in use: where its directories are its own, links to what the store has got
//! since. Behind a link to a directory of the store it shows by itself. Nothing that the generation's manifest lists
//! changes: the directories of bytecode are planned, and what is in them is nobody's concern.

use std::ffi::OsStr;

use pyfast_root::{Dir, Durability, Facts};

use super::{Generation, alone};
use crate::bytecode::{LIMIT, is_compiled};
use crate::error::Error;
use crate::link::act::{is_refused, split};
use crate::link::{RealMode, Step, plan};
use crate::store::{CACHE, Store};

/// Links the bytecode of all wheels into a generation that waits for it; false where one of them is not compiled yet.
/// Each file appears whole.
///
/// # Errors
/// If the disk refuses; the generation still waits then.
pub fn link_bytecode(store: &Store, generation: &Generation) -> Result<bool, Error> {
    let (root, id) = (store.root(), &generation.id);
    let spec = generation.spec(root)?;
    if !spec.packages.iter().all(|one| is_compiled(root, &spec.interpreter, &one.sha256)) {
        return Ok(false);
    }
    // Nobody puts another in its place meanwhile.
    let _alone = alone(root, id, &|_| ())?;
    let directory = generation.directory(root)?;
    for step in &plan(store, &spec)?.steps {
        let Step::Real { path, wheel, inside, mode } = step else { continue };
        let ((at, name), (from, stored)) = (split(path), split(inside));
        if split(at).1 != CACHE {
            continue;
        }
        let Some(cache) = directory.find_dir(at)? else { continue };
        let from = root.wheel_dir(&wheel.to_string(), from)?;
        if !cache.has_file(name) {
            put(&from, stored, &cache, name, *mode)?;
        } else if !is_same(&from, stored, &cache, name)? {
            // Of a wheel that was exchanged since, because something of it was altered.
            put(&from, stored, &cache, name, RealMode::Copy)?;
        }
    }
    root.has_bytecode(id)?;
    Ok(true)
}

/// Whether both are one file, or have the same content.
fn is_same(from: &Dir, stored: &str, to: &Dir, name: &str) -> Result<bool, Error> {
    let inode = |facts: Facts| (facts.device, facts.inode);
    let (own, other) = (from.facts(stored)?.map(inode), to.facts(name)?.map(inode));
    Ok(own.is_some() && own == other || from.read(stored, LIMIT)? == to.read(name, LIMIT)?)
}

/// Gives a directory a file of the store under a name that is free, at once and whole.
fn put(from: &Dir, stored: &str, to: &Dir, name: &str, mode: RealMode) -> Result<(), Error> {
    if mode == RealMode::Hardlink {
        match from.hard_link(OsStr::new(stored), to, OsStr::new(name)) {
            Err(error) if is_refused(&error) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
            other => return other.map_err(Error::io("write", &to.path().join(name))),
        }
    }
    // What is gone again has another in its place soon, which Python does without until then.
    let Some(bytes) = from.read(stored, LIMIT)? else { return Ok(()) };
    Ok(to.replace(name, &bytes, 0o644, Durability::Eventual)?)
}
