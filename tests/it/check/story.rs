//! The failures of a start that this program began with, in a copy of the example: each is named before anything starts.

use std::path::Path;

use super::check;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A module that has every name.
const ANY: &str = "def __getattr__(name): ...\n";

/// What the example's services import of others.
const PACKAGES: [(&str, &[&str]); 12] = [
    ("fastapi", &["fastapi/__init__.py"]),
    ("uvicorn", &["uvicorn.py"]),
    ("pydantic", &["pydantic.py"]),
    ("pydantic-settings", &["pydantic_settings.py"]),
    ("sqlalchemy", &["sqlalchemy/__init__.py", "sqlalchemy/exc.py", "sqlalchemy/orm.py"]),
    ("psycopg2-binary", &["psycopg2.py"]),
    ("celery", &["celery/__init__.py"]),
    ("redis", &["redis.py"]),
    ("flower", &["flower.py"]),
    ("croniter", &["croniter.py"]),
    ("httpx", &["httpx.py"]),
    ("minio", &["minio.py"]),
];

/// The example on this machine, with an environment of what its requirements name.
fn example() -> World {
    let world = World::new();
    for (name, files) in PACKAGES {
        let wheel = Wheel::empty(name, "99.0");
        world.index.add(&files.iter().fold(wheel, |wheel, file| wheel.file(file, ANY)));
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/trading-webui");
    for file in ["docker-compose.yml", ".dockerignore", "docker/Dockerfile.backend"] {
        world.write(file, &fs_err::read_to_string(example.join(file)).unwrap());
    }
    for entry in fs_err::read_dir(example.join("backend")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let name = format!("backend/{}", entry.file_name().to_string_lossy());
            world.write(&name, &fs_err::read_to_string(entry.path()).unwrap());
        }
    }
    world.write(
        "pyfast.toml",
        "[env.backend]\nrequirements = ['backend/requirements.txt']\nimage = 'trading-backend:latest'\n\
         services = ['backend', 'celery-worker', 'celery-beat', 'flower', 'bucket']\n",
    );
    world
}

/// Puts a text before what a file has.
fn before(world: &World, file: &str, text: &str) {
    let whole = format!("{text}{}", world.read(file));
    world.write(file, &whole);
}

/// The errors as `rule file:line`, in their order.
fn errors(world: &World) -> Vec<String> {
    let told = check(world, &["--json"]).json();
    let findings = told["findings"].as_array().unwrap();
    let errors = findings.iter().filter(|one| one["severity"] == "error");
    let text = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap().to_owned();
    let mut errors: Vec<String> = errors
        .map(|one| format!("{} {}:{}", text(one, "rule"), text(one, "file"), one["line"]))
        .collect();
    errors.sort();
    errors
}

#[test]
fn the_failures_of_the_story_are_named_and_none_once_they_are_mended() {
    let world = example();
    let sync = ["sync", "--env", "backend"];
    world.pyfast(&sync).ok();
    assert_eq!(errors(&world), [""; 0], "the example starts");

    let (main, storage) = (world.read("backend/main.py"), world.read("backend/storage.py"));
    // Two models that nobody wrote.
    world.write("backend/models/__init__.py", "");
    before(
        &world,
        "backend/main.py",
        "from backend import prices\nfrom backend.models.trade import Trade\nfrom backend.models.user import User\n",
    );
    // `await` in functions that are not asynchronous, in seven places.
    let load = |name: &str| format!("def {name}(db):\n    return await db.fetch()\n");
    let prices: String = ["a", "b", "c", "d", "e", "f", "g"].map(load).concat();
    world.write("backend/prices.py", &prices);
    // A circle of imports.
    before(&world, "backend/storage.py", "from backend.tasks import app\n");
    // A requirement that nobody wrote down.
    let requirements = world.read("backend/requirements.txt");
    world.write("backend/requirements.txt", &requirements.replace("croniter>=2.0.1\n", ""));
    world.pyfast(&sync).ok();

    let mut expected = vec!["import-cycle backend/storage.py:1".to_owned()];
    expected.extend([2, 3].map(|line| format!("missing-module backend/main.py:{line}")));
    expected.push("missing-module backend/tasks.py:7".to_owned());
    expected
        .extend([2, 4, 6, 8, 10, 12, 14].map(|line| format!("syntax backend/prices.py:{line}")));
    expected.sort();
    assert_eq!(errors(&world), expected);

    world.write("backend/main.py", &main);
    world.write("backend/storage.py", &storage);
    world.write("backend/requirements.txt", &requirements);
    world.pyfast(&sync).ok();
    assert_eq!(errors(&world), [""; 0], "all is mended");
}
