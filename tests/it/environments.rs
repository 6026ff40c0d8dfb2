//! `pyfast env`: which environments there are, and how they go.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use fs_err as fs;

use crate::support::ran::{MENDABLE, Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A project with two environments, and another one whose directory is gone.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0")).add(&Wheel::new("b", "1.0"));
    world.require(&["a"]);
    world.sync(&[]);
    world.pyfast(&["sync", "--env", "dash", "-r", "requirements.txt"]).ok();
    let other = world.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("requirements.txt"), "b\n").unwrap();
    let mut command = world.bare(&["sync", "--root"]);
    command.arg(&world.root).args(["--python", &world.python]).args(&world.index_flags);
    Ran::of({
        command.current_dir(&other);
        command
    })
    .ok();
    fs::remove_dir_all(&other).unwrap();
    world
}

/// The names of the environments, sorted, without the part that is made of the directory's path.
fn names(world: &World) -> Vec<String> {
    let list = world.pyfast(&["env", "list", "--json"]).ok().json();
    let name = |one: &serde_json::Value| {
        let name = one["name"].as_str().unwrap();
        let (project, env) = name.split_once('/').unwrap();
        format!("{}/{env}", project.rsplit_once('-').map_or(project, |(title, _)| title))
    };
    let mut names: Vec<String> = list.as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn all_projects_are_listed_and_what_is_gone_is_said() {
    let world = world();
    assert_eq!(names(&world), ["other/default", "project/dash", "project/default"]);
    let ran = world.pyfast(&["env", "list"]).ok();
    let line = ran.stdout.lines().find(|line| line.contains("other-")).unwrap();
    assert!(line.ends_with("gone") && line.contains(&world.path("other").display().to_string()));
    assert!(ran.stdout.contains("project-"), "{ran}");
    let empty = World::new();
    let ran = empty.pyfast(&["env", "list"]).ok();
    assert_eq!(ran.stdout, "", "{ran}");
    assert!(!empty.root.exists(), "a reader creates nothing");
}

#[test]
fn a_named_environment_goes_alone() {
    let world = world();
    world.pyfast(&["env", "rm", "dahs"]).refused(MENDABLE, &["no environment `dahs`", "/dash"]);
    world.pyfast(&["env", "rm"]).refused(USAGE, &["NAME"]);
    world.pyfast(&["env", "rm", "dash"]).ok();
    assert_eq!(names(&world), ["other/default", "project/default"]);
    world.pyfast(&["list"]).ok();
    world.pyfast(&["verify", "--all"]).ok();
    // It can be made again, and remembers nothing of before.
    let ran = world.pyfast(&["sync", "--env", "dash", "-r", "requirements.txt"]).ok();
    assert!(!ran.stderr.contains("last time"), "{ran}");
}

#[test]
fn environments_of_directories_that_are_gone_go_together() {
    let world = world();
    let ran = world.pyfast(&["gc", "--recent", "0", "--keep", "0"]).ok();
    assert!(ran.stderr.contains("`pyfast env rm --gone`"), "{ran}");
    assert_eq!(names(&world).len(), 3, "it was activated just now");
    world.pyfast(&["env", "rm", "--gone"]).ok();
    assert_eq!(names(&world), ["project/dash", "project/default"]);
    let ran = world.pyfast(&["gc", "--recent", "0", "--keep", "0", "--dry-run"]).ok();
    assert!(ran.stdout.contains("remove wheel b 1.0"), "{ran}");
    let again = world.pyfast(&["env", "rm", "--gone"]).ok();
    assert!(again.stderr.contains("nothing to remove"), "{again}");
}

#[test]
fn what_is_gone_for_long_is_collected() {
    let world = world();
    let project = fs::read_dir(world.root.join("projects")).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.file_name()?.to_str()?.starts_with("other-").then_some(path)
    });
    let history = project.unwrap().join("default/history.jsonl");
    let mut line: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&history).unwrap()).unwrap();
    let month = 31 * 24 * 3600 * 1000;
    line["at"] = (line["at"].as_u64().unwrap() - month).into();
    fs::write(&history, format!("{line}\n")).unwrap();
    let ran = world.pyfast(&["gc", "--dry-run"]).ok();
    assert!(ran.stdout.contains("remove what is known of other-"), "{ran}");
    assert_eq!(names(&world).len(), 3);
    world.pyfast(&["gc"]).ok();
    assert_eq!(names(&world), ["project/dash", "project/default"]);
}

#[test]
fn everything_goes_unless_a_process_uses_it() {
    let world = world();
    let mut command = world.command(&["run", "--", "sleep", "600"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let path = format!("/proc/{}/cmdline", child.id());
    while !fs::read_to_string(&path).unwrap_or_default().starts_with("sleep") {
        thread::sleep(Duration::from_millis(5));
    }
    world.pyfast(&["env", "rm", "--all"]).refused(MENDABLE, &["in use by a process"]);
    assert_eq!(names(&world).len(), 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let removed = world.pyfast(&["env", "rm", "--all", "--json"]).ok().json();
    assert_eq!(removed["removed"].as_array().map(Vec::len), Some(1), "{removed}");
    assert!(!world.root.exists());
    let again = world.pyfast(&["env", "rm", "--all", "--json"]).ok().json();
    assert_eq!(again["removed"].as_array().map(Vec::len), Some(0), "{again}");
}

#[test]
fn one_command_leaves_nothing_of_the_user_behind() {
    let mut world = world();
    let home = world.path("home");
    world.root = home.join(".local/share/pyfast");
    world.sync(&[]);
    assert!(world.root.join("store").exists() && home.join(".cache/pyfast").exists());
    world.pyfast(&["cache", "clean", "--all"]).ok();
    assert!(!world.root.exists(), "{:?}", fs::read_dir(&world.root).map(Iterator::count));
    assert!(!home.join(".cache/pyfast").exists());
}

#[test]
fn the_only_environment_is_meant_where_none_is_named() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.write("deps/base.txt", "a\n");
    world.write("pyfast.toml", "[env.backend]\nrequirements = \"deps/base.txt\"\n");
    world.pyfast(&["sync"]).ok();
    assert_eq!(world.pyfast(&["list", "--env", "backend"]).ok().stdout, "a==1.0\n");
    assert_eq!(world.pyfast(&["list"]).ok().stdout, "a==1.0\n");
    world.pyfast(&["run", "python", "-c", "import a"]).ok();
    // Of several none is meant more than the others.
    world.write("pyfast.toml", "[env.backend]\nrequirements = \"deps/base.txt\"\n[env.web]\n");
    let refused = world.pyfast(&["list"]).refused(MENDABLE, &["no environment `default`"]);
    assert!(refused.stderr.contains("backend, web"), "the others are named: {refused}");
}

#[test]
fn services_of_several_images_are_told_where_an_image_is_missing() {
    let world = World::new();
    world.require(&["a"]);
    world.write("pyfast.toml", "[project]\nroot = \"volume:pyfast-it-several\"\n[env.back]\nservices = [\"web\", \"job\"]\n");
    world.write("compose.yaml", "services:\n  web: {image: one}\n  job: {image: two}\n");
    let ran = Ran::of(world.bare(&["sync", "-r", "requirements.txt"]));
    ran.refused(USAGE, &["no image is given", "different images", "`image`"]);
}
