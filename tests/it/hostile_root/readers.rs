//! Commands that only read change nothing, and make no root.

use super::plant::{Kind, put};
use super::snapshot::{Tree, differences, tree};
use super::{Planted, READERS};
use crate::support::world::World;

/// What a command that reads changed. `doctor` tries what the file system can do, in a directory that it makes for that
/// and removes again, so the times of the root are others then, and nothing else.
pub(super) fn changes(args: &[&str], before: &Tree, after: &Tree) -> Vec<String> {
    let mut words = differences(before, after);
    let doctor = args.first() == Some(&"doctor");
    words.retain(|word| !(doctor && word.ends_with("root: touched: only its times differ")));
    words
}

/// Runs every reader; root and project stay as they are.
#[track_caller]
fn check(planted: &Planted) {
    let folders = [&planted.world.root, &planted.world.project];
    let more: [&[&str]; 4] = [&["tree"], &["export"], &["why", "a"], &["list", "--lock"]];
    for args in READERS.iter().chain(&more) {
        let before = folders.map(|folder| tree(folder, &[]));
        let outcome = planted.run(args);
        for (folder, before) in folders.iter().zip(&before) {
            let words = changes(args, before, &tree(folder, &[]));
            assert!(words.is_empty(), "{args:?} changes {words:?}; {outcome}");
        }
    }
}

#[test]
fn readers_change_nothing() {
    let planted = Planted::new();
    planted.world.lock(&[]).ok();
    check(&planted);
}

#[test]
fn readers_change_nothing_where_there_is_something_to_do() {
    let planted = Planted::new();
    planted.world.lock(&[]).ok();
    planted.change();
    fs_err::remove_dir_all(planted.world.path("home")).unwrap();
    fs_err::create_dir(planted.world.path("home")).unwrap();
    // Leftovers, as killed processes leave them, and what a reader could be tempted to mend.
    put(&planted.at("tmp/1-0-0123456789abcdef"), &Kind::Full);
    put(&planted.at("projects/p/default/.1-0-0123456789abcdef"), &Kind::Text("x".to_owned()));
    for gone in
        ["locks", "bin", "store/v1/built", "<wheel>/settled", "projects/p/default/state.json"]
    {
        put(&planted.at(gone), &Kind::Gone);
    }
    check(&planted);
}

#[test]
fn readers_make_no_root() {
    let mut world = World::new();
    world.require(&[]);
    for root in ["new", "new/deeper"] {
        world.root = world.path(root);
        for args in READERS {
            let outcome = super::outcome::Outcome::of(&mut world.command(args));
            outcome.is_orderly().unwrap_or_else(|fault| panic!("{args:?}: {fault}; {outcome}"));
            assert!(!world.path("new").exists(), "{args:?} makes a root; {outcome}");
        }
    }
}

#[test]
fn readers_make_nothing_of_an_empty_directory() {
    let mut world = World::new();
    world.require(&[]);
    world.root = world.path("empty");
    fs_err::create_dir(&world.root).unwrap();
    for args in READERS {
        let outcome = super::outcome::Outcome::of(&mut world.command(args));
        let entries = fs_err::read_dir(&world.root).unwrap().count();
        assert_eq!(entries, 0, "{args:?} writes into it; {outcome}");
    }
}
