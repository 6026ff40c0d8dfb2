//! `pyfast bench --scenario container` and `freeze`: they measure, and leave nothing behind.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::world::{SLIM, World, text};

/// A uv of the test's own.
fn uv(world: &World) -> String {
    let venv = world.project().join("tools");
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    run("python3", &["-m", "venv", venv.to_str().unwrap()]);
    run(venv.join("bin/pip").to_str().unwrap(), &["install", "--quiet", "uv"]);
    venv.join("bin/uv").display().to_string()
}

/// One comparison at a time, because what it makes is told by its name.
static ALONE: Mutex<()> = Mutex::new(());

/// Everything in the engine that a comparison makes.
fn made(world: &World) -> String {
    let lists: [&[&str]; 5] = [
        &["ps", "-aq", "--filter", "name=pyfast-bench"],
        &["volume", "ls", "-q", "--filter", "name=pyfast-bench"],
        &["network", "ls", "-q", "--filter", "name=pyfast-bench"],
        &["images", "-aq", "--filter", "label=io.pyfast.bench"],
        &["images", "-aq", "pyfast-bench-*"],
    ];
    lists.map(|list| text(&world.docker(list).stdout)).concat()
}

#[test]
fn a_comparison_measures_every_row_and_leaves_nothing() {
    let Some(world) = World::new("bench") else { return };
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let arguments = ["bench", "--scenario", "container", "--image", SLIM, "--runs", "1"];
    let more = ["--import", "json", "--json", "-", "--uv", &uv(&world)];
    let output = world.pyfast(&[&arguments[..], &more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap().iter();
    let rows: Vec<_> = rows
        .map(|row| (row["name"].as_str().unwrap(), row["contenders"].as_array().unwrap().len()))
        .collect();
    // Compose has a watch from 2.23 on, as the client's plugin and as a program of its own.
    let mut versions = report["versions"].as_array().unwrap().iter().filter_map(Value::as_str);
    let has_watch = versions.any(|text| {
        let named = ["docker compose ", "docker-compose "];
        let Some(version) = named.iter().find_map(|name| text.strip_prefix(name)) else {
            return false;
        };
        let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
        let mut number = || numbers.next().unwrap().unwrap();
        (number(), number()) >= (2, 23)
    });
    let expected = [
        ("edit", 2),
        ("edit-return", 1),
        ("unchanged", 2),
        ("start", 2),
        ("code-edit", if has_watch { 3 } else { 2 }),
        ("supervised", 2),
        ("run", 2),
        ("imports", 2),
    ];
    assert_eq!(rows, expected);
    assert_eq!(made(&world), "");
}

#[test]
fn an_image_of_a_changed_environment_stands_beside_one_that_is_built() {
    let Some(world) = World::new("bench-freeze") else { return };
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let arguments = ["bench", "--scenario", "freeze", "--image", SLIM, "--runs", "2"];
    let more = ["--markdown", "table.md", "--json", "-", "--uv", &uv(&world)];
    let output = world.pyfast(&[&arguments[..], &more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut rows = report["rows"].as_array().unwrap().iter().map(|row| {
        let contenders = row["contenders"].as_array().unwrap().iter();
        let counted = contenders.map(|one| one["runs"].as_array().unwrap().len());
        (row["name"].as_str().unwrap(), counted.collect::<Vec<_>>())
    });
    assert_eq!(rows.next(), Some(("freeze", vec![2, 2, 2])));
    assert_eq!(rows.next(), Some(("freeze-unchanged", vec![2, 2])));
    let table = fs_err::read_to_string(world.project().join("table.md")).unwrap();
    assert!(table.contains("Images are built by "), "{table}");
    assert_eq!(made(&world), "");
}

#[test]
fn a_comparison_that_fails_leaves_nothing() {
    let Some(world) = World::new("bench-fail") else { return };
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    world.requirements("there-is-no-such-package==1\n");
    let arguments = ["bench", "-r", "requirements.txt", "--scenario", "container", "--image", SLIM];
    let index = ["--index-url", "http://127.0.0.1:9/simple/"];
    let output = world.pyfast(&[&arguments[..], &index].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let said = text(&output.stderr);
    assert!(said.contains("pyfast up failed") && said.contains("127.0.0.1:9"), "{said}");
    assert_eq!(made(&world), "");
}
