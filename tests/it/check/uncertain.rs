//! What is certain and what is not: modules that a build, a mount or nobody here may bring.

use super::{PYTHON, check, stack};
use crate::support::ran::MENDABLE;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A service whose environment is made, and whose module is nowhere.
fn lacking(dockerfile: &str) -> World {
    let world = stack(dockerfile, "uvicorn app.main:api");
    world.index.add(&Wheel::new("lamp", "1.0"));
    world.require(&["lamp"]).pyfast(&["sync"]).ok();
    world.write("app/main.py", "import made\n\napi = None\n");
    world
}

#[test]
fn what_a_build_may_bring_is_a_warning() {
    let world = lacking(PYTHON);
    check(&world, &[]).refused(MENDABLE, &["error[missing-module]", "made"]);
    for before in [
        "RUN git clone https://git.test/made /srv/made\n",
        "RUN git clone https://git.test/made\n",
        "ENV PYTHONPATH=/opt/made\n",
    ] {
        let dockerfile = PYTHON.replace("WORKDIR", &format!("{before}WORKDIR"));
        world.write("Dockerfile", &dockerfile);
        for args in [&[][..], &["app"]] {
            let ran = check(&world, args);
            assert_eq!(ran.code(), Some(0), "{before}: {ran}");
            assert!(ran.stderr.contains("warning[missing-module]"), "{before}: {ran}");
        }
    }
    world.write("Dockerfile", PYTHON);
    world.write(".gitignore", "made.py\n");
    assert_eq!(check(&world, &[]).code(), Some(0), "it is made, by whatever makes it");
    assert_eq!(check(&world, &["app"]).code(), Some(0));
}

#[test]
fn files_that_compose_gives_a_service_are_its_modules() {
    let world = lacking(PYTHON);
    let compose = "services:\n  web:\n    build: .\n    image: shop:1\n    command: uvicorn app.main:api\n    \
                   configs: [{source: made, target: /srv/made.py}]\nconfigs: {made: {content: x = 1}}\n";
    world.write("compose.yaml", compose);
    let ran = check(&world, &["--strict"]);
    assert_eq!(ran.code(), Some(0), "{ran}");
}

#[test]
fn paths_are_imported_from_where_services_search() {
    let world = lacking(PYTHON);
    world.write("lib/made.py", "");
    check(&world, &["app"]).refused(MENDABLE, &["error[missing-module]", "made"]);
    let compose = "services:\n  web:\n    build: .\n    image: shop:1\n    command: uvicorn app.main:api\n    \
                   environment: {PYTHONPATH: /srv/more}\n    volumes: ['./lib:/srv/more']\n";
    world.write("compose.yaml", compose);
    for args in [&["--strict"][..], &["--strict", "app"]] {
        let ran = check(&world, args);
        assert_eq!(ran.code(), Some(0), "{ran}");
    }
}

#[test]
fn a_plain_sync_is_enough_to_know_what_is_installed() {
    let world = World::new();
    world.index.add(&Wheel::new("lamp", "1.0"));
    world.write("Dockerfile", PYTHON);
    world.write("app/main.py", "import lamp\nimport croniter\n\napi = None\n");
    world.write(
        "compose.yaml",
        "services:\n  web:\n    build: .\n    image: shop:1\n    command: uvicorn app.main:api\n",
    );
    world.require(&["lamp"]).pyfast(&["sync"]).ok();
    let ran = check(&world, &[]).refused(MENDABLE, &["error[missing-module]", "croniter"]);
    assert!(!ran.stderr.contains("`lamp`"), "{ran}");
}
