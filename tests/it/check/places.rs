//! Where a start command stands that names nothing.

use serde_json::json;

use super::{PYTHON, check, stack};
use crate::support::world::World;

/// The place and the words of the only finding, and the lines that show it.
#[track_caller]
fn shown(world: &World, place: &str, words: &str, mark: &str) {
    let ran = check(world, &[]);
    assert_eq!(ran.code(), Some(1), "{ran}");
    assert!(ran.stderr.contains(&format!("  at {place}\n")), "{place}: {ran}");
    assert!(ran.stderr.contains(mark), "{mark}: {ran}");
    let told = check(world, &["--json"]).json();
    assert_eq!(told["findings"].as_array().map(Vec::len), Some(1), "{told:#}");
    let finding = &told["findings"][0];
    let at = [&finding["file"], &finding["line"], &finding["column"]];
    let at = at.map(|part| part.to_string().trim_matches('"').to_owned()).join(":");
    assert_eq!((at.as_str(), &finding["words"]), (place, &json!(words)), "{told:#}");
}

#[test]
fn a_command_that_names_nothing_is_shown_where_it_stands() {
    let words = "uvicorn app.bain:api";
    let world = stack(PYTHON, "uvicorn --port 80 app.bain:api");
    world.write("app/__init__.py", "");
    world.write("app/main.py", "api = None\n");
    let mark = "5 | app.bain:api\n  | ^^^^^^^^^^^^\n";
    shown(&world, "compose.yaml:5:32", words, mark);

    // A file that is laid over it has the last word.
    let over = "services:\n  web:\n    command:\n      - uvicorn\n      - app.bain:api\n";
    world.write("compose.override.yaml", over);
    shown(&world, "compose.override.yaml:5:9", words, "^^^^^^^^^^^^\n");

    // What comes of a variable stands where the text does that has it.
    let over = "services:\n  web:\n    command: uvicorn ${NONE-app.bain}:api\n";
    world.write("compose.override.yaml", over);
    shown(&world, "compose.override.yaml:3:14", words, "^^^^^^^\n");

    // The service's command is a script, which names it.
    world.write("compose.override.yaml", "services:\n  web:\n    command: sh app/start.sh\n");
    world.write("app/start.sh", "set -e\n# app.bain:api\nexec uvicorn app.bain:api\n");
    shown(&world, "app/start.sh:3:14", words, "^^^^^^^^^^^^\n");

    // Whoever means it so says that on the line.
    world.write("app/start.sh", "exec uvicorn app.bain:api  # pyfast: ignore[entry-point]\n");
    check(&world, &[]).ok();
}

#[test]
fn a_command_of_a_dockerfile_is_shown_there() {
    let world = stack(&format!("{PYTHON}CMD [\"uvicorn\", \\\n  \"app.main:apy\"]\n"), "x");
    world.write("compose.yaml", "services:\n  web:\n    build: .\n    image: shop:1\n");
    world.write("app/main.py", "api = None\n");
    shown(&world, "Dockerfile:5:4", "uvicorn app.main:apy", "^^^^^^^^^^^^\n");

    // Words that are refused are a command's as well.
    world.write("Dockerfile", &format!("{PYTHON}CMD uvicorn app.main\n"));
    shown(&world, "Dockerfile:4:13", "uvicorn app.main", "^^^^^^^^\n");
}
