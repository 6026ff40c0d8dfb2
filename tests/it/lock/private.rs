//! Who may read what is kept of indexes and repositories.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::python::check;
use crate::support::ran::{EITHER, Ran};
use crate::support::repository::Repository;
use crate::support::source::Sdist;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world that needs a page, metadata, a source archive, a text and a clone.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    Sdist::new("s", "1.0").publish(&world);
    let text = world.index.write("/texts/r.txt", "a\n");
    let repository = Repository::new(&world, "c");
    repository.commit(".", &Sdist::new("c", "1.0").project(""));
    world.require(&["s", &format!("-r {text}"), &repository.url("")]);
    world
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The directory of this name in the cache, wherever that is.
pub(super) fn cached(world: &World, name: &str) -> PathBuf {
    fn find(folder: &Path, name: &str) -> Option<PathBuf> {
        if folder.ends_with(name) {
            return Some(folder.to_owned());
        }
        let folders = entries(folder).into_iter().filter(|path| path.is_dir());
        folders.filter(|path| !path.is_symlink()).find_map(|path| find(&path, name))
    }
    let mut places = ["root", "home"].iter().map(|place| world.path(place));
    places.find_map(|place| find(&place, name)).expect("there is a cache")
}

fn cache(world: &World) -> PathBuf {
    cached(world, "pages-5").parent().expect("it has a parent").to_owned()
}

fn mode(path: &Path) -> u32 {
    fs_err::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_cache_is_for_its_user_alone_whatever_the_mask() {
    for mask in ["umask 000", "umask 022", "umask 077"] {
        let world = world();
        for arguments in [["lock", "-r"], ["sync", "-r"]] {
            let command = world.command(&[&arguments[..], &["requirements.txt"]].concat());
            Ran::of(world.limited(mask, &command)).ok();
        }
        let cache = cache(&world);
        assert_eq!(mode(&cache), 0o700, "{mask}");
        let kinds: Vec<_> = entries(&cache).into_iter().filter(|path| path.is_dir()).collect();
        for kind in ["pages-5", "sources-1", "texts-2", "git-1"] {
            assert!(kinds.contains(&cache.join(kind)), "no {kind}");
            let inside = entries(&cache.join(kind));
            let open: Vec<_> = inside.iter().filter(|path| mode(path) & 0o077 != 0).collect();
            assert!(!inside.is_empty() && open.is_empty(), "{mask}: {open:?}");
        }
    }
}

#[test]
fn a_cache_that_was_open_is_closed() {
    let world = world();
    world.lock(&[]).ok();
    let cache = cache(&world);
    fs_err::set_permissions(&cache, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.index.add(&Wheel::new("b", "1.0"));
    world.require(&["b"]).lock(&[]).ok();
    assert_eq!(mode(&cache), 0o700);
}

#[test]
fn what_was_planted_in_the_cache_is_passed_over() {
    let world = world();
    world.lock(&[]).ok();
    for folder in ["pages-5", "texts-2", "hints-1"] {
        for place in entries(&cache(&world).join(folder)) {
            let files = if place.is_dir() { entries(&place) } else { vec![place] };
            for file in files {
                fs_err::remove_file(&file).unwrap();
                check(Command::new("mkfifo").arg(&file));
            }
        }
    }
    world.lock(&["--upgrade"]).ok();
}

#[test]
fn a_fifo_of_a_project_is_not_waited_for() {
    let world = World::new();
    for name in ["w-1.0-py3-none-any.whl", "s-1.0.tar.gz", "more.txt"] {
        check(Command::new("mkfifo").arg(world.project.join(name)));
        let line = if name == "more.txt" { format!("-r {name}") } else { format!("./{name}") };
        world.require(&[&line]).lock(&[]).refused(EITHER, &[name, "no regular file"]);
    }
}
