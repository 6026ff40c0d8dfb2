//! What counts when packages of channels are chosen.

use serde_json::json;

use super::Managed;
use super::channel::{cpython, library};
use crate::support::ran::{EITHER, MENDABLE, Ran, USAGE};

#[test]
fn the_time_from_which_on_nothing_counts_is_that_of_uvs_settings_too() {
    let mut managed = Managed::new();
    let at = |seconds: u64| json!({ "timestamp": seconds * 1000 });
    // In the years 2023 and 2027.
    managed.channel.add(&cpython(), &at(1_700_000_000));
    managed.channel.add(&library("libfoo", "1.0"), &at(1_700_000_000));
    managed.channel.add(&library("libfoo", "2.0"), &at(1_800_000_000));
    managed.configure("packages = \"libfoo\"\n");
    let version = |managed: &Managed| {
        managed.run(&["sync"]).ok();
        fs_err::read_to_string(managed.prefix().join("lib/libfoo.so.1")).unwrap()
    };
    assert_eq!(version(&managed), "2.0");
    managed.world.write("uv.toml", "exclude-newer = \"2026-01-31\"\n");
    assert_eq!(version(&managed), "1.0");
    managed.run(&["sync", "--exclude-newer", "2028-01-01"]).ok();
    let flag = managed.run(&["sync"]).ok();
    assert!(flag.stderr.contains("2028-01-01"), "it is remembered: {flag}");
    fs_err::remove_file(managed.world.project.join("uv.toml")).unwrap();
    managed.world.write("backend/pyproject.toml", "[project]\nname = \"b\"\nversion = \"1\"\ndependencies = [\"a\"]\n[tool.uv]\nexclude-newer = \"2026-01-31T00:00:00Z\"\n");
    managed.run(&["sync", "-r", "backend/pyproject.toml"]).ok();
    let library = managed.prefix().join("lib/libfoo.so.1");
    assert_eq!(fs_err::read_to_string(library).unwrap(), "1.0");
}

#[test]
fn another_place_of_a_channel_is_asked_and_changes_no_request() {
    let managed = Managed::new();
    let nowhere = "http://127.0.0.1:9/c";
    managed.configure_with(nowhere, "");
    managed.run(&["sync"]).refused(MENDABLE, &["cannot read what"]);
    let mirror = managed.channel.directory.display().to_string();
    managed.run(&["sync", "--channel", &mirror]).ok();
    managed.run(&["lock"]).ok();
    let lock = managed.world.read("pylock.toml");
    // It names what everybody has, not what one machine asked instead.
    assert!(lock.contains("http://127.0.0.1:9/c/") && !lock.contains("channel/"), "{lock}");
    for how in [&["sync", "--locked"][..], &["sync"], &["lock", "--check"], &["lock"]] {
        managed.run(how).ok();
        assert_eq!(managed.world.read("pylock.toml"), lock, "{how:?}");
    }
    let listed = managed.run(&["list", "--native", "--json"]).ok().stdout;
    assert!(listed.contains(nowhere) && !listed.contains(&mirror), "{listed}");
    // Another machine asks it, and may ask a mirror of its own.
    let other = managed.world.path("other-root");
    let at_other = |more: &[&str]| {
        Ran::of(managed.command_at(&other, &[&["sync", "--locked"], more].concat()))
    };
    at_other(&[]).refused(EITHER, &["127.0.0.1:9"]);
    at_other(&["--channel", &mirror]).ok();
    assert_eq!(managed.world.read("pylock.toml"), lock);
    let mut command = managed.command(&["sync", "--upgrade"]);
    command.env("PYFAST_CHANNELS", format!("{mirror} {nowhere}"));
    // A channel that is named is asked, whether or not another one has it.
    Ran::of(command).refused(MENDABLE, &["127.0.0.1:9"]);
    managed.run(&["sync", "--upgrade", "--channel=../channel"]).ok();
    managed.run(&["sync", "--upgrade"]).refused(MENDABLE, &["127.0.0.1:9"]);
}

#[test]
fn a_directory_is_not_taken_for_the_name_of_a_channel() {
    let managed = Managed::new();
    fs_err::rename(&managed.channel.directory, managed.world.project.join("mirror")).unwrap();
    managed.configure_with("http://127.0.0.1:9/c", "");
    let words = ["`mirror`", "is a directory too", "`./mirror`"];
    managed.run(&["sync", "--channel", "mirror"]).refused(USAGE, &words);
    managed.run(&["sync", "--channel", "./mirror"]).ok();
    managed.configure_with("mirror", "");
    managed.run(&["sync"]).refused(USAGE, &words);
}
