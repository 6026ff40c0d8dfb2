//! Markers of others: whatever they are, they end no process and take no time.

use std::time::{Duration, Instant};

use super::check;
use crate::support::ran::{EITHER, MENDABLE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// What parsers of markers have been seen to panic at.
const EVIL: [&str; 6] = [
    "extra==extra \"é",
    "os_name==os_name \"é",
    "é=='x'",
    "os_name == '\u{202e}' \"é",
    "python_version > '3.18446744073709551615'",
    "os_name",
];

/// As many factors that each can be met in two ways.
fn factors(count: usize) -> String {
    let factor = |n| format!("(extra=='a{n}' or extra=='b{n}')");
    (0..count).map(factor).collect::<Vec<_>>().join(" and ")
}

#[test]
fn unreadable_marker_makes_its_version_unusable() {
    for marker in EVIL {
        let world = World::new();
        world.index.add(&Wheel::new("a", "1.0"));
        world.index.add(&Wheel::new("a", "2.0").requires(&format!("x ; {marker}")));
        check(&world, &["a"], &["a==1.0"]);
        world.require(&["a==2.0"]).lock(&[]).refused(MENDABLE, &["a", "2.0", "Requires-Dist"]);
    }
}

#[test]
fn unreadable_marker_of_a_project_is_refused() {
    for marker in EVIL {
        let world = World::new();
        world.index.add(&Wheel::new("a", "1.0"));
        world.require(&[&format!("a ; {marker}")]).lock(&[]).refused(EITHER, &["requirements.txt"]);
        let marker = toml::Value::from(format!("a ; {marker}"));
        let project = format!("[project]\nname='p'\nversion='1'\ndependencies=[{marker}]\n");
        world.write("pyproject.toml", &project);
        world.pyfast(&["lock", "-r", "pyproject.toml"]).refused(EITHER, &["pyproject.toml"]);
    }
}

#[test]
fn unreadable_marker_of_a_lock_is_refused() {
    for marker in EVIL {
        let world = World::new();
        world.index.add(&Wheel::new("a", "1.0"));
        world.require(&["a"]).lock(&[]).ok();
        let marker = format!("marker = {}\nversion = \"1.0\"", toml::Value::from(marker));
        let lock = world.read("pylock.toml").replace("version = \"1.0\"", &marker);
        assert!(lock.contains("marker"), "{lock}");
        world.write("pylock.toml", &lock);
        let sync = ["sync", "--frozen", "-r", "requirements.txt"];
        world.pyfast(&sync).refused(EITHER, &["pylock.toml"]);
    }
}

#[test]
fn marker_that_makes_no_sense_is_ignored() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("b ; 'x' ~= os_name"));
    world.index.add(&Wheel::new("b", "1.0"));
    check(&world, &["a"], &["a==1.0", "b==1.0"]);
}

#[test]
fn marker_with_a_quote_in_its_value_is_written_and_read() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a ; sys_platform != \"w'\""]).lock(&["--universal"]).ok();
    let lock: toml::Table = world.read("pylock.toml").parse().unwrap();
    assert_eq!(lock["packages"][0]["marker"].as_str(), Some("sys_platform != \"w'\""));
    world.pyfast(&["sync", "--frozen", "-r", "requirements.txt"]).ok();
}

#[test]
fn marker_that_can_be_met_in_many_ways_takes_no_time() {
    let world = World::new();
    let marker = factors(14);
    world.index.add(&Wheel::new("a", "1.0").requires(&format!("b ; {marker}")));
    world.index.add(&Wheel::new("b", "1.0"));
    let started = Instant::now();
    for args in [&[][..], &["--universal"]] {
        world.require(&["a", &format!("b ; {marker}")]).lock(args).ok();
        assert_eq!(world.lock_packages(), ["a==1.0"], "no extra is wanted");
    }
    let pair = |n| format!("(sys_platform=='{n}' and platform_machine!='{n}')");
    let pairs = (0..60).map(pair).collect::<Vec<_>>().join(" or ");
    world.require(&[&format!("b ; {pairs}")]).lock(&["--universal"]).ok();
    assert_eq!(world.lock_packages(), ["b==1.0"]);
    let none = |n| format!("platform_release!='{n}'");
    let none = (0..2000).map(none).collect::<Vec<_>>().join(" and ");
    world.index.add(&Wheel::new("c", "1.0").requires(&format!("b ; {none}")));
    check(&world, &["c"], &["b==1.0", "c==1.0"]);
    // A binary with checks in it, on a machine that does other things: what it was took minutes.
    assert!(started.elapsed() < Duration::from_mins(3), "took {:?}", started.elapsed());
}

#[test]
fn marker_that_is_too_complex_makes_its_version_unusable() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.index.add(&Wheel::new("a", "2.0").requires(&format!("b ; {}", factors(60))));
    check(&world, &["a"], &["a==1.0"]);
    let refused = ["too complex"];
    world.require(&["a==2.0"]).lock(&[]).refused(MENDABLE, &refused);
}
