//! `pyfast answer`, as it is called where a volume can be written: what it does of a plan, and what not.

use std::path::{Path, PathBuf};

use pyfast_environment::question::PROTOCOL;
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::EnvironmentOptions;
use serde_json::{Value, json};

use crate::support::ran::Ran;
use crate::support::source::Sdist;
use crate::support::wheel::{Built, Wheel};
use crate::support::world::World;

/// A world whose project needs a source and was synced on this machine. Backends tell each build in a file.
struct Synced {
    world: World,
    /// Where the sync is remembered.
    kept: PathBuf,
}

fn synced() -> Synced {
    let mut world = World::new();
    let told = world.path("built").display().to_string();
    world.env.insert("BUILT".to_owned(), told);
    Sdist::new("fromsource", "1.0").publish(&world);
    let current = world.require(&["fromsource"]).sync(&[]).current();
    let kept = current.parent().expect("a link is in a directory").to_owned();
    Synced { world, kept }
}

fn builds(world: &World) -> String {
    fs_err::read_to_string(world.path("built")).unwrap()
}

/// The plan to install that project's lock in another root, of a source or of the wheel that comes along.
fn plan(synced: &Synced, wheel: Option<&Built>) -> Value {
    let world = &synced.world;
    let kept = |name: &str| fs_err::read_to_string(synced.kept.join(name)).unwrap();
    let state: Value = serde_json::from_str(&kept("state.json")).unwrap();
    let built = wheel.map(|wheel| {
        json!({ "fromsource": { "filename": wheel.filename, "sha256": wheel.sha256, "key": null } })
    });
    let moved = wheel.map(|wheel| {
        let path = wheel.write_to(&world.path("brought"));
        json!({ wheel.filename.as_str(): path })
    });
    json!({
        "packages": [{ "name": "fromsource", "file": "fromsource-1.0.tar.gz", "act": "build" }],
        "environment": { "id": "00", "act": "compose", "activate": true },
        "changes": { "added": [], "removed": [], "updated": [] },
        "kept": [],
        "warnings": [],
        "lock": kept("pylock.toml"),
        "built": built.unwrap_or_else(|| json!({})),
        "moved": moved.unwrap_or_else(|| json!({})),
        "options": EnvironmentOptions::default(),
        "later": false,
        "care": { "reinstall": false, "verify": false },
        "interpreter": Interpreter::probe(Path::new(&world.python)).unwrap(),
        "circumstances": state["circumstances"],
        "claims": [],
        "upgrade": false,
        "cause": "sync",
        "facts": state["facts"],
    })
}

/// Asks for that plan to be carried out at `volume`.
fn sync(world: &World, plan: &Value) -> Ran {
    let now = json!({ "secs_since_epoch": 1_700_000_000, "nanos_since_epoch": 0 });
    let claim = json!({ "directory": world.project, "named_by_user": true, "elsewhere": true });
    let asked = json!({
        "protocol": PROTOCOL,
        "subject": { "project": "project", "env": "default", "claim": claim },
        "question": { "Sync": { "plan": plan, "now": now } },
    });
    let question = world.path("question.json");
    fs_err::write(&question, asked.to_string()).unwrap();
    let mut command = world.bare(&["answer"]);
    command.arg(&question).arg("--root").arg(world.path("volume")).arg("--no-index");
    Ran::of(command)
}

#[test]
fn a_source_whose_wheel_did_not_come_is_not_built() {
    let synced = synced();
    let world = &synced.world;
    let before = builds(world);
    let refused = sync(world, &plan(&synced, None)).refused(&[1, 2], &["build", "fromsource"]);
    assert!(!refused.stderr.contains("cannot read the question"), "{refused}");
    assert_eq!(builds(world), before, "no code of the source ran");
    assert!(!world.path("volume/projects/project/default/current").exists());

    // The plan is refused for nothing else: it is carried out where the wheel comes along.
    let wheel = Wheel::new("fromsource", "1.0").build();
    sync(world, &plan(&synced, Some(&wheel))).ok();
    assert!(world.path("volume/projects/project/default/current").exists());
    assert_eq!(builds(world), before);
}
