//! Against the interpreter's own default index, by ordinary use. Asserts only what cannot drift.

use crate::support::python::evaluate;
use crate::support::world::World;

const SEED: &str = include_str!("../data/seed-requirements.txt");

/// The project names of the seed's requirements, as an index spells them.
fn seed_names() -> Vec<String> {
    let name = |line: &str| line.split(['>', '[', '=']).next().unwrap_or_default().to_lowercase();
    SEED.lines().filter(|line| !line.trim().is_empty()).map(name).collect()
}

#[test]
fn seed_requirements_resolve() {
    let world = World::real();
    world.write("requirements.txt", SEED);
    let ran = world.lock(&["--format", "requirements", "-o", "-"]).ok();
    let pins: Vec<&str> = ran.stdout.lines().collect();
    for name in seed_names() {
        let start = format!("{name}==");
        assert!(pins.iter().any(|pin| pin.starts_with(&start)), "{name} is not in {pins:?}");
    }
    assert!(pins.len() > seed_names().len(), "requirements of requirements are there");
    let names = pins.iter().map(|pin| pin.split("==").next());
    assert!(names.is_sorted(), "{pins:?}");
}

#[test]
fn seed_lock_is_the_same_from_a_full_cache() {
    let world = World::real();
    world.write("requirements.txt", SEED);
    world.lock(&["-o", "pylock.first.toml"]).ok();
    world.lock(&["--offline", "-o", "pylock.second.toml"]).ok();
    assert_eq!(world.read("pylock.first.toml"), world.read("pylock.second.toml"));
}

#[test]
fn small_environment_is_installed_and_works() {
    let world = World::real();
    let synced = world.require(&["python-dateutil>=2.8.2", "tenacity>=8.2.3"]).sync(&[]);
    assert_eq!(synced.packages().len(), 3, "python-dateutil needs six");
    let script = "import dateutil.parser, tenacity; print(dateutil.parser.parse('2020-02-03').day)";
    assert_eq!(evaluate(&synced.bin("python"), script), "3\n");
}

#[test]
fn unknown_project_is_explained() {
    let world = World::real();
    let name = "pyfast-there-is-no-project-of-this-name";
    world.require(&[name]).lock(&[]).refused(&[1], &[name]);
}
