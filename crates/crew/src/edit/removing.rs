//! Removing from files of requirements. Owns which files a project may be asked for in.

use std::path::{Path, PathBuf};

use pyfast_packaging::PackageName;
use pyfast_packaging::safe_url::redact;
use pyfast_settings::own_lock::is_lock;
use pyfast_settings::{Settings, is_remote};

use super::{Done, Edits, File, Place, Reach, locked, parents};
use crate::error::Error;
use crate::event::once;
use crate::inputs::{Inputs, read_inputs, requirement_files};
use crate::nearest::nearest;
use crate::sync::sync;
use crate::task::{Options, Task};

/// Has no file ask for these any more, and the environment have none of them that nothing else needs. Without a place
/// every file counts that the request reads.
///
/// # Errors
/// Whatever keeps it from being so; the files are as they were then.
pub fn remove(
    names: &[PackageName],
    place: Option<&Place>,
    reach: Reach,
    task: Task<'_>,
) -> Result<Done, Error> {
    let task = Task { events: &once(task.events), ..task };
    let Task { options, settings, events } = task;
    let inputs = read_inputs(&options.resolve, settings, events)?;
    let working = &settings.project.working_directory;
    let shown = match place {
        Some(place) => vec![place.file.clone()],
        None => files(&inputs, task)?,
    };
    let files = shown.iter().map(|file| File::open(file, working));
    let mut files = files.collect::<Result<Vec<File>, _>>()?;
    let mut removed = Vec::new();
    for name in names {
        let before = removed.len();
        for file in &mut files {
            let gone = file.edited.remove(name, place.map(Place::list))?;
            removed.extend(gone.iter().map(|text| (file.shown.clone(), redact(text))));
        }
        if removed.len() == before {
            return Err(not_asked(name, &inputs, &files, task));
        }
    }
    let report = Edits { task, reach, files }.carry_out()?;
    let lock = locked(&report, task)?;
    let still = names.iter().filter(|name| lock.packages.iter().any(|one| one.name == **name));
    let needed = still.map(|name| (name.clone(), parents(&lock, name))).collect();
    Ok(Done { added: Vec::new(), removed, needed, report, reach, is_behind: false })
}

/// The files of this machine that what is wanted is written in.
fn files(inputs: &Inputs, task: Task<'_>) -> Result<Vec<PathBuf>, Error> {
    let Task { options, settings, .. } = task;
    let resolve = &options.resolve;
    let asked = inputs.set.requirements.iter().map(|one| &one.origin.file);
    let sources = inputs.set.sources.iter().filter(|one| !one.constraint);
    let asked = asked.chain(sources.map(|one| &one.origin.file)).map(|file| PathBuf::from(&**file));
    let groups = resolve.group.iter().chain(&resolve.only_group);
    let groups = groups.map(|group| settings.project.group(group).0);
    let main = requirement_files(resolve, settings)?;
    let mut files: Vec<PathBuf> = Vec::new();
    for file in main.into_iter().chain(groups).chain(asked) {
        let is_edited = !is_remote(&file) && !is_lock(&file);
        if is_edited && !files.iter().any(|one| is_same(one, &file, settings)) {
            files.push(file);
        }
    }
    Ok(files)
}

fn is_same(one: &Path, other: &Path, settings: &Settings) -> bool {
    let real = |file: &Path| {
        let path = settings.project.working_directory.join(file);
        fs_err::canonicalize(&path).unwrap_or(path)
    };
    real(one) == real(other)
}

/// Why there is nothing to remove.
fn not_asked(name: &PackageName, inputs: &Inputs, files: &[File], task: Task<'_>) -> Error {
    let asked = inputs.set.requirements.iter().find(|one| one.name == *name);
    if let Some(origin) = asked.map(|one| one.origin.clone()) {
        return Error::AskedElsewhere { name: name.clone(), origin };
    }
    // Whether something else needs it is asked of the lock that the request makes.
    let options = Options { dry_run: true, ..task.options.clone() };
    let lock = sync(Task { options: &options, ..task }).and_then(|report| locked(&report, task));
    let needed_by = lock.map(|lock| parents(&lock, name)).unwrap_or_default();
    let known = files.iter().flat_map(|file| file.edited.names());
    let near = nearest(name.as_ref(), known).filter(|_| needed_by.is_empty());
    Error::NotAsked { name: name.clone(), near, needed_by }
}
