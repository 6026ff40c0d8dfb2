//! `--json`: one document a run, whatever came of it, and a line for each round of `--watch`.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::project::{Project, TWO};
use crate::world::text;

/// The only document of a run that fails.
fn failure(project: &Project, arguments: &[&str]) -> Value {
    let output = project.pyfast(arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// The messages of all that failed, sorted.
fn messages(answer: &Value) -> Vec<String> {
    let also = answer["also"].as_array().into_iter().flatten();
    let all = std::iter::once(&answer["error"]).chain(also);
    let mut all: Vec<_> = all.map(|one| one["message"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

#[test]
fn several_images_that_cannot_be_pulled_are_one_document() {
    let services = "
  web:
    image: localhost:1/one:here
  board:
    image: localhost:1/two:here
";
    let Some(project) = Project::new("json-images", services) else { return };
    let told = messages(&failure(&project, &["up", "--json"]));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("localhost:1/one:here"), "{told:?}");
    assert!(told[1].contains("localhost:1/two:here"), "{told:?}");
}

#[test]
fn several_environments_that_cannot_be_synced_are_one_document() {
    let Some(project) = Project::new("json-envs", TWO) else { return };
    project.write("backend.txt", "absent_shade==1.0\n");
    project.write("boards.txt", "absent_lamp==1.0\n");
    let answer = failure(&project, &["up", "--json"]);
    let hints = |one: &Value| one["hints"].to_string();
    let also = &answer["also"][0];
    let both = hints(&answer["error"]) + &hints(also);
    for env in ["backend", "boards"] {
        assert!(both.contains(&format!("this is the environment `{env}`")), "{answer}");
    }
}

#[test]
fn a_plan_is_a_document_too() {
    let Some(project) = Project::new("json-plan", TWO) else { return };
    let plan: Value = serde_json::from_str(&project.ok(&["up", "--plan", "--json"])).unwrap();
    let of = |what: &str| {
        let steps = plan["plan"].as_array().unwrap().iter();
        let acts = steps.filter(|step| step["what"] == what).map(|step| step["act"].as_str());
        acts.map(Option::unwrap).collect::<Vec<_>>().join("; ")
    };
    assert!(of("environment").contains("backend: sync"), "{plan}");
    assert!(of("containers").contains("web has no container"), "{plan}");
    assert!(of("health").contains("2 services"), "{plan}");
}

#[test]
fn a_watch_prints_a_line_for_each_round() {
    let Some(project) = Project::new("json-watch", TWO) else { return };
    let mut child =
        project.command(&["up", "--watch", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let first = next();
    assert_eq!(first["services"]["web"]["verdict"], "running", "{first}");
    project.write("backend.txt", "absent_shade==1.0\n");
    let second = next();
    assert_eq!(second["error"]["hints"].to_string().matches("`backend`").count(), 1, "{second}");
    project.write("backend.txt", "shade==2.0\n");
    let third = next();
    assert_eq!(third["services"]["web"]["restarted"], true, "{third}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(next()["error"]["kind"], "interrupted");
    assert!(lines.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
