//! `up` of a project that has no `pyfast.toml`.

use crate::project::{Project, TWO};

/// A project without configuration, whose only requirements file is `requirements.txt`.
fn unconfigured(purpose: &str) -> Option<Project> {
    let project = Project::new(purpose, TWO)?;
    for file in ["pyfast.toml", "backend.txt", "boards.txt"] {
        fs_err::remove_file(project.path(file)).unwrap();
    }
    project.write("requirements.txt", "shade==1.0\n");
    Some(project)
}

#[test]
fn what_init_would_write_counts_and_is_said_in_a_line() {
    let Some(project) = unconfigured("assumed") else { return };
    let volume = ["--volume", &project.world.volume].map(str::to_owned);
    let up = ["up", &volume[0], &volume[1]];
    let output = project.pyfast(&up);
    let said = crate::world::text(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines: Vec<_> = said.lines().filter(|line| line.contains("no pyfast.toml")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    for word in ["installs requirements.txt for board, web", "`pyfast init`"] {
        assert!(lines[0].contains(word), "{said}");
    }
    assert!(!project.path("pyfast.toml").exists());
    assert_eq!(project.python("web", "import shade as s; print(s.__version__)"), "1.0");
    // Written down, it is the same: nothing is made anew.
    let before = project.identity("web");
    project.ok(&["init", &volume[0], &volume[1]]);
    project.ok(&up);
    assert_eq!(project.identity("web"), before);
}

#[test]
fn where_files_are_left_over_the_user_has_to_choose() {
    let Some(project) = unconfigured("doubtful") else { return };
    project.write("requirements-worker.txt", "lamp==1.0\n");
    let words = ["there is no pyfast.toml", "requirements-worker.txt", "`pyfast init`"];
    project.fails(&["up"], 2, &words);
    assert_eq!(project.containers("web") + &project.containers("board"), "");
}
