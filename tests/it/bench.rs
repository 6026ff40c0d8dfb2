//! `pyfast bench` on a small local index.

use serde_json::Value;

use crate::support::python::{python, tools};
use crate::support::ran::{EITHER, Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("b")).add(&Wheel::new("b", "1.0"));
    world.require(&["a"]);
    world
}

/// One run of each tool and scenario.
fn bench(world: &World, args: &[&str]) -> Ran {
    let mut command = world.bare(&["bench", "-r", "requirements.txt", "--runs", "1"]);
    command.arg("--python").arg(python()).arg("--uv").arg(tools().join("uv"));
    command.args(&world.index_flags).args(args);
    Ran::of(command)
}

#[test]
fn table_compares_pip_uv_and_pyfast() {
    let ran = bench(&world(), &["--vs", "pip,uv", "--scenario", "cold,noop"]).ok();
    for needle in ["pip", "uv", "pyfast", "cold", "noop"] {
        assert!(ran.stdout.contains(needle), "no `{needle}`; {ran}");
    }
}

#[test]
fn json_and_chart_are_written() {
    let world = world();
    let args = ["--vs", "pip", "--scenario", "cold", "--json", "out.json", "--svg", "out.svg"];
    bench(&world, &args).ok();
    let json: Value = serde_json::from_str(&world.read("out.json")).unwrap();
    assert!(json.to_string().contains("\"cold\""), "{json}");
    let svg = world.read("out.svg");
    assert!(svg.starts_with("<svg") || svg.starts_with("<?xml"), "{svg}");
    assert!(svg.trim_end().ends_with("</svg>"));
}

#[test]
fn other_tools_are_given_the_same_index() {
    let world = world();
    bench(&world, &["--vs", "pip,uv", "--scenario", "cold"]).ok();
    let agents: Vec<String> = world
        .index
        .asked("a-1.0-py3-none-any.whl")
        .iter()
        .map(|seen| seen.request.header("user-agent").unwrap_or_default().to_lowercase())
        .collect();
    for tool in ["pip/", "uv/"] {
        assert!(agents.iter().any(|agent| agent.contains(tool)), "no {tool} in {agents:?}");
    }
}

#[test]
fn local_mirror_serves_the_comparison() {
    let world = world();
    let args = ["--vs", "uv", "--scenario", "cold", "--local-mirror", "--latency", "5"];
    bench(&world, &args).ok();
    assert!(!world.index.asked("/simple/a/").is_empty(), "the mirror asks the index");
}

#[test]
fn uv_that_is_not_there_is_said_and_not_silently_left_out() {
    let world = world();
    let mut command = world.bare(&["bench", "-r", "requirements.txt", "--runs", "1"]);
    command.args(["--vs", "uv", "--scenario", "cold"]).arg("--python").arg(python());
    let ran = Ran::of({
        command.args(&world.index_flags);
        command
    });
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("uv"), "{ran}");
}

#[test]
fn unknown_scenario_is_wrong_usage() {
    bench(&world(), &["--scenario", "tepid"]).refused(USAGE, &["tepid", "cold"]);
}

#[test]
fn missing_requirements_file_is_named() {
    let world = world();
    let mut command = world.bare(&["bench", "-r", "gone.txt", "--runs", "1", "--vs", "pip"]);
    command.arg("--python").arg(python()).args(&world.index_flags);
    Ran::of(command).refused(EITHER, &["gone.txt"]);
}

#[test]
fn containers_need_an_image_and_are_measured_by_themselves() {
    let world = world();
    bench(&world, &["--scenario", "container"]).refused(EITHER, &["--image"]);
    bench(&world, &["--scenario", "container,cold", "--image", "x"])
        .refused(EITHER, &["by itself"]);
}
