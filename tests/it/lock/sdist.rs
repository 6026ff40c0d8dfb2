//! Locks with source distributions: what they state is believed, and nothing of them runs then.

use crate::support::page::File;
use crate::support::source::Sdist;
use crate::support::wheel::Wheel;
use crate::support::world::World;

#[test]
fn stated_metadata_is_enough_and_no_code_runs() {
    let world = World::new();
    world.index.add(&Wheel::new("b", "1.0"));
    let stated = Sdist::new("a", "1.0").doing("raise SystemExit('it ran')");
    let built = stated.stated("Requires-Dist: b\n").publish(&world);
    world.require(&["a"]);
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"]);
    let text = world.read("pylock.toml");
    assert!(text.contains("sdist = {") && text.contains(&built.sha256), "{text}");
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"], "the lock is read again");
}

#[test]
fn a_version_that_a_backend_computes_is_that_of_the_file_name() {
    let world = World::new();
    world.index.add(&Wheel::new("b", "1.0"));
    let source = Sdist::new("a", "1.5").doing("raise SystemExit('it ran')");
    source.unversioned_project("dependencies = ['b']\n").publish(&world);
    world.require(&["a"]);
    assert_eq!(world.locked(&[]), ["a==1.5", "b==1.0"]);
}

#[test]
fn a_source_that_states_nothing_is_asked() {
    let world = World::new();
    world.index.add(&Wheel::new("b", "1.0"));
    Sdist::new("a", "1.0").requires("b").publish(&world);
    world.require(&["a"]);
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"]);
}

#[test]
fn a_build_that_needs_itself_is_refused() {
    let world = World::new();
    Sdist::new("a", "1.0").build_requires("a").publish(&world);
    world.require(&["a"]).lock(&[]).refused(&[1], &["a==1.0", "needed to build itself"]);
}

#[test]
fn no_build_refuses_what_is_only_source() {
    let world = World::new();
    Sdist::new("a", "1.0").publish(&world);
    world.require(&["a"]).lock(&["--no-build"]).refused(&[1], &["a", "source"]);
}

/// A wheel of `a` 1.0 that fits nowhere here.
fn elsewhere(world: &World, tag: &str, requires: &str) {
    world.index.add(&Wheel::new("a", "1.0").tag(tag).requires(requires));
}

#[test]
fn rule_10_a_wheel_that_fits_elsewhere_tells_what_a_source_needs_and_nothing_runs() {
    for tag in ["cp36-cp36m-manylinux1_x86_64", "cp38-cp38-win32", "pp37.py3-none-win_arm64"] {
        let world = World::new();
        world.index.add(&Wheel::new("b", "1.0"));
        Sdist::new("a", "1.0").doing("raise SystemExit('it ran')").publish(&world);
        elsewhere(&world, tag, "b");
        world.require(&["a"]);
        assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"], "{tag}");
        let text = world.read("pylock.toml");
        assert!(text.contains("a-1.0.tar.gz") && !text.contains("a-1.0-"), "{text}");
        assert!(world.index.asked("a-1.0.tar.gz").is_empty(), "nobody needs the source: {tag}");
        assert_eq!(world.locked(&["--universal"]), ["a==1.0", "b==1.0"], "{tag}");
    }
}

#[test]
fn rule_10_of_several_wheels_the_one_of_this_system_and_the_newest_python_tells() {
    let world = World::new();
    for name in ["b", "c", "d", "e"] {
        world.index.add(&Wheel::new(name, "1.0"));
    }
    Sdist::new("a", "1.0").doing("raise SystemExit('it ran')").publish(&world);
    elsewhere(&world, "cp310-cp310-win_amd64", "c");
    elsewhere(&world, "cp39-cp39-manylinux2014_x86_64", "b");
    elsewhere(&world, "cp38-cp38-manylinux2014_x86_64", "d");
    elsewhere(&world, "cp27-cp27mu-manylinux2014_x86_64", "e");
    world.require(&["a"]);
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"]);
}

#[test]
fn rule_12_a_wheel_that_may_not_be_installed_tells_what_a_source_needs() {
    let world = World::new();
    world.index.add(&Wheel::new("b", "1.0"));
    Sdist::new("a", "1.0").doing("raise SystemExit('it ran')").publish(&world);
    elsewhere(&world, "py3-none-any", "b");
    world.require(&["a"]);
    assert_eq!(world.locked(&["--no-binary", "a"]), ["a==1.0", "b==1.0"]);
    assert!(world.read("pylock.toml").contains("a-1.0.tar.gz"));
}

#[test]
fn a_source_is_asked_where_no_wheel_may_tell() {
    let own = |world: &World| {
        world.index.add(&Wheel::new("b", "1.0"));
        Sdist::new("a", "1.0").requires("b").publish(world)
    };
    let other = || Wheel::new("a", "1.0").tag("cp38-cp38-win32").requires("nobody-has-it");
    let world = World::new();
    own(&world);
    elsewhere(&world, "cp27-cp27m-win32", "nobody-has-it");
    world.require(&["a"]);
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"], "of another major version");
    let world = World::new();
    own(&world);
    world.index.publish(File::new(other().build()).yanked("wrong"));
    world.require(&["a"]);
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"], "yanked");
    let world = World::new();
    own(&world);
    world.index.publish(File::new(other().build()).at("../../files/gone.whl"));
    world.require(&["a"]);
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"], "its index does not have it");
    let world = World::new();
    let source = own(&world);
    world.index.publish(File::new(other().build()));
    let b = Wheel::new("b", "1.0").build();
    let hashed = [
        format!("a==1.0 --hash=sha256:{}", source.sha256),
        format!("b==1.0 --hash=sha256:{}", b.sha256),
    ];
    world.require(&[&hashed[0], &hashed[1]]);
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"], "of a digest that nobody gave");
}

#[test]
fn for_another_python_or_platform_the_one_at_hand_is_asked_and_that_is_told_once() {
    let world = World::new();
    world.index.add(&Wheel::new("b", "1.0")).add(&Wheel::new("d", "1.0"));
    let dependency = "d ; sys_platform == 'win32' and python_version < '3.10'";
    Sdist::new("a", "1.0").requires("b").requires(dependency).publish(&world);
    Sdist::new("c", "1.0").stated("").publish(&world);
    world.require(&["a", "c"]);
    let check = |args: &[&str], expected: &[&str], told: Option<&str>| {
        let ran = world.lock(&[args, &["--upgrade"]].concat()).ok();
        assert_eq!(world.lock_packages(), expected, "{args:?}");
        let count = ran.stderr.matches("was asked").count();
        assert_eq!(count, usize::from(told.is_some()), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(told.unwrap_or_default()), "{args:?}: {}", ran.stderr);
    };
    let two = &["a==1.0", "b==1.0", "c==1.0"];
    let three = &["a==1.0", "b==1.0", "c==1.0", "d==1.0"];
    check(&[], two, None);
    check(&["--python-version", "3.9"], two, Some("a==1.0 does not state its metadata"));
    check(&["--python-version", "3.9"], two, Some("Python 3.9 may be told otherwise"));
    check(&["--python-platform", "windows"], two, Some("another platform may be told otherwise"));
    let windows = ["--python-platform", "windows", "--python-version", "3.9"];
    check(&windows, three, Some("Python 3.9 on another platform"));
    check(&["--universal", "--python-version", "3.9"], three, Some("others may be told otherwise"));
}
