//! The seed's requirements from the real index. Asserts only what cannot drift.

use std::path::Path;

use crate::remote::forward;
use crate::world::{SLIM, World, text};

#[test]
fn the_seeds_requirements_run_in_a_slim_container() {
    let Some(world) = World::new("seed") else { return };
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/seed-requirements.txt");
    world.requirements(&fs_err::read_to_string(seed).unwrap());
    let arguments =
        ["sync", "-r", "requirements.txt", "--volume", &world.volume, "--image", SLIM, "--json"];
    let output = world.pyfast(&arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(result["packages"].as_array().unwrap().len() > 50);
    let program = "import fastapi, pandas, numpy, sqlalchemy, psycopg2, celery, matplotlib\n\
                   print(pandas.DataFrame({'a': [1, 2]}).a.sum(), fastapi.FastAPI().version)";
    // Matplotlib wants a writable place for its fonts' cache, and a read-only container has none.
    let printed = world.run(&["--rm", "--tmpfs", "/tmp"], &["python", "-c", program]);
    assert_eq!(text(&printed.stdout), "3 0.1.0\n", "{}", text(&printed.stderr));
    assert!(world.printed(&["uvicorn", "--version"]).starts_with("Running uvicorn"));
}

#[test]
fn wheels_of_the_index_reach_a_volume_through_a_container() {
    let Some(mut world) = World::new("seed-remote") else { return };
    world.host = forward(&world.host);
    world.requirements("six\n");
    let output = world.pyfast(&[
        "sync",
        "-r",
        "requirements.txt",
        "--volume",
        &world.volume,
        "--image",
        SLIM,
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(world.printed(&["python", "-c", "import six; print(six.PY3)"]), "True\n");
}
