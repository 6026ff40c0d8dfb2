//! A sync that fails: it is explained, and the environment is what it was.

use super::{check, state, world};
use crate::support::http::Break;
use crate::support::index::{ALWAYS, Fault, Index};
use crate::support::mount::Mount;
use crate::support::page::File;
use crate::support::python::evaluate;
use crate::support::ran::{EITHER, MENDABLE, Ran};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Syncs `a` and `b`, lets `break_it` change the world, asks for `c` as well: that fails, is
/// explained with `needles`, and changes nothing.
#[track_caller]
fn check_failure(
    world: &mut World,
    codes: &[i32],
    needles: &[&str],
    break_it: impl FnOnce(&mut World),
) {
    let synced = check(world, &["a"], &["a==2.0", "b==2.0"]);
    let before = state(&synced);
    break_it(world);
    let ran = world.require(&["a", "c"]).try_sync(&[]);
    ran.refused_with_hint(codes, needles);
    assert!(state(&synced) == before, "the environment has changed");
    let script = "import a, b; print(a.__version__)";
    assert_eq!(evaluate(&synced.bin("python"), script), "2.0\n");
}

const C: &str = "c-1.0-py3-none-any.whl";

/// As [`check_failure`], where the index fails to deliver `c`'s wheel.
#[track_caller]
fn check_delivery(fault: Fault, needles: &[&str]) {
    check_failure(&mut world(), MENDABLE, needles, |world| {
        world.index.add(&Wheel::new("c", "1.0").padded(5000));
        world.index.fail(C, fault, ALWAYS);
        // The metadata file has the wheel's name in its own; it is not what fails here.
        world.index.set(|options| options.metadata_files = false);
        world.index.set(|options| options.ranges = false);
    });
}

#[test]
fn unsatisfiable_requirements_change_nothing() {
    check_failure(&mut world(), MENDABLE, &["c"], |_| {});
}

#[test]
fn corrupted_wheel_is_a_hash_mismatch() {
    check_delivery(Fault::Corrupted, &["c"]);
}

#[test]
fn truncated_wheel_is_refused() {
    check_delivery(Fault::Broken(Break::Truncated), &["c"]);
}

#[test]
fn wheel_shorter_than_listed_is_refused() {
    check_delivery(Fault::Broken(Break::ShortLength), &["c"]);
}

#[test]
fn wheel_that_is_gone_names_its_url() {
    check_delivery(Fault::Status(404), &["404", C]);
}

#[test]
fn hash_mismatch_names_both_digests() {
    let listed = "12".repeat(32);
    let found = Wheel::new("c", "1.0").build().sha256;
    check_failure(&mut world(), MENDABLE, &["c", &listed[..12], &found[..12]], |world| {
        let file = File::new(Wheel::new("c", "1.0").build());
        world.index.publish(file.listed_sha256(&listed));
    });
}

#[test]
fn wheel_that_changed_since_the_lock_is_refused() {
    check_failure(&mut world(), MENDABLE, &[C], |world| {
        world.index.publish(File::new(Wheel::new("c", "1.0").build()));
        world.require(&["a", "c"]).lock(&[]).ok();
        // Lives as long as the process.
        let other = Box::leak(Box::new(Index::start()));
        other.add(&Wheel::new("c", "1.0").file("c/added.py", "x = 1\n"));
        let lock = world.read("pylock.toml");
        let moved = lock.replace(&world.index.file_url(C), &other.file_url(C));
        assert_ne!(moved, lock);
        world.write("pylock.toml", &moved);
    });
}

#[test]
fn unreachable_index_changes_nothing() {
    check_failure(&mut world(), MENDABLE, &["127.0.0.1"], |world| world.index.stop());
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
fn root_of_another_layout_is_refused() {
    let mut world = world();
    check_failure(&mut world, EITHER, &["layout"], |world| {
        let marker = fs_err::read_dir(&world.root)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                path.is_file()
                    && fs_err::read_to_string(path).is_ok_and(|text| text.starts_with("pyfast 1"))
            })
            .expect("a file in the root says `pyfast 1`");
        fs_err::write(marker, "pyfast 99\n").unwrap();
        world.index.add(&Wheel::new("c", "1.0"));
    });
}

#[test]
fn file_size_limit_is_an_error_and_no_signal() {
    let world = world();
    let synced = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    let before = state(&synced);
    world.index.add(&Wheel::new("c", "1.0").padded(8 << 20));
    let sync = world.require(&["a", "c"]).command(&["sync", "--json", "-r", "requirements.txt"]);
    // In blocks of 512 bytes or 1 KiB, as the shell has it: less than the wheel in both.
    let ran = Ran::of(world.limited("ulimit -f 4000", &sync));
    ran.refused_with_hint(MENDABLE, &["c"]);
    assert!(state(&synced) == before, "the environment has changed");
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
