//! `up` before it creates containers: what would not start is named, and nothing is created.

use crate::project::Project;
use crate::world::{SLIM, text};

/// A module that its Python does not compile.
const BROKEN: &str = "import time\n\n\ndef wait():\n    await time.sleep(1)\n";

/// A project of which `web` runs `app.main` out of an image that copies it.
fn shop(purpose: &str) -> Option<Project> {
    let project = Project::new(&format!("check-{purpose}"), "")?;
    let tag = format!("uptests-check-{purpose}-{}:latest", std::process::id());
    project.write(
        "docker-compose.yml",
        &format!(
            "services:\n  web: {{image: '{tag}', build: ., stop_signal: SIGKILL}}\n  board: {{image: {SLIM}, command: [sleep, '3600']}}\n"
        ),
    );
    let dockerfile = format!(
        "FROM {SLIM}\nWORKDIR /srv\nCOPY app ./app\nCMD [\"python\", \"-m\", \"app.main\"]\n"
    );
    project.write("Dockerfile", &dockerfile);
    fs_err::create_dir(project.path("app")).unwrap();
    project.write("app/main.py", BROKEN);
    Some(project)
}

#[test]
fn what_would_not_start_is_named_and_nothing_is_created() {
    let Some(project) = shop("refused") else { return };
    let said = project.fails(&["up"], 1, &["error[syntax]", "app/main.py:5:5", "--no-check"]);
    assert!(said.contains("nothing was created: 1 error keeps a service from starting"), "{said}");
    assert_eq!(project.containers("web") + &project.containers("board"), "");
    let plan = project.ok(&["up", "--plan"]);
    assert!(plan.contains("check ") && plan.contains("web would not start: "), "{plan}");
    project.write("app/main.py", "import time\ntime.sleep(3600)\n");
    let plan = project.ok(&["up", "--plan"]);
    assert!(!plan.contains("would not start"), "{plan}");
}

#[test]
fn whoever_says_so_has_containers_all_the_same() {
    let Some(project) = shop("all-the-same") else { return };
    let output = project.pyfast(&["up", "--no-check", "--fast"]);
    let said = text(&output.stderr);
    assert!(!said.contains("error[syntax]"), "{said}");
    assert_ne!(project.containers("web"), "", "{said}");
}
