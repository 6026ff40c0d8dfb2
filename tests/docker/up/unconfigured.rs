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

#[test]
fn what_up_made_is_found_by_the_other_commands() {
    let Some(project) = unconfigured("recalled") else { return };
    let volume = project.world.volume.clone();
    project.ok(&["up", "--fast", "--volume", &volume]);
    assert_eq!(project.ok(&["list"]), "shade==1.0\n");
    assert!(project.ok(&["show", "shade"]).contains("1.0"));
    assert!(project.ok(&["tree"]).contains("shade"));
    let history = || -> serde_json::Value {
        serde_json::from_str(&project.ok(&["history", "--json"])).unwrap()
    };
    assert_eq!(history()[0]["cause"], "up");
    project.ok(&["verify"]);
    project.write("requirements.txt", "shade==2.0\n");
    let said = crate::world::text(&project.pyfast(&["sync"]).stderr);
    assert!(said.contains("As `pyfast up` had it") && said.contains(&volume), "{said}");
    assert_eq!(project.ok(&["list"]), "shade==2.0\n");
    assert!(project.ok(&["diff", "--json"]).contains("1.0"));
    project.ok(&["rollback"]);
    assert_eq!(project.ok(&["list"]), "shade==1.0\n");
    assert_eq!(history().as_array().unwrap().len(), 3);
    let known: serde_json::Value =
        serde_json::from_str(&project.ok(&["env", "list", "--json"])).unwrap();
    assert_eq!(known.as_array().unwrap().len(), 1, "{known}");
    // `up` goes on with what the others made.
    project.ok(&["up", "--fast", "--volume", &volume]);
    assert_eq!(project.ok(&["list"]), "shade==2.0\n");
    // Whoever says where, means it.
    let root = project.path("elsewhere").display().to_string();
    project.fails(&["list", "--root", &root], 1, &["no environment"]);
}

#[test]
fn a_run_on_this_machine_names_the_way_into_the_containers() {
    let Some(project) = unconfigured("beside") else { return };
    let volume = project.world.volume.clone();
    project.ok(&["up", "--volume", &volume]);
    let script = ["python", "-c", "import sys; print(sys.prefix)"];
    let words = ["In an environment of this machine", "`pyfast exec board CMD`"];
    let run = || {
        let output = project.pyfast_before(&["run"], &script);
        assert!(output.status.success(), "{}", crate::world::text(&output.stderr));
        (crate::world::text(&output.stdout), crate::world::text(&output.stderr))
    };
    let (prefix, said) = run();
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    assert!(!prefix.starts_with("/pyfast"), "{prefix}");
    let (_, said) = run();
    assert!(!said.contains(words[0]), "it is said once: {said}");
    // What it names is there.
    let output = project.world.pyfast(&[&["exec", "-T", "board"], &script[..]].concat());
    assert!(crate::world::text(&output.stdout).starts_with("/pyfast"), "{output:?}");
    let said = crate::world::text(&project.pyfast(&["list"]).stderr);
    assert!(said.contains("Of this machine") && said.contains(&volume), "{said}");
}

#[test]
fn doctor_looks_at_what_up_takes() {
    let Some(project) = unconfigured("examined") else { return };
    fs_err::create_dir(project.path("web")).unwrap();
    fs_err::rename(project.path("requirements.txt"), project.path("web/requirements.txt")).unwrap();
    let said = project.ok(&["doctor", "--volume", &project.world.volume]);
    assert!(said.contains("web/requirements.txt (1 requirement)"), "{said}");
}
