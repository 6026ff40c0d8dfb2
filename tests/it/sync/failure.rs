//! A sync that fails: it is explained, and the environment is what it was.

use crate::support::http::Break;
use crate::support::index::{ALWAYS, Fault, Index};
use crate::support::page::File;
use crate::support::ran::{EITHER, MENDABLE};
use crate::support::source::Sdist;
use crate::support::stock::{check, stocked};
use crate::support::wheel::Wheel;
use crate::support::world::World;

#[test]
fn what_the_resolver_found_is_said_before_the_error() {
    let world = World::new();
    world.index.publish(File::new(Wheel::new("a", "1").build()).yanked("eats data"));
    let broken = Sdist::new("b", "1").stated("").doing("raise SystemExit('no compiler')");
    broken.publish(&world);
    let ran = world.require(&["a==1", "b"]).try_sync(&[]);
    let ran = ran.refused(EITHER, &["a==1 was yanked: eats data", "cannot build b==1"]);
    let place = |words: &str| ran.stderr.find(words).unwrap_or(usize::MAX);
    assert!(place("was yanked") < place("error:"), "{ran}");
    assert_eq!(ran.stderr.matches("was yanked").count(), 1, "{ran}");
}

/// Syncs `a` and `b`, lets `break_it` change the world, asks for `c` as well: that fails, is
/// explained with `needles`, and changes nothing.
#[track_caller]
pub(super) fn check_failure(
    world: &mut World,
    codes: &[i32],
    needles: &[&str],
    break_it: impl FnOnce(&mut World),
) {
    let synced = check(world, &["a"], &["a==2.0", "b==2.0"]);
    let before = synced.state();
    break_it(world);
    let ran = world.require(&["a", "c"]).try_sync(&[]);
    ran.refused_with_hint(codes, needles);
    assert!(synced.state() == before, "the environment has changed");
    let script = "import a, b; print(a.__version__)";
    assert_eq!(synced.evaluate(script), "2.0\n");
}

const C: &str = "c-1.0-py3-none-any.whl";

/// As [`check_failure`], where the index fails to deliver `c`'s wheel.
#[track_caller]
fn check_delivery(fault: Fault, needles: &[&str]) {
    let Some(mut world) = stocked() else { return };
    check_failure(&mut world, MENDABLE, needles, |world| {
        world.index.add(&Wheel::new("c", "1.0").padded(5000));
        world.index.fail(C, fault, ALWAYS);
        // The metadata file has the wheel's name in its own; it is not what fails here.
        world.index.set(|options| options.metadata_files = false);
        world.index.set(|options| options.ranges = false);
    });
}

#[test]
fn unsatisfiable_requirements_change_nothing() {
    let Some(mut world) = stocked() else { return };
    check_failure(&mut world, MENDABLE, &["c"], |_| {});
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
    let Some(mut world) = stocked() else { return };
    let listed = "12".repeat(32);
    let found = Wheel::new("c", "1.0").build().sha256;
    check_failure(&mut world, MENDABLE, &["c", &listed[..12], &found[..12]], |world| {
        let file = File::new(Wheel::new("c", "1.0").build());
        world.index.publish(file.listed("sha256", &listed));
    });
}

#[test]
fn wheel_that_changed_since_the_lock_is_refused() {
    let Some(mut world) = stocked() else { return };
    check_failure(&mut world, MENDABLE, &[C], |world| {
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
    let Some(mut world) = stocked() else { return };
    check_failure(&mut world, MENDABLE, &["127.0.0.1"], |world| world.index.stop());
}

#[test]
fn root_of_another_layout_is_refused() {
    let Some(mut world) = stocked() else { return };
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
