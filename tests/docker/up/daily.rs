//! What happens every day: a changed dependency, a step back, nothing at all, a look around.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::project::{Project, TWO};
use crate::world::text;

#[test]
fn an_added_package_restarts_only_the_services_of_its_environment() {
    let Some(project) = Project::new("added", TWO) else { return };
    project.up();
    let (web, board) = (project.identity("web"), project.identity("board"));
    project.write("backend.txt", "shade==1.0\nlate_comer==1.0\n");
    let result = project.up();
    assert_eq!(result["services"]["web"]["restarted"], true, "{result}");
    assert_eq!(result["services"]["board"]["restarted"], false, "{result}");
    let after = project.identity("web");
    assert_eq!(after[..2], web[..2], "container and image stay");
    assert_ne!(after[2], web[2], "it was restarted");
    assert_eq!(project.identity("board"), board);
    assert_eq!(project.python("web", "import late_comer as l; print(l.__version__)"), "1.0");
}

#[test]
fn a_rollback_and_a_restart_bring_the_old_version_back() {
    let Some(project) = Project::new("back", TWO) else { return };
    project.up();
    project.write("backend.txt", "shade==2.0\n");
    project.up();
    let version = "import shade; print(shade.__version__)";
    assert_eq!(project.python("web", version), "2.0");
    project.ok(&["rollback", "--env", "backend"]);
    let before = project.identity("web");
    project.ok(&["restart", "web"]);
    let after = project.identity("web");
    assert_eq!(before[0], after[0]);
    assert_ne!(before[2], after[2]);
    assert_eq!(project.python("web", version), "1.0");
}

#[test]
fn an_unchanged_up_does_without_compose_and_restarts_nothing() {
    let Some(mut project) = Project::new("same", TWO) else { return };
    project.up();
    let before = [project.identity("web"), project.identity("board")];
    let called = project.path("called");
    // Which one it is may be asked of one that was never met.
    let version = "[ \"$1\" = version ] && { echo 2.0.0; exit; }";
    project.fake_compose(&format!("{version}\ntouch {}\nexit 9\n", called.display()));
    let result = project.up();
    assert!(!called.exists(), "Compose was called");
    for service in ["web", "board"] {
        assert_eq!(result["services"][service]["restarted"], false, "{result}");
    }
    assert_eq!([project.identity("web"), project.identity("board")], before);
}

#[test]
fn compose_itself_finds_nothing_to_recreate_afterwards() {
    let Some(project) = Project::new("compose", TWO) else { return };
    project.up();
    let before = [project.identity("web"), project.identity("board")];
    let output = project.docker_compose(&["up", "-d"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!([project.identity("web"), project.identity("board")], before);
}

#[test]
fn containers_are_listed_with_state_and_environment() {
    let Some(project) = Project::new("ps", TWO) else { return };
    assert!(project.ok(&["ps"]).contains("no container"));
    project.up();
    let table = project.ok(&["ps"]);
    let row = table.lines().find(|line| line.starts_with("web")).unwrap();
    assert!(row.contains("running") && row.contains("backend"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&project.ok(&["ps", "--json"])).unwrap();
    let ids: Vec<_> = json.as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [project.containers("board").trim(), project.containers("web").trim()]);
    assert!(project.docker_compose(&["stop", "board"]).status.success());
    assert_eq!(project.ok(&["ps", "-q"]).trim(), project.containers("web").trim());
}

#[test]
fn output_is_shown_by_service() {
    let services = "
  web:
    <<: *python
    command: [python, -uc, 'import time; print(\"one\"); print(\"two\"); time.sleep(3600)']
  board:
    <<: *python
";
    let Some(project) = Project::new("logs", services) else { return };
    project.up();
    let said = project.ok(&["logs", "--tail", "1", "web"]);
    assert!(said.contains("web | two") && !said.contains("one"), "{said}");
}

#[test]
fn down_removes_containers_and_keeps_the_environments() {
    let Some(project) = Project::new("down", TWO) else { return };
    project.up();
    project.ok(&["down"]);
    assert_eq!(project.containers("web") + &project.containers("board"), "");
    let volume = project.world.docker(&["volume", "inspect", &project.world.volume]);
    assert!(volume.status.success(), "{}", text(&volume.stderr));
}

#[test]
fn logs_are_followed_over_a_restart_until_the_project_is_down() {
    let services = "
  web:
    <<: *python
    command: [python, -uc, 'import os, time; n = len(os.listdir(\"/tmp\")); open(f\"/tmp/{n}\", \"w\"); print(\"run\", n); time.sleep(3600)']
  board:
    <<: *python
";
    let Some(project) = Project::new("follow", services) else { return };
    project.up();
    let mut command = project.world.command(&["logs", "--follow", "web"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(line(), "web | run 0\n");
    project.ok(&["restart", "--fast", "web"]);
    assert_eq!(line(), "web | run 1\n", "the restarted container, and no line twice");
    project.ok(&["down"]);
    assert_eq!(line(), "", "the end");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn cleaning_a_service_leaves_the_others_alone() {
    let Some(project) = Project::new("clean", TWO) else { return };
    project.up();
    let (web, board) = (project.identity("web"), project.identity("board"));
    project.ok(&["up", "--clean", "web"]);
    assert_ne!(project.identity("web")[0], web[0], "made anew");
    assert_eq!(project.identity("board"), board);
    project.ok(&["up", "--clean"]);
    assert_ne!(project.identity("board")[0], board[0], "without names it means all");
}

#[test]
fn the_override_has_the_version_of_the_compose_files() {
    let Some(project) = Project::new("version", TWO) else { return };
    let text = fs_err::read_to_string(project.path("docker-compose.yml")).unwrap();
    // Compose 1 refuses files of different versions.
    project.write("docker-compose.yml", &format!("version: \"3.8\"\n{text}"));
    project.up();
    let written = fs_err::read_to_string(project.path("docker-compose.override.yml")).unwrap();
    assert!(written.contains("version: \"3.8\"\n"), "{written}");
    assert_eq!(project.inspect("web", "{{.State.Status}}"), "running");
    project.write("docker-compose.yml", &text);
    project.up();
    let written = fs_err::read_to_string(project.path("docker-compose.override.yml")).unwrap();
    assert!(!written.contains("version:"), "{written}");
}
