//! Hostile wheels: each is refused with its name, nothing of it is left, the environment is what it
//! was. The installer's own tests hold the long list.

use crate::support::page::File;
use crate::support::ran::MENDABLE;
use crate::support::stock::{check, stock};
use crate::support::synced::snapshot;
use crate::support::wheel::{Record, Wheel};
use crate::support::world::World;
use crate::support::zip::{Entry, Lie};

/// Lists `wheel` (named `evil`, 1.0), and syncs it beside a good environment.
#[track_caller]
fn check_refused(wheel: &Wheel) {
    check_refused_file(File::new(wheel.build()));
}

#[track_caller]
fn check_refused_file(file: File) {
    let world = stock(World::new());
    let stored = world.stored(&file.wheel);
    check_unchanged(&world, file);
    assert!(!stored.exists(), "a refused wheel is not in the store");
}

/// Refuses the file and leaves the environment as it was.
#[track_caller]
fn check_unchanged(world: &World, file: File) {
    let synced = check(world, &["a"], &["a==2.0", "b==2.0"]);
    let before = synced.state();
    world.index.publish(file);
    world.require(&["a", "evil"]).try_sync(&[]).refused_with_hint(MENDABLE, &["evil"]);
    assert!(synced.state() == before, "the environment has changed");
    let pwned = snapshot(&world.path("")).into_keys().find(|path| path.ends_with("pwned.py"));
    assert_eq!(pwned, None);
}

fn evil() -> Wheel {
    Wheel::new("evil", "1.0")
}

fn member(name: &str) -> Wheel {
    evil().raw(Entry::file(name, "x = 1\n"))
}

#[test]
fn name_that_leaves_the_archive_is_refused() {
    check_refused(&member("../pwned.py"));
}

#[test]
fn name_that_leaves_through_the_data_directory_is_refused() {
    check_refused(&member("evil-1.0.data/scripts/../../../../pwned.py"));
}

#[test]
fn absolute_name_is_refused() {
    check_refused(&member("/tmp/pwned.py"));
}

#[test]
fn symlink_entry_is_refused() {
    check_refused(&evil().raw(Entry::file("evil/link", "/etc/passwd").mode(0o120_777)));
}

#[test]
fn device_entry_is_refused() {
    check_refused(&evil().raw(Entry::file("evil/device", "").mode(0o020_666)));
}

#[test]
fn duplicate_name_with_other_contents_is_refused() {
    check_refused(&evil().raw(Entry::file("evil/__init__.py", "import os\n")));
}

#[test]
fn file_that_is_also_a_directory_is_refused() {
    check_refused(&member("evil/x").raw(Entry::file("evil/x/pwned.py", "")));
}

#[test]
fn control_character_in_a_name_is_refused() {
    check_refused(&member("evil/new\nline.py"));
}

#[test]
fn nul_in_a_name_is_refused() {
    check_refused(&member("evil/pwned.py\0.txt"));
}

#[test]
fn name_that_is_not_utf8_is_refused() {
    let mut entry = Entry::file("evil/x.py", "");
    entry.name.push(0xff);
    check_refused(&evil().raw(entry));
}

#[test]
fn headers_that_disagree_are_refused() {
    check_refused(&evil().raw(Entry::file("evil/x.py", "").lie(Lie::LocalName("evil/y.py"))));
}

#[test]
fn wrong_crc_is_refused() {
    check_refused(&evil().raw(Entry::file("evil/x.py", "x").lie(Lie::Crc)));
}

#[test]
fn data_longer_than_declared_are_refused() {
    check_refused(&evil().raw(Entry::file("evil/x.py", "x".repeat(5000)).lie(Lie::Size(10))));
}

#[test]
fn size_larger_than_the_data_is_refused() {
    check_refused(&evil().raw(Entry::file("evil/x.py", "x").lie(Lie::Size(0x7fff_ffff))));
}

#[test]
fn encrypted_entry_is_refused() {
    check_refused(&evil().raw(Entry::file("evil/x.py", "x").lie(Lie::Encrypted)));
}

#[test]
fn unknown_compression_method_is_refused() {
    check_refused(&evil().raw(Entry::file("evil/x.py", "x").lie(Lie::Method(12))));
}

#[test]
fn bytes_before_or_after_the_archive_are_refused() {
    check_refused(&evil().around(b"#!/bin/sh\n", b""));
    check_refused(&evil().around(b"", b"trailing"));
}

#[test]
fn file_that_is_no_archive_is_refused() {
    let mut wheel = evil().build();
    wheel.bytes = b"<html>not a wheel</html>".to_vec();
    wheel.sha256 = crate::support::wheel::sha256(&wheel.bytes);
    check_refused_file(File::new(wheel));
}

#[test]
fn record_with_a_wrong_hash_is_refused() {
    check_refused(&evil().record(Record::WrongHash));
}

#[test]
fn dist_info_of_another_project_is_refused() {
    check_refused(&evil().dist_info("good-1.0"));
}

#[test]
fn two_dist_infos_are_refused() {
    check_refused(&member("other-1.0.dist-info/METADATA"));
}

#[test]
fn metadata_of_another_version_is_refused() {
    check_refused(&evil().metadata_version("6.6"));
}

#[test]
fn metadata_file_that_hides_a_requirement_is_refused() {
    let wheel = evil().requires("b<2").build();
    let shown = evil().build().metadata;
    // The wheel itself is sound and may stay in the store: it is the index that lies.
    check_unchanged(&stock(World::new()), File::new(wheel).metadata(&shown));
}

#[test]
fn unknown_data_key_is_refused() {
    check_refused(&evil().data("nonsense/x", ""));
}

#[test]
fn entry_point_that_leaves_bin_is_refused() {
    check_refused(&evil().console("../pwned.py = evil:main"));
}

#[test]
fn entry_point_with_code_in_it_is_refused() {
    check_refused(&evil().console("run = evil:main(); import os"));
}

#[test]
fn script_over_the_interpreter_is_refused() {
    check_refused(&evil().data("scripts/python", "#!/bin/sh\n"));
    check_refused(&evil().data("data/bin/python3", "#!/bin/sh\n"));
    check_refused(&evil().console("python = evil:main"));
}
