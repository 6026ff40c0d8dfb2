//! What a sync with "nothing to do" must still notice.

use std::path::Path;

use crate::support::ran::{MENDABLE, Ran};
use crate::support::repository::file_url;
use crate::support::stock::stocked;
use crate::support::synced::Synced;
use crate::support::until;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Syncs what `pyfast.toml` names.
#[track_caller]
fn sync_configured(world: &World) -> Synced {
    world.synced(world.pyfast(&["sync", "--json"]))
}

#[test]
fn another_requirements_file_in_pyfast_toml_is_noticed() {
    let Some(world) = stocked() else { return };
    world.write("one.txt", "b==1.0\n");
    world.write("two.txt", "b==2.0\n");
    world.write("pyfast.toml", "[env.default]\nrequirements = [\"one.txt\"]\n");
    assert_eq!(sync_configured(&world).packages(), ["b==1.0"]);
    world.write("pyfast.toml", "[env.default]\nrequirements = [\"two.txt\"]\n");
    assert_eq!(sync_configured(&world).packages(), ["b==2.0"]);
}

#[test]
fn the_same_relative_file_in_another_directory_is_another_file() {
    let Some(world) = stocked() else { return };
    for (directory, pin) in [("x", "b==1.0"), ("y", "b==2.0")] {
        world.write(&format!("{directory}/r.txt"), pin);
        let mut command = world.command(&["sync", "--json", "-r", "r.txt"]);
        command.current_dir(world.project.join(directory));
        assert_eq!(world.synced(Ran::of(command)).packages(), [pin]);
    }
}

#[test]
fn a_local_wheel_that_was_built_anew_is_installed_anew() {
    let Some(world) = stocked() else { return };
    let build = |value: &str| {
        let wheel = Wheel::new("c", "1.0").file("c/value.py", format!("value = '{value}'\n"));
        wheel.build().write_to(&world.project)
    };
    let path = build("old");
    let line = format!("./{}", path.file_name().unwrap().to_str().unwrap());
    let script = "import c.value; print(c.value.value)";
    assert_eq!(world.require(&[&line]).sync(&[]).evaluate(script), "old\n");
    build("new and longer");
    assert_eq!(world.sync(&[]).evaluate(script), "new and longer\n");
}

#[test]
fn a_wheel_replaced_in_a_find_links_directory_is_noticed() {
    let script = "import d.v; print(d.v.v)";
    let plain: fn(&Path) -> String = |links| links.display().to_string();
    for (name, named) in [("links", plain), ("more links", plain), ("more links", file_url)] {
        let Some(world) = stocked() else { return };
        let (links, named) = (world.path(name), named(&world.path(name)));
        let build = |value: &str| {
            let wheel = Wheel::new("d", "1.0").file("d/v.py", format!("v = '{value}'\n"));
            wheel.build().write_to(&links)
        };
        let arguments = ["--find-links", &named, "--no-index"];
        build("old");
        assert_eq!(world.require(&["d"]).sync(&arguments).evaluate(script), "old\n", "{named}");
        build("newer");
        assert_eq!(world.sync(&arguments).evaluate(script), "newer\n", "{named}");
    }
}

#[test]
fn a_lock_that_cannot_be_read_is_not_thrown_away() {
    let Some(world) = stocked() else { return };
    world.require(&["b"]).lock(&[]).ok();
    let broken = format!("<<<<<<< ours\n{}", world.read("pylock.toml"));
    world.write("pylock.toml", &broken);
    world.try_sync(&[]).refused_with_hint(MENDABLE, &["pylock.toml"]);
    assert_eq!(world.read("pylock.toml"), broken);
}

#[test]
fn a_lock_of_another_tool_is_left_as_it_is() {
    let Some(world) = stocked() else { return };
    world.require(&["b==1.0"]).lock(&[]).ok();
    let text = world.read("pylock.toml");
    let foreign: String =
        text.lines().filter(|line| !line.starts_with("inputs")).map(|l| format!("{l}\n")).collect();
    world.write("pylock.toml", &foreign);
    let synced = world.require(&["b"]).sync(&[]);
    assert_eq!(synced.packages(), ["b==1.0"], "its versions are preferred");
    assert_eq!(world.read("pylock.toml"), foreign);
}

#[test]
fn an_edit_during_a_sync_is_noticed_by_the_next() {
    let Some(world) = stocked() else { return };
    world.index.hold("/simple/b/");
    world.require(&["b==1.0"]);
    let mut child = world.command(&["sync", "-q", "-r", "requirements.txt"]).spawn().unwrap();
    // The same size, while the sync waits for the index.
    until("the index is asked", || !world.index.asked("/simple/b/").is_empty());
    world.require(&["b==2.0"]);
    world.index.release();
    assert!(child.wait().unwrap().success());
    assert_eq!(world.sync(&[]).packages(), ["b==2.0"]);
}
