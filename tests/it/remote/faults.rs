//! A remote store that is down, slow, cut off, forbidden, wrong or not there: a warning, and the index. And who asks it
//! nothing.

use fs_err as fs;

use super::machines::{another_machine, stocked, use_bucket, use_directory};
use crate::support::bucket::{Bucket, Fault};
use crate::support::ran::{MENDABLE, USAGE};
use crate::support::world::World;

/// A world whose bucket has all its wheels, on a machine that has none.
fn pushed() -> (World, Bucket) {
    let (mut world, bucket) = (stocked(World::new()), Bucket::start());
    use_bucket(&mut world, &bucket);
    world.sync(&["--push"]);
    another_machine(&mut world);
    bucket.asked();
    (world, bucket)
}

#[test]
fn whatever_a_bucket_does_is_one_warning_and_the_index() {
    for (path, fault, word) in [
        ("/v1/envs/", Fault::Status(503), "503"),
        ("/v1/envs/", Fault::Status(403), "access is denied"),
        ("/v1/envs/", Fault::Cut, "cannot read v1/envs/"),
        ("/v1/wheels/", Fault::Status(500), "500"),
        ("/v1/wheels/", Fault::Cut, "cannot read v1/wheels/"),
        ("/v1/wheels/", Fault::Silent, "did not answer in time"),
        ("/v1/wheels/", Fault::Flipped, "SHA-256"),
    ] {
        let (mut world, bucket) = pushed();
        bucket.fail(path, fault);
        // Silence is waited for; the others are answers, and have the usual time.
        if fault == Fault::Silent {
            world.env.insert("UV_HTTP_TIMEOUT".to_owned(), "6".to_owned());
        }
        let synced = world.sync(&["-v"]);
        let told: Vec<&str> =
            synced.ran.stderr.lines().filter(|line| line.contains("warning:")).collect();
        assert_eq!(told.len(), 1, "{word}: {}", synced.ran);
        assert!(
            told[0].contains(word) && told[0].contains("s3://wheels/team"),
            "{word}: {}",
            synced.ran
        );
        assert_eq!(synced.installed(), ["a==1.0", "b==1.0", "c==1.0", "d==1.0"], "{word}");
        assert!(!synced.ran.stderr.contains("s3cr3t"), "{}", synced.ran);
    }
}

#[test]
fn a_bucket_that_is_gone_is_one_warning_and_the_index() {
    let (world, bucket) = pushed();
    drop(bucket);
    let synced = world.sync(&[]);
    assert_eq!(synced.ran.stderr.matches("warning:").count(), 1, "{}", synced.ran);
    assert_eq!(synced.installed().len(), 4);
}

#[test]
fn a_directory_that_is_not_there_is_one_warning_and_the_index() {
    let mut world = stocked(World::new());
    use_directory(&mut world);
    fs::remove_dir(world.path("remote")).unwrap();
    let synced = world.sync(&[]);
    assert_eq!(synced.ran.stderr.matches("warning:").count(), 1, "{}", synced.ran);
    assert!(synced.ran.stderr.contains("there is no such place"), "{}", synced.ran);
    world.pyfast(&["push"]).refused(MENDABLE, &["there is no such place", "make it first"]);
    assert!(!world.path("remote").exists());
}

#[test]
fn a_sync_with_nothing_to_do_asks_nothing() {
    let (world, bucket) = pushed();
    world.sync(&[]);
    assert!(!bucket.asked().is_empty());
    for flags in [&[][..], &["--reinstall"]] {
        let again = world.sync(flags);
        assert!(!again.changed(), "{}", again.ran);
        assert_eq!(bucket.asked(), Vec::<String>::new(), "{flags:?}");
    }
}

#[test]
fn another_environment_of_wheels_that_are_there_asks_nothing() {
    let (world, bucket) = pushed();
    world.sync(&[]);
    bucket.asked();
    world.require(&["a"]).lock(&[]).ok();
    // All that it needs is in the store.
    world.sync(&[]);
    assert_eq!(bucket.asked(), Vec::<String>::new());
}

#[test]
fn none_switches_off_what_the_file_says() {
    let (mut world, bucket) = pushed();
    world.write("pyfast.toml", "[remote]\nurl = \"s3://wheels/team\"\n");
    world.env.remove("PYFAST_REMOTE");
    world.sync(&["--remote", "none"]);
    assert_eq!(bucket.asked(), Vec::<String>::new());
    another_machine(&mut world);
    fs::remove_dir_all(&world.root).unwrap();
    world.env.insert("PYFAST_REMOTE".to_owned(), "none".to_owned());
    world.sync(&[]);
    assert_eq!(bucket.asked(), Vec::<String>::new());
    world.env.remove("PYFAST_REMOTE");
    fs::remove_dir_all(&world.root).unwrap();
    world.sync(&[]);
    assert!(!bucket.asked().is_empty());
}

#[test]
fn what_is_no_remote_store_is_refused_before_anything_is_done() {
    let world = stocked(World::new());
    for (url, word) in [
        ("oci://host/name", "s3://BUCKET/PREFIX"),
        ("s3://user:s3cr3t@bucket", "no user"),
        ("s3://bucket/a?signature=s3cr3t", "no user"),
        ("/srv/wheels", "file:///"),
    ] {
        for command in ["sync", "push"] {
            let ran = world.pyfast(&[command, "--remote", url]).refused(USAGE, &[word]);
            assert!(!ran.stderr.contains("s3cr3t"), "{ran}");
        }
    }
    world.pyfast(&["push"]).refused(USAGE, &["no remote store is named", "--remote"]);
    let url = format!("file://{}", world.project.display());
    world.pyfast(&["push", "--remote", &url]).refused(MENDABLE, &["not synced yet"]);
}
