//! `pyfast init` on projects whose images install their packages themselves: what it tells, shows and writes. The project
//! of `docs/moving-in.md` is the one of the guide's own blocks, so that the guide says what happens.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::ran::{Ran, USAGE};
use crate::support::world::World;

/// The fenced blocks of the guide, by their language.
fn blocks(language: &str) -> Vec<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/moving-in.md");
    let text = fs_err::read_to_string(guide).unwrap();
    let parts = text.split("\n```").skip(1).step_by(2);
    let found: Vec<String> = parts
        .filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n'))
        .map(|block| format!("{block}\n"))
        .collect();
    assert!(!found.is_empty(), "no {language} in the guide");
    found
}

/// The guide's project: a block's first line names its file.
fn guide() -> World {
    let world = World::new();
    for language in ["yaml", "dockerfile", "text"] {
        for block in blocks(language) {
            let (name, text) = block.split_once('\n').unwrap();
            world.write(name.trim_start_matches("# "), text);
        }
    }
    world
}

#[track_caller]
fn init(world: &World, args: &[&str]) -> Ran {
    Ran::of(world.bare(&[&["init"], args].concat()))
}

const DOCKERFILE: &str = "docker/Dockerfile.backend";
const REQUIREMENTS: &str = "backend/requirements.txt";

#[test]
fn the_guide_shows_what_is_told_and_shown() {
    let world = guide();
    let before = [DOCKERFILE, REQUIREMENTS].map(|name| world.read(name));
    let ran = init(&world, &[]).ok();
    assert_eq!(ran.stdout, blocks("diff")[0]);
    let console = &blocks("console")[0];
    let told = console.split_once("…\n").unwrap().1;
    assert!(ran.stderr.contains(told), "{ran}");
    assert!(world.read("pyfast.toml").contains("[env.backend]"));
    assert_eq!([DOCKERFILE, REQUIREMENTS].map(|name| world.read(name)), before, "only shown");
}

#[test]
fn what_was_shown_is_written_and_a_second_run_has_nothing_left() {
    let world = guide();
    let shown = init(&world, &[]).ok().stdout;
    let ran = init(&world, &["--write"]).ok();
    assert_eq!(ran.stdout, shown);
    assert!(ran.stderr.contains("Wrote"), "{ran}");
    insta::assert_snapshot!(world.read(DOCKERFILE), @r#"
    FROM python:3.11-slim

    RUN apt-get update && apt-get install -y --no-install-recommends \
        # for the health check
        curl \
        && rm -rf /var/lib/apt/lists/*

    ENV PYTHONUNBUFFERED=1

    WORKDIR /app
    COPY backend ./backend
    HEALTHCHECK CMD curl -fsS http://localhost:8000/health
    CMD ["uvicorn", "backend.main:app", "--host", "0.0.0.0"]
    "#);
    insta::assert_snapshot!(world.read(REQUIREMENTS), @r"
    fastapi==0.115.0
    uvicorn[standard]==0.30.6
    celery[redis]==5.4.0
    flower==2.0.1
    ta==0.11.0
    psycopg2-binary
    croniter>=2.0
    sse-starlette
    pytest
    pytest-asyncio
    pytest-cov
    httpx
    ");
    let again = init(&world, &["--write"]).ok();
    assert!(again.stderr.contains("No Dockerfile installs what"), "{again}");
    assert_eq!(again.stdout, "");
    init(&world, &[]).refused(USAGE, &["exists already"]);
}

#[test]
fn one_call_configures_and_writes() {
    let world = guide();
    init(&world, &["--write"]).ok();
    assert!(world.read("pyfast.toml").contains("[env.backend]"));
    assert!(!world.read(DOCKERFILE).contains("venv"), "{}", world.read(DOCKERFILE));
}

#[test]
fn what_is_in_the_requirements_already_is_not_proposed() {
    let world = guide();
    let all =
        "fastapi\nTA==0.11.0\npsycopg2_binary\ncroniter >= 2.0\nsse.starlette>1\n-r tests.txt\n";
    world.write(REQUIREMENTS, all);
    world.write("backend/tests.txt", "pytest\npytest-asyncio\npytest-cov\nhttpx\n");
    let ran = init(&world, &["--write"]).ok();
    assert!(!ran.stderr.contains("installs what is not in"), "{ran}");
    assert_eq!(world.read(REQUIREMENTS), all);
    assert!(!world.read(DOCKERFILE).contains("venv"), "{}", world.read(DOCKERFILE));
}

#[test]
fn json_has_the_changes_and_what_stays() {
    let world = guide();
    world.write(DOCKERFILE, "FROM python:3.11\nRUN pip install ta\nRUN pip install -r $FILE\n");
    let json = init(&world, &["--json"]).ok().json();
    let changes = json["changes"].as_array().unwrap();
    let diff = changes[0]["diff"].as_str().unwrap();
    assert!(changes.len() == 1 && diff.contains("+ta\n"), "the Dockerfile stays whole: {json}");
    let left = json["left"][0].as_str().unwrap();
    assert!(
        left.starts_with("docker/Dockerfile.backend:3: `pip install -r $FILE` stays"),
        "{left}"
    );
}

#[test]
fn print_changes_nothing_and_does_not_go_with_write() {
    let world = guide();
    let before = world.read(DOCKERFILE);
    let ran = init(&world, &["--print"]).ok();
    assert!(ran.stdout.starts_with("# How pyfast"), "{ran}");
    let more = format!("`pyfast init` shows how {REQUIREMENTS} and {DOCKERFILE} would change too");
    assert!(ran.stderr.contains(&more) && !ran.stderr.contains("these changes"), "{ran}");
    init(&world, &["--print", "--write"]).refused(USAGE, &["--write"]);
    assert_eq!(world.read(DOCKERFILE), before);
}

#[test]
fn where_one_file_cannot_be_written_nothing_is() {
    let world = guide();
    // Root may write everywhere, but nothing fits beside a name of this length.
    let long = format!("docker/Dockerfile.{}", "x".repeat(240));
    world.write(&long, &world.read(DOCKERFILE));
    world.write("compose.yaml", &world.read("compose.yaml").replace(DOCKERFILE, &long));
    let before = world.read(REQUIREMENTS);
    init(&world, &["--write"]).refused(&[1], &["cannot edit", &long]);
    assert_eq!(world.read(REQUIREMENTS), before);
    for name in ["pyfast.toml", ".dockerignore"] {
        assert!(!world.project.join(name).exists(), "{name}");
    }
}

#[test]
fn an_interrupt_leaves_all_or_nothing_and_nothing_beside_the_files() {
    let files = |world: &World| {
        let found = [".", "docker", "backend"].map(|place| {
            let entries = fs_err::read_dir(world.project.join(place)).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        });
        (found, [DOCKERFILE, REQUIREMENTS].map(|name| world.read(name)))
    };
    let untouched = files(&guide());
    let whole = guide();
    let begun = Instant::now();
    init(&whole, &["--write"]).ok();
    let (took, whole) = (begun.elapsed(), files(&whole));
    for part in 0..30 {
        let world = guide();
        let mut child =
            world.bare(&["init", "--write", "-q"]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(took * part / 28);
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        child.wait().unwrap();
        let found = files(&world);
        assert!(found == whole || found == untouched, "{part}: {found:?}");
    }
}

#[test]
fn what_an_interrupted_run_began_the_next_one_ends() {
    let whole = guide();
    init(&whole, &["--write"]).ok();
    let written = ["pyfast.toml", REQUIREMENTS, DOCKERFILE];
    for until in 0..written.len() {
        let world = guide();
        for name in &written[..until] {
            world.write(name, &whole.read(name));
        }
        init(&world, &["--write"]).ok();
        for name in &written[1..] {
            assert_eq!(world.read(name), whole.read(name), "{until}");
        }
    }
}

#[test]
fn what_stays_is_said_as_often_as_one_asks() {
    let world = guide();
    world.write(DOCKERFILE, "FROM python:3.11\nRUN pip install -r $FILE\n");
    let stays = "docker/Dockerfile.backend:2: `pip install -r $FILE` stays: a value in it";
    for args in [[].as_slice(), &[], &["--write"]] {
        let ran = init(&world, args).ok();
        assert!(ran.stderr.contains(stays), "{ran}");
        assert!(ran.stderr.contains("Nothing is left to change; what stays"), "{ran}");
        assert!(!ran.stderr.contains("No Dockerfile installs"), "{ran}");
        assert_eq!(ran.stdout, "");
    }
    let json = init(&world, &["--json"]).ok().json();
    assert!(json["left"][0].as_str().unwrap().starts_with(stays), "{json}");
}

#[test]
fn a_dockerfile_in_the_compose_file_is_named_and_its_requirements_are_taken() {
    let world = World::new();
    let service = "    build: &b\n      context: .\n      dockerfile_inline: |\n        FROM python:3.11\n        RUN pip install ta\n        USER me\n";
    let compose = format!("services:\n  web:\n{service}  worker:\n    build: *b\n");
    world.write("compose.yaml", &compose);
    world.require(&["fastapi"]);
    let ran = init(&world, &["--write"]).ok();
    for told in [
        "dockerfile_inline of web, worker installs what is not in requirements.txt:\n  ta (line 2)",
        "dockerfile_inline of web, worker stays as it is: it stands in the compose file",
        "its environment brings what line 2 is for",
    ] {
        assert!(ran.stderr.contains(told), "no `{told}`: {ran}");
    }
    assert_eq!(world.read("requirements.txt"), "fastapi\nta\n");
    assert_eq!(world.read("compose.yaml"), compose);
    let again = init(&world, &[]).ok();
    assert!(again.stderr.contains("worker stays as it is"), "{again}");
    assert_eq!(again.stdout, "");
}

#[test]
fn links_and_other_encodings_stay_and_are_named() {
    let world = guide();
    let real = world.write("real", &world.read(DOCKERFILE));
    let place = world.project.join(DOCKERFILE);
    fs_err::remove_file(&place).unwrap();
    std::os::unix::fs::symlink(&real, &place).unwrap();
    let ran = init(&world, &["--write"]).ok();
    assert!(ran.stderr.contains("docker/Dockerfile.backend stays as it is: it is a link"), "{ran}");
    assert!(place.is_symlink());
    fs_err::remove_file(&place).unwrap();
    fs_err::write(&place, b"FROM python:3\n# \xe9\nRUN pip install ta\n").unwrap();
    let ran = init(&world, &["--write"]).ok();
    assert!(ran.stderr.contains("it is no UTF-8"), "{ran}");
}

#[test]
fn a_file_that_two_kinds_of_services_are_built_from_stays() {
    let world = guide();
    let compose = world.read("compose.yaml");
    world.write(
        "compose.yaml",
        &format!("{compose}  other:\n    build: {{context: ., dockerfile: {DOCKERFILE}}}\n"),
    );
    world.write("pyfast.toml", "[env.backend]\nrequirements = ['backend/requirements.txt']\nimage = 'trading-backend:latest'\nservices = ['backend', 'worker', 'beat', 'flower']\n");
    let before = world.read(DOCKERFILE);
    let ran = init(&world, &["--write"]).ok();
    assert!(ran.stderr.contains("the service other"), "{ran}");
    assert_eq!(world.read(DOCKERFILE), before);
}

#[test]
fn doctor_says_that_an_image_installs_what_its_environment_brings() {
    let world = guide();
    init(&world, &[]).ok();
    let said = |world: &World| Ran::of(world.bare(&["doctor", "--offline"])).stdout;
    let before = said(&world);
    assert!(
        before.contains("docker/Dockerfile.backend installs what its environment brings"),
        "{before}"
    );
    init(&world, &["--write"]).ok();
    assert!(!said(&world).contains("installs what its environment"), "{}", said(&world));
}

/// Configures the guide's project with these changes of its files, and asks for all changes: the Dockerfile stays.
#[track_caller]
fn keeps(files: &[(&str, &str)], why: &str) -> (World, Ran) {
    let world = guide();
    for (name, text) in files {
        world.write(name, text);
    }
    let before = world.read(DOCKERFILE);
    world.write("pyfast.toml", "[env.backend]\nrequirements = ['backend/requirements.txt']\nimage = 'trading-backend:latest'\nservices = ['backend', 'worker', 'beat', 'flower']\n");
    let ran = init(&world, &["--write"]).ok();
    assert!(ran.stderr.contains(why), "{ran}");
    assert_eq!(world.read(DOCKERFILE), before, "{ran}");
    (world, ran)
}

#[test]
fn another_version_or_digests_in_the_requirements_keep_the_dockerfile() {
    let why = "docker/Dockerfile.backend:17: `ta==0.11.0` stays: the requirements files ask for another of it";
    keeps(&[(REQUIREMENTS, "ta==0.10\n")], why);
    let digest = format!("ta==0.11.0 --hash=sha256:{}\n", "0".repeat(64));
    let (world, _) = keeps(&[(REQUIREMENTS, &digest)], "its requirements files have digests");
    assert_eq!(world.read(REQUIREMENTS), digest, "nothing without a digest is put there");
}

#[test]
fn an_image_that_something_else_uses_keeps_its_dockerfile() {
    let compose = guide().read("compose.yaml");
    let other = format!("{compose}  jobs:\n    image: trading-backend\n    command: jobs\n");
    keeps(
        &[("compose.yaml", &other)],
        "the service jobs, which has no environment, uses its image",
    );
    let other = format!("{compose}  jobs:\n    build: jobs\n");
    let dockerfile = ("jobs/Dockerfile", "ARG BASE=trading-backend:latest\nFROM $BASE\n");
    keeps(&[("compose.yaml", &other), dockerfile], "the image of jobs is made from its image");
    let contexts =
        "  jobs:\n    build: {context: jobs, additional_contexts: {app: 'service:backend'}}\n";
    let dockerfile = ("jobs/Dockerfile", "FROM app\n");
    keeps(
        &[("compose.yaml", &format!("{compose}{contexts}")), dockerfile],
        "has contexts that may be",
    );
}

#[test]
fn a_script_that_starts_in_the_old_environment_keeps_the_dockerfile() {
    let text = guide().read(DOCKERFILE).replace("CMD [\"uvicorn\"", "CMD [\"./backend/go.sh\"");
    let own = |script: &str, why: &str| {
        drop(keeps(&[(DOCKERFILE, &text), ("backend/go.sh", script)], why));
    };
    own(
        "exec /opt/venv/bin/uvicorn \"$@\"\n",
        "./backend/go.sh, which is started, names the old environment",
    );
    own("pip install more\nexec \"$@\"\n", "names the old environment");
    keeps(&[(DOCKERFILE, &text)], "./backend/go.sh, which is started, cannot be read");
    let world = guide();
    world.write(DOCKERFILE, &text);
    world.write("backend/go.sh", "exec uvicorn \"$@\"\n");
    init(&world, &["--write"]).ok();
    assert!(!world.read(DOCKERFILE).contains("venv"), "{}", world.read(DOCKERFILE));
}

#[test]
fn names_and_passwords_of_a_build_are_in_nothing_that_is_shown_or_written() {
    let world = guide();
    let compose = world.read("compose.yaml");
    let args = "build: {args: {TOKEN: '${TOKEN}'}, context: .,";
    world.write("compose.yaml", &compose.replace("build: {context: .,", args));
    world.write(".env", "TOKEN=SECRET1\n");
    world.write(DOCKERFILE, "FROM python:3.11\nARG TOKEN\nRUN pip install \"ta @ git+https://${TOKEN}@host/x\"\nRUN pip install git+https://${TOKEN}@host/y 'tb @ https://me:SECRET2@host/tb.whl'\nCMD uv run $TOKEN\n");
    let before = world.read(REQUIREMENTS);
    for args in [&["--json"][..], &["--write"], &["--write", "--json"]] {
        let ran = init(&world, args).ok();
        assert!(!ran.stdout.contains("SECRET") && !ran.stderr.contains("SECRET"), "{ran}");
        assert!(ran.stderr.contains("git+https://****@host/x"), "{ran}");
        fs_err::remove_file(world.project.join("pyfast.toml")).unwrap();
    }
    assert_eq!(world.read(REQUIREMENTS), before);
    world.write(DOCKERFILE, "FROM python:3.11\nRUN pip install --extra-index-url https://me:SECRET@host/ -r backend/requirements.txt own\n");
    let ran = init(&world, &["--write"]).ok();
    assert!(!ran.stdout.contains("SECRET") && !ran.stderr.contains("SECRET"), "{ran}");
    assert!(ran.stderr.contains("an index that only it names"), "{ran}");
    assert_eq!(world.read(REQUIREMENTS), before, "nobody else's package of that name is asked for");
}

#[test]
fn a_file_with_other_names_or_outside_of_the_project_stays() {
    let world = guide();
    fs_err::hard_link(world.project.join(DOCKERFILE), world.project.join("other")).unwrap();
    let before = world.read(DOCKERFILE);
    let ran = init(&world, &["--write"]).ok();
    assert!(
        ran.stderr.contains("docker/Dockerfile.backend stays as it is: it has other names"),
        "{ran}"
    );
    assert_eq!(world.read(DOCKERFILE), before);
    let world = guide();
    let outside = world.project.parent().unwrap().join("elsewhere");
    fs_err::create_dir(&outside).unwrap();
    fs_err::write(outside.join("Dockerfile"), &before).unwrap();
    let compose = world.read("compose.yaml");
    world.write(
        "compose.yaml",
        &compose.replace("docker/Dockerfile.backend", "../elsewhere/Dockerfile"),
    );
    let ran = init(&world, &["--write"]).ok();
    assert!(ran.stderr.contains("it is outside of the project"), "{ran}");
    assert_eq!(fs_err::read_to_string(outside.join("Dockerfile")).unwrap(), before);
}

#[test]
fn an_install_of_the_project_itself_goes_where_its_environment_has_it() {
    let world = World::new();
    world.write("compose.yaml", "services: {web: {build: .}}\n");
    let pyproject = "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"ta\"]\n";
    world.write("pyproject.toml", pyproject);
    let dockerfile =
        "FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\nRUN pip install .\nCMD [\"shop\"]\n";
    world.write("Dockerfile", dockerfile);
    let env = "[env.shop]\nrequirements = \"pyproject.toml\"\nservices = \"web\"\n";
    world.write("pyfast.toml", env);
    let ran = init(&world, &["--write"]).ok();
    assert!(ran.stderr.contains("`project = true` of its environment"), "{ran}");
    assert_eq!(world.read("Dockerfile"), dockerfile);
    world.write("pyfast.toml", &format!("{env}project = true\n"));
    init(&world, &["--write"]).ok();
    assert_eq!(world.read("Dockerfile"), dockerfile.replace("RUN pip install .\n", ""));
    assert_eq!(world.read("pyproject.toml"), pyproject);
}
