//! Environments of one project whose requirements lie in one directory: each keeps to its own lock.

use crate::support::ran::MENDABLE;
use crate::support::stock::stock;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world whose `pyfast.toml` has these environments.
fn configured(environments: &str) -> World {
    let world = stock(World::new());
    world.write("dev.txt", "c\n");
    world.index.add(&Wheel::new("c", "1.0"));
    world.require(&["a<2"]).write("pyfast.toml", environments);
    world
}

#[track_caller]
fn lock(world: &World, args: &[&str]) -> String {
    world.pyfast(&[&["lock"], args].concat()).ok().stderr
}

#[track_caller]
fn sync(world: &World, args: &[&str]) -> Synced {
    Synced::of(world.pyfast(&[&["sync", "--json"], args].concat()))
}

fn locks(world: &World) -> Vec<String> {
    let entries = fs_err::read_dir(&world.project).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut locks: Vec<_> = names.filter(|name| name.starts_with("pylock.")).collect();
    locks.sort();
    locks
}

#[test]
fn environments_that_ask_for_different_things_have_a_lock_each() {
    let world = configured(
        "[env.default]\nrequirements = ['requirements.txt']\n\
         [env.dev]\nrequirements = ['requirements.txt', 'dev.txt']\n",
    );
    lock(&world, &[]);
    let plain = world.read("pylock.toml");
    let refused = world.pyfast(&["sync", "--json", "--env", "dev", "--locked"]);
    refused.refused_with_hint(MENDABLE, &["pylock.dev.toml` is missing"]);
    let synced = sync(&world, &["--env", "dev"]);
    assert_eq!(synced.packages(), ["a==1.0", "b==2.0", "c==1.0"]);
    let told = "pylock.toml` is the lock of another environment: `pyfast lock --env dev` makes";
    assert!(synced.ran.stderr.contains(told), "{}", synced.ran);
    assert_eq!(world.read("pylock.toml"), plain, "another environment's lock is not rewritten");
    assert!(lock(&world, &["--env", "dev"]).contains("/pylock.dev.toml"));
    assert_eq!(locks(&world), ["pylock.dev.toml", "pylock.toml"]);
    for (env, count) in [("default", 2), ("dev", 3)] {
        let synced = sync(&world, &["--env", env, "--locked"]);
        assert_eq!(synced.packages().len(), count, "{env}");
        assert!(!synced.ran.stderr.contains("another environment"), "{}", synced.ran);
        let tree = world.pyfast(&["tree", "--env", env]).ok();
        assert_eq!(tree.stdout.contains("c==1.0"), env == "dev", "{tree}");
    }
    assert_eq!(world.read("pylock.toml"), plain);
}

#[test]
fn environments_for_different_pythons_have_a_lock_each() {
    let world = configured(
        "[env.default]\nrequirements = ['requirements.txt']\npython = '3.99'\n\
         [env.worker]\nrequirements = ['requirements.txt']\n",
    );
    let other = ["--python-version", "3.99", "--python-platform", "linux"];
    lock(&world, &other);
    let plain = world.read("pylock.toml");
    // Once refused, because the lock was for another Python.
    assert_eq!(sync(&world, &["--env", "worker"]).packages(), ["a==1.0", "b==2.0"]);
    lock(&world, &["--env", "worker"]);
    world.require(&["a>=2"]);
    assert_eq!(sync(&world, &["--env", "worker"]).packages(), ["a==2.0", "b==2.0"]);
    assert!(world.read("pylock.worker.toml").contains("2.0"));
    assert_eq!(world.read("pylock.toml"), plain, "each has its own");
    assert!(world.read("pylock.toml").contains("3.99"), "{plain}");
    lock(&world, &other);
    assert_ne!(world.read("pylock.toml"), plain, "made anew for its own Python");
}

#[test]
fn environments_that_ask_for_the_same_share_a_lock() {
    let world = configured(
        "[env.api]\nrequirements = ['requirements.txt']\n\
         [env.worker]\nrequirements = ['requirements.txt']\n",
    );
    assert!(lock(&world, &["--env", "api"]).contains("/pylock.toml"));
    sync(&world, &["--env", "worker", "--locked"]);
    world.require(&["a>=2"]);
    assert_eq!(sync(&world, &["--env", "worker"]).packages(), ["a==2.0", "b==2.0"]);
    sync(&world, &["--env", "api", "--locked"]);
    assert_eq!(locks(&world), ["pylock.toml"]);
}

#[test]
fn a_shared_lock_that_fits_is_kept_to_whatever_the_pythons_are_called() {
    let world = configured("");
    lock(&world, &[]);
    let environments = "[env.api]\nrequirements = ['requirements.txt']\npython = '3'\n\
                        [env.'worker.v2']\nrequirements = ['requirements.txt']\n";
    world.write("pyfast.toml", environments);
    for env in ["api", "worker.v2"] {
        sync(&world, &["--env", env, "--locked"]);
    }
    assert_eq!(locks(&world), ["pylock.toml"], "a project's lock goes on being used");
    fs_err::remove_file(world.project.join("pylock.toml")).unwrap();
    // A dot would end the name that a lock may have.
    assert!(lock(&world, &["--env", "worker.v2"]).contains("/pylock.worker--v2.toml"));
}

#[test]
fn a_lock_of_its_own_is_noticed_when_it_comes() {
    let world = configured(
        "[env.default]\nrequirements = ['requirements.txt']\npython = '3'\n\
         [env.worker]\nrequirements = ['requirements.txt']\n",
    );
    lock(&world, &[]);
    sync(&world, &["--env", "worker"]);
    let older = world.read("pylock.toml");
    fs_err::remove_file(world.project.join("pylock.toml")).unwrap();
    world.index.add(&Wheel::new("b", "3.0"));
    lock(&world, &["--env", "worker"]);
    world.write("pylock.toml", &older);
    assert_eq!(sync(&world, &["--env", "worker"]).packages(), ["a==1.0", "b==3.0"]);
    assert_eq!(sync(&world, &["--env", "default"]).packages(), ["a==1.0", "b==2.0"]);
}
