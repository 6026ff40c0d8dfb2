//! What the shells offer where somebody presses the tabulator: in real shells at a real terminal, and what they are told.

use std::path::Path;
use std::process::Command;

use crate::support::ran::Ran;
use crate::support::screen::Screen;
use crate::support::wheel::Wheel;
use crate::support::world::World;
use crate::support::{environment, write_script};

/// A project with an environment of its user's own, of two packages, one of which has a program.
fn world() -> World {
    let mut world = World::new();
    world.index.add(&Wheel::new("idna", "3.0"));
    world.index.add(&Wheel::new("six", "1.0").console("idle-tool = six:main"));
    world.require(&["idna", "six"]);
    world.write("compose.yaml", "services:\n  worker: {image: x}\n  web: {image: y}\n");
    let mut sync = world.bare(&["sync", "--python", &world.python]);
    sync.args(&world.index_flags);
    Ran::of(sync).ok();
    // The shells find the program by its name.
    let bin = world.path("bin");
    fs_err::create_dir(&bin).unwrap();
    fs_err::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pyfast"), bin.join("pyfast")).unwrap();
    world.env.insert("PATH".to_owned(), format!("{}:/usr/bin:/bin", bin.display()));
    world
}

/// The words that come next after a line, the last word of which is being typed.
fn next(world: &World, words: &[&str]) -> (String, Vec<String>) {
    let ran = Ran::of(world.bare(&[&["complete", "zsh", "--"], words].concat())).ok();
    assert_eq!(ran.stderr, "", "{ran}");
    let mut lines = ran.stdout.lines();
    let own = lines.next().expect("what the shell adds").to_owned();
    let word = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
    (own, lines.map(word).collect())
}

#[track_caller]
fn check(world: &World, line: &str, expected: &[&str], own: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(
        next(world, &words),
        (own.to_owned(), expected.iter().map(ToString::to_string).collect()),
        "{line}"
    );
}

#[test]
fn what_is_offered_is_what_there_is() {
    let world = world();
    check(&world, "why ", &["idna", "six"], "nothing");
    check(&world, "show six id", &["idna"], "nothing");
    check(&world, "lock -P s", &["six"], "nothing");
    check(&world, "list --env ", &["default"], "nothing");
    check(&world, "env rm ", &["default"], "nothing");
    check(&world, "restart w", &["web", "worker"], "nothing");
    check(&world, "logs web ", &["worker"], "nothing");
    check(&world, "cache ", &["dir", "size", "clean", "help"], "nothing");
    check(&world, "sync -r ", &[], "files");
    check(&world, "sync --project ", &[], "directories");
    check(&world, "run idle", &["idle-tool"], "programs");
    check(&world, "run -- idle-tool --he", &[], "files");
    let ran = world.bare(&["history", "--json"]);
    let id = Ran::of(ran).ok().json()[0]["id"].as_str().expect("an id").to_owned();
    check(&world, "rollback ", &[&id], "nothing");
    check(&world, &format!("diff {}", &id[..3]), &[&id], "nothing");
    let (_, commands) = next(&world, &[""]);
    assert!(commands.contains(&"sync".to_owned()), "{commands:?}");
    for hidden in ["answer", "build-source", "complete"] {
        assert!(!commands.contains(&hidden.to_owned()), "{hidden} is for nobody to type");
    }
    let (_, options) = next(&world, &["history", "--"]);
    assert!(options.contains(&"--json".to_owned()), "{options:?}");
    assert!(!options.contains(&"--index-url".to_owned()), "it asks no index: {options:?}");
}

#[test]
fn parts_of_a_project_and_profiles_are_offered() {
    let world = World::new();
    let project = "[project]\nname = 'p'\nversion = '1'\n[project.optional-dependencies]\n\
                   docs = []\nplots = []\n[dependency-groups]\nlint = []\n\
                   [tool.uv]\ndev-dependencies = ['a']\n";
    world.write("pyproject.toml", project);
    world.write(
        "web/pyproject.toml",
        "[project]\nname = 'w'\n[project.optional-dependencies]\nx = []",
    );
    let services = "web: {image: y}, shell: {image: y, profiles: [debug, all]}, db: {image: y, profiles: [all]}";
    world.write("compose.yaml", &format!("services: {{{services}}}\n"));
    world.write("other.yaml", "services: {web: {image: y, profiles: [elsewhere]}}\n");
    check(&world, "sync --extra ", &["docs", "plots"], "nothing");
    check(&world, "sync --extra docs --extra ", &["plots"], "nothing");
    check(&world, "sync -r web/pyproject.toml --extra ", &["x"], "nothing");
    check(&world, "lock --only-group ", &["lint", "dev"], "files");
    check(&world, "add --group d", &["dev"], "files");
    check(&world, "up --profile ", &["all", "debug"], "nothing");
    check(&world, "up -f other.yaml --profile ", &["elsewhere"], "nothing");
    check(&world, "up --profile=d", &["--profile=debug"], "nothing");
    let shown = Ran::of(world.bare(&["complete", "zsh", "--", "up", "--profile", "a"])).ok();
    assert_eq!(shown.stdout, "nothing\nall\tdb, shell\n");
    world.write("pyproject.toml", "[project\n");
    check(&world, "sync --extra ", &[], "nothing");
    check(&world, "sync --group ", &[], "files");
}

/// All that is below a directory, with sizes.
fn everything(directory: &Path) -> Vec<String> {
    let found = Command::new("find").arg(directory).args(["-printf", "%p %s %T@\n"]).output();
    let found = String::from_utf8(found.unwrap().stdout).unwrap();
    let mut lines: Vec<String> = found.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn asking_writes_nothing_and_says_nothing_where_anything_is_wrong() {
    let mut world = World::new();
    world.write("pyfast.toml", "[env\n");
    world.env.insert("DOCKER_HOST".to_owned(), "tcp://127.0.0.1:1".to_owned());
    let before = everything(world.path("").as_path());
    for words in [&["why", ""][..], &["list", "--env", ""], &["up", ""], &["rollback", ""]] {
        assert_eq!(next(&world, words).1, Vec::<String>::new(), "{words:?}");
    }
    assert!(next(&world, &["sy"]).1.contains(&"sync".to_owned()));
    // A project whose packages nobody has asked for yet, in a volume.
    world.write("pyfast.toml", "[project]\nroot = \"volume:nowhere\"\n[env.dash]\nimage = \"x\"\n");
    let middle = everything(world.path("").as_path());
    assert_eq!(next(&world, &["list", "--env", ""]).1, ["dash"]);
    assert_eq!(next(&world, &["why", ""]).1, Vec::<String>::new());
    assert_eq!(everything(world.path("").as_path()), middle);
    assert_ne!(before, middle, "the listing sees what is written");
}

/// Which Compose it is decides the name of a service's image: something has to be started to know it.
#[test]
fn asking_starts_nothing_where_a_service_s_image_is_meant() {
    let mut world = World::new();
    world.write("compose.yaml", "services:\n  web: {build: .}\n");
    world.write("pyfast.toml", "[env.web]\nimage = \"service:web\"\n");
    let mark = world.path("started");
    let program = format!("#!/bin/sh\n: > {}\n", mark.display());
    fs_err::create_dir(world.path("bin")).unwrap();
    for name in ["docker", "docker-compose"] {
        write_script(&world.path("bin").join(name), &program);
    }
    let path = format!("{}:/usr/bin:/bin", world.path("bin").display());
    world.env.insert("PATH".to_owned(), path);
    let asked = |args: &[&str]| Ran::of(world.bare(args));
    let shown = asked(&["complete", "zsh", "--", "list", "--env", ""]).ok().stdout;
    assert!(shown.contains("web"), "{shown}");
    asked(&["cache", "dir"]).ok();
    assert!(!mark.exists(), "a program was started");
    asked(&["list"]);
    assert!(mark.exists(), "where the image is asked for, it is");
}

#[test]
fn a_list_for_shells_that_ask_nobody_has_no_hidden_command() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let list = Ran::of(world.bare(&["completions", "--static", shell])).ok().stdout;
        assert!(list.contains("sync") && list.contains("upgrade-package"), "{shell}");
        assert!(!list.contains("build-source"), "{shell} shows what nobody is to type");
    }
}

/// Lines as they are typed, and what the tabulator makes of them.
const LINES: [(&str, &str); 8] = [
    ("pyfast outd", "pyfast outdated"),
    ("pyfast why id", "pyfast why idna"),
    ("pyfast remove idna si", "pyfast remove idna six"),
    ("pyfast list --env=def", "pyfast list --env=default"),
    ("pyfast restart wor", "pyfast restart worker"),
    ("pyfast sync -r requirements", "pyfast sync -r requirements.txt"),
    ("pyfast run -- idle", "pyfast run -- idle-tool"),
    ("pyfast sync --upgrade-pa", "pyfast sync --upgrade-package"),
];

/// Types the lines in a shell, and looks at what it makes of them.
fn check_shell(program: &str, arguments: &[&str], begin: &str) {
    if !Path::new(program).exists() && environment("PYFAST_REQUIRE_SHELLS").is_none() {
        return;
    }
    let world = world();
    let mut shell = Command::new(program);
    shell.args(arguments).current_dir(&world.project).env_clear().envs(&world.env);
    let Some(screen) = Screen::open(&shell, 100) else { return };
    screen.type_line(begin);
    // The answer is in no echo of what was typed.
    screen.type_line("echo rea''dy");
    screen.wait_for("the shell", |shown| shown.lines().any(|line| line.trim_end() == "ready"));
    for (typed, expected) in LINES {
        screen.type_keys(typed);
        screen.press("Tab");
        screen.wait_for(expected, |shown| shown.contains(expected));
        screen.press("C-u");
    }
    let shown = screen.wait_for("the end", |_| true);
    assert!(!shown.contains("error"), "{shown}");
}

#[test]
fn bash_completes() {
    let begin = "source <(pyfast completions bash)";
    check_shell("/bin/bash", &["--noprofile", "--norc", "-i"], begin);
}

#[test]
fn zsh_completes() {
    let begin = "autoload -U compinit; compinit -u -D; source <(pyfast completions zsh)";
    check_shell("/usr/bin/zsh", &["-f", "-i"], begin);
}

#[test]
fn fish_completes() {
    check_shell("/usr/bin/fish", &["--no-config", "-i"], "pyfast completions fish | source");
}
