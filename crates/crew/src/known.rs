//! Names that exist where somebody is typing one: packages, environments, earlier generations, programs, parts of a project.
//! Looks at files alone: writes nothing, waits for nobody, asks neither a server nor an engine; what cannot be read has no names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_environment::Error as EnvironmentError;
use pyfast_environment::ask;
use pyfast_environment::listing::Entry;
use pyfast_environment::place::Place;
use pyfast_environment::question::Activated;
use pyfast_packaging::pyproject::Parts;
use pyfast_resolver::Lock;
use pyfast_root::layout::{CURRENT, project_env_path};
use pyfast_root::regular_file;
use pyfast_settings::own_lock::OwnLock;
use pyfast_settings::{Root, Settings};

use crate::volume_place::{at_place, subject};

/// A name, and what it stands for, in a few words.
pub type Name = (String, String);

/// Packages of the environment, else of the project's lock: those of a volume can only be asked of containers.
pub fn packages(settings: &Settings) -> Vec<Name> {
    let installed = here(settings, |place| ask::packages(place, None)).map(Entry::installed);
    let locked = || {
        let own = OwnLock::configured(&settings.project, &settings.env);
        let read = |path: &PathBuf| Lock::whole(&regular_file::read_text(path).ok()?, path).ok();
        own.places().iter().find_map(read).map(|lock| Entry::locked(&lock))
    };
    let entries = installed.or_else(locked).unwrap_or_default();
    // A lock may have several versions of one.
    let names: BTreeMap<String, String> =
        entries.into_iter().map(|one| (one.name, one.version.unwrap_or_default())).collect();
    names.into_iter().collect()
}

/// Environments of the project: those that are configured, and those that are there.
pub fn environments(settings: &Settings) -> Vec<Name> {
    let project = settings.project.name();
    let configured = settings.project.config.env.keys().cloned();
    let there = here(settings, ask::environments).unwrap_or_default();
    let there = there.iter().map(|known| &known.name);
    let there = there.filter(|name| name.project() == project).map(|name| name.env().to_owned());
    let names: BTreeSet<String> = configured.chain(there).collect();
    names.into_iter().map(|name| (name, String::new())).collect()
}

/// Earlier generations of the environment, the newest first, each once.
pub fn generations(settings: &Settings) -> Vec<Name> {
    let activated = here(settings, ask::history).unwrap_or_default();
    let mut names: Vec<Name> = Vec::new();
    for (back, Activated { activation, packages, current }) in activated.iter().rev().enumerate() {
        let is_new = names.iter().all(|(id, _)| *id != activation.id);
        let Some(packages) = packages.filter(|_| is_new) else { continue };
        let cause = activation.cause.map_or("", |cause| cause.word());
        let current = if *current { ", the current one" } else { "" };
        let meaning = format!("-{back} {cause}, {packages} packages{current}");
        names.push((activation.id.clone(), meaning));
    }
    names
}

/// Programs of the environment.
pub fn programs(settings: &Settings) -> Vec<Name> {
    let Root::Directory(root) = &settings.root else { return Vec::new() };
    let Ok(name) = subject(settings).name() else { return Vec::new() };
    let bin = project_env_path(root, &name).join(CURRENT).join("bin");
    let entries = fs_err::read_dir(bin).into_iter().flatten().flatten();
    let names: BTreeSet<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    // What is sourced by a shell is not run.
    let runs = |name: &String| !name.to_lowercase().starts_with("activate");
    names.into_iter().filter(runs).map(|name| (name, String::new())).collect()
}

/// Extras of these requirements files, else of the project's.
pub fn extras(settings: &Settings, files: &[PathBuf]) -> Vec<Name> {
    let files = settings.project.requirements(files, &settings.env).unwrap_or_default();
    let names: BTreeSet<String> =
        files.iter().flat_map(|file| parts(settings, file).extras).collect();
    names.into_iter().map(|name| (name, String::new())).collect()
}

/// Dependency groups of the project.
pub fn groups(settings: &Settings) -> Vec<Name> {
    let (file, _) = settings.project.group("");
    parts(settings, &file).groups.into_iter().map(|name| (name, String::new())).collect()
}

fn parts(settings: &Settings, file: &Path) -> Parts {
    let text = regular_file::read_text(&settings.project.working_directory.join(file));
    Parts::of(&text.unwrap_or_default())
}

/// An answer of a root that this process can look at.
fn here<T>(
    settings: &Settings,
    act: impl FnOnce(&dyn Place) -> Result<T, EnvironmentError>,
) -> Option<T> {
    match settings.root {
        Root::Directory(_) => at_place(settings, &(Arc::new(|_event| ()) as _), act).ok(),
        Root::Volume(_) => None,
    }
}
