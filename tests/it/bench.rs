//! `pyfast bench` on a small local index.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::python::{python, tools};
use crate::support::ran::{EITHER, Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;
use crate::support::write_script;

fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("b")).add(&Wheel::new("b", "1.0"));
    world.require(&["a"]);
    world
}

/// A comparison; one run of each tool and scenario unless `args` say otherwise.
fn bench(world: &World, args: &[&str]) -> Ran {
    let mut command = world.bare(&["bench", "-r", "requirements.txt"]);
    if !args.contains(&"--runs") {
        command.args(["--runs", "1"]);
    }
    command.arg("--python").arg(python()).arg("--uv").arg(tools().join("uv"));
    command.args(&world.index_flags).args(args);
    Ran::of(command)
}

/// What one tool took in one scenario, as the JSON says it: seconds and times as much as pyfast.
#[derive(Debug)]
struct Figure {
    scenario: String,
    tool: String,
    median: f64,
    ratio: f64,
}

/// The figures of a result, after a look at whether they agree with each other and with the clock of this test.
#[track_caller]
fn figures(json: &Value, runs: usize, elapsed: Duration) -> Vec<Figure> {
    let (mut figures, mut total) = (Vec::new(), 0.0);
    for row in json["rows"].as_array().unwrap() {
        for cell in row["cells"].as_array().unwrap() {
            assert_eq!(cell["outcome"], "measured", "{row}");
            let number = |name: &str| cell["wall"][name].as_f64().unwrap();
            let walls = cell["runs"].as_array().unwrap().iter();
            let mut walls: Vec<f64> = walls.map(|run| run["wall"].as_f64().unwrap()).collect();
            assert_eq!(walls.len(), runs, "{cell}");
            walls.sort_by(f64::total_cmp);
            let middle = f64::midpoint(walls[(runs - 1) / 2], walls[runs / 2]);
            assert!(walls[0] > 0.0 && near(number("median"), middle), "{cell}");
            assert_eq!((number("min"), number("max")), (walls[0], walls[runs - 1]), "{cell}");
            // An interpreter or a program that maps a store is never smaller.
            assert!(cell["peak_memory"]["min"].as_f64().unwrap() > 1e6, "{cell}");
            assert!(cell["processor"]["min"].as_f64().unwrap() > 0.0, "{cell}");
            total += walls.iter().sum::<f64>();
            figures.push(Figure {
                scenario: row["scenario"].as_str().unwrap().to_owned(),
                tool: cell["tool"].as_str().unwrap().to_owned(),
                median: middle,
                ratio: cell["ratio"].as_f64().unwrap(),
            });
        }
    }
    for figure in &figures {
        let of_pyfast = figures
            .iter()
            .find(|other| other.scenario == figure.scenario && other.tool == "pyfast")
            .expect("pyfast takes part in each scenario");
        assert!(near(figure.ratio, figure.median / of_pyfast.median), "{figure:?} {of_pyfast:?}");
    }
    assert!(total < elapsed.as_secs_f64(), "{total} s of runs within {elapsed:?}");
    figures
}

/// Whether two figures are the same to three digits.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 0.006 * b.abs()
}

/// `1.25 s` or `938 ms` in seconds.
#[track_caller]
fn seconds(text: &str) -> f64 {
    match text.trim().split_once(' ') {
        Some((number, "s")) => number.parse().unwrap(),
        Some((number, "ms")) => number.parse::<f64>().unwrap() / 1e3,
        _ => panic!("`{text}` is no time"),
    }
}

/// The lines of a printed table as scenario, tool, median and ratio; the scenario stands in its first line alone.
fn table(text: &str) -> Vec<[String; 4]> {
    let mut scenario = String::new();
    let mut lines = Vec::new();
    let below = text.lines().skip_while(|line| !line.starts_with("scenario"));
    for line in below.skip(2).take_while(|line| !line.trim().is_empty()) {
        let mut cells: Vec<&str> = line.split("  ").map(str::trim).collect();
        if !cells[0].is_empty() {
            cells[0].split(':').next().unwrap().clone_into(&mut scenario);
            cells.remove(0);
        }
        cells.retain(|cell| !cell.is_empty());
        let cell = |index: usize| cells.get(index).copied().unwrap_or_default().to_owned();
        lines.push([scenario.clone(), cell(0), cell(1), cell(3)]);
    }
    lines
}

#[test]
fn table_compares_pip_uv_and_pyfast() {
    let (world, begun) = (world(), Instant::now());
    let args = ["--vs", "pip,uv", "--scenario", "cold,noop", "--runs", "3", "--json", "all.json"];
    let ran = bench(&world, &args).ok();
    let json: Value = serde_json::from_str(&world.read("all.json")).unwrap();
    let figures = figures(&json, 3, begun.elapsed());
    let names: Vec<(&str, &str)> =
        figures.iter().map(|figure| (&*figure.scenario, &*figure.tool)).collect();
    let tools = ["pyfast", "uv", "pip"];
    let expected = ["cold", "noop"].map(|scenario| tools.map(|tool| (scenario, tool)));
    assert_eq!(names, expected.concat());
    assert_eq!(json["distributions"], 2);

    let lines = table(&ran.stdout);
    assert_eq!(lines.len(), figures.len(), "{ran}");
    for ([scenario, tool, median, ratio], figure) in lines.iter().zip(&figures) {
        assert_eq!((scenario, tool), (&figure.scenario, &figure.tool), "{ran}");
        assert!(near(seconds(median), figure.median), "{median} is not {figure:?}");
        let ratio: f64 = ratio.trim_end_matches('×').parse().unwrap();
        assert!((ratio - figure.ratio).abs() <= 0.006 * figure.ratio.max(1.0), "{figure:?}");
    }
    // Each run with an empty cache really fetched.
    let fetched = world.index.asked("/a-1.0-py3-none-any.whl").len();
    assert!(fetched >= 3 * tools.len(), "{fetched} times");
}

#[test]
fn json_and_chart_are_written() {
    let (world, begun) = (world(), Instant::now());
    let args = ["--vs", "pip", "--scenario", "cold", "--json", "out.json", "--svg", "out.svg"];
    bench(&world, &args).ok();
    let json: Value = serde_json::from_str(&world.read("out.json")).unwrap();
    let figures = figures(&json, 1, begun.elapsed());
    let svg = world.read("out.svg");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    let shown: Vec<f64> = svg
        .split("<text class=\"value\"")
        .skip(1)
        .map(|text| text.split_once('>').unwrap().1.split_once('<').unwrap().0)
        .map(|text| seconds(text.split("  ").next().unwrap()))
        .collect();
    assert_eq!(shown.len(), figures.len(), "{svg}");
    for (shown, figure) in shown.iter().zip(&figures) {
        assert!(near(*shown, figure.median), "{shown} is not {figure:?}");
    }
}

/// Says it is uv. What it starts to install goes on for as long as nobody ends it.
const ENDLESS: &str = "#!/bin/sh
case $1 in
    --version) echo uv 0;;
    *) sleep 300 & echo $! >> \"$PIDS\"; wait;;
esac
";

#[test]
fn interrupted_it_ends_what_it_started_and_leaves_nothing_but_what_it_knows() {
    for signal in ["INT", "TERM"] {
        let world = world();
        let (pids, endless) = (world.path("pids"), world.path("uv"));
        write_script(&endless, &ENDLESS.replace("$PIDS", &pids.display().to_string()));
        // pip measures one scenario; what comes after it never ends.
        let mut command = world.bare(&["bench", "-r", "requirements.txt", "--runs", "1"]);
        command.args(["--scenario", "cold,noop", "--vs", "uv", "--svg", "out.svg"]);
        command.arg("--python").arg(python()).arg("--uv").arg(&endless).args(&world.index_flags);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let begun = Instant::now();
        while !pids.exists() {
            assert!(begun.elapsed() < Duration::from_mins(10), "uv was not started");
            thread::sleep(Duration::from_millis(20));
        }
        let kill = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let ran = Ran::wait(child);
        assert_eq!(ran.code(), Some(130), "{ran}");
        assert!(ran.stderr.contains("interrupted"), "{ran}");
        for pid in fs_err::read_to_string(&pids).unwrap().lines() {
            let state = || fs_err::read_to_string(format!("/proc/{pid}/stat"));
            while state().is_ok_and(|state| !state.contains(") Z ")) {
                assert!(begun.elapsed() < Duration::from_mins(10), "{pid} goes on after {signal}");
                thread::sleep(Duration::from_millis(20));
            }
        }
        let left: Vec<_> = fs_err::read_dir(world.path("tmp")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn what_was_measured_before_an_interrupt_is_shown_and_marked() {
    let world = world();
    let mut command = world.bare(&["bench", "-r", "requirements.txt", "--runs", "200"]);
    command.args(["--scenario", "noop,warm", "--vs", "uv"]);
    command.args(["--json", "out.json", "--svg", "out.svg", "--markdown", "out.md"]);
    command.arg("--python").arg(python()).arg("--uv").arg(tools().join("uv"));
    command.args(&world.index_flags).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Some runs are counted by then.
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let third = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("3/200")));
    third.expect("it was run").unwrap();
    let kill = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    let mark = "INTERRUPTED";
    assert!(shown.starts_with(mark), "{shown}");
    for file in ["out.svg", "out.md", "out.json"] {
        assert!(world.read(file).contains(mark), "{file}");
    }
    let first = table(&shown).remove(0);
    assert!(["noop", "warm"].contains(&first[0].as_str()) && first[1] == "pyfast", "{first:?}");
    assert!(seconds(&first[2]) > 0.0, "{first:?}");
    let left: Vec<_> = fs_err::read_dir(world.path("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn no_form_shows_a_password_of_the_command_line() {
    let mut world = world();
    let forms = ["--json", "out.json", "--svg", "out.svg", "--markdown", "out.md"];
    for password in ["s3cret", "s3cr'et", "s3cr=et"] {
        let login = format!("://someone:{password}@");
        let url = world.index.url().replacen("://", &login, 1);
        for flags in
            [vec!["--index-url".to_owned(), url.clone()], vec![format!("--index-url={url}")]]
        {
            world.index_flags = flags;
            let ran =
                bench(&world, &[&["--vs", "uv", "--scenario", "noop"], &forms[..]].concat()).ok();
            assert!(ran.stdout.contains("****@"), "{ran}");
            let written = ["out.json", "out.svg", "out.md"].map(|name| world.read(name));
            for text in [&ran.stdout, &ran.stderr].into_iter().chain(&written) {
                let shown = ["someone", "s3cr", "et@"].iter().find(|part| text.contains(**part));
                assert_eq!(shown, None, "{text}");
            }
        }
    }
}

#[test]
fn a_table_says_first_what_forbids_to_rely_on_it_and_how_it_is_made_again() {
    let world = world();
    let args = ["--vs", "uv", "--scenario", "noop", "--markdown", "out.md"];
    let ran = bench(&world, &args).ok();
    // This program is one for its developers.
    let warning = "THIS PYFAST IS NOT OPTIMISED";
    assert!(ran.stderr.lines().take(2).any(|line| line.contains(warning)), "{ran}");
    let first = ran.stderr.find("first installation").expect("it is said");
    assert!(ran.stderr.find(warning).is_some_and(|at| at < first), "{ran}");
    let table = ran.stdout.find("scenario").expect("a table");
    assert!(ran.stdout.find(warning).is_some_and(|at| at < table), "{ran}");
    assert!(world.read("out.md").starts_with("**TH"), "{}", world.read("out.md"));
    assert!(ran.stdout.contains("Made by `pyfast bench -r requirements.txt --runs 1"), "{ran}");
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
    let (world, begun) = (world(), Instant::now());
    let args = ["--vs", "uv", "--scenario", "cold", "--local-mirror", "--latency", "150"];
    bench(&world, &[&args[..], &["--runs", "2", "--json", "out.json"]].concat()).ok();
    let json: Value = serde_json::from_str(&world.read("out.json")).unwrap();
    assert_eq!(json["mirror"]["latency_ms"], 150);
    let figures = figures(&json, 2, begun.elapsed());
    assert_eq!(figures.len(), 2);
    // A page and a file at least come one after the other.
    assert!(figures.iter().all(|figure| figure.median > 0.3), "{figures:?}");
    // However often the tools came, the index was asked once.
    for name in ["/simple/a/", "/simple/b/", "a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"] {
        assert_eq!(world.index.asked(name).len(), 1, "{name}");
    }
}

#[test]
fn what_a_scenario_brings_itself_is_given_to_every_tool() {
    let (world, begun) = (world(), Instant::now());
    let run = |args: &[&str]| {
        let mut command = world.bare(&["bench", "--runs", "1", "--vs", "pip,uv"]);
        command.arg("--python").arg(python()).arg("--uv").arg(tools().join("uv"));
        command.args(&world.index_flags).args(args);
        Ran::of(command)
    };
    let large = ["--scenario", "large", "--size", "3", "--json", "out.json"];
    let ran = run(&large).ok();
    let json: Value = serde_json::from_str(&world.read("out.json")).unwrap();
    let figures = figures(&json, 1, begun.elapsed());
    let tools: Vec<&str> = figures.iter().map(|figure| &*figure.tool).collect();
    assert_eq!(tools, ["pyfast", "uv", "pip"]);
    assert_eq!(
        (&json["distributions"], &json["requirements"][0]),
        (&1.into(), &"large.txt".into())
    );
    // About as large as was asked for.
    let size = ran.stdout.split_once("one wheel of ").and_then(|(_, rest)| rest.split_once(" MB"));
    let size: u64 = size.expect("it is said").0.parse().unwrap();
    assert!((2..=4).contains(&size), "{ran}");
    assert_eq!(world.index.asked("bench-large").len(), 0, "the user's index is not asked for it");
    assert_eq!(world.index.asked("/a/").len(), 0, "the project's requirements are another matter");

    let refused = |args: &[&str], words: &[&str]| run(args).refused(EITHER, words);
    refused(&["--scenario", "large,cold"], &["`large`", "by itself"]);
    refused(&["--scenario", "sources", "-r", "requirements.txt"], &["`sources`", "requirements"]);
}

#[test]
fn after_a_switch_of_branches_the_environment_is_what_it_was() {
    let (world, begun) = (world(), Instant::now());
    world.index.add(&Wheel::new("c", "1.0"));
    let args = ["--vs", "pip,uv", "--scenario", "branch", "--add", "c", "--json", "out.json"];
    let ran = bench(&world, &args).ok();
    let json: Value = serde_json::from_str(&world.read("out.json")).unwrap();
    let cells = json["rows"][0]["cells"].as_array().unwrap();
    let outcomes: Vec<_> = cells.iter().map(|cell| (&cell["tool"], &cell["outcome"])).collect();
    let expected = [("pyfast", "measured"), ("uv", "measured"), ("pip", "excluded")];
    let expected = expected.map(|(tool, outcome)| (Value::from(tool), Value::from(outcome)));
    assert!(
        outcomes.into_iter().eq(expected.iter().map(|(tool, outcome)| (tool, outcome))),
        "{ran}"
    );
    assert!(begun.elapsed().as_secs_f64() > cells[0]["wall"]["median"].as_f64().unwrap());
}

#[test]
fn uv_that_is_not_there_is_said_and_not_silently_left_out() {
    let world = world();
    let begun = Instant::now();
    let mut command = world.bare(&["bench", "-r", "requirements.txt", "--runs", "1"]);
    command.args(["--vs", "uv", "--scenario", "cold", "--json", "out.json"]);
    command.arg("--python").arg(python()).args(&world.index_flags);
    // Whatever this machine has: no program at all.
    command.env("PATH", "/nonexistent");
    let ran = Ran::of(command).ok();
    let said = "uv is left out: it is not on PATH";
    assert!(ran.stdout.contains(said), "{ran}");
    let json: Value = serde_json::from_str(&world.read("out.json")).unwrap();
    assert!(json["notes"].to_string().contains(said), "{json}");
    let figures = figures(&json, 1, begun.elapsed());
    let tools: Vec<&str> = figures.iter().map(|figure| &*figure.tool).collect();
    assert_eq!(tools, ["pyfast"]);
    assert!(table(&ran.stdout).iter().all(|[_, tool, ..]| tool == "pyfast"), "{ran}");
}

#[test]
fn a_uv_that_is_named_and_is_no_program_is_refused() {
    let world = world();
    let mut command = world.bare(&["bench", "-r", "requirements.txt", "--vs", "uv"]);
    command.args(["--uv", "requirements.txt"]).arg("--python").arg(python());
    Ran::of(command).refused(USAGE, &["requirements.txt", "--uv"]);
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
    for scenario in ["container", "freeze"] {
        bench(&world, &["--scenario", scenario]).refused(EITHER, &["--image"]);
        bench(&world, &["--scenario", &format!("{scenario},cold"), "--image", "x"])
            .refused(EITHER, &[&format!("`{scenario}` is measured by itself")]);
    }
    for more in
        [&["--import", "json"][..], &["--whole-project"], &["--whole-project", "--edit", "main.py"]]
    {
        let arguments = [&["--scenario", "freeze", "--image", "x"], more].concat();
        bench(&world, &arguments).refused(EITHER, &["nor imports", "--import"]);
    }
}

#[test]
fn a_remote_store_stands_beside_the_index_with_bytecode() {
    let (world, begun) = (world(), Instant::now());
    let args = ["--vs", "uv", "--scenario", "cold-bytecode,remote", "--json", "out.json"];
    let ran = bench(&world, &args).ok();
    let json: Value = serde_json::from_str(&world.read("out.json")).unwrap();
    let outcomes = json["rows"].as_array().unwrap().iter().flat_map(|row| {
        let cells = row["cells"].as_array().unwrap().iter();
        cells.map(|cell| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            [text(&row["scenario"]), text(&cell["tool"]), text(&cell["outcome"])]
        })
    });
    let expected = [
        ["cold-bytecode", "pyfast", "measured"],
        ["cold-bytecode", "uv", "measured"],
        ["remote", "pyfast", "measured"],
        ["remote", "uv", "excluded"],
    ];
    assert_eq!(outcomes.collect::<Vec<_>>(), expected, "{ran}");
    assert!(ran.stdout.contains("knows no remote store"), "{ran}");
    assert!(ran.stdout.contains("directory of this machine"), "{ran}");
    let wall = |row: usize| json["rows"][row]["cells"][0]["wall"]["median"].as_f64().unwrap();
    assert!(wall(0) + wall(1) < begun.elapsed().as_secs_f64(), "{json}");
}
