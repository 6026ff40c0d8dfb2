//! What a push writes: what is missing, and the list of all of it last.

use std::process::Stdio;
use std::time::Instant;

use fs_err as fs;

use super::machines::{another_machine, stocked, use_bucket, use_directory};
use crate::support::bucket::{Bucket, Fault};
use crate::support::ran::{EITHER, MENDABLE, Ran, USAGE};
use crate::support::source::Sdist;
use crate::support::synced::snapshot;
use crate::support::wheel::Wheel;
use crate::support::world::World;

#[test]
fn only_what_is_missing_is_written() {
    let (mut world, bucket) = (stocked(World::new()), Bucket::start());
    use_bucket(&mut world, &bucket);
    world.sync(&[]);
    assert_eq!(bucket.objects().len(), 0, "a sync wrote something");
    let first = world.pyfast(&["push", "--json"]).ok();
    assert_eq!(first.json()["written"].as_array().map(Vec::len), Some(4), "{first}");
    bucket.asked();
    world.index.forget();
    let again = world.pyfast(&["push", "--json"]).ok();
    assert_eq!(again.json()["present"], 4, "{again}");
    assert!(world.index.asked(".whl").is_empty(), "a wheel that was there was fetched");
    let writes = bucket.asked().into_iter().filter(|one| !one.starts_with("HEAD"));
    assert!(
        writes.clone().all(|one| one.contains("/v1/envs/")),
        "{:?}",
        writes.collect::<Vec<_>>()
    );
    // Another environment with a wheel more.
    world.index.add(&Wheel::new("e", "1.0"));
    world.require(&["a", "e"]);
    world.sync(&["--push"]);
    let lists = bucket.objects().keys().filter(|path| path.contains("/v1/envs/")).count();
    assert_eq!((bucket.objects().len(), lists), (5 + 2, 2));
}

#[test]
fn a_push_that_is_killed_leaves_no_list() {
    let mut world = stocked(World::new());
    use_directory(&mut world);
    world.sync(&[]);
    world.index.delay("/files/", 30);
    kill_pushes(&world, |world| assert_eq!(wheels(world), 4));
    world.pyfast(&["push"]).ok();
    world.index.stop();
    another_machine(&mut world);
    assert_eq!(world.sync(&[]).installed().len(), 4);
}

/// Kills twelve pushes into an empty directory, each a little later than the one before, and has a look at what is there
/// where there is a list: whoever sees one finds all that it names. A push that has ended before is a sign that the machine
/// does less than it did, and those behind it are killed in half the time.
pub(super) fn kill_pushes(world: &World, look: impl Fn(&World)) {
    let lists = || fs::read_dir(world.path("remote/v1/envs")).map_or(0, Iterator::count);
    let start = || {
        let mut command = world.command(&["push"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let begun = Instant::now();
    start().wait().unwrap();
    let (mut usual, mut hits) = (begun.elapsed(), 0);
    assert_eq!(lists(), 1);
    look(world);
    for round in 1..=12 {
        fs::remove_dir_all(world.path("remote")).unwrap();
        fs::create_dir(world.path("remote")).unwrap();
        let mut child = start();
        std::thread::sleep(usual * round / 14);
        match child.try_wait().unwrap() {
            None => hits += 1,
            Some(_) => usual /= 2,
        }
        let _ = child.kill();
        child.wait().unwrap();
        if lists() > 0 {
            look(world);
        }
    }
    assert!(hits > 2, "only {hits} were killed in the middle");
}

/// How many wheels the directory has, without what killed pushes left.
fn wheels(world: &World) -> usize {
    let all = snapshot(&world.path("remote/v1/wheels"));
    all.keys().filter(|path| path.extension().is_some_and(|end| end == "whl")).count()
}

#[test]
fn ten_that_push_at_once_write_the_same() {
    let mut world = stocked(World::new());
    use_directory(&mut world);
    world.sync(&[]);
    let start = || {
        let mut command = world.command(&["push"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..10).map(|_| start()).collect();
    for child in children {
        Ran::wait(child).ok();
    }
    assert_eq!(wheels(&world), 4);
    assert_eq!(snapshot(&world.path("remote")).keys().filter(|path| path.is_file()).count(), 5);
    world.index.stop();
    another_machine(&mut world);
    assert_eq!(world.sync(&[]).installed().len(), 4);
}

#[test]
fn a_push_that_fails_says_so_and_the_environment_is_there() {
    let (mut world, bucket) = (stocked(World::new()), Bucket::start());
    use_bucket(&mut world, &bucket);
    bucket.fail("/v1/wheels/", Fault::Status(403));
    world.pyfast(&["sync", "--remote", "none"]).ok();
    let ran = world
        .pyfast(&["push"])
        .refused(MENDABLE, &["access is denied", "hint:", "AWS_ACCESS_KEY_ID"]);
    assert!(!ran.stderr.contains("s3cr3t"), "{ran}");
    assert_eq!(bucket.objects().len(), 0);
    another_machine(&mut world);
    world.pyfast(&["sync", "--push"]).refused(MENDABLE, &["Synced 4 packages", "access is denied"]);
    // A script gets one object, with what came of the sync.
    let ran = world.pyfast(&["sync", "--push", "--json"]).refused(MENDABLE, &[]);
    let json = ran.json();
    assert_eq!(json["packages"].as_array().map(Vec::len), Some(4), "{ran}");
    assert!(json["error"]["message"].is_string(), "{ran}");
    world.pyfast(&["run", "python", "-c", "import a"]).ok();
}

#[test]
fn what_cannot_be_pushed_is_refused_before_anything_is_synced() {
    let mut world = stocked(World::new());
    let synced = |world: &World| world.root.join("envs").exists();
    let ran = world.pyfast(&["sync", "--push"]);
    ran.refused(USAGE, &["no remote store is named", "--remote"]);
    use_directory(&mut world);
    world.pyfast(&["sync", "--push", "--offline"]).refused(EITHER, &["offline"]);
    assert!(!synced(&world));
    // Who pushes always pushes nothing where nothing is done.
    let mut command = world.command(&["sync", "--dry-run"]);
    command.env("PYFAST_PUSH", "1");
    Ran::of(command).ok();
    assert!(!synced(&world) && wheels(&world) == 0);
    let mut command = world.command(&["sync"]);
    command.env("PYFAST_PUSH", "1");
    Ran::of(command).ok();
    assert_eq!(wheels(&world), 4);
}

#[test]
fn a_server_without_conditions_and_one_with_a_wrong_size_are_written() {
    let (mut world, bucket) = (stocked(World::new()), Bucket::start());
    use_bucket(&mut world, &bucket);
    bucket.forget_conditions();
    world.sync(&["--push"]);
    let objects = bucket.objects();
    let cut = objects.iter().find(|(path, _)| path.contains("/v1/wheels/")).unwrap();
    bucket.keep(cut.0, &cut.1[..cut.1.len() / 2]);
    let ran = world.pyfast(&["push", "--json"]).ok();
    assert_eq!(ran.json()["written"].as_array().map(Vec::len), Some(1), "{ran}");
    assert_eq!(bucket.objects(), objects);
}

#[test]
fn a_cut_wheel_is_written_anew_where_no_lock_says_its_size() {
    let (mut world, bucket) = (stocked(World::new()), Bucket::start());
    use_bucket(&mut world, &bucket);
    world.lock(&[]);
    let lock = world.read("pylock.toml");
    let mut parts = lock.split("size = ");
    let first = parts.next().unwrap().to_owned();
    let rest =
        parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit() || ", ".contains(c)));
    let without = first + &rest.collect::<String>();
    assert!(lock.contains("size = ") && !without.contains("size = "), "{lock}");
    world.write("pylock.toml", &without);
    world.sync(&["--frozen", "--push"]);
    let objects = bucket.objects();
    let [wheel, list] = ["/v1/wheels/", "/v1/envs/"]
        .map(|place| objects.iter().find(|(path, _)| path.contains(place)).unwrap());
    // The list of the earlier push says how large it is; without that it is read.
    for said in [&list.1[..], b"{}"] {
        bucket.keep(wheel.0, &wheel.1[..wheel.1.len() / 2]);
        bucket.keep(list.0, said);
        let ran = world.pyfast(&["push", "--json"]).ok();
        assert_eq!(ran.json()["written"].as_array().map(Vec::len), Some(1), "{ran}");
        assert_eq!(bucket.objects(), objects);
    }
    let again = world.pyfast(&["push", "--json"]).ok();
    assert_eq!(again.json()["present"], 4, "{again}");
}

#[test]
fn what_no_server_has_as_a_wheel_is_named() {
    let mut world = World::new();
    use_directory(&mut world);
    world.index.add(&Wheel::new("a", "1.0"));
    Sdist::new("built", "1.0").publish(&world);
    world.require(&["a", "built"]);
    let ran = world.pyfast(&["sync", "--push", "-r", "requirements.txt"]).ok();
    assert!(ran.stderr.contains("not pushed: built"), "{ran}");
    assert_eq!(wheels(&world), 1);
}

#[test]
fn a_container_that_syncs_itself_reads_the_remote_store() {
    let mut world = stocked(World::new());
    use_directory(&mut world);
    world.sync(&["--push"]);
    world.index.stop();
    another_machine(&mut world);
    let world = world.in_volume();
    let run = ["run", "-r", "requirements.txt", "--", "python", "-c", "import a, d; print('ran')"];
    let ran = world.pyfast(&run).ok();
    assert!(ran.stdout.contains("ran"), "{ran}");
}
