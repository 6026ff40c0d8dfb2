//! What a sync was asked for is kept: `run` and a sync that asks for nothing repeat it.

use std::os::unix::fs::MetadataExt;

use fs_err as fs;

use crate::support::mount::Mount;
use crate::support::ran::{MENDABLE, Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world of `app` and `tool`, and files that ask for one and for both.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("app", "1.0")).add(&Wheel::new("app", "2.0"));
    world.index.add(&Wheel::new("tool", "1.0").console("tool = tool:main"));
    world.require(&["app"]);
    world.write("dev.txt", "app\ntool\n");
    world
}

/// `pyfast` as a user types it: no interpreter is named.
fn typed(world: &World, args: &[&str]) -> Ran {
    let (name, rest) = args.split_first().unwrap();
    let mut command = world.bare(&[name]);
    command.arg("--root").arg(&world.root).args(&world.index_flags).args(rest);
    Ran::of(command)
}

fn packages(world: &World) -> String {
    let list = typed(world, &["list"]).ok().stdout;
    list.lines().map(|line| line.split("==").next().unwrap_or(line)).collect::<Vec<_>>().join(" ")
}

#[test]
fn run_keeps_what_the_last_sync_put_in() {
    let world = world();
    typed(&world, &["sync", "-r", "dev.txt"]).ok();
    let ran = typed(&world, &["run", "python", "-c", "import tool"]).ok();
    assert!(!ran.stderr.contains("- tool"), "{ran}");
    assert_eq!(packages(&world), "app tool");
    let from_elsewhere = world.project.join("sub");
    fs::create_dir(&from_elsewhere).unwrap();
    let project = world.project.to_str().unwrap();
    let mut command = world.bare(&["run", "--project", project]);
    command.arg("--root").arg(&world.root).args(&world.index_flags);
    command.args(["--", "python", "-c", "import tool"]).current_dir(from_elsewhere);
    Ran::of(command).ok();
    assert_eq!(packages(&world), "app tool");
}

#[test]
fn sync_that_asks_for_nothing_repeats_the_last_request_and_says_so() {
    let world = world();
    world.write(
        "pyproject.toml",
        "[project]\nname = \"p\"\nversion = \"1\"\n[dependency-groups]\ndev = [\"tool\"]\n",
    );
    let first = typed(&world, &["sync", "-r", "requirements.txt", "--group", "dev"]).ok();
    assert!(!first.stderr.contains("last time"), "{first}");
    let again = typed(&world, &["sync"]).ok();
    let said = "As last time: `--requirements=requirements.txt --group=dev`";
    assert!(again.stderr.contains(said), "{again}");
    assert!(again.stderr.contains("Up to date"), "{again}");
    assert_eq!(packages(&world), "app tool");
}

#[test]
fn another_request_is_said_and_takes_the_place_of_the_last() {
    let world = world();
    typed(&world, &["sync"]).ok();
    let ran = typed(&world, &["sync", "-r", "dev.txt"]).ok();
    assert!(ran.stderr.contains("Another request than last time, which was what"), "{ran}");
    let ran = typed(&world, &["sync", "-r", "requirements.txt"]).ok();
    let said = "Another request than last time, which was `--requirements=dev.txt`";
    assert!(ran.stderr.contains(said), "{ran}");
    assert_eq!(packages(&world), "app");
}

#[test]
fn python_links_and_bytecode_stay_until_they_are_named() {
    let world = world();
    let python = format!("--python={}", world.python);
    typed(&world, &["sync", &python, "--link-mode", "copy", "--compile"]).ok();
    let ran = typed(&world, &["sync", "-r", "dev.txt", "--json"]).ok();
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let generation = report["environment"].as_str().unwrap();
    let module = format!(
        "{generation}/lib/python{}/site-packages/app/__init__.py",
        report["python"]["version"].as_str().unwrap().rsplit_once('.').unwrap().0
    );
    assert_eq!(fs::metadata(&module).unwrap().nlink(), 1, "a copy has one name");
    assert!(ran.stderr.contains("--link-mode=copy --compile"), "{ran}");
    let ran = typed(&world, &["sync", "--link-mode", "hardlink", "--json"]).ok();
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_ne!(report["environment"].as_str().unwrap(), generation);
    assert_eq!(packages(&world), "app tool", "the files are those of the request before");
}

#[test]
fn variable_of_a_run_does_not_swap_environments() {
    let mut world = world();
    typed(&world, &["sync"]).ok();
    world.env.insert("PYFAST_LINK_MODE".to_owned(), "copy".to_owned());
    let first = typed(&world, &["sync", "--json"]).ok();
    let report: serde_json::Value = serde_json::from_str(&first.stdout).unwrap();
    let ran = typed(&world, &["run", "sh", "-c", "echo $VIRTUAL_ENV"]).ok();
    assert_eq!(ran.stdout.trim(), report["environment"].as_str().unwrap());
}

#[test]
fn other_files_of_a_run_make_an_environment_of_their_own() {
    let world = world();
    typed(&world, &["lock", "-r", "requirements.txt"]).ok();
    typed(&world, &["sync"]).ok();
    let lock = world.read("pylock.toml");
    let link = fs::read_link(world.project.join(".venv")).unwrap();
    let script =
        "# /// script\n# dependencies = [\"tool\"]\n# ///\nimport tool; print('it runs')\n";
    world.write("script.py", script);
    let ran = typed(&world, &["run", "-r", "script.py", "--", "python", "script.py"]).ok();
    assert_eq!(ran.stdout, "it runs\n");
    assert!(ran.stderr.contains("+ tool") && !ran.stderr.contains("- app"), "{ran}");
    assert_eq!(packages(&world), "app");
    assert_eq!(world.read("pylock.toml"), lock);
    assert_eq!(fs::read_link(world.project.join(".venv")).unwrap(), link);
    let again = typed(&world, &["run", "-r", "script.py", "--", "python", "script.py"]).ok();
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("it runs\n", ""));
    // The project's own files are the project's environment.
    typed(&world, &["run", "-r", "requirements.txt", "--", "python", "-c", "import app"]).ok();
    typed(&world, &["run", "python", "-c", "import app"]).ok();
}

#[test]
fn files_of_a_run_on_a_read_only_root_ask_for_no_other_environment() {
    let mut world = world();
    let path = world.path("small");
    let mount = Mount::tmpfs(&path, "size=12m");
    world.root = path.join("root");
    typed(&world, &["sync", "-r", "dev.txt"]).ok();
    mount.read_only();
    let command = ["run", "--wait", "1", "-r", "requirements.txt", "--", "python", "-c"];
    typed(&world, &[&command[..], &["import tool"]].concat()).ok();
}

#[test]
fn run_stays_where_a_rollback_went_until_something_is_synced() {
    let world = world();
    typed(&world, &["sync"]).ok();
    typed(&world, &["sync", "-r", "dev.txt"]).ok();
    typed(&world, &["rollback"]).ok();
    let ran = typed(&world, &["run", "python", "-c", "import app"]).ok();
    assert!(ran.stderr.contains("`pyfast rollback` went back to"), "{ran}");
    assert_eq!(packages(&world), "app");
    typed(&world, &["sync"]).ok();
    assert_eq!(packages(&world), "app tool");
    let ran = typed(&world, &["run", "python", "-c", "import tool"]).ok();
    assert_eq!(ran.stderr, "");
}

#[test]
fn request_is_forgotten_where_the_configuration_says_another() {
    let world = world();
    world.write("pyfast.toml", "[env.default]\nrequirements = [\"requirements.txt\"]\n");
    typed(&world, &["sync", "-r", "dev.txt"]).ok();
    typed(&world, &["sync"]).ok();
    assert_eq!(packages(&world), "app tool");
    world.write("only.txt", "tool\n");
    world.write("pyfast.toml", "[env.default]\nrequirements = [\"only.txt\"]\n");
    typed(&world, &["sync"]).ok();
    assert_eq!(packages(&world), "tool");
}

#[test]
fn failed_or_tried_request_is_not_remembered() {
    let world = world();
    typed(&world, &["sync"]).ok();
    world.write("bad.txt", "nothing-of-this-name\n");
    typed(&world, &["sync", "-r", "bad.txt"]).refused(MENDABLE, &["nothing-of-this-name"]);
    typed(&world, &["sync", "-r", "dev.txt", "--dry-run"]).ok();
    let ran = typed(&world, &["sync"]).ok();
    assert!(!ran.stderr.contains("last time"), "{ran}");
    assert_eq!(packages(&world), "app");
}

#[test]
fn request_with_a_password_is_kept_nowhere() {
    let world = world();
    let file = world.index.write("/only.txt", "tool\n").replace("http://", "http://user:s3cr3t@");
    typed(&world, &["sync", "-r", &file]).ok();
    assert_eq!(packages(&world), "tool");
    for entry in walkdir(&world.path("home")) {
        assert!(!fs::read_to_string(&entry).unwrap_or_default().contains("s3cr3t"), "{entry:?}");
    }
}

#[test]
fn damaged_memory_is_no_memory() {
    let world = world();
    typed(&world, &["sync", "-r", "dev.txt"]).ok();
    let kept: Vec<_> = walkdir(&world.path("home"))
        .into_iter()
        .filter(|path| path.display().to_string().contains("/requests/"))
        .collect();
    assert_eq!(kept.len(), 1);
    for text in ["", "{", "{\"version\":1,\"words\":[{\"Unix\":[45,45,110,111]}]}"] {
        fs::write(&kept[0], text).unwrap();
        typed(&world, &["sync"]).ok();
        assert_eq!(packages(&world), "app", "{text}");
    }
}

#[test]
fn what_a_quiet_sync_had_to_say_is_said_by_the_next_one_that_is_heard() {
    let world = world();
    let project = |more: &str| {
        let head = "[project]\nname = \"p\"\nversion = \"1\"\ndependencies = [\"app\"]";
        world.write("pyproject.toml", &format!("{head}\n{more}\n"));
    };
    fs::remove_file(world.project.join("requirements.txt")).unwrap();
    world.write(".venv/pyvenv.cfg", "home = /usr/bin\n");
    project("[project.scripts]\np = \"p:main\"\n[tool.uv]\ndependency-metadata = []");
    let news = ["itself is not installed", "`dependency-metadata`", "another tool, and stays"];
    let said = |ran: &Ran| news.map(|one| ran.stderr.matches(one).count());
    for _ in 0..2 {
        assert_eq!(typed(&world, &["sync", "-q"]).ok().stderr, "");
    }
    assert_eq!(said(&typed(&world, &["sync", "--dry-run"]).ok())[0], 1, "tried, it is not told");
    assert_eq!(said(&typed(&world, &["sync"]).ok()), [1, 1, 1]);
    assert_eq!(said(&typed(&world, &["sync"]).ok()), [0, 0, 0]);
    // What holds no longer is not said.
    project("[project.scripts]\nq = \"p:main\"\n[tool.uv]\nenvironments = []");
    typed(&world, &["sync", "-q"]).ok();
    project("");
    assert_eq!(said(&typed(&world, &["sync"]).ok()), [0, 0, 0]);
    assert_eq!(said(&typed(&world, &["sync"]).ok()), [0, 0, 0]);
}

#[test]
fn option_of_pyfast_before_the_command_is_still_judged() {
    let world = world();
    typed(&world, &["sync"]).ok();
    typed(&world, &["run", "--nonsense"]).refused(USAGE, &["--nonsense"]);
    let ran =
        typed(&world, &["run", "sh", "-c", "echo \"$@\"", "sh", "--", "-x", "--offline"]).ok();
    assert_eq!(ran.stdout, "-- -x --offline\n");
}

fn walkdir(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(
            |path| {
                if path.is_dir() && !path.is_symlink() { walkdir(&path) } else { vec![path] }
            },
        )
        .collect()
}
