//! Commands that compose files have run when containers have been started and before they end. Knows what such commands
//! leave; must not know who runs them.

use std::process::Command;

use crate::project::Project;
use crate::world::text;

/// What a hook writes down, for whoever comes next: who runs it, where, and with which variable.
const NOTE: &str = "umask 0; echo $$WORD $$(id -u) $$PWD >> /notes/log";

/// A service of a plain user with a hook for each, and how the last one ends.
fn hooked(post_start: &str, pre_stop: &str) -> String {
    format!(
        "
  web:
    <<: *python
    user: '65534'
    volumes: ['./notes:/notes']
    post_start:
      - command: [sh, -c, '{NOTE}']
        user: root
        working_dir: /srv
        environment: {{WORD: begun}}
      - command: [sh, -c, '{NOTE}; {post_start}']
        environment: [WORD=then]
    pre_stop:
      - command: [sh, -c, '{NOTE}; {pre_stop}']
        environment: [WORD=ending]
  board:
    <<: *python
"
    )
}

/// What hooks have written down since this was last asked.
fn notes(project: &Project) -> Vec<String> {
    let log = project.path("notes/log");
    let text = fs_err::read_to_string(&log).unwrap_or_default();
    if log.exists() {
        fs_err::remove_file(log).unwrap();
    }
    text.lines().map(str::to_owned).collect()
}

const BEGUN: [&str; 2] = ["begun 0 /srv", "then 65534 /"];
const RESTARTED: [&str; 3] = ["ending 65534 /", "begun 0 /srv", "then 65534 /"];

/// What this machine's Compose makes of hooks.
#[derive(PartialEq)]
enum OfCompose {
    Refused,
    PassedOver,
    Run,
}

/// A project of that service; what the Compose of this machine makes of its hooks.
fn project(purpose: &str) -> Option<(Project, OfCompose)> {
    let project = Project::new(purpose, &hooked("true", "true"))?;
    let notes = project.path("notes");
    fs_err::create_dir(&notes).unwrap();
    let open = Command::new("chmod").arg("1777").arg(&notes).status().unwrap();
    assert!(open.success());
    let version = Command::new("docker-compose").args(["version", "--short"]).output().unwrap();
    let version = text(&version.stdout);
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    let mut number = || numbers.next().unwrap().unwrap();
    let hooks = match (number(), number()) {
        (1, _) => OfCompose::Refused,
        (2, ..30) => OfCompose::PassedOver,
        _ => OfCompose::Run,
    };
    Some((project, hooks))
}

#[test]
fn hooks_run_with_starts_and_restarts_as_their_service_says() {
    let Some((project, hooks)) = project("hooks") else { return };
    if hooks == OfCompose::Refused {
        project.fails(&["up"], 1, &["post_start"]);
        assert_eq!(project.containers("web") + &project.containers("board"), "");
        return;
    }
    project.up();
    assert_eq!(notes(&project), BEGUN);
    project.up();
    assert_eq!(notes(&project), [""; 0], "what runs has been started");
    let before = project.identity("web");
    let output = project.docker_compose(&["up", "-d"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(project.identity("web"), before, "Compose finds nothing to do");
    project.write("backend.txt", "shade==2.0\n");
    project.up();
    assert_eq!(notes(&project), RESTARTED);
    project.ok(&["restart", "web"]);
    assert_eq!(notes(&project), RESTARTED);
    // Where Compose does the work, they are for it to run.
    let ended = if hooks == OfCompose::Run { &RESTARTED[..1] } else { &[] };
    let passed = |words: &[&str]| {
        let output = project.world.command(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    };
    passed(&["stop", "web"]);
    assert_eq!(notes(&project), ended);
    project.up();
    assert_eq!(notes(&project), BEGUN);
    project.ok(&["down"]);
    assert_eq!(notes(&project), ended);
}

#[test]
fn a_hook_that_fails_is_told_with_what_it_printed() {
    let Some((project, hooks)) = project("hooks-fail") else { return };
    project.compose(&hooked("echo no database; exit 3", "true"));
    if hooks == OfCompose::Refused {
        project.fails(&["up"], 1, &["post_start"]);
        return;
    }
    let words = ["✗ web", "`post_start` failed", "ended with 3", "no database"];
    project.fails(&["up"], 1, &words);
    assert_eq!(project.inspect("web", "{{.State.Status}}"), "running", "as with Compose");
    project.compose(&hooked("true", "echo still busy; exit 4"));
    project.up();
    let before = project.identity("web");
    project.write("backend.txt", "shade==2.0\n");
    let words = ["✗ web", "`pre_stop` failed", "ended with 4", "still busy"];
    project.fails(&["up"], 1, &words);
    assert_eq!(project.identity("web"), before, "it goes on as it was");
    project.fails(&["up"], 1, &words[..2]);
    project.compose(&hooked("true", "true"));
    project.up();
    assert_eq!(project.python("web", "import shade; print(shade.__version__)"), "2.0");
}
