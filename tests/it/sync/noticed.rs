//! What a sync with "nothing to do" must still notice.

use super::world;
use crate::support::python::evaluate;
use crate::support::ran::{MENDABLE, Ran, Synced};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Syncs what `pyfast.toml` names.
#[track_caller]
fn sync_configured(world: &World) -> Synced {
    Synced::of(world.pyfast(&["sync", "--json"]))
}

#[test]
fn another_requirements_file_in_pyfast_toml_is_noticed() {
    let world = world();
    world.write("one.txt", "b==1.0\n");
    world.write("two.txt", "b==2.0\n");
    world.write("pyfast.toml", "[env.default]\nrequirements = [\"one.txt\"]\n");
    assert_eq!(sync_configured(&world).packages(), ["b==1.0"]);
    world.write("pyfast.toml", "[env.default]\nrequirements = [\"two.txt\"]\n");
    assert_eq!(sync_configured(&world).packages(), ["b==2.0"]);
}

#[test]
fn the_same_relative_file_in_another_directory_is_another_file() {
    let world = world();
    for (directory, pin) in [("x", "b==1.0"), ("y", "b==2.0")] {
        world.write(&format!("{directory}/r.txt"), pin);
        let mut command = world.command(&["sync", "--json", "-r", "r.txt"]);
        command.current_dir(world.project.join(directory));
        assert_eq!(Synced::of(Ran::of(command)).packages(), [pin]);
    }
}

#[test]
fn a_local_wheel_that_was_built_anew_is_installed_anew() {
    let world = world();
    let build = |value: &str| {
        let wheel = Wheel::new("c", "1.0").file("c/value.py", format!("value = '{value}'\n"));
        wheel.build().write_to(&world.project)
    };
    let path = build("old");
    let line = format!("./{}", path.file_name().unwrap().to_str().unwrap());
    let script = "import c.value; print(c.value.value)";
    let python = world.require(&[&line]).sync(&[]).bin("python");
    assert_eq!(evaluate(&python, script), "old\n");
    build("new and longer");
    let python = world.sync(&[]).bin("python");
    assert_eq!(evaluate(&python, script), "new and longer\n");
}

#[test]
fn a_wheel_replaced_in_a_find_links_directory_is_noticed() {
    let world = world();
    let links = world.path("links");
    let build = |value: &str| {
        Wheel::new("d", "1.0").file("d/v.py", format!("v = '{value}'\n")).build().write_to(&links)
    };
    let arguments = ["--find-links", links.to_str().unwrap(), "--no-index"];
    let script = "import d.v; print(d.v.v)";
    build("old");
    let python = world.require(&["d"]).sync(&arguments).bin("python");
    assert_eq!(evaluate(&python, script), "old\n");
    build("newer");
    let python = world.sync(&arguments).bin("python");
    assert_eq!(evaluate(&python, script), "newer\n");
}

#[test]
fn a_lock_that_cannot_be_read_is_not_thrown_away() {
    let world = world();
    world.require(&["b"]).lock(&[]).ok();
    let broken = format!("<<<<<<< ours\n{}", world.read("pylock.toml"));
    world.write("pylock.toml", &broken);
    world.try_sync(&[]).refused_with_hint(MENDABLE, &["pylock.toml"]);
    assert_eq!(world.read("pylock.toml"), broken);
}

#[test]
fn a_lock_of_another_tool_is_left_as_it_is() {
    let world = world();
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
fn metadata_of_one_index_does_not_speak_for_another() {
    let world = world();
    let wheel = Wheel::new("e", "1.0").build();
    let forged = format!("{}Requires-Dist: b\n", wheel.metadata.trim_end().to_owned() + "\n");
    let evil = World::new();
    evil.index.publish(crate::support::page::File::new(wheel.clone()).metadata(&forged));
    evil.index.add(&Wheel::new("b", "6.6"));
    // The same root and cache: the forged metadata is remembered for its own URL alone.
    let mut command = world.bare(&["lock", "-o", "-", "--project"]);
    command.arg(&world.project).arg("--root").arg(&world.root).args(["--python", &world.python]);
    world.require(&["e"]);
    command.args(&evil.index_flags);
    Ran::of(command).ok();
    world.index.publish(crate::support::page::File::new(wheel));
    assert_eq!(world.sync(&[]).packages(), ["e==1.0"]);
}

#[test]
fn an_edit_during_a_sync_is_noticed_by_the_next() {
    let world = world();
    world.index.delay("/simple/b/", 600);
    world.require(&["b==1.0"]);
    let mut child = world.command(&["sync", "-q", "-r", "requirements.txt"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(250));
    // The same size, while the sync waits for the index.
    world.require(&["b==2.0"]);
    assert!(child.wait().unwrap().success());
    assert_eq!(world.sync(&[]).packages(), ["b==2.0"]);
}
