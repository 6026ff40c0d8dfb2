//! One-shots, and services that fail.

use crate::project::{Project, TWO, taken_port};

/// A one-shot `migrate` that ends as the code says, `web` that needs it, and `board` that needs nothing.
fn one_shot(code: &str) -> String {
    format!(
        "
  migrate:
    <<: *python
    command: [python, -c, '{code}']
  web:
    <<: *python
    depends_on:
      migrate:
        condition: service_completed_successfully
  board:
    <<: *python
"
    )
}

/// `web` with more settings, and `board`.
fn web_with(settings: &str) -> String {
    format!(
        "
  web:
    <<: *python
    {settings}
  board:
    <<: *python
"
    )
}

#[test]
fn dependents_start_after_a_one_shot_which_runs_once() {
    let services = one_shot("import shade, time; time.sleep(1)");
    let Some(project) = Project::new("oneshot", &services) else { return };
    project.environments(&["web", "migrate"], &["board"]);
    let result = project.up();
    assert_eq!(result["services"]["migrate"]["verdict"], "completed", "{result}");
    let finished = project.inspect("migrate", "{{.State.FinishedAt}}");
    let started = project.inspect("web", "{{.State.StartedAt}}");
    assert!(finished < started, "{finished} {started}");
    project.up();
    assert_eq!(project.inspect("migrate", "{{.State.FinishedAt}}"), finished);
}

#[test]
fn a_failed_one_shot_is_explained_and_the_rest_runs() {
    let services = one_shot("import sys; print(\"no such table\"); sys.exit(7)");
    let Some(project) = Project::new("oneshotfails", &services) else { return };
    project.environments(&["web", "migrate"], &["board"]);
    let words = ["migrate", "exit code 7", "no such table", "not started (needs migrate)"];
    project.fails(&["up"], 1, &words);
    assert_eq!(project.inspect("web", "{{.State.Status}}"), "created");
    assert_eq!(project.inspect("board", "{{.State.Status}}"), "running");
}

#[test]
fn a_failing_health_check_is_shown_with_its_output() {
    let check = "healthcheck: {test: [CMD-SHELL, 'echo the well is dry; exit 1'], interval: 1s, retries: 2}";
    let Some(project) = Project::new("health", &web_with(check)) else { return };
    project.fails(&["up"], 1, &["service web failed", "the well is dry"]);
}

#[test]
fn a_crash_loop_fails_with_the_last_lines() {
    let loops = "restart: always\n    command: [python, -c, 'raise SystemExit(\"boom at start\")']";
    let Some(project) = Project::new("crash", &web_with(loops)) else { return };
    project.fails(&["up"], 1, &["service web failed", "boom at start"]);
}

#[test]
fn a_port_in_use_is_named() {
    let (listener, port) = taken_port();
    let ports = format!("ports: ['127.0.0.1:{port}:80']");
    let Some(project) = Project::new("port", &web_with(&ports)) else { return };
    let address = format!("127.0.0.1:{port} is in use");
    project.fails(&["up"], 1, &["the service web failed", &address]);
    drop(listener);
    assert_eq!(project.inspect("board", "{{.State.Status}}"), "running");
}

#[test]
fn an_image_that_cannot_be_pulled_is_named() {
    let Some(project) = Project::new("image", &web_with("image: localhost:1/nothing:here")) else {
        return;
    };
    project.fails(&["up"], 1, &["localhost:1/nothing:here"]);
    assert_eq!(project.containers("board"), "");
}

#[test]
fn a_bad_compose_file_is_a_usage_error_at_its_line() {
    let Some(project) = Project::new("bad", TWO) else { return };
    project.write("docker-compose.yml", "services:\n  web:\n    image: [\n");
    project.fails(&["up"], 2, &["docker-compose.yml:4:1"]);
    project.write("docker-compose.yml", "services:\n  web:\n    image: a\n    ports: 80\n");
    project.fails(&["up"], 2, &["docker-compose.yml:4:12, `services.web.ports`"]);
    assert_eq!(project.containers("web") + &project.containers("board"), "");
}

#[test]
fn an_engine_that_is_down_is_told_from_a_fault_of_the_project() {
    let Some(mut project) = Project::new("down-engine", TWO) else { return };
    project.world.host = format!("unix://{}", project.path("none.sock").display());
    let said = project.fails(&["up"], 3, &["none.sock"]);
    assert!(said.starts_with("error:"), "{said}");
    assert_eq!(project.containers("web"), "");
}

#[test]
fn a_failure_as_json_has_the_state_of_every_service() {
    let services = one_shot("import sys; print(\"no such table\"); sys.exit(7)");
    let Some(project) = Project::new("jsonfails", &services) else { return };
    project.environments(&["web", "migrate"], &["board"]);
    let output = project.pyfast(&["up", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["kind"], "service", "{answer}");
    let services = &answer["services"];
    let verdicts = ["migrate", "web", "board"].map(|name| services[name]["verdict"].as_str());
    assert_eq!(verdicts, [Some("failed"), Some("not started"), Some("running")], "{answer}");
    let failure = &services["migrate"]["failure"];
    assert_eq!(failure["exit_code"], 7, "{answer}");
    assert_eq!(failure["log"], serde_json::json!(["no such table"]), "{answer}");
    assert_eq!(services["web"]["needs"], "migrate", "{answer}");
}

#[test]
fn a_name_of_the_project_that_leads_elsewhere_is_refused() {
    let Some(project) = Project::new("name", TWO) else { return };
    project.write(".env", "COMPOSE_PROJECT_NAME=../elsewhere\n");
    project.fails(&["up"], 2, &["../elsewhere", "COMPOSE_PROJECT_NAME", "lower-case letters"]);
    assert!(!project.path("docker-compose.override.yml").exists());
}
