//! The environments of a root, of every project. Owns which of them nobody wants any more, and which a name means; must
//! not know how one is removed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyfast_environment::Error as EnvironmentError;
use pyfast_environment::ask::{collect, environments};
use pyfast_environment::place::Place;
use pyfast_environment::question::{Collect, Known};
use pyfast_index::cache::loose;
use pyfast_installer::gc::{GcPlan, cache_plan, cut_cache};
use pyfast_root::ProjectEnv;
use pyfast_settings::own_lock::ONE_RUN;
use pyfast_settings::{Root, Settings};

use crate::engine::Connection;
use crate::error::Error;
use crate::event::Events;
use crate::nearest::nearest;
use crate::volume_place::at_place;

/// How long it takes until nobody wants what nobody can ask for.
const GRACE: Duration = Duration::from_hours(30 * 24);

/// What makes an environment one that nobody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The directory of its project is gone.
    Gone,
    /// A command was run in it with files of its own.
    OneRun,
}

impl Lost {
    /// One word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::OneRun => "one-run",
        }
    }
}

/// Whether nobody asks for an environment, and why.
pub fn lost(known: &Known) -> Option<Lost> {
    if known.is_gone() {
        return Some(Lost::Gone);
    }
    known.name.env().starts_with(ONE_RUN).then_some(Lost::OneRun)
}

/// An environment as a script reads it.
pub fn to_json(known: &Known) -> serde_json::Value {
    let Known { name, directory, id, packages, activated } = known;
    serde_json::json!({
        "name": name, "id": id, "packages": packages, "activated": activated,
        "directory": directory, "gone": lost(known) == Some(Lost::Gone),
    })
}

/// Those that nobody asked for, for so long that nobody will, each with its last activation: what is activated before it
/// goes is wanted after all.
fn unwanted(all: &[Known], now: SystemTime) -> Vec<(ProjectEnv, Option<u64>)> {
    let is_old = |known: &&Known| {
        // What was never active may be in the making.
        let Some(activated) = known.activated else { return false };
        let then = UNIX_EPOCH + Duration::from_millis(activated);
        now.duration_since(then).is_ok_and(|age| age >= GRACE)
    };
    let lost = all.iter().filter(|known| lost(known).is_some()).filter(is_old);
    lost.map(|known| (known.name.clone(), known.activated)).collect()
}

/// The environment that a name means: `ENV` of this project, or `PROJECT/ENV`.
///
/// # Errors
/// [`Error::NoSuchEnvironment`].
pub fn named(name: &str, all: &[Known], project: &str) -> Result<ProjectEnv, Error> {
    let full = if name.contains('/') { name.to_owned() } else { format!("{project}/{name}") };
    if let Some(known) = all.iter().find(|known| known.name.to_string() == full) {
        return Ok(known.name.clone());
    }
    let near = nearest(&full, all.iter().map(|known| known.name.to_string()));
    Err(Error::NoSuchEnvironment { name: name.to_owned(), near })
}

/// Removes what these are known by, and nothing else; what nothing uses then is for a collection.
///
/// # Errors
/// What removing fails with.
pub fn forget(
    place: &dyn Place,
    names: &[ProjectEnv],
    settings: &Settings,
) -> Result<(), EnvironmentError> {
    if names.is_empty() {
        return Ok(());
    }
    let what = Collect {
        keep: usize::MAX,
        named: Vec::new(),
        forgotten: names.iter().map(|name| (name.clone(), None)).collect(),
        // All that is there is younger.
        recent: Duration::from_hours(24 * 365 * 100),
        dry_run: false,
        now: SystemTime::now(),
    };
    collect(place, what)?;
    for name in names.iter().filter(|name| name.project() == settings.project.name()) {
        let (root, python) = (settings.root.clone(), settings.python.clone());
        crate::remembered::forget(&settings.of_environment(name.env(), root, python));
    }
    Ok(())
}

/// What a collection removes, or would.
#[derive(Debug)]
pub struct Cleared {
    /// What.
    pub plan: GcPlan,
    /// How many environments stay although the directories of their projects are gone.
    pub lost: usize,
}

/// Removes what nothing needs, with the environments that nobody wants any more and whatever the cache has beyond a size;
/// `None` where there is no root yet.
///
/// # Errors
/// What looking and removing fail with.
pub fn clear(
    what: Collect,
    most: Option<u64>,
    settings: &Settings,
    events: &Events,
) -> Result<Option<Cleared>, Error> {
    let (dry_run, now, mut lost_ones) = (what.dry_run, what.now, 0);
    let plan = at_place(settings, events, |place| {
        let all = environments(place)?;
        let forgotten = unwanted(&all, now);
        let stays = |known: &&Known| !forgotten.iter().any(|(name, _)| *name == known.name);
        let gone = all.iter().filter(|known| lost(known) == Some(Lost::Gone));
        lost_ones = gone.filter(stays).count();
        collect(place, Collect { forgotten, ..what })
    })?;
    let Some(mut plan) = plan else { return Ok(None) };
    if matches!(settings.root, Root::Volume(_)) && !dry_run {
        Connection::open(settings)?.remove_leftovers(events)?;
    }
    // The cache is the user's own, wherever the root is.
    if let (Some(limit), Ok(cache)) = (most, settings.cache_directory()) {
        let folders = loose(&cache);
        let cut = if dry_run { cache_plan(&folders, limit)? } else { cut_cache(&folders, limit)? };
        plan.discards.extend(cut);
    }
    Ok(Some(Cleared { plan, lost: lost_ones }))
}

/// Removes the whole root, with a volume the volume itself: what it was, and the bytes that it had where that is known;
/// `None` where there was none.
///
/// # Errors
/// If a process or a container uses something of it, and what removing fails with.
pub fn remove_root(settings: &Settings) -> Result<Option<(String, Option<u64>)>, Error> {
    match &settings.root {
        Root::Volume(volume) => {
            let removed = Connection::open(settings)?.remove_volume(volume)?;
            Ok(removed.then(|| (format!("the volume {volume}"), None)))
        }
        Root::Directory(path) => {
            let Some(root) = pyfast_root::Root::find(path, path)? else { return Ok(None) };
            let bytes = pyfast_installer::gc::remove_root(&root, &|_waiting| ())?;
            Ok(Some((path.display().to_string(), Some(bytes))))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn known(name: &str, directory: Option<PathBuf>, days: u64) -> Known {
        let activated = Duration::from_hours((1000 - days) * 24).as_millis();
        Known {
            name: ProjectEnv::try_from(name.to_owned()).unwrap(),
            directory,
            id: None,
            packages: 0,
            activated: u64::try_from(activated).ok(),
        }
    }

    #[test]
    fn nobody_wants_what_is_gone_and_old() {
        let here = tempfile::tempdir().unwrap();
        let (there, gone) = (here.path().to_owned(), here.path().join("gone"));
        let all = [
            known("a/default", Some(there.clone()), 900),
            known("b/default", Some(gone.clone()), 40),
            known("c/default", Some(gone), 20),
            known("d/default", None, 900),
            known("a/run-script-1", Some(there.clone()), 40),
            known("a/run-script-2", Some(there), 20),
        ];
        let now = UNIX_EPOCH + Duration::from_hours(1000 * 24);
        let found = unwanted(&all, now);
        let names: Vec<String> = found.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["b/default", "a/run-script-1"]);
        assert_eq!(found[0].1, all[1].activated);
        let in_the_making = Known { activated: None, ..all[4].clone() };
        assert!(unwanted(&[in_the_making], now).is_empty());
        let lost: Vec<_> = all.iter().map(lost).collect();
        let (gone, run) = (Some(Lost::Gone), Some(Lost::OneRun));
        assert_eq!(lost, [None, gone, gone, None, run, run]);
    }

    #[test]
    fn a_name_means_one_of_the_project_or_is_whole() {
        let all = [known("shop-1/default", None, 1), known("bank-2/dash", None, 1)];
        let check = |name: &str| named(name, &all, "shop-1").map(|name| name.to_string());
        assert_eq!(check("default").unwrap(), "shop-1/default");
        assert_eq!(check("bank-2/dash").unwrap(), "bank-2/dash");
        let Err(Error::NoSuchEnvironment { near, .. }) = check("defaults") else { panic!() };
        assert_eq!(near.as_deref(), Some("shop-1/default"));
        assert!(matches!(check("dash"), Err(Error::NoSuchEnvironment { near: None, .. })));
    }
}
