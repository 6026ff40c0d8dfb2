//! `pyfast export --wheels`: a directory from which a machine without network installs what is locked.

use fs_err as fs;

use crate::support::index::Fault;
use crate::support::ran::MENDABLE;
use crate::support::repository::file_url;
use crate::support::source::Sdist;
use crate::support::wheel::{Wheel, sha256};
use crate::support::world::World;

/// A world with a lock of `a`, which needs `b`.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("b")).add(&Wheel::new("b", "1.0"));
    world.index.add(&Wheel::new("c", "1.0"));
    world.require(&["a"]).lock(&[]).ok();
    world
}

#[test]
fn credentials_of_requirements_files_reach_the_private_index() {
    let mut world = world();
    world.index.set(|options| options.credentials = Some(("user".into(), "s3cr3t".into())));
    world.index_flags.clear();
    let index = format!("--index-url {}", world.index.url_with("user", "s3cr3t"));
    let export = ["export", "--wheels", "wheels"];
    let reset = |world: &World| {
        let _ = fs::remove_dir_all(world.project.join("wheels"));
        let _ = fs::remove_dir_all(world.path("home/.cache"));
    };
    world.require(&[&index, "a"]);
    reset(&world);
    let ran = world.pyfast(&export).ok();
    assert!(world.project.join("wheels/b-1.0-py3-none-any.whl").is_file(), "{ran}");
    assert!(!ran.stderr.contains("s3cr3t"), "{ran}");
    // Of files that the last sync was asked for, too.
    world.write("private.txt", &format!("{index}\na\n"));
    world.require(&["a"]);
    world.pyfast(&["sync", "-r", "private.txt"]).ok();
    reset(&world);
    let lock = ["--lock", "pylock.toml"];
    world.pyfast(&[&export[..], &lock].concat()).ok();
    // A lock alone needs no requirements, and gets none of their passwords.
    fs::remove_file(world.project.join("requirements.txt")).unwrap();
    fs::remove_file(world.project.join("private.txt")).unwrap();
    fs::remove_dir_all(world.path("home")).unwrap();
    fs::create_dir(world.path("home")).unwrap();
    reset(&world);
    let url = world.index.url();
    let alone = [&export[..], &lock, &["--index-url", &url]].concat();
    world.pyfast(&alone).refused(MENDABLE, &["401"]);
}

/// A machine that has nothing yet and reaches nobody.
fn alone(mut world: World) -> World {
    world.index.stop();
    world.index_flags.clear();
    world.env.insert("HOME".to_owned(), world.path("other-home").display().to_string());
    world.move_on();
    world
}

#[test]
fn a_machine_without_network_installs_what_is_locked() {
    let world = world();
    let ran = world.pyfast(&["export", "--wheels", "wheels", "--json"]).ok();
    let names = serde_json::json!(["a-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl"]);
    assert_eq!(ran.json()["wheels"], names, "{ran}");
    let lock = world.read("pylock.toml");
    for name in names.as_array().unwrap() {
        let bytes = fs::read(world.project.join("wheels").join(name.as_str().unwrap())).unwrap();
        assert!(lock.contains(&sha256(&bytes)), "{name} is not the lock's");
    }
    // What is there already is not fetched again.
    world.index.forget();
    world.pyfast(&["export", "--wheels", "wheels"]).ok();
    assert!(world.index.asked(".whl").is_empty());
    let world = alone(world);
    let flags = ["--no-index", "--find-links", "wheels"];
    let synced = world.sync(&flags);
    assert_eq!(synced.evaluate("import a, b; print(a.__version__)").trim(), "1.0");
    assert_eq!(world.read("pylock.toml"), lock);
}

#[test]
fn directories_that_settings_name_have_what_is_locked() {
    for (file, text) in [
        ("uv.toml", "no-index = true\nfind-links = [\"wheels\"]\n"),
        ("pip.conf", "[global]\nno-index = true\nfind-links = wheels\n"),
    ] {
        let world = world();
        world.pyfast(&["export", "--wheels", "wheels"]).ok();
        let mut world = alone(world);
        let configuration = world.project.join("pip.conf").display().to_string();
        world.env.insert("PIP_CONFIG_FILE".to_owned(), configuration);
        world.write("pip.conf", "");
        world.write(file, text);
        let synced = world.sync(&["--locked"]);
        assert_eq!(synced.evaluate("import b; print(b.__version__)").trim(), "1.0", "{file}");
    }
}

#[test]
fn a_directory_that_a_url_names_has_what_is_locked() {
    let world = world();
    world.pyfast(&["export", "--wheels", "my wheels"]).ok();
    let world = alone(world);
    let url = file_url(&world.project.join("my wheels"));
    assert!(url.ends_with("my%20wheels"), "{url}");
    world.write("uv.toml", &format!("no-index = true\nfind-links = [\"{url}\"]\n"));
    let synced = world.sync(&["--locked"]);
    assert_eq!(synced.evaluate("import b; print(b.__version__)").trim(), "1.0");
}

#[test]
fn without_a_lock_the_directory_is_an_index() {
    let world = world();
    world.pyfast(&["export", "--wheels", "wheels"]).ok();
    fs::remove_file(world.project.join("pylock.toml")).unwrap();
    let world = alone(world);
    let synced = world.sync(&["--no-index", "--find-links", "wheels"]);
    assert_eq!(synced.evaluate("import b; print(b.__version__)").trim(), "1.0");
}

#[test]
fn of_sources_there_is_the_wheel_that_was_built() {
    let world = world();
    Sdist::new("d", "2.0").publish(&world);
    world.require(&["a", "d"]).lock(&[]).ok();
    let ran = world.pyfast(&["export", "--wheels", "wheels"]).ok();
    assert!(ran.stderr.contains("d-2.0-py3-none-any.whl was built of its source"), "{ran}");
    let built = fs::read(world.project.join("wheels/d-2.0-py3-none-any.whl")).unwrap();
    world.pyfast(&["export", "--wheels", "again"]).ok();
    assert_eq!(fs::read(world.project.join("again/d-2.0-py3-none-any.whl")).unwrap(), built);
    fs::remove_file(world.project.join("pylock.toml")).unwrap();
    let world = alone(world);
    let synced = world.sync(&["--no-index", "--find-links", "wheels"]);
    assert_eq!(synced.evaluate("import d; print(d.__name__)").trim(), "d");
}

#[test]
fn what_is_not_the_lock_s_is_refused_and_leaves_nothing() {
    let world = world();
    let lock =
        world.read("pylock.toml").replace(&Wheel::new("b", "1.0").build().sha256, &"0".repeat(64));
    world.write("pylock.toml", &lock);
    let export = ["export", "--wheels", "wheels"];
    world.pyfast(&export).refused(MENDABLE, &["b-1.0-py3-none-any.whl", "SHA-256"]);
    let left = fs::read_dir(world.project.join("wheels")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["a-1.0-py3-none-any.whl"]);
    world.index.fail("b-1.0", Fault::Status(404), 9);
    world.pyfast(&export).refused(MENDABLE, &["b-1.0-py3-none-any.whl", "404"]);
}
