//! Adding to a file of requirements. Owns which limit and which digests a requirement gets that names none.

use std::collections::BTreeSet;
use std::path::Path;

use pyfast_packaging::PackageName;
use pyfast_packaging::edit::{List, Outcome, Wanted};
use pyfast_packaging::hash::Sha256;
use pyfast_resolver::{Lock, LockedPackage};

use super::{Done, Edits, File, Place, Reach};
use crate::error::Error;
use crate::event::once;
use crate::task::Task;

/// Has a file ask for something, and the environment have it.
///
/// # Errors
/// Whatever keeps it from being so; the file is as it was then.
pub fn add(
    wanted: Vec<Wanted>,
    place: &Place,
    reach: Reach,
    task: Task<'_>,
) -> Result<Done, Error> {
    let events = &once(task.events);
    let task = Task { events, ..task };
    let working = &task.settings.project.working_directory;
    let mut file = File::open(&place.file, working)?;
    let known: BTreeSet<PackageName> = file.edited.names().into_iter().collect();
    let with_hashes = file.edited.has_hashes();
    let is_open =
        |one: &Wanted| !one.is_limited() && one.name().is_none_or(|name| !known.contains(name));
    let mut wanted = wanted;
    if with_hashes || wanted.iter().any(is_open) {
        let bound = file.edited.bound();
        let mut draft = File::open(&place.file, working)?;
        put(&mut draft, &wanted, place.list())?;
        let lock = Edits { task, reach: Reach::Tried, files: vec![draft] }.tried()?;
        let limited = wanted.into_iter().map(|one| match find(&lock, one.name()) {
            Some(package) if is_open(&one) => one.limited(bound, &package.version),
            _ => one,
        });
        wanted = limited.collect();
        if with_hashes {
            wanted = hashed(wanted, &known, &lock, working)?;
        }
    }
    let outcomes = put(&mut file, &wanted, place.list())?;
    let added =
        outcomes.into_iter().map(|outcome| (file.shown.clone(), outcome.redacted())).collect();
    let report = Edits { task, reach, files: vec![file] }.carry_out()?;
    let (removed, needed) = Default::default();
    Ok(Done { added, removed, needed, report, reach, is_behind: false })
}

fn put(file: &mut File, wanted: &[Wanted], list: List<'_>) -> Result<Vec<Outcome>, Error> {
    let outcomes = wanted.iter().map(|one| file.edited.add(one, list));
    Ok(outcomes.collect::<Result<_, _>>()?)
}

/// What is wanted with its digests, and what that needs besides: a file with digests has all that is installed.
fn hashed(
    wanted: Vec<Wanted>,
    known: &BTreeSet<PackageName>,
    lock: &Lock,
    working: &Path,
) -> Result<Vec<Wanted>, Error> {
    let mut all = Vec::new();
    for one in wanted {
        let is_there = one.name().is_some_and(|name| known.contains(name)) && !one.is_limited();
        let package = find(lock, one.name()).filter(|_| !is_there);
        all.push(one.hashed(package.map(digests).unwrap_or_default()));
    }
    let asked: BTreeSet<PackageName> = all.iter().filter_map(Wanted::name).cloned().collect();
    let is_new = |name: &PackageName| !known.contains(name) && !asked.contains(name);
    for package in lock.packages.iter().filter(|one| is_new(&one.name) && one.tree.is_none()) {
        let text = format!("{}=={}", package.name, package.version);
        all.push(Wanted::new(&text, working)?.hashed(digests(package)));
    }
    Ok(all)
}

fn find<'a>(lock: &'a Lock, name: Option<&PackageName>) -> Option<&'a LockedPackage> {
    lock.packages.iter().find(|package| Some(&package.name) == name)
}

/// The digests of all files that may be installed, each once.
fn digests(package: &LockedPackage) -> Vec<Sha256> {
    let files = package.files.iter().filter_map(|file| file.sha256);
    let digests: BTreeSet<Sha256> = files.chain(package.sha256).collect();
    digests.into_iter().collect()
}
