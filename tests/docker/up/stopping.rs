//! Restarts: services that do not end at their stop signal, and those that are restarted with others.

use crate::project::Project;
use crate::world::text;

/// What `pyfast restart` of these services says on standard error.
fn restart(project: &Project, services: &[&str]) -> String {
    let output = project.pyfast(&[&["restart", "--fast"], services].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn a_service_that_ignores_its_stop_signal_is_named_with_what_to_do() {
    let services = "
  web:
    <<: *python
    stop_signal: SIGTERM
    stop_grace_period: 1s
  shell:
    <<: *python
    command: [sh, -c, 'while true; do sleep 0.1; done']
    stop_signal: SIGTERM
    stop_grace_period: 1s
  busy:
    <<: *python
    command: [python, -c, 'import signal, time; signal.signal(signal.SIGINT, lambda *_: None); time.sleep(3600)']
    stop_signal: SIGINT
    stop_grace_period: 1s
  ended:
    <<: *python
    init: true
    stop_signal: SIGTERM
    stop_grace_period: 5s
  board:
    <<: *python
";
    let Some(project) = Project::new("deaf", services) else { return };
    project.environments(&["web", "shell", "busy", "ended"], &["board"]);
    project.up();
    let said = restart(&project, &["web", "shell", "busy", "ended", "board"]);
    let line = |service: &str| {
        let begin = format!("{service}: it had not ended 1 s after ");
        let found = said.lines().find(|line| line.contains(&begin)).map(str::to_owned);
        found.unwrap_or_else(|| panic!("nothing of {service}: {said}"))
    };
    assert!(line("web").contains("SIGTERM") && line("web").contains("`init: true`"), "{said}");
    assert!(line("shell").contains("the shell `sh`"), "{said}");
    assert!(line("shell").contains("`exec`"), "{said}");
    assert!(line("busy").contains("SIGINT") && line("busy").contains("`stop_grace_period`"));
    for service in ["ended: it", "board: it"] {
        assert!(!said.contains(service), "{said}");
    }
}

#[test]
fn who_depends_on_a_service_with_restart_is_restarted_with_it() {
    let services = "
  web:
    <<: *python
    depends_on:
      board: {condition: service_started}
  other:
    <<: *python
    depends_on: [board]
  board:
    <<: *python
";
    let Some(project) = Project::new("with", services) else { return };
    project.environments(&["web", "other"], &["board"]);
    project.up();
    // Compose 1 does not know of it, and is not asked any more.
    project.compose(&services.replace("_started", "_started, restart: true"));
    let (web, other) = (project.identity("web"), project.identity("other"));
    restart(&project, &["board"]);
    let after = project.identity("web");
    assert_eq!(after[0], web[0]);
    assert_ne!(after[2], web[2], "it was restarted");
    assert_eq!(project.identity("other"), other);
    project.write("boards.txt", "lamp==1.0\nlate_comer==1.0\n");
    let plan = project.ok(&["up", "--plan"]);
    assert!(plan.contains("restart  web: board is restarted, on which it depends"), "{plan}");
}
