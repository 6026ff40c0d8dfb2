//! `pyfast check`: what it finds before anything starts, and how it says so.

mod places;
mod story;
mod uncertain;

use serde_json::json;

use crate::support::ran::{MENDABLE, Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// `await` where no function is asynchronous.
const BROKEN: &str = "def load(db):\n    return await db.fetch()\n";

/// A compose project of one service, built by this Dockerfile, which starts in an environment.
fn stack(dockerfile: &str, command: &str) -> World {
    let world = World::new();
    world.write("Dockerfile", dockerfile);
    world.write("requirements.txt", "");
    world.write(
        "compose.yaml",
        &format!("services:\n  web:\n    build: .\n    image: shop:1\n    command: {command}\n"),
    );
    world.write(
        "pyfast.toml",
        "[env.default]\nrequirements = ['requirements.txt']\nimage = 'shop:1'\nservices = ['web']\n",
    );
    world
}

const PYTHON: &str = "FROM python:3.12-slim\nWORKDIR /srv\nCOPY app ./app\n";

#[track_caller]
fn check(world: &World, args: &[&str]) -> Ran {
    world.pyfast(&[&["check"], args].concat())
}

#[test]
fn what_python_would_not_compile_is_shown_with_its_line_and_a_mark() {
    let world = World::new();
    world.write("shop/db.py", BROKEN);
    world.write("shop/fine.py", "async def load(db):\n    return await db.fetch()\n");
    let ran = check(&world, &[]);
    assert_eq!(ran.code(), Some(1), "{ran}");
    for part in ["error[syntax]: ", "at shop/db.py:2:12", "2 |     return await", "^^^^^"] {
        assert!(ran.stderr.contains(part), "{part}: {ran}");
    }
    assert!(!ran.stderr.contains("fine.py") && ran.stdout.is_empty(), "{ran}");
    assert!(ran.stderr.contains("Checked 2 files: 1 error"), "{ran}");
    assert_eq!(check(&world, &["shop/fine.py"]).code(), Some(0));
}

#[test]
fn a_program_reads_it_as_json() {
    let world = World::new();
    world.write("db.py", BROKEN);
    let ran = check(&world, &["--json"]);
    assert_eq!(ran.code(), Some(1), "{ran}");
    let told = ran.json();
    assert_eq!((&told["errors"], &told["warnings"]), (&json!(1), &json!(0)), "{told:#}");
    let finding = &told["findings"][0];
    let place = [&finding["file"], &finding["line"], &finding["column"]];
    assert_eq!(place, [&json!("db.py"), &json!(2), &json!(12)], "{told:#}");
    assert_eq!((&finding["rule"], &finding["severity"]), (&json!("syntax"), &json!("error")));
}

#[test]
fn a_forge_reads_it_as_annotations() {
    let world = World::new();
    world.write("db.py", BROKEN);
    let ran = check(&world, &["--github"]);
    assert_eq!(ran.code(), Some(1), "{ran}");
    assert!(ran.stdout.starts_with("::error title=syntax,file=db.py,line=2,col=12::"), "{ran}");
    assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
}

#[test]
fn no_terminal_obeys_a_source() {
    let world = World::new();
    world.write("db.py", "x = await \u{1b}]0;owned\u{7}\u{1b}[2J\n");
    for args in [&["--color", "never"][..], &["--github"]] {
        let ran = check(&world, args);
        assert_eq!(ran.code(), Some(1), "{ran}");
        let shown = [ran.stdout.as_str(), ran.stderr.as_str()].concat();
        assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
    }
}

#[test]
fn what_is_somebody_elses_or_named_as_left_alone_is_not_checked() {
    let world = World::new();
    for name in [".venv/x.py", "env/x.py", "made/x.py", "pkg/old/x.py"] {
        world.write(name, BROKEN);
    }
    world.write("env/pyvenv.cfg", "");
    world.write(".gitignore", "made/\n");
    world.write("pyfast.toml", "[check]\nignore = ['pkg.old.*']\n");
    let ran = check(&world, &[]);
    assert_eq!(ran.code(), Some(0), "{ran}");
    assert_eq!(check(&world, &["made/x.py"]).code(), Some(1), "it was named");
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let world = World::new();
    check(&world, &["shop"]).refused(USAGE, &["shop"]);
}

#[test]
fn a_service_is_checked_by_what_its_command_imports_where_its_image_has_it() {
    let world = stack(PYTHON, "uvicorn app.main:api");
    world.write("app/__init__.py", "");
    world.write("app/main.py", BROKEN);
    world.write("unused.py", BROKEN);
    let ran = check(&world, &["--json"]);
    assert_eq!(ran.code(), Some(1), "{ran}");
    let told = ran.json();
    assert_eq!(told["findings"].as_array().unwrap().len(), 1, "{told:#}");
    assert_eq!(told["findings"][0]["file"], "app/main.py", "{told:#}");
    assert_eq!(told["findings"][0]["service"], "web", "{told:#}");
    assert_eq!(check(&world, &["--service", "web"]).code(), Some(1));
    check(&world, &["--service", "wbe"]).refused(USAGE, &["wbe", "web"]);
}

#[test]
fn words_that_a_program_refuses_are_an_error() {
    let world = stack(PYTHON, "uvicorn app.main");
    world.write("app/main.py", "api = None\n");
    check(&world, &[]).refused(MENDABLE, &["error[entry-point]", "MODULE:OBJECT", "in web"]);
}

#[test]
fn without_an_environment_what_is_not_known_is_said() {
    let world = stack(PYTHON, "uvicorn app.main:api");
    world.write("app/main.py", "import not_installed\napi = None\n");
    let ran = check(&world, &[]);
    assert_eq!(ran.code(), Some(0), "{ran}");
    assert!(ran.stderr.contains("Not known: what the environment default has"), "{ran}");
    let told = check(&world, &["--json"]).json();
    assert_eq!(told["unknown"].as_array().unwrap().len(), 1, "{told:#}");
}

#[test]
fn a_sync_says_that_it_removed_what_the_code_imports() {
    let world = World::new();
    for name in ["croniter", "lamp"] {
        world.index.add(&Wheel::new(name, "1.0"));
    }
    world.write("tasks.py", "import json\nimport croniter\n");
    world.require(&["croniter", "lamp"]).pyfast(&["sync"]).ok();
    let ran = world.require(&["lamp"]).pyfast(&["sync"]).ok();
    let said = "croniter was removed, and tasks.py:2 imports croniter";
    assert!(ran.stderr.contains(said), "{ran}");
    let ran = world.pyfast(&["sync"]).ok();
    assert!(!ran.stderr.contains("was removed"), "{ran}");
}

#[test]
fn each_of_the_failures_of_a_start_is_named_with_its_line_and_none_once_it_is_mended() {
    let world = stack(PYTHON, "uvicorn app.main:api");
    world.index.add(&Wheel::new("lamp", "1.0"));
    world.require(&["lamp"]).pyfast(&["sync"]).ok();
    world.write("app/__init__.py", "");
    world.write("app/db.py", BROKEN);
    world.write("app/orders.py", "from app.tasks import queue\n\n\nclass Order:\n    pass\n");
    world.write("app/tasks.py", "from app.orders import Order\n\nqueue = [Order]\n");
    for (imports, rule, file, line) in [
        ("import lamp\nimport croniter", "missing-module", "app/main.py", 2),
        ("from app.models.trade import Trade", "missing-module", "app/main.py", 1),
        ("from app import db", "syntax", "app/db.py", 2),
        ("import app.orders", "import-cycle", "app/tasks.py", 1),
    ] {
        world.write("app/main.py", &format!("{imports}\n\napi = None\n"));
        let told = check(&world, &["--json"]).json();
        let finding = &told["findings"][0];
        assert_eq!((&finding["rule"], &finding["file"]), (&json!(rule), &json!(file)), "{told:#}");
        assert_eq!((&finding["line"], &told["errors"]), (&json!(line), &json!(1)), "{told:#}");
    }
    world.write("app/main.py", "import lamp\nimport json\nimport app.tasks\n\napi = None\n");
    let ran = check(&world, &[]);
    assert_eq!(ran.code(), Some(1), "another order, another end of the ring: {ran}");
    world.write("app/orders.py", "class Order:\n    pass\n\n\nfrom app.tasks import queue\n");
    world.write("app/main.py", "import lamp\nimport app.orders\n\napi = None\n");
    let ran = check(&world, &[]);
    assert_eq!(ran.code(), Some(0), "{ran}");
    world.write("app/main.py", "import app.orders\n\napp = None\n");
    check(&world, &[]).refused(MENDABLE, &["error[entry-point]", "api"]);
}

#[test]
fn without_a_compose_file_modules_are_imported_in_the_projects_environment() {
    let world = World::new();
    world.index.add(&Wheel::new("lamp", "1.0"));
    world.write("src/shop/__init__.py", "from shop.db import load\n");
    world.write("src/shop/db.py", "import lamp\nimport croniter\n\nload = lamp\n");
    world.write("tests/test_shop.py", "import only_for_tests\n");
    // Packages without an `__init__`, and a file beside the one that names it.
    world.write("web/main.py", "from .config import port\nimport json\nimport beside\n");
    world.write("web/config.py", "port = 80\n");
    world.write("web/beside.py", "");
    world.write("web/json.py", "raise SystemExit\n");
    let ran = check(&world, &[]);
    assert_eq!(ran.code(), Some(0), "what the environment has is not known: {ran}");
    assert!(ran.stderr.contains("Not known: what the environment has"), "{ran}");
    world.require(&["lamp"]).pyfast(&["sync"]).ok();
    let told = check(&world, &["--json"]).json();
    let finding = &told["findings"][0];
    assert_eq!(
        (&finding["rule"], &told["errors"]),
        (&json!("missing-module"), &json!(1)),
        "{told:#}"
    );
    assert_eq!((&finding["file"], &finding["line"]), (&json!("src/shop/db.py"), &json!(2)));
    let named = check(&world, &["tests"]);
    named.refused(MENDABLE, &["error[missing-module]", "only_for_tests"]);
    world.write("src/shop/db.py", "import lamp\n\nload = lamp\n");
    assert_eq!(check(&world, &[]).code(), Some(0));
}

#[test]
fn what_a_projects_own_modules_lack_is_found_without_an_environment() {
    let world = stack(PYTHON, "uvicorn app.main:app");
    world.write("app/main.py", "import not_installed\napi = None\n");
    check(&world, &[]).refused(MENDABLE, &["error[entry-point]", "app", "it has `api`"]);
    let main = "import not_installed, not_installed.more\nfrom .models import User\napp = None\n";
    world.write("app/__init__.py", "");
    world.write("app/main.py", main);
    let ran = check(&world, &[]);
    let ran = ran.refused(MENDABLE, &["the package `app` has no module `models`", "app/main.py:2"]);
    assert!(!ran.stderr.contains("not_installed"), "{ran}");
    // What reads a file of variables may be installed; which Python is meant may be a guess.
    let main = "import os, re\nfrom dotenv import load_dotenv\nload_dotenv()\n\
                app = os.environ['KEY'], re.template\n";
    world.write("app/main.py", main);
    check(&world, &[]).ok();
}
