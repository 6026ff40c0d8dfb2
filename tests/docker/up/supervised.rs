//! Services whose commands are supervised: new environments and new code reach them while their containers run on.

use std::time::{Duration, Instant};

use crate::project::Project;
use crate::wheels::Wheel;
use crate::world::{SLIM, text};

/// What `web` runs: it says in what it is and what it was asked to end by, and does not start with version 3.0.
const PROGRAM: &str = "import os, shade, signal, sys, time
def end(number, frame):
    print('end', number)
    sys.exit(5)
signal.signal(signal.SIGINT, end)
print('run', shade.__version__)
if shade.__version__ == '3.0': sys.exit(3)
while True: time.sleep(60)
";

/// `web` as process 1, `inner` below an init of the engine.
fn services() -> String {
    let program = serde_json::to_string(PROGRAM).unwrap();
    format!(
        "
  web: &web
    <<: *python
    command: [python, -uc, {program}]
    stop_signal: SIGINT
    stop_grace_period: 3s
  inner:
    <<: *web
    init: true
  board:
    <<: *python
"
    )
}

/// A project that is up, of which `web` and `inner` are supervised.
fn supervised(purpose: &str) -> Option<Project> {
    let project = Project::new(&format!("super-{purpose}"), &services())?;
    supervise(&project, &["web", "inner"]);
    project.world.package("shade", "3.0");
    project.up();
    Some(project)
}

/// Has all services of `backend` be supervised.
fn supervise(project: &Project, services: &[&str]) {
    project.environments(services, &["board"]);
    let toml = fs_err::read_to_string(project.path("pyfast.toml")).unwrap();
    let toml = toml.replacen("[env.boards]", "supervised = true\n[env.boards]", 1);
    project.write("pyfast.toml", &toml);
}

/// What a service has printed.
fn said(project: &Project, service: &str) -> Vec<String> {
    let id = project.containers(service);
    let output = project.world.docker(&["logs", id.trim()]);
    text(&output.stdout).lines().map(str::to_owned).collect()
}

/// Waits until the last thing that a service has printed is this.
fn await_said(project: &Project, service: &str, last: &str) {
    let begun = Instant::now();
    while said(project, service).last().is_none_or(|line| line != last) {
        assert!(begun.elapsed() < Duration::from_mins(10), "{:?}", said(project, service));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_new_environment_reaches_the_command_while_its_container_runs_on() {
    let Some(project) = supervised("edit") else { return };
    let before = ["web", "inner", "board"].map(|service| project.identity(service));
    project.write("backend.txt", "shade==2.0\n");
    let plan = project.ok(&["up", "--plan"]);
    assert!(plan.contains("reload   web: environment backend changed"), "{plan}");
    let result = project.up();
    for service in ["web", "inner"] {
        let outcome = &result["services"][service];
        assert_eq!((&outcome["reloaded"], &outcome["restarted"]), (&true.into(), &false.into()));
        assert_eq!(outcome["verdict"], "running");
        // It was asked to end as its compose file says.
        assert_eq!(said(&project, service), ["run 1.0", "end 2", "run 2.0"]);
    }
    assert_eq!(["web", "inner", "board"].map(|service| project.identity(service)), before);
    let result = project.up();
    assert_eq!(result["services"]["web"]["reloaded"], false, "{result}");
    assert_eq!(said(&project, "web").len(), 3, "nothing is due any more");
    let output = project.docker_compose(&["up", "-d"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(project.identity("web"), before[0], "Compose finds nothing to recreate");
}

#[test]
fn a_sync_by_another_hand_is_noticed_and_nothing_is_left_for_up() {
    let Some(project) = supervised("hand") else { return };
    let web = project.identity("web");
    project.write("backend.txt", "shade==2.0\n");
    project.ok(&["sync", "--env", "backend"]);
    await_said(&project, "web", "run 2.0");
    project.up();
    assert_eq!(said(&project, "web"), ["run 1.0", "end 2", "run 2.0"]);
    let output = project.pyfast(&["rollback", "--env", "backend"]);
    let told = text(&output.stderr);
    assert!(output.status.success() && !told.contains("pyfast restart"), "{told}");
    await_said(&project, "web", "run 1.0");
    assert_eq!(project.identity("web"), web);
}

#[test]
fn a_command_that_crashes_in_its_new_environment_is_told_and_mended_as_ever() {
    let Some(project) = supervised("crash") else { return };
    project.write("backend.txt", "shade==3.0\n");
    let words = ["✗ web", "it ended with code 3", "| run 3.0", "2 services failed: inner, web"];
    project.fails(&["up"], 1, &words);
    project.write("backend.txt", "shade==2.0\n");
    let result = project.up();
    assert_eq!(result["services"]["web"]["verdict"], "running", "{result}");
    assert_eq!(said(&project, "web").last().unwrap(), "run 2.0");
}

#[test]
fn a_command_that_is_not_in_its_new_environment_runs_on_in_the_one_before() {
    let services = "
  web:
    <<: *python
    command: [serve]
  board:
    <<: *python
";
    let Some(project) = Project::new("super-kept", services) else { return };
    supervise(&project, &["web"]);
    let main = "import time\ndef main():\n    print('serves', flush=True)\n    time.sleep(3600)\n";
    for (version, scripts) in [("1.0", &["serve = server:main"][..]), ("2.0", &[])] {
        let files = &[("server.py", main)];
        project.world.wheel(&Wheel { name: "server", version, requires: &[], files, scripts });
    }
    project.write("backend.txt", "server==1.0\n");
    project.up();
    let web = project.identity("web");
    project.write("backend.txt", "server==2.0\n");
    let words = ["✗ web", "does not start in its new environment", "serve", "not found in PATH"];
    project.fails(&["up"], 1, &words);
    assert_eq!(project.inspect("web", "{{.State.Status}}"), "running");
    project.fails(&["up"], 1, &words[..2]);
    assert_eq!(project.identity("web"), web);
    assert_eq!(said(&project, "web"), ["serves"], "it was not even asked to end");
    project.write("backend.txt", "server==1.0\n");
    project.up();
    assert_eq!(project.identity("web"), web);
}

#[test]
fn new_code_reaches_the_command_while_its_container_runs_on() {
    let tag = format!("uptests-super-code-{}:latest", std::process::id());
    let services = format!(
        "  web: {{image: '{tag}', build: ., stop_grace_period: 3s, deploy: {{replicas: 2}}}}
  board: {{image: '{SLIM}', command: [sleep, infinity], stop_signal: SIGKILL}}
"
    );
    let Some(project) = Project::new("super-code", "") else { return };
    project.write("docker-compose.yml", &format!("services:\n{services}"));
    supervise(&project, &["web"]);
    fs_err::create_dir(project.path("app")).unwrap();
    let dockerfile = format!(
        "FROM {SLIM}\nRUN true\nCOPY app /srv/app\nUSER 65534\nCMD [\"python\", \"-u\", \"/srv/app/main.py\"]\n"
    );
    project.write("Dockerfile", &dockerfile);
    let edit = |edition: &str| {
        let main = format!("import time\nprint('{edition}')\ntime.sleep(3600)\n");
        project.write("app/main.py", &main);
    };
    edit("first");
    project.up();
    let started = || {
        let ids = project.containers("web");
        let of = |id: &str| {
            let format = ["inspect", "--format", "{{.Id}} {{.Image}} {{.State.StartedAt}}", id];
            text(&project.world.docker(&format).stdout)
        };
        ids.lines().map(of).collect::<Vec<_>>()
    };
    let printed = || {
        let ids = project.containers("web");
        let of = |id: &str| text(&project.world.docker(&["logs", id]).stdout);
        ids.lines().map(of).collect::<Vec<_>>()
    };
    let before = started();
    edit("second");
    let plan = project.ok(&["up", "--plan"]);
    assert!(plan.contains("reload   web: 1 file is put into it"), "{plan}");
    let result = project.up();
    assert_eq!(result["services"]["web"]["reloaded"], true, "{result}");
    assert_eq!(printed(), vec!["first\nsecond\n"; 2]);
    // With a new environment, too.
    edit("third");
    project.write("backend.txt", "shade==2.0\n");
    project.up();
    let both = printed();
    assert!(both.iter().all(|one| one.ends_with("third\n")), "{both:?}");
    assert_eq!(started(), before);
    project.up();
    assert_eq!(printed(), both, "nothing is due any more");
    project.ok(&["down"]);
    project.up();
    assert_eq!(printed(), vec!["third\n"; 2]);
    project.ok(&["down"]);
    project.world.docker(&["image", "rm", "-f", &tag]);
}

#[test]
fn a_supervised_service_is_stopped_and_restarted_as_its_compose_file_says() {
    let Some(project) = supervised("stop") else { return };
    project.ok(&["restart", "web", "inner"]);
    assert_eq!(said(&project, "web"), ["run 1.0", "end 2", "run 1.0"]);
    let output = project.docker_compose(&["stop", "web", "inner"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for service in ["web", "inner"] {
        assert_eq!(said(&project, service).last().unwrap(), "end 2");
        assert_eq!(project.inspect(service, "{{.State.ExitCode}}"), "5");
    }
    // What asks a service to end that nobody can pass on is refused before anything is done.
    project.compose(&services().replace("SIGINT", "SIGRTMIN+3"));
    project.write("backend.txt", "shade==2.0\n");
    project.fails(&["up"], 2, &["cannot supervise", "SIGRTMIN+3", "`stop_signal`"]);
    let list = project.ok(&["list", "--env", "backend"]);
    assert!(list.contains("1.0") && !list.contains("2.0"), "{list}");
}
