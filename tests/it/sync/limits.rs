//! A directory, an interpreter or a machine that is not as it should be: it is explained, and the environment is what it was.

use super::failure::check_failure;
use crate::support::mount::Mount;
use crate::support::ran::{EITHER, MENDABLE, Ran};
use crate::support::stock::{check, stock};
use crate::support::wheel::Wheel;
use crate::support::world::World;

fn world() -> World {
    stock(World::new())
}

#[test]
fn missing_interpreter_is_named() {
    check_failure(&mut world(), EITHER, &["/nowhere/python3"], |world| {
        "/nowhere/python3".clone_into(&mut world.python);
    });
}

#[test]
fn interpreter_that_is_none_is_named() {
    check_failure(&mut world(), EITHER, &["/bin/false"], |world| {
        "/bin/false".clone_into(&mut world.python);
    });
}

#[test]
fn missing_requirements_file_is_named() {
    let world = world();
    let ran = world.pyfast(&["sync", "--json", "-r", "gone.txt"]);
    ran.refused_with_hint(EITHER, &["gone.txt"]);
}

#[test]
fn root_below_a_file_is_named() {
    let mut world = world();
    world.root = world.write("plain-file", "").join("root");
    world.require(&["a"]).try_sync(&[]).refused_with_hint(EITHER, &["plain-file"]);
}

#[test]
fn full_disk_is_named_and_heals() {
    let mut world = world();
    let path = world.path("small");
    let _mount = Mount::tmpfs(&path, "size=12m");
    world.root = path.join("root");
    check_failure(&mut world, MENDABLE, &["c", "space"], |world| {
        world.index.add(&Wheel::new("c", "1.0").padded(16 << 20));
    });
    // What the failed sync had written is no longer in the way.
    world.index.add(&Wheel::new("d", "1.0").padded(1 << 20));
    check(&world, &["a", "d"], &["a==2.0", "b==2.0", "d==1.0"]);
}

#[test]
fn cache_without_room_for_a_large_wheel_stops_no_sync() {
    let mut world = world();
    let path = world.path("small");
    let _mount = Mount::tmpfs(&path, "size=6m");
    let cache = path.join("cache");
    world.env.insert("PYFAST_CACHE_DIR".to_owned(), cache.to_str().unwrap().to_owned());
    world.index.add(&Wheel::new("c", "1.0").padded(20 << 20));
    check(&world, &["a", "c"], &["a==2.0", "b==2.0", "c==1.0"]);
    assert_eq!(fs_err::read_dir(cache.join("partial-1")).unwrap().count(), 0);
    assert_eq!(world.index.asked("/c-1.0-py3-none-any.whl").len(), 2);
}

#[test]
fn read_only_root_is_named() {
    let mut world = world();
    let path = world.path("small");
    let mount = Mount::tmpfs(&path, "size=12m");
    world.root = path.join("root");
    let root = world.root.display().to_string();
    check_failure(&mut world, EITHER, &["read-only", &root], |world| {
        world.index.add(&Wheel::new("c", "1.0"));
        mount.read_only();
    });
}

#[test]
fn file_size_limit_is_an_error_and_no_signal() {
    let world = world();
    let synced = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    let before = synced.state();
    world.index.add(&Wheel::new("c", "1.0").padded(8 << 20));
    let sync = world.require(&["a", "c"]).command(&["sync", "--json", "-r", "requirements.txt"]);
    // In blocks of 512 bytes or 1 KiB, as the shell has it: less than the wheel in both.
    let ran = Ran::of(world.limited("ulimit -f 4000", &sync));
    ran.refused_with_hint(MENDABLE, &["c"]);
    assert!(synced.state() == before, "the environment has changed");
}

#[test]
fn few_file_descriptors_are_enough_or_an_error() {
    let world = world();
    let lines: Vec<String> = (0..40).map(|number| format!("p{number}")).collect();
    for line in &lines {
        world.index.add(&Wheel::new(line, "1.0"));
    }
    world.require(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let sync = world.command(&["sync", "-r", "requirements.txt"]);
    let ran = Ran::of(world.limited("ulimit -n 48", &sync));
    assert!(matches!(ran.code(), Some(0 | 1)), "{ran}");
    assert_eq!(world.sync(&[]).packages().len(), 40);
}
