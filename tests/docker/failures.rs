//! Bad input: each gives one readable error, the right exit code, and leaves the previous environment as it was.

use crate::world::{NONE, SLIM, World, host};

#[test]
fn an_engine_that_does_not_run_is_exit_code_3() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("unix://{}/docker.gone", directory.path().display());
    let world = World::without_engine("down", &address);
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.sync_fails(SLIM, 3, &["container engine", &address]);
}

#[test]
fn an_image_that_is_not_present_is_named_and_no_volume_is_left() {
    let Some(world) = World::new("image") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.sync_fails(
        "pyfast-test/no-such-image:1",
        1,
        &["pyfast-test/no-such-image:1", "not present"],
    );
    assert!(!world.docker(&["volume", "inspect", &world.volume]).status.success());
}

#[test]
fn an_image_without_python_is_told_what_was_looked_for() {
    let Some(world) = World::new("nopython") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.sync_fails(NONE, 1, &[NONE, "no Python interpreter", "python3"]);
}

#[test]
fn a_volume_of_another_layout_is_left_alone() {
    let Some(world) = World::new("layout") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    let labels = ["--label", "io.pyfast.store=1", "--label", "io.pyfast.schema=999"];
    world.docker(&[&["volume", "create"][..], &labels[..], &[&world.volume]].concat());
    world.sync_fails(SLIM, 1, &[&world.volume, "999"]);
    assert_eq!(fs_err::read_dir(world.root()).unwrap().count(), 0, "nothing was written into it");
}

#[test]
fn a_volume_with_other_peoples_data_is_left_alone() {
    let Some(world) = World::new("foreign") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.docker(&["volume", "create", &world.volume]);
    fs_err::write(world.root().join("PG_VERSION"), "15").unwrap();
    world.sync_fails(SLIM, 1, &[&world.volume, "not empty"]);
    assert_eq!(fs_err::read_dir(world.root()).unwrap().count(), 1);
}

#[test]
fn a_failed_sync_leaves_the_previous_environment() {
    let Some(world) = World::new("failed") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    let before = world.current();
    world.requirements("alpha\nno-such-distribution>=3\n");
    world.sync_fails(SLIM, 1, &["no-such-distribution"]);
    assert_eq!(world.current(), before);
    assert_eq!(world.printed(&["python", "-c", "import alpha; print(alpha.__version__)"]), "1.0\n");
    assert_eq!(world.containers(), "");
}

#[test]
fn a_name_that_cannot_be_a_volume_is_usage() {
    let Some(host) = host() else { return };
    let mut world = World::without_engine("name", &host);
    world.volume = "../etc:/x".into();
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.sync_fails(SLIM, 2, &["../etc:/x"]);
}
