//! What installed packages say of themselves, and whether they have what they need.

use crate::support::ran::MENDABLE;
use crate::support::wheel::Wheel;
use crate::support::world::World;

fn world() -> World {
    let world = World::new();
    let web = Wheel::new("web", "1.5").requires("core>=1; python_version > '3'");
    let web = web.requires("absent; python_version < '3'").requires("more; extra == 'x'");
    world.index.add(&web.field("Summary", "A web of things").field("License", "MIT"));
    world.index.add(&Wheel::new("core", "1.0")).add(&Wheel::new("core", "0.5"));
    world.require(&["web"]);
    world
}

#[test]
fn a_package_is_shown_with_what_it_needs_and_who_needs_it() {
    let world = world();
    let synced = world.sync(&[]);
    let ran = world.pyfast(&["show", "Web"]).ok();
    let location = synced.environment().join("lib");
    for line in ["Name: web", "Version: 1.5", "Summary: A web of things", "License: MIT"] {
        assert!(ran.stdout.lines().any(|one| one == line), "{line}: {ran}");
    }
    assert!(ran.stdout.contains(&format!("Location: {}", location.display())), "{ran}");
    assert!(ran.stdout.contains("Requires: core\nRequired-by:\n"), "{ran}");
    assert!(!ran.stdout.contains("Files:"), "{ran}");
    let ran = world.pyfast(&["show", "core", "web", "--files", "--json"]).ok().json();
    assert_eq!(ran[0]["required_by"], serde_json::json!(["web"]));
    let files = ran[1]["files"].as_array().unwrap();
    assert!(files.iter().any(|file| file == "web/__init__.py"), "{files:?}");
    world.pyfast(&["show", "more"]).refused(MENDABLE, &["`more` is not installed"]);
}

#[test]
fn an_environment_is_checked_for_what_its_packages_need() {
    let world = world();
    world.sync(&[]);
    let ran = world.pyfast(&["list", "--check"]).ok();
    assert_eq!(ran.stdout, "", "{ran}");
    world.write("other.txt", "core==0.5\n");
    world.sync(&["--override", "other.txt"]);
    let ran = world.pyfast(&["list", "--check"]).refused(MENDABLE, &["1 need"]);
    assert_eq!(ran.stdout, "web 1.5 needs core>=1, but core 0.5 is installed\n");
    world.sync(&["--no-deps"]);
    let ran = world.pyfast(&["list", "--check", "--json"]);
    assert_eq!(ran.code(), Some(1));
    let found = ran.stdout.lines().next().unwrap();
    let found: serde_json::Value = serde_json::from_str(found).unwrap();
    assert_eq!(
        found[0],
        serde_json::json!({"package": "web 1.5", "needs": "core>=1", "has": null})
    );
}
