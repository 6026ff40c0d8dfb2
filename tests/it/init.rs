//! `pyfast init`: what it writes, what it says, what it leaves alone.

use crate::support::ran::{Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

const COMPOSE: &str = "name: shop
x-app: &app
  image: ${PREFIX:-shop}-backend:latest
  environment: {A: b}
services:
  backend:
    <<: *app
    build: {context: ., dockerfile: backend/Dockerfile}
    ports: ['8000:8000']
  worker:
    <<: *app
    command: celery -A app worker
  flower:
    <<: *app
    profiles: [tools]
  redis:
    image: redis:7
  scheduler:
    build: ./scheduler
";

/// The world's project in the shape of a usual stack: two images of Python's, four services.
fn stack() -> World {
    let world = World::new();
    world.write("docker-compose.yml", COMPOSE);
    let text = "FROM python:3.11-slim\nCOPY backend/requirements.txt /tmp/\nRUN pip install -r /tmp/requirements.txt\n";
    world.write("backend/Dockerfile", text);
    world.write("backend/requirements.txt", "a\n");
    world.write(
        "scheduler/Dockerfile",
        "FROM python:3.12\nCOPY . .\nRUN uv pip install --system -r deps.txt\n",
    );
    world.write("scheduler/deps.txt", "b\n");
    world.write("scheduler/.dockerignore", "mine\n");
    world.write("frontend/node_modules/x/requirements.txt", "c\n");
    world
}

#[track_caller]
fn init(world: &World, args: &[&str]) -> Ran {
    Ran::of(world.bare(&[&["init"], args].concat()))
}

fn configuration(world: &World) -> toml::Table {
    world.read("pyfast.toml").parse().expect("pyfast.toml is TOML")
}

fn texts(value: &toml::Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(toml::Value::as_str).collect()
}

#[test]
fn a_stack_gets_an_environment_for_each_image_of_pythons() {
    let world = stack();
    let ran = init(&world, &[]).ok();
    let config = configuration(&world);
    assert_eq!(config["project"]["name"].as_str(), Some("shop"));
    assert_eq!(config["project"]["root"].as_str(), Some("volume:pyfast-shop"));
    let backend = &config["env"]["backend"];
    assert_eq!(texts(&backend["requirements"]), ["backend/requirements.txt"]);
    assert_eq!(backend["image"].as_str(), Some("shop-backend:latest"));
    assert_eq!(texts(&backend["services"]), ["backend", "flower", "worker"]);
    let scheduler = &config["env"]["scheduler"];
    assert_eq!(texts(&scheduler["requirements"]), ["scheduler/deps.txt"]);
    assert_eq!(config["env"].as_table().expect("a table").len(), 2);
    for told in
        ["backend/Dockerfile installs backend/requirements.txt", "python:3.12", "redis", "Wrote"]
    {
        assert!(ran.stderr.contains(told), "no `{told}`; {ran}");
    }
    assert!(ran.stdout.starts_with("--- a/backend/Dockerfile\n"), "{ran}");
}

#[test]
fn the_written_configuration_is_understood() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1"));
    world.write("backend/requirements.txt", "a\n");
    world.write("requirements-dev.txt", "absent\n");
    init(&world, &[]).ok();
    world.pyfast(&["sync", "--locked"]).refused(&[1], &["lock"]);
    let synced = world.pyfast(&["sync", "--json"]).ok().json();
    assert_eq!(synced["packages"][0]["name"], "a");
}

#[test]
fn an_existing_configuration_is_never_overwritten() {
    let world = stack();
    world.write("pyfast.toml", "# mine\n");
    init(&world, &[]).refused(USAGE, &["pyfast.toml", "exists", "--print"]);
    init(&world, &["--json"]).refused_with_hint(USAGE, &["pyfast.toml"]);
    assert_eq!(world.read("pyfast.toml"), "# mine\n");
    assert!(!world.project.join(".dockerignore").exists(), "nothing is written");
    assert!(init(&world, &["--print"]).ok().stdout.contains("[env.backend]"));
}

#[test]
fn a_link_to_nowhere_is_not_written_through() {
    let world = stack();
    let target = world.path("elsewhere.toml");
    std::os::unix::fs::symlink(&target, world.project.join("pyfast.toml")).unwrap();
    init(&world, &[]).refused(USAGE, &["exists"]);
    assert!(!target.exists());
}

#[test]
fn a_table_in_pyproject_is_not_hidden() {
    let world = stack();
    world.write("pyproject.toml", "[tool.pyfast.project]\nname = 'x'\n");
    init(&world, &[]).refused(USAGE, &["pyproject.toml", "tool.pyfast"]);
    assert!(!world.project.join("pyfast.toml").exists());
}

#[test]
fn print_writes_nothing() {
    let world = stack();
    let ran = init(&world, &["--print"]).ok();
    let printed: toml::Table = ran.stdout.parse().expect("what is printed is TOML");
    assert!(!world.project.join("pyfast.toml").exists());
    assert!(!world.project.join(".dockerignore").exists());
    init(&world, &[]).ok();
    assert_eq!(printed, configuration(&world));
}

#[test]
fn only_missing_dockerignore_files_are_written() {
    let world = stack();
    init(&world, &[]).ok();
    assert_eq!(world.read("scheduler/.dockerignore"), "mine\n");
    let text = world.read(".dockerignore");
    for pattern in ["**/node_modules", "**/__pycache__", ".git", "**/.env", ".pyfast"] {
        assert!(text.lines().any(|line| line == pattern), "no {pattern}:\n{text}");
    }
}

#[test]
fn a_context_that_is_no_directory_gets_no_dockerignore_and_is_named() {
    let world = stack();
    world.write(
        "docker-compose.yml",
        &format!(
            "{COMPOSE}  gone: {{build: ./gone}}\n  file: {{build: ./backend/requirements.txt}}\n"
        ),
    );
    let ran = init(&world, &[]).ok();
    assert!(ran.stderr.contains("gone is built from gone, which is no directory"), "{ran}");
    assert!(ran.stderr.contains("file is built from backend/requirements.txt"), "{ran}");
    assert!(world.project.join(".dockerignore").is_file(), "{ran}");
    assert!(configuration(&world)["env"].get("backend").is_some());
}

#[test]
fn json_has_the_decisions_with_their_reasons() {
    let world = stack();
    let json = init(&world, &["--json"]).ok().json();
    assert_eq!(json["project"]["root"], "volume:pyfast-shop");
    let names: Vec<_> =
        json["environments"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["backend", "scheduler"]);
    assert!(json["environments"][0]["reasons"][0].as_str().unwrap().contains("backend/Dockerfile"));
    assert!(json["without_environment"]["redis"].is_string());
    assert_eq!(json["written"].as_array().unwrap().len(), 2);
    assert_eq!(json["text"].as_str(), Some(world.read("pyfast.toml").as_str()));
}

#[test]
fn quiet_says_nothing_but_what_could_be_changed() {
    let ran = init(&stack(), &["-q"]).ok();
    assert!(ran.stdout.starts_with("--- a/backend/Dockerfile\n"), "{ran}");
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_project_without_requirements_is_told_what_was_looked_for() {
    let world = World::new();
    init(&world, &[]).refused(USAGE, &["requirements", "looked for"]);
    assert!(!world.project.join("pyfast.toml").exists());
}

#[test]
fn project_files_and_locks_of_other_tools_are_named_with_what_to_do() {
    let world = World::new();
    world.write(
        "pyproject.toml",
        "[tool.poetry]\nname = 'a'\n[tool.poetry.dependencies]\nb = '*'\n",
    );
    let words = ["Poetry's own", "poetry export -o requirements.txt"];
    init(&world, &[]).refused(USAGE, &words);
    world.write("pyproject.toml", "[project]\nname = 'a'\nversion = '1'\n");
    world.write("uv.lock", "");
    let ran = init(&world, &[]).ok();
    assert!(
        ran.stderr.contains("uv.lock is not read") && ran.stderr.contains("uv export"),
        "{ran}"
    );
    assert_eq!(texts(&configuration(&world)["env"]["default"]["requirements"]), ["pyproject.toml"]);
}

#[test]
fn a_lock_alone_is_named_with_what_makes_requirements_of_it() {
    let world = World::new();
    let text = "FROM python:3.11\nCOPY backend/pylock.toml .\nRUN pip install -r pylock.toml\n";
    world.write("backend/Dockerfile", text);
    world.write(
        "compose.yaml",
        "services: {web: {build: {context: ., dockerfile: backend/Dockerfile}}}\n",
    );
    let lock = "lock-version = '1.0'\ncreated-by = 'other'\n[[packages]]\nname = 'a'\nversion = '1.0'\n[[packages.wheels]]\nname = 'a-1.0-py3-none-any.whl'\nurl = 'http://127.0.0.1:1/a-1.0-py3-none-any.whl'\nhashes = {sha256 = '0000000000000000000000000000000000000000000000000000000000000000'}\n";
    world.write("backend/pylock.toml", lock);
    let export = "pyfast export --lock backend/pylock.toml -o backend/requirements.txt";
    let hint = format!("`{export}` writes a file that is taken");
    init(&world, &[]).refused(USAGE, &["backend/pylock.toml is a lock", &hint]);
    assert!(!world.project.join("pyfast.toml").exists());
    let words: Vec<_> = export.split(' ').skip(1).collect();
    Ran::of(world.bare(&words)).ok();
    assert_eq!(world.read("backend/requirements.txt"), "a==1.0\n");
    init(&world, &[]).ok();
    let web = &configuration(&world)["env"]["web"];
    assert_eq!(texts(&web["requirements"]), ["backend/requirements.txt"]);
}

#[test]
fn a_bad_compose_file_is_named_and_nothing_is_written() {
    let world = stack();
    world.write("docker-compose.yml", "services:\n  a: [\n");
    let ran = init(&world, &[]);
    assert!(ran.stderr.contains("docker-compose.yml"), "{ran}");
    assert_ne!(ran.code(), Some(0), "{ran}");
    assert!(
        !world.project.join("pyfast.toml").exists()
            && !world.project.join(".dockerignore").exists()
    );
}

#[test]
fn a_compose_file_above_the_project_is_left_out_and_named() {
    let world = World::new();
    fs_err::write(world.path("compose.yaml"), "services: {a: {image: python:3}}\n").unwrap();
    world.require(&["a"]);
    let ran = init(&world, &[]).ok();
    assert!(ran.stderr.contains("above the project"), "{ran}");
    assert!(configuration(&world)["env"].get("default").is_some());
}

#[test]
fn virtual_environments_and_hidden_directories_are_passed_over() {
    let world = World::new();
    for place in ["py/lib", ".tox/lib", "node_modules/x"] {
        world.write(&format!("{place}/requirements.txt"), "wrong\n");
    }
    world.write("py/pyvenv.cfg", "home = /usr/bin\n");
    init(&world, &[]).refused(USAGE, &["no requirements file"]);
    world.write("app/requirements.txt", "a\n");
    world.write("Dockerfile", "FROM python:3.11\n");
    init(&world, &[]).ok();
    assert_eq!(
        texts(&configuration(&world)["env"]["default"]["requirements"]),
        ["app/requirements.txt"]
    );
    assert!(
        world.read(".dockerignore").lines().any(|line| line == "py"),
        "the environment is named"
    );
}

#[test]
fn the_example_gets_the_environments_that_are_written_for_it_by_hand() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/trading-webui");
    let printed = Ran::of(World::new().bare(&["init", "--print", "--project", example])).ok();
    let printed: toml::Table = printed.stdout.parse().expect("what is printed is TOML");
    let text = fs_err::read_to_string(format!("{example}/pyfast.toml")).unwrap();
    let written: toml::Table = text.parse().expect("it is TOML");
    for (name, environment) in written["env"].as_table().expect("a table") {
        let proposed = &printed["env"][name];
        for key in ["requirements", "services"] {
            let sorted = |value: &toml::Value| -> Vec<String> {
                let mut sorted: Vec<_> =
                    texts(&value[key]).into_iter().map(str::to_owned).collect();
                sorted.sort();
                sorted
            };
            assert_eq!(sorted(proposed), sorted(environment), "{name}: {key}");
        }
        assert_eq!(proposed["image"], environment["image"], "{name}");
    }
    assert_eq!(
        printed["env"].as_table().map(toml::Table::len),
        written["env"].as_table().map(toml::Table::len)
    );
}
