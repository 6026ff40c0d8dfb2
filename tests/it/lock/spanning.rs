//! Locks for more than one target: all platforms, or those that are named.

use crate::support::ran::{MENDABLE, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world with what differs by Python and platform.
fn world() -> World {
    let world = World::new();
    for (version, python) in [("1.0", ">=3.8"), ("2.0", ">=3.11")] {
        world.index.add(&Wheel::new("stepped", version).requires_python(python));
    }
    for tag in ["py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64"] {
        world.index.add(&Wheel::new("compiled", "1.0").tag(tag));
    }
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("colour", version));
    }
    let terminal = Wheel::new("terminal", "1.0").requires("colour<2; sys_platform == 'win32'");
    world.index.add(&terminal.requires("colour"));
    world
}

/// What a lock means for a target.
fn exported(world: &World, python: &str, platform: &str) -> Vec<String> {
    let args = [
        "export",
        "--lock",
        "pylock.toml",
        "--python-version",
        python,
        "--python-platform",
        platform,
    ];
    let ran = world.pyfast(&args).ok();
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_universal_lock_has_for_each_python_and_platform_what_it_can_use() {
    let world = world();
    world.require(&["stepped", "terminal"]);
    world.lock(&["--universal", "--python-version", "3.9"]).ok();
    let old = exported(&world, "3.9", "linux");
    assert_eq!(old, ["colour==2.0", "stepped==1.0", "terminal==1.0"]);
    let new = exported(&world, "3.12", "linux");
    assert_eq!(new, ["colour==2.0", "stepped==2.0", "terminal==1.0"]);
    let windows = exported(&world, "3.12", "windows");
    assert_eq!(windows, ["colour==1.0", "stepped==2.0", "terminal==1.0"]);
    let unsupported = ["export", "--lock", "pylock.toml", "--python-version", "3.8"];
    world.pyfast(&unsupported).refused(MENDABLE, &["for Python >=3.9", "3.8"]);
}

#[test]
fn a_requirement_that_is_met_changes_no_version_that_a_part_of_the_region_can_keep() {
    let world = World::new();
    let old = Wheel::new("d", "1.0").extra("x").requires("e; sys_platform == 'win32'");
    let new = Wheel::new("d", "1.1").extra("x");
    let new = new.requires("e; python_full_version >= '3.11' and extra == 'x'");
    let broken = Wheel::new("e", "1.0").requires("c>=2; implementation_name == 'pypy'");
    for wheel in [Wheel::new("c", "1.1"), old, new, broken] {
        world.index.add(&wheel);
    }
    let lines = ["d[x]<2; python_version < '3.11'", "d<2"];
    let args = ["--universal", "--python-version", "3.10", "--resolution", "lowest"];
    let versions = |lines: &[&str]| {
        world.require(lines).lock(&args).ok();
        let lock: toml::Table = world.read("pylock.toml").parse().unwrap();
        let packages = lock["packages"].as_array().unwrap().clone();
        let mut d: Vec<String> = packages
            .iter()
            .filter(|package| package["name"].as_str() == Some("d"))
            .map(|package| format!("{} {}", package["version"], package["marker"]))
            .collect();
        d.sort();
        d
    };
    let before = versions(&lines);
    assert_eq!(before.len(), 2, "{before:?}");
    assert_eq!(versions(&[&lines[..], &["d"]].concat()), before);
}

#[test]
fn requirements_of_a_universal_lock_carry_markers_and_all_hashes() {
    let world = world();
    world.require(&["terminal", "compiled"]);
    let args = ["--universal", "--format", "requirements", "--hashes", "-o", "-"];
    let text = world.lock(&args).ok().stdout;
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    assert!(line("colour==1.0").contains("; sys_platform == 'win32' \\"), "{text}");
    assert!(line("colour==2.0").contains("; sys_platform != 'win32' \\"), "{text}");
    assert!(line("terminal==1.0").ends_with("==1.0 \\"), "{text}");
    assert_eq!(text.matches("--hash=sha256:").count(), 5, "one of each file: {text}");
}

#[test]
fn a_universal_lock_that_is_made_again_is_the_same() {
    let world = world();
    world.require(&["terminal", "stepped", "compiled"]);
    world.lock(&["--universal"]).ok();
    let first = world.read("pylock.toml");
    world.index.add(&Wheel::new("colour", "3.0"));
    world.lock(&[]).ok();
    assert_eq!(world.read("pylock.toml"), first, "it stays universal, and keeps its versions");
    world.lock(&["--upgrade-package", "colour"]).ok();
    assert!(world.read("pylock.toml").contains("colour-3.0-"), "{}", world.read("pylock.toml"));
    assert!(world.read("pylock.toml").contains("colour-1.0-"), "{}", world.read("pylock.toml"));
}

#[test]
fn a_universal_lock_stays_for_the_pythons_that_it_was_made_for() {
    let world = world();
    world.require(&["stepped"]);
    world.lock(&["--universal", "--python-version", "3.8"]).ok();
    let first = world.read("pylock.toml");
    assert!(first.contains("requires-python = \">=3.8\""), "{first}");
    world.lock(&[]).ok();
    assert_eq!(world.read("pylock.toml"), first, "whatever interpreter is at hand");
    assert_eq!(world.sync(&["--locked"]).packages(), ["stepped==2.0"]);
    world.lock(&["--universal"]).ok();
    assert!(!world.read("pylock.toml").contains(">=3.8\""), "it is asked for anew");
}

#[test]
fn a_refusal_names_the_platform_that_has_no_solution() {
    let world = world();
    world.require(&["terminal", "colour>=2"]);
    let needles = ["sys_platform == 'win32'", "colour"];
    world.lock(&["--universal"]).refused(MENDABLE, &needles);
    world.lock(&["--python-version", "3.12", "--python-platform", "linux"]).ok();
}

#[test]
fn sync_reads_of_a_universal_lock_what_is_for_its_target_and_keeps_it_universal() {
    let world = world();
    world.require(&["terminal"]);
    world.lock(&["--universal"]).ok();
    assert_eq!(world.sync(&[]).packages(), ["colour==2.0", "terminal==1.0"]);
    world.require(&["terminal", "compiled"]);
    assert_eq!(world.sync(&[]).packages(), ["colour==2.0", "compiled==1.0", "terminal==1.0"]);
    let lock = world.read("pylock.toml");
    assert!(lock.contains("universal = true") && lock.contains("win_amd64"), "{lock}");
    assert!(!world.sync(&["--locked"]).changed());
}

#[test]
fn targets_that_are_named_share_a_lock() {
    let world = world();
    world.require(&["terminal", "compiled", "stepped"]);
    let windows = ["--python-platform", "linux/amd64", "--python-platform", "windows"];
    let pythons = ["--python-version", "3.10", "--python-version", "3.12"];
    world.lock(&[&windows[..], &pythons[..]].concat()).ok();
    let expected = ["colour==2.0", "compiled==1.0", "stepped==1.0", "terminal==1.0"];
    assert_eq!(exported(&world, "3.10", "linux"), expected);
    let expected = ["colour==1.0", "compiled==1.0", "stepped==2.0", "terminal==1.0"];
    assert_eq!(exported(&world, "3.12", "windows"), expected);
    let other = ["export", "--lock", "pylock.toml", "--python-version", "3.11"];
    world
        .pyfast(&other)
        .refused(MENDABLE, &["it is for linux/amd64 3.10, linux/amd64 3.12, windows 3.10"]);
}

#[test]
fn targets_of_the_configuration_are_what_the_lock_is_for() {
    let world = world();
    world.require(&["terminal"]);
    world.lock(&[]).ok();
    let config = "[env.default]\nrequirements = [\"requirements.txt\"]\ntargets = [\"linux/amd64 3.12\", \"windows 3.12\"]\n";
    world.write("pyfast.toml", config);
    world.lock(&[]).ok();
    assert_eq!(exported(&world, "3.12", "windows"), ["colour==1.0", "terminal==1.0"]);
    assert_eq!(exported(&world, "3.12", "linux"), ["colour==2.0", "terminal==1.0"]);
    let others = config.replace("\"linux/amd64 3.12\", ", "");
    world.write("pyfast.toml", &others);
    world.try_sync(&[]).refused_with_hint(MENDABLE, &["it is for windows 3.12", "pylock.toml"]);
}

#[test]
fn a_single_target_of_the_configuration_counts() {
    let world = world();
    world.require(&["compiled", "stepped"]);
    for (targets, python, locked) in [
        ("'windows'", crate::support::python::python_minor(), "win_amd64"),
        ("'linux/amd64'", crate::support::python::python_minor(), "manylinux_2_17_x86_64"),
        ("'windows 3.9'", "3.9", "win_amd64"),
    ] {
        let config =
            format!("[env.default]\nrequirements = ['requirements.txt']\ntargets = [{targets}]\n");
        world.write("pyfast.toml", &config);
        world.lock(&[]).ok();
        let lock = world.read("pylock.toml");
        let one = lock.contains("win_amd64") != lock.contains("manylinux");
        assert!(one && lock.contains(locked), "{targets}: {lock}");
        let platform = targets.trim_matches('\'').split(' ').next().unwrap();
        assert!(exported(&world, python, platform).contains(&"compiled==1.0".to_owned()));
        fs_err::remove_file(world.project.join("pylock.toml")).unwrap();
    }
    world.write(
        "pyfast.toml",
        "[env.default]\nrequirements = ['requirements.txt']\ntargets = ['windows']\n",
    );
    world.lock(&[]).ok();
    world.try_sync(&[]).refused_with_hint(MENDABLE, &["it is for windows", "pylock.toml"]);
}

#[test]
fn targets_that_no_marker_tells_apart_must_agree() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.index.add(&Wheel::new("a", "2.0").tag("py3-none-manylinux_2_17_x86_64"));
    world.require(&["a"]);
    let platforms = ["--python-platform", "linux/amd64", "--python-platform", "x86_64-linux-musl"];
    world.lock(&platforms).refused(USAGE, &["a (1.0 and 2.0)", "tells them apart"]);
}

#[test]
fn all_platforms_and_some_platforms_are_a_contradiction() {
    let world = world();
    world.require(&["terminal"]);
    let args = ["--universal", "--python-platform", "windows"];
    world.lock(&args).refused(USAGE, &["for all platforms", "windows"]);
    let config = "[env.default]\nuniversal = true\ntargets = [\"linux 3.12\"]\n";
    world.write("pyfast.toml", config);
    world.lock(&[]).refused(USAGE, &["for all platforms", "linux 3.12"]);
}

#[test]
fn a_version_for_some_platforms_only_is_no_reason_to_leave_the_others_without() {
    let world = world();
    world.index.add(&Wheel::new("compiled", "2.0").tag("py3-none-win_amd64"));
    world.require(&["compiled"]);
    let platforms = ["--python-platform", "linux/amd64", "--python-platform", "windows"];
    world.lock(&[&platforms[..], &["--python-version", "3.12"]].concat()).ok();
    assert_eq!(exported(&world, "3.12", "linux"), ["compiled==1.0"]);
    assert_eq!(exported(&world, "3.12", "windows"), ["compiled==2.0"]);
}
