//! Proposals for projects in memory: one intent a test.

use std::path::PathBuf;

use super::*;
use crate::compose_file::{Build, Service};

/// A project in `/p` with these files; a Dockerfile's text stands behind its name.
fn facts(
    requirements: &[&str],
    dockerfiles: &[(&str, &str)],
    services: Vec<(&str, Service)>,
) -> Facts {
    let path = |name: &str| PathBuf::from("/p").join(name);
    let dockerfiles = dockerfiles.iter().map(|(name, text)| (path(name), (*text).to_owned()));
    let services: BTreeMap<_, _> =
        services.into_iter().map(|(name, service)| (name.to_owned(), service)).collect();
    let compose = ComposeProject {
        name: "shop".to_owned(),
        directory: path(""),
        services,
        ..ComposeProject::default()
    };
    Facts {
        directory: "/p".into(),
        compose: (!compose.services.is_empty()).then_some(compose),
        requirements: requirements.iter().map(|name| path(name)).collect(),
        dockerfiles: dockerfiles.collect(),
        ..Facts::default()
    }
}

fn image(image: &str) -> Service {
    Service { image: Some(image.to_owned()), ..Service::default() }
}

fn built(context: &str) -> Service {
    let build = Build { context: format!("/p/{context}"), ..Build::default() };
    Service { build: Some(build), ..Service::default() }
}

fn commanded(service: Service, command: &[&str]) -> Service {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    Service { command: Some(command), ..service }
}

/// The environments as `name: requirements; image; services`.
#[track_caller]
fn check(facts: &Facts, expected: &[&str]) -> Proposal {
    let proposal = propose(facts).expect("a proposal");
    let environments: Vec<String> = proposal
        .environments
        .iter()
        .map(|environment| format!("{}: {}", environment.name, environment.summary()))
        .collect();
    assert_eq!(environments, expected, "{proposal}");
    proposal
}

const PIP: &str =
    "FROM python:3.12\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n";

#[test]
fn services_that_share_an_image_share_an_environment() {
    let backend = Service { image: Some("trading-backend:latest".into()), ..built("backend") };
    let facts = facts(
        &["backend/requirements.txt", "other/requirements.txt"],
        &[("backend/Dockerfile", PIP)],
        vec![
            ("backend", backend),
            ("beat", image("trading-backend:latest")),
            ("flower", image("trading-backend:latest")),
            ("redis", image("redis:7")),
        ],
    );
    let proposal = check(
        &facts,
        &[
            "backend: backend/requirements.txt; image trading-backend:latest; services backend, beat, flower",
        ],
    );
    assert_eq!(proposal.name.as_deref(), Some("shop"));
    assert_eq!(proposal.root.as_deref(), Some("volume:pyfast-shop"));
    assert!(proposal.left["redis"].contains("not Python's"), "{proposal}");
    assert!(proposal.notes[0].contains("other/requirements.txt"), "{:?}", proposal.notes);
}

#[test]
fn dockerfiles_with_different_files_make_different_environments() {
    let facts = facts(
        &["flow/requirements.txt", "web/requirements.txt"],
        &[("flow/Dockerfile", PIP), ("web/Dockerfile", PIP)],
        vec![("flow", built("flow")), ("web", built("web"))],
    );
    check(
        &facts,
        &[
            "flow: flow/requirements.txt; image service:flow; services flow",
            "web: web/requirements.txt; image service:web; services web",
        ],
    );
}

#[test]
fn one_build_under_two_default_names_is_one_environment() {
    let facts = facts(
        &["requirements.txt"],
        &[("Dockerfile", PIP)],
        vec![("web", built("")), ("worker", built(""))],
    );
    check(&facts, &["web: requirements.txt; image service:web; services web, worker"]);
}

#[test]
fn the_file_that_the_dockerfile_names_is_taken_whatever_it_is_called_in_the_image() {
    let text =
        "FROM debian\nCOPY deps/web.txt /tmp/r.txt\nRUN pip install -r /tmp/r.txt -c /app/c.txt";
    let mut facts = facts(&["requirements.txt"], &[("Dockerfile", text)], vec![("web", built(""))]);
    facts.named = BTreeSet::from(["/p/deps/web.txt".into(), "/p/c.txt".into()]);
    let proposal = check(&facts, &["web: deps/web.txt; image service:web; services web"]);
    assert_eq!(proposal.environments[0].constraints, ["c.txt"]);
}

#[test]
fn without_a_named_file_the_nearest_is_taken() {
    let text = "FROM python:3.12\nCOPY . .\n";
    let files = ["api/requirements-dev.txt", "api/src/requirements.txt", "requirements.txt"];
    let facts = facts(&files, &[("api/Dockerfile", text)], vec![("api", built("api"))]);
    check(&facts, &["api: api/src/requirements.txt; image service:api; services api"]);
}

#[test]
fn a_directory_that_the_dockerfile_copies_is_nearest() {
    let files = ["backend/requirements.txt", "gateway/requirements.txt"];
    let text = "FROM python:3.11\nCOPY gateway ./gateway\n";
    let mut gateway = built("");
    let build = gateway.build.as_mut().expect("it is built");
    build.dockerfile = Some("docker/Dockerfile.gateway".to_owned());
    let facts = facts(&files, &[("docker/Dockerfile.gateway", text)], vec![("gate", gateway)]);
    check(&facts, &["gate: gateway/requirements.txt; image service:gate; services gate"]);
}

#[test]
fn a_file_above_the_context_is_nearer_than_one_beside_it() {
    let files = ["requirements.txt", "web/requirements.txt"];
    let facts = facts(&files, &[("api/Dockerfile", "FROM python:3")], vec![("api", built("api"))]);
    check(&facts, &["api: requirements.txt; image service:api; services api"]);
}

#[test]
fn an_image_that_is_only_pulled_finds_its_file_where_it_mounts_its_code() {
    let files = ["api/requirements.txt", "web/requirements.txt"];
    let volumes = vec!["/p/web:/app:rw".to_owned()];
    let web = Service { volumes, ..image("python:3.12-slim") };
    check(
        &facts(&files, &[], vec![("web", web)]),
        &["web: web/requirements.txt; image python:3.12-slim; services web"],
    );
}

#[test]
fn a_command_of_pythons_makes_an_image_pythons() {
    let command = ["sh", "-c", "alembic upgrade head && uvicorn app:app"];
    let facts = facts(
        &["requirements.txt"],
        &[],
        vec![
            ("web", commanded(image("x/app:1"), &command)),
            ("cache", commanded(image("redis:7"), &["redis-server"])),
        ],
    );
    check(&facts, &["web: requirements.txt; image x/app:1; services web"]);
}

#[test]
fn a_node_image_that_installs_python_as_a_tool_is_not_pythons() {
    let text =
        "FROM node:22\nRUN apt-get install -y python3 g++ && npm ci\nCMD [\"npm\", \"start\"]";
    let facts = facts(
        &["api/requirements.txt"],
        &[("web/Dockerfile", text), ("api/Dockerfile", PIP)],
        vec![("web", built("web")), ("api", built("api"))],
    );
    let proposal = check(&facts, &["api: api/requirements.txt; image service:api; services api"]);
    assert!(proposal.left.contains_key("web"));
}

#[test]
fn a_python_service_without_any_file_is_named_with_the_reason() {
    let files = ["a/requirements.txt", "b/requirements.txt"];
    let proposal = check(
        &facts(
            &files,
            &[("a/Dockerfile", PIP), ("c/Dockerfile", "FROM python:3")],
            vec![("a", built("a")), ("c", built("c"))],
        ),
        &["a: a/requirements.txt; image service:a; services a"],
    );
    assert!(proposal.left["c"].contains("no requirements file"), "{proposal}");
}

#[test]
fn without_services_one_environment_has_the_usual_file() {
    let files = ["backend/requirements.txt", "requirements-dev.txt"];
    let proposal = check(&facts(&files, &[], Vec::new()), &["default: backend/requirements.txt"]);
    assert_eq!((proposal.name, proposal.root), (None, None));
    assert!(proposal.notes.is_empty(), "{:?}", proposal.notes);
}

#[test]
fn wishes_shape_the_only_environment() {
    let mut facts = facts(&["requirements.txt"], &[], Vec::new());
    facts.wishes = Wishes {
        env: Some("web".to_owned()),
        volume: Some("v".to_owned()),
        python: Some("3.12".to_owned()),
        ..Wishes::default()
    };
    let proposal = check(&facts, &["web: requirements.txt; Python 3.12"]);
    assert_eq!(proposal.root.as_deref(), Some("volume:v"));
}

#[test]
fn a_file_that_is_not_there_is_named_in_the_reason() {
    let facts = facts(
        &["web/requirements/base.txt"],
        &[("web/Dockerfile", PIP)],
        vec![("web", built("web"))],
    );
    let proposal =
        check(&facts, &["web: web/requirements/base.txt; image service:web; services web"]);
    let reason = &proposal.environments[0].reasons[1];
    assert!(reason.contains("installs requirements.txt, which is not there"), "{reason}");
}

#[test]
fn a_wish_that_is_no_name_is_refused() {
    let mut facts = facts(&["requirements.txt"], &[], Vec::new());
    facts.wishes.name = Some("../x".to_owned());
    assert!(propose(&facts).expect_err("refused").to_string().contains("../x"));
}

#[test]
fn nothing_to_install_is_refused() {
    let failure = propose(&facts(&[], &[], Vec::new())).expect_err("refused");
    assert!(failure.to_string().contains("no requirements file in `/p`"), "{failure}");
}

#[test]
fn every_context_without_a_dockerignore_gets_one_that_spares_what_is_copied() {
    let text = "FROM python:3\nCOPY docs/api.md .env ./\n";
    let mut facts = facts(
        &["web/requirements.txt"],
        &[("web/Dockerfile", text), ("api/Dockerfile", PIP)],
        vec![("web", built("web")), ("api", built("api"))],
    );
    facts.ignore_files.insert("/p/api/.dockerignore".into());
    facts.virtual_environments = vec!["/p/web/py311".into(), "/p/web/venv".into()];
    let ignores = propose(&facts).expect("a proposal").ignores;
    let paths: Vec<&str> = ignores.iter().map(|ignore| ignore.path.as_str()).collect();
    assert_eq!(paths, [".dockerignore", "web/.dockerignore"]);
    assert_eq!(ignores[1].needed, ["docs", "**/.env"]);
    let lines: Vec<&str> = ignores[1].text.lines().collect();
    for pattern in
        [".git", "**/node_modules", "**/venv", "**/*.pyc", "**/*.log", ".pyfast", "py311"]
    {
        assert!(lines.contains(&pattern), "{pattern}");
    }
    assert!(!lines.contains(&"docs") && !lines.contains(&"**/.env") && !lines.contains(&"venv"));
    assert!(ignores[0].text.contains("\ndocs\n"), "{}", ignores[0].text);
}

#[test]
fn where_no_image_is_built_nothing_is_ignored() {
    let facts = facts(&["requirements.txt"], &[], vec![]);
    assert!(propose(&facts).expect("a proposal").ignores.is_empty());
}

#[test]
fn what_could_be_meant_otherwise_is_a_doubt() {
    let doubts = |requirements: &[&str], dockerfile: &str| {
        let services = vec![("web", built(""))];
        let facts = facts(requirements, &[("Dockerfile", dockerfile)], services);
        propose(&facts).expect("a proposal").doubts
    };
    let installs = "FROM python:3.12\nCOPY . .\nRUN pip install -r requirements.txt\n";
    assert_eq!(doubts(&["requirements.txt"], installs), [""; 0]);
    // Those for development are nobody's service.
    assert_eq!(doubts(&["requirements.txt", "requirements-dev.txt"], installs), [""; 0]);
    let left = doubts(&["requirements.txt", "worker/requirements.txt"], installs);
    assert_eq!(left, ["no environment installs worker/requirements.txt"]);
    let absent = "FROM python:3.12\nCOPY . .\nRUN pip install -r base.txt\n";
    let guessed = doubts(&["requirements.txt"], absent);
    assert_eq!(guessed.len(), 1, "{guessed:?}");
    assert!(guessed[0].contains("base.txt, which is not there"), "{guessed:?}");
}

#[test]
fn hostile_names_of_services_become_plain_names_of_environments() {
    let name = "x\n[index]\nurl = 'y'\n/requirements.txt";
    let facts = facts(&[name], &[], vec![("a\"b c", image("python:3"))]);
    let proposal = propose(&facts).expect("a proposal");
    let [environment] = proposal.environments.as_slice() else { panic!("{proposal}") };
    assert_eq!(environment.name, "a-b-c");
    assert_eq!(environment.requirements, [name]);
    assert_eq!(environment.services, ["a\"b c"]);
    assert!(proposal.to_string().lines().all(|line| !line.starts_with('[')), "{proposal}");
}

#[test]
fn a_lock_of_another_tool_is_named_beside_the_project_file_that_is_taken() {
    let text = "FROM python:3.12\nCOPY . .\nRUN uv sync\n";
    let mut facts = facts(&[], &[("Dockerfile", text)], vec![("web", built(""))]);
    facts.projects = vec!["/p/pyproject.toml".into()];
    facts.locks = vec!["/p/docs/uv.lock".into(), "/p/uv.lock".into()];
    let proposal = check(&facts, &["web: pyproject.toml; image service:web; services web"]);
    let notes = &proposal.notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("uv.lock is not read") && notes[0].contains("uv export"),
        "{notes:?}"
    );
}

#[test]
fn a_project_file_of_another_tool_is_named_where_nothing_else_is() {
    let facts = Facts { foreign: Some("Poetry"), ..facts(&[], &[], vec![]) };
    let error = propose(&facts).expect_err("nothing to install").to_string();
    assert!(error.ends_with("its pyproject.toml is one of Poetry's own"), "{error}");
}
