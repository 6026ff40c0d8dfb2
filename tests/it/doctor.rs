//! `pyfast doctor`, without an engine. What it says of an engine is tested beside one.

use std::path::Path;

use serde_json::Value;

use crate::support::index::Index;
use crate::support::mount::Mount;
use crate::support::ran::{Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;
use crate::support::write_script;

/// Runs `doctor --json`, which must end with this code, and gives its checks.
#[track_caller]
fn checks(world: &World, args: &[&str], code: i32) -> Value {
    let ran = world.pyfast(&[&["doctor", "--json"], args].concat());
    assert_eq!(ran.code(), Some(code), "{ran}");
    let json = ran.json();
    assert_eq!(json["ok"], code == 0, "{ran}");
    json["checks"].clone()
}

/// The checks of this name.
fn named<'a>(checks: &'a Value, name: &str) -> Vec<&'a Value> {
    checks.as_array().unwrap().iter().filter(|check| check["check"] == name).collect()
}

/// There is one check of this name, with this status; its message and hints.
#[track_caller]
fn expect(checks: &Value, name: &str, status: &str) -> String {
    let [check] = named(checks, name)[..] else { panic!("not one {name} in {checks:#}") };
    assert_eq!(check["status"], status, "{check:#}");
    let hints = check["hints"].as_array().unwrap();
    assert!(status == "ok" || status == "skipped" || !hints.is_empty(), "{check:#}");
    format!("{} {}", check["message"].as_str().unwrap(), check["hints"])
}

/// A world with an engine's address at which nothing listens, and a package.
fn world() -> World {
    let mut world = World::new();
    let socket = format!("unix://{}", world.path("no-engine.sock").display());
    world.env.insert("DOCKER_HOST".to_owned(), socket);
    world.index.add(&Wheel::new("pip", "1.0"));
    world.require(&["pip"]);
    world
}

/// Everything below a directory.
fn listing(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs_err::read_dir(next).unwrap().map(Result::unwrap) {
            found.push(entry.path().display().to_string());
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_project_that_needs_no_engine_is_well_without_one() {
    let world = world();
    let checks = checks(&world, &[], 0);
    let engine = expect(&checks, "engine", "warn");
    assert!(engine.contains("no-engine.sock") && engine.contains("DOCKER_HOST"), "{engine}");
    let python = expect(&checks, "interpreter", "ok");
    assert!(python.contains(&world.python), "{python}");
    let index = expect(&checks, "index", "ok");
    assert!(index.contains(&world.index.url()), "{index}");
    expect(&checks, "root", "ok");
    expect(&checks, "requirements", "ok");
    expect(&checks, "compose-file", "skipped");
}

#[test]
fn nothing_is_left_behind() {
    let world = world();
    fs_err::create_dir(&world.root).unwrap();
    let before = listing(&world.path("."));
    checks(&world, &[], 0);
    assert_eq!(listing(&world.path(".")), before);
    fs_err::remove_dir(&world.root).unwrap();
    let before = listing(&world.path("."));
    let root = expect(&checks(&world, &[], 0), "root", "ok");
    assert!(root.contains("does not exist yet"), "{root}");
    assert_eq!(listing(&world.path(".")), before);
}

#[test]
fn an_engine_that_the_project_needs_is_3() {
    let world = world();
    world.write("pyfast.toml", "[project]\nroot = \"volume:pyfast-it-doctor\"\n");
    let mut command = world.bare(&["doctor", "--json", "--python", &world.python]);
    command.args(&world.index_flags);
    let ran = Ran::of(command);
    assert_eq!(ran.code(), Some(3), "{ran}");
    let checks = ran.json()["checks"].clone();
    expect(&checks, "engine", "fail");
    expect(&checks, "volume", "skipped");
}

#[test]
fn an_image_whose_interpreter_is_meant_needs_the_engine() {
    let world = world();
    world.write(
        "pyfast.toml",
        "[env.web]\nrequirements = [\"requirements.txt\"]\nimage = \"app:1\"\n",
    );
    let mut command = world.bare(&["doctor", "--json"]);
    command.arg("--root").arg(&world.root).args(&world.index_flags);
    let ran = Ran::of(command);
    assert_eq!(ran.code(), Some(3), "{ran}");
    let python = expect(&ran.json()["checks"], "interpreter", "skipped");
    assert!(python.contains("app:1") && python.contains("web"), "{python}");
}

#[test]
fn an_index_that_does_not_answer_is_1_and_offline_it_is_not_asked() {
    let world = world();
    world.index.stop();
    let index = expect(&checks(&world, &[], 1), "index", "fail");
    assert!(index.contains(&world.index.url()), "{index}");
    expect(&checks(&world, &["--offline"], 0), "index", "skipped");
    assert!(world.index.seen().is_empty());
}

#[test]
fn an_index_without_the_usual_project_is_a_warning() {
    let mut world = world();
    world.index_flags[1] = format!("{}nowhere/", world.index.url());
    let index = expect(&checks(&world, &[], 0), "index", "warn");
    assert!(index.contains("404"), "{index}");
}

#[test]
fn passwords_are_not_shown() {
    let mut world = world();
    world.index_flags[1] = world.index.url_with("user", "s3cr3t");
    for args in [&["doctor"][..], &["doctor", "-v", "--json"]] {
        let ran = world.pyfast(args).ok();
        assert!(ran.stdout.contains(&format!("****@127.0.0.1:{}", world.index.port())), "{ran}");
        assert!(!ran.to_string().contains("s3cr3t"), "{ran}");
    }
    world.index.stop();
    let ran = world.pyfast(&["doctor"]);
    assert!(!ran.to_string().contains("s3cr3t"), "{ran}");
}

#[test]
fn an_index_of_the_requirements_is_asked_with_its_own_password() {
    let mut world = world();
    world.index_flags.clear();
    let credentials = ("user".to_owned(), "s3cr3t".to_owned());
    world.index.set(|options| options.credentials = Some(credentials));
    let url = |password| format!("--index-url {}", world.index.url_with("user", password));
    world.require(&[&url("s3cr3t"), "pip"]);
    let index = expect(&checks(&world, &[], 0), "index", "ok");
    assert!(index.contains("a requirements file") && index.contains("****@"), "{index}");
    world.require(&[&url("wr0ng"), "pip"]);
    let index = expect(&checks(&world, &[], 1), "index", "fail");
    assert!(index.contains("401") && !index.contains("wr0ng"), "{index}");
}

#[test]
fn every_index_is_told_with_the_setting_that_names_it() {
    let mut world = world();
    let url = world.index.url();
    world.index_flags = vec!["--extra-index-url".to_owned(), format!("{url}more/")];
    world.env.insert("PIP_INDEX_URL".to_owned(), url);
    let checks = checks(&world, &["--offline"], 0);
    let told: Vec<_> = named(&checks, "index").iter().map(|one| one["message"].as_str()).collect();
    let [Some(extra), Some(default)] = told[..] else { panic!("{checks:#}") };
    assert!(extra.contains("more/ (a further index)"), "{extra}");
    assert!(default.contains("(PIP_INDEX_URL)"), "{default}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_beside_the_rest() {
    let world = world();
    world.write("pyfast.toml", "[indx]\n");
    let checks = checks(&world, &[], 1);
    let told = expect(&checks, "configuration", "fail").to_lowercase();
    assert!(told.contains("pyfast.toml") && told.contains("index"), "{told}");
    expect(&checks, "engine", "warn");
}

#[test]
fn a_compose_file_that_cannot_be_read_is_told_with_its_place() {
    let world = world();
    let file = world.write("compose.yaml", "services:\n  web:\n    image: [1]\n");
    let told = expect(&checks(&world, &[], 1), "compose-file", "fail");
    assert!(told.contains(&format!("{}:3", file.display())), "{told}");
}

#[test]
fn a_project_directory_that_does_not_exist_is_usage() {
    let world = world();
    let nowhere = world.path("nowhere");
    let mut command = world.bare(&["doctor", "--project"]);
    command.arg(&nowhere);
    Ran::of(command).refused(USAGE, &["nowhere"]);
}

#[test]
fn an_interpreter_that_is_not_there_is_1() {
    let world = world();
    let mut command = world.bare(&["doctor", "--json", "--python", "3.99"]);
    command.arg("--root").arg(&world.root).args(&world.index_flags);
    let ran = Ran::of(command);
    assert_eq!(ran.code(), Some(1), "{ran}");
    let python = expect(&ran.json()["checks"], "interpreter", "fail");
    assert!(python.contains("3.99") && python.contains("--python"), "{python}");
}

#[test]
fn a_root_that_turned_read_only_is_told_with_what_still_works() {
    let world = world();
    let mount = Mount::tmpfs(&world.root, "size=4m");
    let all = checks(&world, &[], 0);
    let space = expect(&all, "space", "warn");
    assert!(space.contains("pyfast gc"), "{space}");
    let abilities = expect(&all, "file-system", "ok");
    assert!(abilities.contains("lacks reflinks"), "{abilities}");
    mount.read_only();
    let root = expect(&checks(&world, &[], 0), "root", "warn");
    assert!(root.contains("pyfast run"), "{root}");
}

#[test]
fn a_root_whose_programs_may_not_start_is_1() {
    let world = world();
    let _mount = Mount::tmpfs(&world.root, "size=4m,noexec");
    let checks = checks(&world, &[], 1);
    let told = named(&checks, "file-system");
    assert!(told.iter().any(|check| check["status"] == "fail"), "{checks:#}");
}

#[test]
fn compose_is_named_with_its_version() {
    let mut world = world();
    let bin = world.path("bin");
    fs_err::create_dir(&bin).unwrap();
    world.env.insert("PATH".to_owned(), bin.display().to_string());
    let none = expect(&checks(&world, &[], 0), "compose", "warn");
    assert!(none.contains("Compose plugin"), "{none}");
    let program = bin.join("docker-compose");
    write_script(&program, "#!/bin/sh\n[ \"$1\" = version ] && echo v2.24.5\n");
    let told = expect(&checks(&world, &[], 0), "compose", "ok");
    assert!(told.contains("2.24.5") && told.contains(program.to_str().unwrap()), "{told}");
}

#[test]
fn services_that_compose_should_start_need_a_compose() {
    let mut world = world();
    let (bin, dockerless) = (world.path("bin"), world.path("docker.sock"));
    fs_err::create_dir(&bin).unwrap();
    world.env.insert("PATH".to_owned(), bin.display().to_string());
    world.env.insert("DOCKER_HOST".to_owned(), format!("unix://{}", dockerless.display()));
    world.write("compose.yaml", "services:\n  web:\n    image: app:1\n");
    world.write(
        "pyfast.toml",
        "[env.web]\nrequirements = [\"requirements.txt\"]\nservices = [\"web\"]\n",
    );
    let checks = checks(&world, &[], 3);
    expect(&checks, "compose", "fail");
    expect(&checks, "compose-file", "ok");
}

#[test]
fn people_get_a_line_for_each_check_and_one_for_each_hint() {
    let world = world();
    let ran = world.pyfast(&["doctor"]).ok();
    let engine = ran.stdout.lines().position(|line| line.starts_with("warn     engine "));
    let engine = engine.unwrap_or_else(|| panic!("no line about the engine; {ran}"));
    let hint = ran.stdout.lines().nth(engine + 1).unwrap();
    assert!(hint.trim_start().starts_with("hint: start the engine"), "{ran}");
    assert!(ran.stderr.contains("1 warning") || ran.stderr.contains("warnings"), "{ran}");
    let quiet = world.pyfast(&["doctor", "--quiet"]).ok();
    assert!(quiet.stderr.is_empty() && !quiet.stdout.is_empty(), "{quiet}");
}

#[test]
fn a_named_index_is_asked_for_what_is_pinned_to_it() {
    let world = world();
    let special = Index::start();
    special.add(&Wheel::new("a", "1.0"));
    let names = format!("[index.named]\nspecial = \"{}\"\n", special.url());
    world.write("pyfast.toml", &format!("{names}[index.packages]\na = \"special\"\n"));
    let checks = checks(&world, &[], 0);
    let levels: Vec<_> = named(&checks, "index").iter().map(|one| &one["status"]).collect();
    assert_eq!(levels, ["ok", "ok"], "{checks:#}");
    assert_eq!(special.seen().len(), 1);
    assert!(special.seen()[0].request.path.ends_with("/a/"));
}
