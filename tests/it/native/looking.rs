//! What commands show of what was brought from channels.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::Managed;
use super::channel::library;
use crate::support::python::python_minor;
use crate::support::ran::MENDABLE;

/// A project whose native library needs another one.
fn with_two() -> Managed {
    let mut managed = Managed::new();
    managed.channel.add(&library("libbar", "1.0"), &Value::Null);
    managed.channel.add(&library("libfoo", "2.0").depends("libbar >=1"), &Value::Null);
    managed.configure("packages = \"libfoo >=2\"\n");
    managed.run(&["sync"]).ok();
    managed
}

#[test]
fn what_was_brought_is_listed_with_its_channel() {
    let managed = with_two();
    let listed = managed.run(&["list", "--native"]).ok().stdout;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines[..2], ["libbar=1.0=0", "libfoo=2.0=0"]);
    assert!(lines[2].starts_with(&format!("python={}.", python_minor())), "{listed}");
    let table = managed.run(&["list", "--native", "--format", "columns"]).ok().stdout;
    let directory = managed.channel.directory.display().to_string();
    assert!(table.contains("Build") && table.contains(&directory), "{table}");
    let json = managed.run(&["list", "--native", "--json"]).ok().json();
    assert_eq!(json[1]["name"], "libfoo");
    assert_eq!(json[1]["license"], "MIT");
    assert!(json[1]["channel"].as_str().unwrap().ends_with(&directory), "{json}");
    let doctor = managed.run(&["doctor"]);
    assert!(doctor.stdout.contains("managed with libfoo 2.0, from"), "{doctor}");
    // It is what runs, not what was brought last.
    managed.configure("");
    managed.run(&["sync"]).ok();
    assert!(!managed.run(&["list", "--native"]).ok().stdout.contains("libfoo"));
    managed.run(&["rollback"]).ok();
    assert!(managed.run(&["list", "--native"]).ok().stdout.contains("libfoo"));
}

#[test]
fn why_a_native_package_is_there_is_told() {
    let managed = with_two();
    let why = |name: &str| managed.run(&["why", name]).ok().stdout;
    assert_eq!(why("libbar"), "libfoo → libbar\n");
    assert_eq!(why("libfoo"), "libfoo is asked for by pyfast.toml\n");
    assert_eq!(why("python"), "python is asked for by pyfast.toml\n");
    assert_eq!(why("a"), "a is asked for by the requirements\n");
    let json = managed.run(&["why", "libbar", "--json"]).ok().json();
    assert_eq!(json["chains"], json!([["libfoo", "libbar"]]));
    managed.run(&["why", "ghost"]).refused(MENDABLE, &["`ghost` is not in the lock"]);
    managed.run(&["lock"]).ok();
    // The lock has no such package, and nobody knows what one needs that is not whole any more.
    let prefix = managed.prefix();
    fs_err::set_permissions(&prefix, std::fs::Permissions::from_mode(0o755)).unwrap();
    fs_err::remove_file(prefix.join("prefix.json")).unwrap();
    for lock in [&[][..], &["--lock", "pylock.toml"]] {
        let ran = managed.run(&[&["why", "libbar"], lock].concat());
        ran.refused(MENDABLE, &["pythons/v1/", "`pyfast sync`"]);
    }
}

#[test]
fn a_python_that_was_found_to_be_damaged_is_no_way_back() {
    let managed = with_two();
    let file = managed.prefix().join("lib/libbar.so.1");
    managed.configure("");
    managed.run(&["sync"]).ok();
    fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    fs_err::write(&file, "another").unwrap();
    managed.run(&["verify", "--all", "--repair"]).ok();
    managed.run(&["rollback"]).refused(MENDABLE, &["pythons/v1/", "`pyfast sync`"]);
    assert_eq!(managed.evaluate("import a; print(a.__version__)"), "1.0");
    // What was asked for then brings it anew, and with it the environment of before.
    managed.configure("packages = \"libfoo >=2\"\n");
    let ran = managed.run(&["sync"]).ok();
    assert!(ran.stderr.contains("Bringing Python"), "{ran}");
    managed.run(&["verify", "--all", "--repair"]).ok();
    managed.configure("");
    managed.run(&["sync"]).ok();
    managed.run(&["rollback"]).ok();
    assert!(managed.run(&["list", "--native"]).ok().stdout.contains("libbar"));
}
