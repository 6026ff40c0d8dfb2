//! From one environment to the next.

use crate::support::ran::MENDABLE;
use crate::support::stock::{check, stocked};
use crate::support::synced::{Synced, snapshot};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// `added`, `removed` and `updated` in numbers.
fn counts(synced: &Synced) -> [usize; 3] {
    ["added", "removed", "updated"].map(|key| synced.count(key))
}

#[test]
fn first_sync_adds_everything() {
    let Some(world) = stocked() else { return };
    let synced = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    assert!(synced.changed());
    assert_eq!(counts(&synced), [2, 0, 0]);
}

#[test]
fn removed_requirement_is_removed_with_what_only_it_needed() {
    let Some(world) = stocked() else { return };
    world.index.add(&Wheel::new("c", "1.0"));
    check(&world, &["a", "c"], &["a==2.0", "b==2.0", "c==1.0"]);
    let synced = check(&world, &["c"], &["c==1.0"]);
    assert_eq!(counts(&synced), [0, 2, 0]);
}

#[test]
fn changed_pin_is_an_update() {
    let Some(world) = stocked() else { return };
    check(&world, &["a", "b==1.0"], &["a==2.0", "b==1.0"]);
    let synced = check(&world, &["a", "b==2.0"], &["a==2.0", "b==2.0"]);
    assert_eq!(counts(&synced), [0, 0, 1]);
}

#[test]
fn requirements_may_become_empty() {
    let Some(world) = stocked() else { return };
    check(&world, &["a"], &["a==2.0", "b==2.0"]);
    check(&world, &["# nothing"], &[]);
}

#[test]
fn going_back_gives_the_earlier_generation() {
    let Some(world) = stocked() else { return };
    let first = check(&world, &["a==1.0"], &["a==1.0", "b==2.0"]);
    let second = check(&world, &["a==2.0"], &["a==2.0", "b==2.0"]);
    assert_ne!(first.id(), second.id());
    world.index.forget();
    let third = check(&world, &["a==1.0"], &["a==1.0", "b==2.0"]);
    assert_eq!(third.id(), first.id());
    assert_eq!(world.index.asked(".whl").len(), 0, "nothing is fetched again");
}

/// Removes what was heard of the index.
fn forget_pages(world: &World) {
    fs_err::remove_dir_all(world.path("home/.cache/pyfast")).unwrap();
}

#[test]
fn going_back_asks_no_index_and_gives_the_versions_of_then() {
    let Some(world) = stocked() else { return };
    world.index.add(&Wheel::new("c", "1.0"));
    let first = check(&world, &["a", "c"], &["a==2.0", "b==2.0", "c==1.0"]);
    check(&world, &["a"], &["a==2.0", "b==2.0"]);
    world.index.add(&Wheel::new("c", "2.0")).forget();
    forget_pages(&world);
    let third = check(&world, &["a", "c"], &["a==2.0", "b==2.0", "c==1.0"]);
    assert_eq!(third.id(), first.id());
    assert_eq!(world.index.seen().len(), 0);
}

#[test]
fn newer_versions_that_were_wanted_are_not_taken_back_by_going_back() {
    let Some(world) = stocked() else { return };
    world.index.add(&Wheel::new("c", "1.0"));
    check(&world, &["a", "c"], &["a==2.0", "b==2.0", "c==1.0"]);
    world.require(&["a"]).sync(&["--upgrade"]);
    world.index.add(&Wheel::new("c", "2.0"));
    forget_pages(&world);
    check(&world, &["a", "c"], &["a==2.0", "b==2.0", "c==2.0"]);
}

#[test]
fn earlier_generation_stays_as_it_was() {
    let Some(world) = stocked() else { return };
    let first = check(&world, &["a==1.0"], &["a==1.0", "b==2.0"]);
    let before = snapshot(&first.environment());
    check(&world, &["a==2.0"], &["a==2.0", "b==2.0"]);
    assert_eq!(snapshot(&first.environment()), before);
    assert_eq!(first.installed_in_generation(), ["a==1.0", "b==2.0"]);
}

#[test]
fn another_project_on_the_root_fetches_nothing() {
    let Some(mut world) = stocked() else { return };
    check(&world, &["a"], &["a==2.0", "b==2.0"]);
    world.index.forget();
    world.project = world.path("second-project");
    fs_err::create_dir(&world.project).unwrap();
    check(&world, &["a"], &["a==2.0", "b==2.0"]);
    assert_eq!(world.index.asked(".whl").len(), 0);
}

#[test]
fn reinstall_heals_a_lost_file() {
    let Some(world) = stocked() else { return };
    let synced = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    let file = world.stored_file(&Wheel::new("b", "2.0").build(), "b/__init__.py");
    fs_err::remove_file(file).unwrap();
    world.sync(&["--reinstall"]);
    let script = "import b; print(b.__version__)";
    assert_eq!(synced.evaluate(script), "2.0\n");
}

#[test]
fn verify_notices_a_damaged_store() {
    let Some(world) = stocked() else { return };
    check(&world, &["a==1.0"], &["a==1.0", "b==2.0"]);
    let file = world.stored_file(&Wheel::new("b", "2.0").build(), "b/__init__.py");
    fs_err::remove_file(&file).unwrap();
    fs_err::write(&file, "__version__ = \"6.6\"\n").unwrap();
    let script = "import b; print(b.__version__)";
    let ran = world.require(&["a==2.0"]).try_sync(&["--verify"]);
    if ran.code() == Some(0) {
        assert_eq!(world.synced(ran).evaluate(script), "2.0\n", "healed");
    } else {
        ran.refused_with_hint(MENDABLE, &["b"]);
    }
}
