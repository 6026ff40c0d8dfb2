//! What is written: `pylock.toml` and requirement lines.

use std::process::Command;

use crate::support::python::{python, tools};
use crate::support::ran::Ran;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Five packages that need each other.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("b").requires("c"));
    world.index.add(&Wheel::new("b", "1.0").requires("d"));
    world.index.add(&Wheel::new("c", "1.0").requires("d").requires("e"));
    world.index.add(&Wheel::new("d", "1.0")).add(&Wheel::new("e", "1.0"));
    world.require(&["a"]);
    world
}

#[test]
fn lock_has_the_keys_of_the_specification() {
    let world = world();
    world.lock(&[]).ok();
    let lock: toml::Table = world.read("pylock.toml").parse().unwrap();
    assert_eq!(lock["lock-version"].as_str(), Some("1.0"));
    assert_eq!(lock["created-by"].as_str(), Some("pyfast"));
    let a = &lock["packages"][0];
    assert_eq!((a["name"].as_str(), a["version"].as_str()), (Some("a"), Some("1.0")));
    let built = Wheel::new("a", "1.0").requires("b").requires("c").build();
    let wheel = &a["wheels"][0];
    assert_eq!(wheel["hashes"]["sha256"].as_str(), Some(built.sha256.as_str()));
    assert_eq!(wheel["url"].as_str(), Some(world.index.file_url(&built.filename).as_str()));
    assert_eq!(wheel["size"].as_integer(), i64::try_from(built.bytes.len()).ok());
}

#[test]
fn lock_of_nothing_has_an_empty_list_of_packages() {
    let world = world();
    world.require(&["# nothing yet"]).lock(&[]).ok();
    assert_eq!(world.lock_packages(), Vec::<String>::new());
}

#[test]
fn lock_is_the_same_bytes_whatever_arrives_first() {
    let mut world = world();
    world.lock(&[]).ok();
    let first = world.read("pylock.toml");
    for (run, slow) in ["a", "b", "c", "d", "e"].iter().enumerate() {
        world.root = world.path(&format!("root-{run}"));
        fs_err::remove_file(world.project.join("pylock.toml")).unwrap();
        world.index.set(|options| options.delays.clear());
        world.index.delay(&format!("/{slow}"), 80);
        world.lock(&[]).ok();
        assert_eq!(world.read("pylock.toml"), first, "with a slow {slow}");
    }
}

#[test]
fn locking_again_writes_the_same_bytes() {
    let world = world();
    world.lock(&[]).ok();
    let first = world.read("pylock.toml");
    world.lock(&[]).ok();
    assert_eq!(world.read("pylock.toml"), first);
}

#[test]
fn lock_goes_where_it_is_told() {
    let world = world();
    world.lock(&["-o", "pylock.other.toml"]).ok();
    assert!(world.read("pylock.other.toml").contains("lock-version"));
    let ran = world.lock(&["-o", "-"]).ok();
    assert!(ran.stdout.contains("lock-version"), "{ran}");
    assert!(!world.project.join("pylock.toml").exists());
}

#[test]
fn lock_lies_beside_the_first_requirements_file() {
    let world = world();
    world.write("backend/requirements.txt", "d\n");
    world.pyfast(&["lock", "-r", "backend/requirements.txt", "-r", "requirements.txt"]).ok();
    assert!(world.read("backend/pylock.toml").contains("lock-version"));
}

#[test]
fn requirements_format_prints_pins() {
    let world = world();
    let ran = world.lock(&["--format", "requirements"]).ok();
    insta::assert_snapshot!(ran.stdout, @r"
    # made by `pyfast lock --format requirements`: change what it was locked from, and lock again
    a==1.0
    b==1.0
    c==1.0
    d==1.0
    e==1.0
    ");
}

#[test]
fn requirements_format_can_carry_hashes() {
    let world = world();
    let ran = world.require(&["d"]).lock(&["--format", "requirements", "--hashes"]).ok();
    let hash = format!("--hash=sha256:{}", Wheel::new("d", "1.0").build().sha256);
    assert!(ran.stdout.contains("d==1.0") && ran.stdout.contains(&hash), "{ran}");
}

#[test]
fn requirements_format_can_say_who_needs_a_package() {
    let world = world();
    let ran = world.lock(&["--format", "requirements", "--annotate"]).ok();
    let (_, after) = ran.stdout.split_once("e==1.0").expect("e is locked");
    assert!(after.contains("# via") && after.contains('c'), "{ran}");
}

#[test]
fn data_goes_to_stdout_and_nothing_else_when_quiet() {
    let world = world();
    let ran = world.lock(&["-q", "--format", "requirements"]).ok();
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.stdout.lines().count(), 6);
}

/// `uv pip sync pylock.toml` into an environment of its own, and what it holds then.
fn uv_sync(world: &World) -> String {
    let uv = |args: &[&str]| {
        let mut command = Command::new(tools().join("uv"));
        command.env_clear().env("HOME", world.path("home")).env("PATH", "/usr/bin:/bin");
        command.current_dir(&world.project).args(args).arg("--no-config");
        command.args(["--cache-dir"]).arg(world.path("uv-cache"));
        Ran::of(command).ok()
    };
    let venv = world.path("uv-venv").display().to_string();
    let interpreter = python().display().to_string();
    uv(&["venv", "--python", &interpreter, &venv]);
    uv(&["pip", "sync", "--python", &venv, "pylock.toml"]);
    uv(&["pip", "freeze", "--python", &venv]).stdout
}

#[test]
fn uv_installs_from_the_lock() {
    let world = world();
    world.lock(&[]).ok();
    assert_eq!(uv_sync(&world), "a==1.0\nb==1.0\nc==1.0\nd==1.0\ne==1.0\n");
}

#[test]
fn uv_installs_urls_and_local_wheels_from_the_lock() {
    let world = world();
    let url = world.index.file_url("d-1.0-py3-none-any.whl");
    Wheel::new("local", "3.0").build().write_to(&world.project.join("wheels"));
    world.require(&[&format!("d @ {url}"), "./wheels/local-3.0-py3-none-any.whl", "e"]);
    world.lock(&[]).ok();
    let frozen = uv_sync(&world);
    for start in ["d @ ", "local @ ", "e==1.0"] {
        assert!(frozen.lines().any(|line| line.starts_with(start)), "{frozen}");
    }
}

#[test]
fn why_shows_all_that_need_a_package_each_with_the_shortest_way() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("b").requires("c"));
    world.index.add(&Wheel::new("b", "1.0").requires("c")).add(&Wheel::new("c", "1.0"));
    world.require(&["a"]).lock(&[]).ok();
    let ran = world.pyfast(&["why", "c"]).ok();
    assert_eq!(ran.stdout, "a \u{2192} c\na \u{2192} b \u{2192} c\n");
    let ran = world.pyfast(&["why", "a"]).ok();
    assert_eq!(ran.stdout, "a is asked for by the requirements\n");
}

#[test]
fn a_device_is_written_to_and_a_link_stays_one() {
    use std::os::unix::fs::symlink;
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    // A link stands between, so that a mistake replaces nothing of this machine.
    world.write("other.toml", "");
    for (link, target) in
        [("nothing", "/dev/null"), ("out", "/dev/stdout"), ("pylock.far.toml", "other.toml")]
    {
        symlink(target, world.project.join(link)).unwrap();
        let ran = world.lock(&["-o", link]).ok();
        let kept = fs_err::symlink_metadata(world.project.join(link)).unwrap();
        assert!(kept.is_symlink(), "{link}: {ran}");
        assert_eq!(ran.stdout.contains("[[packages]]"), link == "out", "{ran}");
    }
    assert!(world.read("other.toml").contains("[[packages]]"));
}
