//! A script's header, which is edited for itself alone: what it names is installed where the script is run. Owns which
//! environment that would be.

use std::path::{Path, PathBuf};

use pyfast_packaging::PackageName;
use pyfast_packaging::edit::Wanted;
use pyfast_settings::own_lock::environment_of;
use pyfast_settings::{ResolveFlags, Root, Settings, is_remote};

use super::{Done, Place, Reach, add, remove};
use crate::error::Error;
use crate::event::Events;
use crate::sync::is_new;
use crate::task::{Options, Task};

/// What is to become of a script's header.
#[derive(Debug)]
pub enum Change<'a> {
    /// It asks for these.
    Add(Vec<Wanted>),
    /// It does not ask for these any more.
    Remove(&'a [PackageName]),
}

/// Whether a file of this name, on this machine, has its requirements in a header.
pub fn is_script(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "py") && !is_remote(file)
}

/// Changes the header of a script. Its requirements are resolved, and nothing is installed.
///
/// # Errors
/// A file that is no script, and what [`add`] and [`remove`] fail with; the file is as it was then.
pub fn in_script(
    change: Change<'_>,
    script: &Path,
    reach: Reach,
    settings: &Settings,
    events: &Events,
) -> Result<Done, Error> {
    let file: PathBuf = script.to_owned();
    if !is_script(script) {
        return Err(Error::NoScript { path: file });
    }
    // A script that is not there is not made: nothing would run it.
    let found = fs_err::metadata(settings.project.working_directory.join(script));
    found.map_err(|source| Error::Edit { path: file.clone(), source })?;
    let files = vec![file.clone()];
    let name = environment_of(&files, &settings.project.working_directory);
    let settings = &settings.of_environment(&name, settings.root.clone(), settings.python.clone());
    let resolve = ResolveFlags { requirements: files, ..ResolveFlags::default() };
    let options = &Options { resolve, ..Options::default() };
    let (place, task) =
        (Place { file, group: None, is_new: false }, Task { options, settings, events });
    let reach = if reach == Reach::Tried { reach } else { Reach::File };
    let done = match change {
        Change::Add(wanted) => add(wanted, &place, reach, task),
        Change::Remove(names) => remove(names, Some(&place), reach, task),
    }?;
    // Whoever runs the script brings it there.
    let is_made = match &settings.root {
        Root::Directory(root) => !is_new(root, settings),
        Root::Volume(_) => false,
    };
    let is_behind = is_made && reach == Reach::File && done.report.sync.changed;
    Ok(Done { is_behind, ..done })
}
