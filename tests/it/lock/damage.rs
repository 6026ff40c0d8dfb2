//! A cache whose files lost or changed bytes: it is noticed, and changes no lock.

use std::path::{Path, PathBuf};

use super::private::cached;
use crate::support::index::Freshness;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world with a page of so many versions in its cache, and the lock that it leads to.
fn world(versions: usize) -> (World, Vec<String>) {
    let world = World::new();
    world.index.set(|options| options.freshness = Freshness::MaxAge(3600));
    for minor in 0..versions {
        world.index.add(&Wheel::new("many", &format!("1.{minor}")).requires("b"));
    }
    world.index.add(&Wheel::new("b", "1.0"));
    world.require(&["many"]);
    let locked = world.locked(&[]);
    assert!(locked.contains(&format!("many==1.{}", versions - 1)), "{locked:?}");
    (world, locked)
}

fn file_below(folder: &Path, name: Option<&str>) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let wanted = |path: &Path| name.is_none_or(|name| path.ends_with(name));
    entries.iter().find_map(|path| {
        if path.is_dir() { file_below(path, name) } else { wanted(path).then(|| path.clone()) }
    })
}

/// Cuts a file and changes runs of its bytes, each time anew, and locks.
fn check(world: &World, file: &Path, expected: &[String]) {
    let whole = fs_err::read(file).unwrap();
    let mut damages: Vec<Vec<u8>> =
        [0, 3, 20, whole.len() / 2, whole.len() - 1].map(|length| whole[..length].to_vec()).into();
    for start in (0..whole.len()).step_by(whole.len() / 20 + 1) {
        let mut changed = whole.clone();
        changed[start..].iter_mut().take(40).for_each(|byte| *byte ^= 0x15);
        damages.push(changed);
    }
    for damaged in damages {
        fs_err::remove_file(world.project.join("pylock.toml")).unwrap();
        fs_err::write(file, damaged).unwrap();
        assert_eq!(world.locked(&[]), expected);
    }
    // It heals: what the server was asked for again is in its place.
    world.index.forget();
    assert_eq!(world.locked(&["--upgrade"]), expected);
    assert!(world.index.seen().is_empty(), "the cache did not heal");
}

#[test]
fn damaged_page_changes_no_lock() {
    let (world, expected) = world(3);
    let page = file_below(&cached(&world, "pages-5"), Some("many")).expect("a page");
    check(&world, &page, &expected);
}

#[test]
fn damaged_page_that_is_read_part_by_part_changes_no_lock() {
    let (world, expected) = world(400);
    let page = file_below(&cached(&world, "pages-5"), Some("many")).expect("a page");
    assert!(fs_err::metadata(&page).unwrap().len() > 48 << 10, "it is read as a whole");
    check(&world, &page, &expected);
}

#[test]
fn damaged_metadata_changes_no_lock() {
    let (world, expected) = world(1);
    let metadata = cached(&world, "metadata-3");
    let file = file_below(&metadata, None).expect("metadata");
    check(&world, &file, &expected);
}
