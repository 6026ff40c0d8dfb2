//! What a sync says: the JSON object, the plan, and silence.

use crate::support::stock::stocked;
use crate::support::synced::snapshot;
use crate::support::wheel::Wheel;

#[test]
fn json_object_has_what_the_contract_names() {
    let Some(world) = stocked() else { return };
    let synced = world.require(&["a"]).sync(&[]);
    let json = &synced.json;
    for key in ["environment", "current", "id", "lock"] {
        assert!(json[key].is_string(), "`{key}` in {json}");
    }
    assert!(json["python"]["executable"].is_string() && json["python"]["version"].is_string());
    for key in ["packages", "added", "removed", "updated"] {
        assert!(json[key].is_array(), "`{key}` in {json}");
    }
    for key in ["resolve", "fetch", "compose", "total"] {
        assert!(json["timings_ms"][key].is_number(), "`timings_ms.{key}` in {json}");
    }
    assert_eq!(synced.packages(), ["a==2.0", "b==2.0"]);
    assert!(json["packages"][0]["source"].is_string(), "{json}");
}

#[test]
fn dry_run_prints_the_plan_and_changes_nothing() {
    let Some(world) = stocked() else { return };
    world.require(&["b==1.0"]).sync(&[]);
    world.require(&["a"]);
    let kept = || {
        let root = ["envs", "projects", "store"].map(|name| snapshot(&world.root.join(name)));
        (root, snapshot(&world.project))
    };
    let before = kept();
    let ran = world.pyfast(&["sync", "-r", "requirements.txt", "--dry-run"]).ok();
    assert_eq!(kept(), before);
    assert!(ran.stdout.contains("a-2.0"), "the wheel to be fetched is in the plan; {ran}");
    assert_eq!(world.index.asked("a-2.0-py3-none-any.whl").len(), 0, "no wheel is fetched");
}

#[test]
fn dry_run_on_an_empty_machine_makes_no_environment() {
    let Some(world) = stocked() else { return };
    let ran = world.require(&["a"]).pyfast(&["sync", "-r", "requirements.txt", "--dry-run"]).ok();
    assert!(ran.stdout.contains('a'), "{ran}");
    assert!(snapshot(&world.root.join("envs")).keys().all(|path| !path.ends_with("env.json")));
    assert!(!world.project.join(".venv").exists());
    assert!(!world.project.join("pylock.toml").exists());
}

#[test]
fn quiet_sync_says_nothing() {
    let Some(world) = stocked() else { return };
    let ran = world.require(&["a"]).pyfast(&["sync", "-q", "-r", "requirements.txt"]).ok();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert!(!world.sync(&[]).changed(), "it has done its work");
}

#[test]
fn without_a_terminal_there_are_no_bars_and_no_colours() {
    let Some(world) = stocked() else { return };
    world.index.add(&Wheel::new("c", "1.0").padded(3 << 20));
    let ran = world.require(&["a", "c"]).pyfast(&["sync", "-r", "requirements.txt"]).ok();
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\r'), "{ran}");
    assert!(!ran.stderr.trim().is_empty(), "a sync says what it did; {ran}");
}

#[test]
fn closed_output_is_not_a_panic() {
    let Some(world) = stocked() else { return };
    let mut command = world.require(&["a"]).command(&["sync", "--json", "-r", "requirements.txt"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = command.stdout(writer).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_ne!(output.status.code(), Some(101));
    assert!(!world.sync(&[]).changed(), "it has done its work");
}
