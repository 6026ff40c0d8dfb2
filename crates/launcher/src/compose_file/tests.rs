//! Whole projects: what is read of them, and that docker-compose reads the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::*;

mod further;
pub(super) mod growth;
mod parts;

/// A request that starts in a directory.
struct Asked {
    directory: PathBuf,
    files: Vec<PathBuf>,
    environment: BTreeMap<String, String>,
    profiles: Vec<String>,
    services: Vec<String>,
}

impl Asked {
    fn new(directory: &Path) -> Self {
        let environment =
            [("HOME", "/home/user"), ("FROM_SHELL", "from the shell"), ("NEEDED", "given")];
        Self {
            directory: directory.to_owned(),
            files: Vec::new(),
            environment: environment.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            profiles: Vec::new(),
            services: Vec::new(),
        }
    }

    fn read(&self) -> Result<ComposeProject, Error> {
        read_compose(&ComposeRequest {
            directory: &self.directory,
            files: &self.files,
            environment: &self.environment,
            profiles: &self.profiles,
            services: &self.services,
            project_name: Some("example"),
        })
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose").join(name)
}

/// The model without what depends on the machine, and without what docker-compose leaves out.
fn comparable(project: &ComposeProject, directory: &Path) -> Value {
    let text = project.model.to_string().replace(&directory.display().to_string(), "/project");
    let mut model: Value = serde_json::from_str(&text).unwrap();
    let top = model.as_object_mut().unwrap();
    top.retain(|key, _| !key.starts_with("x-"));
    for service in top["services"].as_object_mut().unwrap().values_mut() {
        for key in ["ports", "volumes", "expose", "dns"] {
            if let Some(Value::Array(items)) = service.get_mut(key) {
                items.sort_by_key(Value::to_string);
            }
        }
        if let Some(Value::Object(networks)) = service.get_mut("networks") {
            networks.values_mut().filter(|node| node.is_null()).for_each(|node| *node = json!({}));
        }
        // docker-compose writes one of the two forms as the other.
        if service["healthcheck"] == json!({"disable": true}) {
            service["healthcheck"] = json!({"test": ["NONE"]});
        }
    }
    model
}

/// Reads what docker-compose printed; in it, everything is resolved already.
fn read_printed(text: &str) -> Value {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("printed.yaml");
    fs_err::write(&file, text).unwrap();
    let asked = Asked { files: vec![file], ..Asked::new(place.path()) };
    comparable(&asked.read().unwrap(), place.path())
}

/// Compares line by line, so that a difference can be read.
fn assert_same(ours: &Value, theirs: &Value, why: &str) {
    let text = |model: &Value| serde_json::to_string_pretty(model).unwrap();
    let (ours, theirs) = (text(ours), text(theirs));
    let only = |one: &str, other: &str| -> Vec<String> {
        one.lines().filter(|line| !other.lines().any(|l| l == *line)).map(str::to_owned).collect()
    };
    assert!(
        ours == theirs,
        "{why}: here only {:#?}, there only {:#?}",
        only(&ours, &theirs),
        only(&theirs, &ours)
    );
}

fn same_as_docker_compose(name: &str) {
    let directory = fixture(name);
    let asked = Asked::new(&directory);
    let model = comparable(&asked.read().unwrap(), &directory);
    insta::with_settings!({snapshot_path => "../../tests/compose", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&model).unwrap());
    });
    let printed = fs_err::read_to_string(directory.join("docker-compose-config.yaml")).unwrap();
    assert_same(&model, &read_printed(&printed), "docker-compose printed otherwise");
    let ran = Command::new("docker-compose")
        .arg("config")
        .current_dir(&directory)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .envs(&asked.environment)
        .output();
    // Where there is no docker-compose of the first generation, its committed output has been compared.
    let Some(ran) = ran.ok().filter(|ran| ran.status.success()) else { return };
    let text = String::from_utf8(ran.stdout).unwrap();
    if text.lines().any(|line| line.starts_with("version:")) {
        let text = text.replace(&directory.display().to_string(), "/project");
        assert_same(&model, &read_printed(&text), "this docker-compose says otherwise");
    }
}

#[test]
fn a_stack_with_anchors_reads_as_docker_compose_reads_it() {
    same_as_docker_compose("stack");
}

#[test]
fn several_files_and_extends_read_as_docker_compose_reads_them() {
    same_as_docker_compose("layers");
}

#[test]
fn short_and_long_forms_read_as_docker_compose_reads_them() {
    same_as_docker_compose("forms");
}

#[test]
fn an_override_merges_key_by_key_as_docker_compose_merges_it() {
    same_as_docker_compose("merges");
}

#[test]
fn variables_read_as_docker_compose_reads_them() {
    same_as_docker_compose("variables");
}

#[test]
fn services_are_typed() {
    let directory = fixture("stack");
    let project = Asked::new(&directory).read().unwrap();
    let backend = &project.services["backend"];
    let command =
        ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000"].map(str::to_owned);
    assert_eq!(backend.command.as_deref(), Some(&command[..]));
    assert_eq!(backend.entrypoint, None);
    assert_eq!(backend.build.as_ref().unwrap().context, directory.display().to_string());
    assert_eq!(backend.environment["LOG_LEVEL"].as_deref(), Some("warning"));
    assert_eq!(backend.depends_on["buckets"].condition, Condition::Completed);
    let health = backend.healthcheck.as_ref().unwrap();
    let shell = "curl -f http://localhost:8000/health || exit 1";
    assert_eq!(health.test, HealthcheckTest::Shell(shell.into()));
    let postgres = &project.services["postgres"];
    assert_eq!(postgres.environment["PGDATA"], None);
    assert_eq!(postgres.volumes[0], "pg_data:/var/lib/postgresql/data:rw");
    assert!(
        postgres.volumes[1].ends_with("/backend/init.sql:/docker-entrypoint-initdb.d/init.sql:ro")
    );
    let test = &postgres.healthcheck.as_ref().unwrap().test;
    assert_eq!(*test, HealthcheckTest::Shell("pg_isready -U ${POSTGRES_USER} -d charts".into()));
    assert_eq!(
        project.variables["DATABASE_URL"].as_deref(),
        Some("postgresql://analyst@postgres:5432/charts")
    );
}

/// A project of the given files.
fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Asked) {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = place.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let asked = Asked::new(place.path());
    (place, asked)
}

#[test]
fn files_above_are_found_with_their_override() {
    let (place, mut asked) = project(&[
        ("compose.yaml", "services: {a: {image: a}}"),
        ("compose.override.yaml", "services: {a: {user: u}}"),
        ("deep/er/x", ""),
    ]);
    asked.directory = place.path().join("deep/er");
    let found = asked.read().unwrap();
    assert!(found.found);
    assert_eq!(found.directory, place.path());
    assert_eq!(found.files.len(), 2);
    assert_eq!(found.model["services"]["a"]["user"], "u");
}

#[test]
fn an_override_changes_what_an_earlier_file_includes() {
    let (_place, asked) = project(&[
        ("compose.yaml", "include: [sub/c.yaml]\nservices: {a: {image: a}}"),
        ("sub/c.yaml", "services: {b: {image: b, environment: {X: '1'}}}"),
        ("compose.override.yaml", "services: {b: {entrypoint: [run], environment: {Y: '2'}}}"),
    ]);
    let found = asked.read().unwrap();
    assert_eq!(found.services["b"].image.as_deref(), Some("b"));
    assert_eq!(found.model["services"]["b"]["entrypoint"], json!(["run"]));
    assert_eq!(found.model["services"]["b"]["environment"], json!({"X": "1", "Y": "2"}));
}

#[test]
fn what_this_program_made_is_no_part_of_a_project_wherever_it_lies() {
    let own = format!("{OVERRIDE_MARK}\nservices: {{gone: {{user: u}}}}\n");
    let (place, mut asked) = project(&[
        ("compose.yaml", "services: {a: {image: a}}"),
        ("compose.override.yml", &own),
        ("docker-compose.override.yml", "services: {a: {user: theirs}}"),
    ]);
    let path = |name: &str| place.path().join(name);
    let found = asked.read().unwrap();
    assert_eq!(found.own, [path("compose.override.yml")]);
    assert_eq!(found.files, [path("compose.yaml"), path("docker-compose.override.yml")]);
    assert_eq!(found.model["services"], json!({"a": {"image": "a", "user": "theirs"}}));
    // A clone has none yet, and names it all the same.
    let named = "compose.yaml:.pyfast/compose.override.yml".to_owned();
    asked.environment.insert("COMPOSE_FILE".into(), named);
    let found = asked.read().unwrap();
    assert_eq!(found.own, [path(".pyfast/compose.override.yml")]);
    assert_eq!(found.files, [path("compose.yaml")]);
    assert!(!found.found);
}

#[test]
fn every_file_that_is_read_is_known_whatever_is_wrong_with_it() {
    let (place, asked) = project(&[
        ("compose.yaml", "include: [sub/c.yaml]\nservices: {a: {image: a, env_file: [a.env]}}"),
        ("sub/c.yaml", "services: {b: {extends: {file: d.yaml, service: x}}}"),
        ("sub/d.yaml", "services: {x: {image: x}}"),
        ("a.env", "A=1"),
    ]);
    let inputs = || {
        compose_inputs(&ComposeRequest {
            directory: &asked.directory,
            files: &asked.files,
            environment: &asked.environment,
            profiles: &[],
            services: &[],
            project_name: None,
        })
    };
    let all = ["compose.yaml", "sub/c.yaml", "sub/d.yaml", "a.env", ".env", "sub/.env"];
    let all: Vec<PathBuf> = all.iter().map(|name| place.path().join(name)).collect();
    let known = inputs();
    assert!(all.iter().all(|file| known.contains(file)), "{known:?}");
    fs_err::write(place.path().join("sub/c.yaml"), "services: [").unwrap();
    let broken = inputs();
    assert!(broken.contains(&place.path().join("sub/c.yaml")), "{broken:?}");
    fs_err::write(place.path().join("compose.yaml"), "services: [").unwrap();
    assert!(inputs().contains(&place.path().join("compose.yaml")));
    // One that would be found first is waited for, too.
    assert!(inputs().contains(&place.path().join("compose.override.yml")));
}

#[test]
fn env_names_files_and_profiles_and_the_shell_wins() {
    let (_place, mut asked) = project(&[
        (
            ".env",
            "COMPOSE_FILE=a.yaml,b.yaml\nCOMPOSE_PATH_SEPARATOR=,\nCOMPOSE_PROFILES=dev\nV=env",
        ),
        ("a.yaml", "services: {a: {image: 'i:${V}'}, d: {image: d, profiles: [dev]}}"),
        ("b.yaml", "services: {t: {image: t, profiles: [test]}}"),
    ]);
    asked.environment.insert("V".into(), "shell".into());
    let found = asked.read().unwrap();
    assert!(!found.found);
    assert_eq!(found.services["a"].image.as_deref(), Some("i:shell"));
    assert!(found.services.contains_key("d"));
    assert_eq!(found.inactive, ["t"]);
    asked.services = vec!["t".into()];
    assert!(asked.read().unwrap().services.contains_key("t"));
}

#[test]
fn the_env_beside_a_named_file_counts_and_the_nearer_one_beside_a_found_file_wins() {
    let (place, mut asked) = project(&[
        ("compose.yaml", "services: {a: {image: '${V}${W}'}}"),
        (".env", "V=above\nW=above"),
        ("sub/.env", "V=here"),
        ("sub/named.yaml", "services: {a: {image: '${V}', build: .}}"),
    ]);
    let image = |asked: &Asked| asked.read().unwrap().services["a"].image.clone().unwrap();
    asked.files = vec!["sub/named.yaml".into()];
    assert_eq!(image(&asked), "here");
    let context = asked.read().unwrap().services["a"].build.clone().unwrap().context;
    assert_eq!(context, place.path().join("sub").display().to_string());
    asked.files.clear();
    asked.directory = place.path().join("sub");
    assert_eq!(image(&asked), "hereabove");
}

#[test]
fn a_service_extended_across_files_keeps_the_paths_of_its_own() {
    let (place, asked) = project(&[
        ("compose.yaml", "services: {a: {extends: {file: x/one.yaml, service: b}, user: u}}"),
        (
            "x/one.yaml",
            "services: {b: {extends: {file: y/two.yaml, service: c}, volumes: ['./b:/b']}}",
        ),
        ("x/y/two.yaml", "services: {c: {build: ., command: c, volumes: ['./c:/c']}}"),
    ]);
    let a = asked.read().unwrap().services["a"].clone();
    let path = |text: &str| place.path().join(text).display().to_string();
    assert_eq!(a.build.unwrap().context, path("x/y"));
    assert_eq!(a.volumes, [path("x/y/c:/c:rw"), path("x/b:/b:rw")]);
    assert_eq!(a.command, Some(vec!["c".to_owned()]));
}

#[test]
fn tags_reset_and_override_what_came_before() {
    let (_place, mut asked) = project(&[
        (
            "a.yaml",
            "services: {a: {image: a, ports: ['1:1'], environment: {A: 1, B: 2}, user: u, dns: [x]}}",
        ),
        (
            "b.yaml",
            "services:\n  a:\n    ports: !override ['2:2']\n    environment: {A: !reset null}\n    user: !reset null\n    dns: !reset []\n",
        ),
    ]);
    asked.files = vec!["a.yaml".into(), "b.yaml".into()];
    let a = asked.read().unwrap().model["services"]["a"].clone();
    let ports = json!([{"protocol": "tcp", "published": "2", "target": "2"}]);
    assert_eq!(a, json!({"image": "a", "ports": ports, "environment": {"B": "2"}}));
}

#[test]
fn included_projects_bring_their_services_with_their_own_paths_and_variables() {
    let (place, asked) = project(&[
        ("compose.yaml", "include: [sub/compose.yaml]\nservices: {a: {image: a, depends_on: [b]}}"),
        ("sub/compose.yaml", "services: {b: {image: 'b:${TAG}', volumes: ['./d:/d']}}"),
        ("sub/.env", "TAG=7"),
    ]);
    let found = asked.read().unwrap();
    assert_eq!(found.services["b"].image.as_deref(), Some("b:7"));
    let volume = format!("{}/sub/d:/d:rw", place.path().display());
    assert_eq!(found.services["b"].volumes, [volume]);
}

#[test]
fn unknown_keys_are_kept_and_unset_variables_are_told() {
    let (_place, asked) = project(&[(
        "compose.yml",
        "services: {a: {image: '$X', x-later: {k: [1]}}}\nmodels: {m: {model: ai}}",
    )]);
    let found = asked.read().unwrap();
    assert_eq!(found.model["services"]["a"]["x-later"], json!({"k": [1]}));
    assert_eq!(found.model["models"], json!({"m": {"model": "ai"}}));
    assert_eq!(found.warnings, ["the variable X is not set, an empty text stands for it"]);
    assert_eq!(found.variables["X"], None);
}

/// What is said of a faulty file, without its directory.
fn refused(text: &str) -> String {
    let (place, asked) = project(&[("compose.yaml", text)]);
    let message = asked.read().unwrap_err().to_string();
    message.replace(&format!("{}/", place.path().display()), "")
}

#[test]
fn faults_name_the_place_and_the_cause() {
    let said = [
        "services: {a: {image: '${N:?set it}'}}",
        "services:\n  a:\n    image: a\n    ports: ['1:2:3:4:5']",
        "services:\n  a: {image: a, depends_on: [b]}",
        "services:\n  a: {image: a, depends_on: [b]}\n  b: {image: b, profiles: [p]}",
        "services:\n  a: {image: a, depends_on: {a: {condition: ready}}}",
        "services:\n  a: {command: x}",
        "services:\n  a: {extends: b}\n  b: {extends: a}",
        "services:\n  a: {image: a, env_file: none.env}",
        "services:\n  a: {image: a, stop_grace_period: soon}",
        "services:\n  a:\n    image: a\n    develop:\n      watch:\n        - {action: sync, path: .}",
        "services:\n  a:\n    image: a\n    develop:\n      watch:\n        - {action: sync+exec, path: ., target: /a}",
        "services:\n  a: {image: a\n  b: 1",
        "include: [compose.yaml]\nservices: {a: {image: a}}",
        "web: {image: a}",
        "[]",
        "",
        "services:\n  a: {image: a, volumes: ['v:/v']}",
        "services:\n  a:\n    image: a\n    networks: [n]",
        "services:\n  a: {image: a, depends_on: [b]}\n  b: {image: b, depends_on: [c]}\n  c: {image: c, links: ['b:x']}",
        "services:\n  a: {image: a, healthcheck: {test: [true]}}",
        "services:\n  a: {image: a}\n  a: {image: b}",
        "services:\n  a: {image: a, command: 'x \"y'}",
        "services:\n  a: [image]",
        "services: {a: {image: 'x${Y'}}",
    ];
    insta::assert_snapshot!(said.map(refused).join("\n"));
}

#[test]
fn services_whose_namespace_or_volumes_are_shared_come_first() {
    let (_place, asked) = project(&[(
        "compose.yaml",
        "services: {a: {image: a, network_mode: 'service:b', volumes_from: ['c:ro'], links: ['d:x']}, b: {image: b}, c: {image: c}, d: {image: d}}",
    )]);
    let waited: Vec<String> =
        asked.read().unwrap().services["a"].depends_on.keys().cloned().collect();
    assert_eq!(waited, ["b", "c", "d"]);
}

#[test]
fn a_dependency_that_may_be_absent_is_dropped_with_its_profile() {
    let (_place, mut asked) = project(&[(
        "compose.yaml",
        "services: {a: {image: a, depends_on: {b: {condition: service_healthy, required: false}}}, b: {image: b, profiles: [p]}}",
    )]);
    assert!(asked.read().unwrap().services["a"].depends_on.is_empty());
    asked.profiles = vec!["p".into()];
    let healthy = Dependency { condition: Condition::Healthy, required: false, restart: false };
    assert_eq!(asked.read().unwrap().services["a"].depends_on["b"], healthy);
}

#[test]
fn an_included_service_cannot_be_defined_otherwise() {
    let (_place, asked) = project(&[
        ("compose.yaml", "include: [{path: sub/c.yaml}]\nservices: {b: {image: other}}"),
        ("sub/c.yaml", "services: {b: {image: b}}"),
    ]);
    let message = asked.read().unwrap_err().to_string();
    assert!(
        message.contains("`services.b`") && message.contains("sub/c.yaml defines it otherwise"),
        "{message}"
    );
    let services =
        "services: {b: {image: b, depends_on: {c: {condition: service_healthy}}}, c: {image: c}}";
    let including = format!("include: [{{path: sub/c.yaml}}]\n{services}");
    let (_place, asked) = project(&[("compose.yaml", &including), ("sub/c.yaml", services)]);
    assert_eq!(asked.read().unwrap().services.len(), 2, "the same twice is none");
}

#[test]
fn the_name_is_taken_from_the_last_file_or_the_directory_and_can_be_interpolated() {
    let (place, asked) = project(&[
        ("My.Shop_1/compose.yaml", "services: {a: {image: '${COMPOSE_PROJECT_NAME}'}}"),
        ("named.yaml", "name: 'shop-${STAGE:-dev}'\nservices: {a: {image: a}}"),
    ]);
    let named = |files: &[PathBuf], directory: &str| {
        let directory = place.path().join(directory);
        let request = ComposeRequest {
            directory: &directory,
            files,
            environment: &asked.environment,
            profiles: &[],
            services: &[],
            project_name: None,
        };
        read_compose(&request).unwrap()
    };
    let plain = named(&[], "My.Shop_1");
    assert_eq!(plain.name, "myshop_1");
    assert_eq!(plain.services["a"].image.as_deref(), Some("myshop_1"));
    assert_eq!(named(&["named.yaml".into()], "").name, "shop-dev");
}

#[test]
fn no_file_says_what_was_looked_for() {
    let place = tempfile::tempdir().unwrap();
    let message = Asked::new(place.path()).read().unwrap_err().to_string();
    assert!(
        message.ends_with(
            "(looked for compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml)"
        ),
        "{message}"
    );
}

#[test]
fn env_files_yield_to_later_ones_and_to_the_environment() {
    let (_place, asked) = project(&[
        (
            "compose.yaml",
            "services: {a: {image: a, env_file: [one.env, {path: two.env, format: raw}, {path: none.env, required: false}], environment: [C=own, FROM_SHELL, D]}}",
        ),
        ("one.env", "A=1\nB=1\nC=1\nD=1\nE=$A"),
        ("two.env", "B='$A'"),
    ]);
    let environment = asked.read().unwrap().services["a"].environment.clone();
    let expected = [
        ("A", Some("1")),
        ("B", Some("'$A'")),
        ("C", Some("own")),
        ("D", None),
        ("E", Some("1")),
        ("FROM_SHELL", Some("from the shell")),
    ];
    let expected: BTreeMap<String, Option<String>> =
        expected.iter().map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned))).collect();
    assert_eq!(environment, expected);
}

#[test]
fn the_version_is_kept_beside_the_model() {
    let check = |first: &str, expected: Option<&str>| {
        let text = format!("{first}services: {{a: {{image: a}}}}\n");
        let (_dir, asked) = project(&[("compose.yaml", &text)]);
        let read = asked.read().unwrap();
        assert_eq!(read.version.as_deref(), expected, "{first}");
        assert_eq!(read.model.get("version"), None);
    };
    check("version: \"3.8\"\n", Some("3.8"));
    check("version: '2'\n", Some("2"));
    check("", None);
}

#[test]
fn names_of_projects_that_compose_does_not_take_are_refused() {
    let text = "services: {a: {image: a}}\n";
    let (dir, _) = project(&[("compose.yaml", text)]);
    let refused = |variable: &str| {
        let environment =
            BTreeMap::from([("COMPOSE_PROJECT_NAME".to_owned(), variable.to_owned())]);
        let request = ComposeRequest {
            directory: dir.path(),
            files: &[],
            environment: &environment,
            profiles: &[],
            services: &[],
            project_name: None,
        };
        read_compose(&request).map(|project| project.name).map_err(|error| error.to_string())
    };
    for name in ["shop", "7-shop_a"] {
        assert_eq!(refused(name).unwrap(), name);
    }
    for name in ["../shop", "Shop", "shop.one", "_shop", "a/b", "sh op"] {
        let said = refused(name).unwrap_err();
        assert!(said.contains(name) && said.contains("COMPOSE_PROJECT_NAME"), "{said}");
    }
    let named = |name: &str| {
        let text = format!("name: '{name}'\nservices: {{a: {{image: a}}}}\n");
        fs_err::write(dir.path().join("compose.yaml"), text).unwrap();
    };
    // Of what a file says everything is left out that cannot be in a name.
    for (name, expected) in [("Shop & Co", "shopco"), ("../_a.b-c", "ab-c"), ("-", "")] {
        named(name);
        assert_eq!(refused("").unwrap_or_default(), expected);
    }
    named("../");
    // The one that is not used may be anything.
    assert_eq!(refused("shop").unwrap(), "shop");
    let said = refused("").unwrap_err();
    assert!(said.contains("compose.yaml:1:7, `name`") && said.contains("lower-case"), "{said}");
}

#[test]
fn hooks_are_read_in_both_forms_and_joined() {
    let directory = tempfile::tempdir().unwrap();
    let text = "services:\n  a:\n    image: a\n    post_start:\n      - {command: echo 'a b', environment: [A=1], user: root}\n    pre_stop: [{command: [drain, --all], privileged: true, working_dir: /srv}]\n";
    let more = "services: {a: {post_start: [{command: [second], environment: {B: 2}}]}}\n";
    for (name, text) in [("compose.yaml", text), ("compose.override.yaml", more)] {
        fs_err::write(directory.path().join(name), text).unwrap();
    }
    let project = Asked::new(directory.path()).read().unwrap();
    let service = &project.services["a"];
    let words = |hook: &Hook| hook.command.join("|");
    let of = |hooks: &[Hook]| hooks.iter().map(words).collect::<Vec<_>>();
    assert_eq!(of(&service.post_start), ["echo|a b", "second"]);
    assert_eq!(of(&service.pre_stop), ["drain|--all"]);
    let (first, drain) = (&service.post_start[0], &service.pre_stop[0]);
    assert_eq!(first.environment["A"].as_deref(), Some("1"));
    assert_eq!(service.post_start[1].environment["B"].as_deref(), Some("2"));
    assert_eq!((first.user.as_deref(), first.privileged), (Some("root"), false));
    assert_eq!((drain.working_dir.as_deref(), drain.privileged), (Some("/srv"), true));
}
