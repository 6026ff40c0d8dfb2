//! Digests of other kinds than SHA-256: who gives one has it compared.

use pyfast_index::digest::of_bytes;
use pyfast_packaging::hash::OtherKind;

use super::check;
use crate::support::index::{Form, Seen};
use crate::support::page::File;
use crate::support::ran::MENDABLE;
use crate::support::source::Sdist;
use crate::support::wheel::{Built, Wheel};
use crate::support::world::World;

const MISMATCH: &str = "does not match";

/// The right digest of a kind, and a wrong one.
fn digests(built: &Built, kind: OtherKind) -> (String, String) {
    let right = of_bytes(kind, &built.bytes).to_string();
    let right = right.split_once(':').expect("it names its kind").1.to_owned();
    let wrong = "0".repeat(right.len());
    (right, wrong)
}

/// What a lock of `a` makes of an index that gives its wheel a digest of this kind.
fn check_listed(kind: OtherKind, form: Form) {
    let listed = |right: bool| {
        let world = World::new();
        world.index.set(|options| options.form = form);
        let built = Wheel::new("a", "1.0").build();
        let (good, bad) = digests(&built, kind);
        let digest = if right { good } else { bad };
        world.index.publish(File::new(built).listed(kind.name(), &digest));
        world
    };
    check(&listed(true), &["a"], &["a==1.0"]);
    let ran = listed(false).require(&["a"]).lock(&[]);
    ran.refused(MENDABLE, &[MISMATCH, &format!("{}:0000", kind.name()), "a-1.0-py3-none-any.whl"]);
}

#[test]
fn digests_that_an_index_gives_are_compared() {
    for kind in OtherKind::ALL {
        check_listed(kind, Form::Json);
        check_listed(kind, Form::Html);
    }
}

#[test]
fn wheel_whose_digest_is_wrong_is_not_installed() {
    let world = World::new();
    let built = Wheel::new("a", "1.0").build();
    let stored = world.stored(&built);
    let (_, wrong) = digests(&built, OtherKind::Md5);
    world.index.publish(File::new(built).listed("md5", &wrong));
    world.require(&["a"]).try_sync(&[]).refused_with_hint(MENDABLE, &[MISMATCH]);
    assert!(!stored.exists());
}

/// A line that names `built`, with right and with wrong digests.
fn check_fragment(world: &World, line: &str, built: &Built) {
    for kind in OtherKind::ALL {
        let (right, wrong) = digests(built, kind);
        let name = kind.name();
        check(world, &[&format!("{line}#{name}={right}")], &["a==1.0"]);
        let ran = world.require(&[&format!("{line}#{name}={wrong}")]).lock(&[]);
        ran.refused(MENDABLE, &[MISMATCH, name]);
    }
}

#[test]
fn digests_in_the_fragment_of_a_url_are_compared() {
    let world = World::new();
    let built = Wheel::new("a", "1.0").build();
    world.index.publish(File::new(built.clone()));
    check_fragment(&world, &format!("a @ {}", world.index.file_url(&built.filename)), &built);
    let path = built.write_to(&world.project.join("wheels"));
    check_fragment(&world, &format!("a @ file://{}", path.display()), &built);
    let archive = Sdist::new("a", "1.0").stated("").publish(&world);
    check_fragment(&world, &format!("a @ {}", world.index.file_url(&archive.filename)), &archive);
    let unreadable = format!("a @ {}#sha512=00", world.index.file_url(&built.filename));
    world.require(&[&unreadable]).lock(&[]).refused(&[1, 2], &["not a digest of this kind"]);
}

#[test]
fn hashes_of_strong_kinds_select_and_are_enforced() {
    let world = World::new();
    let built = Wheel::new("a", "1.0").build();
    world.index.publish(File::new(built.clone())).add(&Wheel::new("a", "2.0"));
    for kind in OtherKind::ALL.into_iter().filter(|kind| kind.is_strong()) {
        let (right, wrong) = digests(&built, kind);
        let name = kind.name();
        check(&world, &[&format!("a==1.0 --hash={name}:{right}")], &["a==1.0"]);
        check(
            &world,
            &[&format!("a==1.0 --hash={name}:{wrong} --hash={name}:{right}")],
            &["a==1.0"],
        );
        let ran = world.require(&[&format!("a==1.0 --hash={name}:{wrong}")]).lock(&[]);
        ran.refused(MENDABLE, &[MISMATCH, &format!("{name}:0000")]);
        let universal = world.require(&[&format!("a==1.0 --hash={name}:{right}")]);
        assert_eq!(universal.locked(&["--universal"]), ["a==1.0"]);
    }
    world.require(&["a==1.0 --hash=md5:00"]).lock(&[]).refused(&[1, 2], &["too weak"]);
}

/// How often a wheel is fetched by a lock and by a sync that compare it with a strong hash.
fn check_fetched(listed: Option<OtherKind>) {
    let world = World::new();
    let built = Wheel::new("a", "1.0").build();
    let (right, _) = digests(&built, OtherKind::Sha512);
    let mut file = File::new(built.clone());
    if let Some(kind) = listed {
        let (digest, _) = digests(&built, kind);
        file = file.listed(kind.name(), &digest);
    }
    world.index.publish(file.clone());
    world.require(&[&format!("a==1.0 --hash=sha512:{right}")]).lock(&[]).ok();
    let whole = |asked: &[Seen]| asked.iter().filter(|one| one.status == 200).count();
    assert_eq!(whole(&world.index.asked(&built.filename)), 1, "by a lock, {listed:?}");
    let again = World::new();
    again.index.publish(file);
    again.require(&[&format!("a==1.0 --hash=sha512:{right}")]).sync(&[]);
    assert_eq!(whole(&again.index.asked(&built.filename)), 1, "by a sync, {listed:?}");
}

#[test]
fn a_wheel_that_is_compared_with_a_strong_hash_is_fetched_once() {
    check_fetched(None);
    check_fetched(Some(OtherKind::Md5));
}

#[test]
fn hashes_of_strong_kinds_are_compared_with_archives_too() {
    let world = World::new();
    let archive = Sdist::new("a", "1.0").stated("").publish(&world);
    let (right, wrong) = digests(&archive, OtherKind::Sha512);
    let url = world.index.file_url(&archive.filename);
    check(&world, &[&format!("{url} --hash=sha512:{right}")], &["a==1.0"]);
    let ran = world.require(&[&format!("{url} --hash=sha512:{wrong}")]).lock(&[]);
    ran.refused(MENDABLE, &[MISMATCH, "sha512:0000"]);
    check(&world, &[&format!("a==1.0 --hash=sha512:{right}")], &["a==1.0"]);
}

#[test]
fn weak_digests_of_fragments_are_compared_and_satisfy_no_required_hash() {
    let world = World::new();
    let archive = Sdist::new("a", "1.0").stated("").publish(&world);
    let url = world.index.file_url(&archive.filename);
    for kind in OtherKind::ALL {
        let (right, _) = digests(&archive, kind);
        let line = format!("a @ {url}#{}={right}", kind.name());
        let ran = world.require(&[&line]).lock(&["--require-hashes"]);
        if kind.is_strong() {
            ran.ok();
        } else {
            ran.refused(&[1, 2], &["hashes are required"]);
        }
        // A hash that is given is not traded for a weak one that fits.
        let other = "0".repeat(64);
        let ran = world.require(&[&format!("{line} --hash=sha256:{other}")]).lock(&[]);
        if !kind.is_strong() {
            ran.refused(MENDABLE, &[MISMATCH]);
        }
    }
}
