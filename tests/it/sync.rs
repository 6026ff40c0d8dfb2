//! `pyfast sync`: from a lock to an environment.

mod change;
mod concurrent;
mod crash;
mod direct;
mod environments;
mod failure;
mod hostile;
mod hosts;
mod large;
mod layout;
mod lockfile;
mod noop;
mod noticed;
mod output;
mod record;
mod scripts;
mod sdist;
mod volumes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::python::evaluate;
use crate::support::ran::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world with `a` (needs `b`) and `b`, both in 1.0 and 2.0.
fn world() -> World {
    let world = World::new();
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("a", version).requires("b"));
        world.index.add(&Wheel::new("b", version));
    }
    world
}

/// What the environment's interpreter finds installed: `name==version`, sorted.
#[track_caller]
fn installed(python: &Path) -> Vec<String> {
    const SCRIPT: &str = "import importlib.metadata as m\n\
        print('\\n'.join(sorted(d.metadata['Name'] + '==' + d.version for d in m.distributions())))";
    evaluate(python, SCRIPT).lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

/// The one `site-packages` of an environment.
fn site_packages(environment: &Path) -> PathBuf {
    let mut entries = fs_err::read_dir(environment.join("lib")).unwrap();
    let python = entries.next().expect("lib has a pythonX.Y").unwrap();
    python.path().join("site-packages")
}

/// Syncs `requirements` and compares what the environment's interpreter finds.
#[track_caller]
fn check(world: &World, requirements: &[&str], expected: &[&str]) -> Synced {
    let synced = world.require(requirements).sync(&[]);
    assert_eq!(installed(&synced.bin("python")), expected);
    synced
}

/// Every path below `folder` with what it is: a file's bytes or a link's target. Links are not followed.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = fs_err::read_dir(&next) else { continue };
        for entry in entries.map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let content = if kind.is_symlink() {
                format!("-> {}", fs_err::read_link(&path).unwrap().display())
            } else if kind.is_dir() {
                open.push(path.clone());
                "directory".to_owned()
            } else {
                crate::support::wheel::sha256(&fs_err::read(&path).unwrap())
            };
            found.insert(path, content);
        }
    }
    found
}

/// What must not change when a sync fails: the link, and every file the generation shows.
fn state(synced: &Synced) -> (PathBuf, BTreeMap<PathBuf, String>) {
    let target = fs_err::read_link(synced.current()).unwrap();
    (target, snapshot(&fs_err::canonicalize(synced.current()).unwrap()))
}
