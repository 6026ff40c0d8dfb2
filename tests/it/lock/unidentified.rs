//! Locks of other tools that know files by other digests than SHA-256: all of those are compared, and what was found
//! is remembered by them.

use fs_err as fs;

use pyfast_index::digest::of_bytes;
use pyfast_packaging::hash::OtherKind;

use crate::support::page::File;
use crate::support::ran::{MENDABLE, Ran};
use crate::support::source::Sdist;
use crate::support::synced::Synced;
use crate::support::wheel::{Built, Wheel};
use crate::support::world::World;

/// The files of a lock: a wheel, the source of a version, and a source archive that was named directly.
struct Theirs {
    wheel: Built,
    sdist: Built,
    archive: Built,
}

impl Theirs {
    fn publish(world: &World) -> Self {
        let wheel = Wheel::new("a", "1.0").file("a/v.py", "v = 'a'\n").build();
        world.index.publish(File::new(wheel.clone()));
        let sdist = Sdist::new("b", "1.0").stated("").publish(world);
        let archive = Sdist::new("c", "1.0").stated("").publish(world);
        Self { wheel, sdist, archive }
    }

    fn all(&self) -> [&Built; 3] {
        [&self.wheel, &self.sdist, &self.archive]
    }

    /// Their lock, with the digests that `hashes` gives a file.
    fn lock(&self, world: &World, hashes: impl Fn(&Built) -> String) {
        let file = |built: &Built| {
            let url = world.index.file_url(&built.filename);
            format!("{{ url = '{url}', hashes = {{ {} }} }}", hashes(built))
        };
        let [wheel, sdist, archive] = self.all().map(file);
        let text = format!(
            "lock-version = '1.0'\ncreated-by = 'other'\n\
             [[packages]]\nname = 'a'\nversion = '1.0'\nwheels = [{wheel}]\n\
             [[packages]]\nname = 'b'\nversion = '1.0'\nsdist = {sdist}\n\
             [[packages]]\nname = 'c'\narchive = {archive}\n"
        );
        world.write("pylock.toml", &text);
    }
}

fn digest(built: &Built, kind: OtherKind) -> String {
    let text = of_bytes(kind, &built.bytes).to_string();
    let (name, digits) = text.split_once(':').expect("it names its kind");
    format!("{name} = '{digits}'")
}

/// SHA-512, and MD5 besides.
fn right(built: &Built) -> String {
    format!("{}, {}", digest(built, OtherKind::Md5), digest(built, OtherKind::Sha512))
}

fn sync(world: &World, args: &[&str]) -> Ran {
    world.pyfast(&[&["sync", "--json", "-r", "pylock.toml"][..], args].concat())
}

#[test]
fn files_come_once_and_are_known_from_then_on() {
    let world = World::new();
    let theirs = Theirs::publish(&world);
    theirs.lock(&world, right);
    let synced = Synced::of(sync(&world, &[]));
    assert_eq!(synced.packages(), ["a==1.0", "b==1.0", "c==1.0"]);
    assert_eq!(synced.evaluate("import a.v; print(a.v.v)"), "a\n");
    for built in theirs.all() {
        assert_eq!(world.index.asked(&built.filename).len(), 1, "{}", built.filename);
    }
    world.pyfast(&["verify"]).ok();
    assert!(world.read("pylock.toml").contains("sha512"), "it stays theirs");
    world.index.forget();
    let again = Synced::of(sync(&world, &[]));
    assert!(!again.changed());
    for args in [&["--offline", "--env", "other"][..], &["--frozen", "--reinstall"]] {
        assert_eq!(Synced::of(sync(&world, args)).packages(), synced.packages());
    }
    assert!(world.index.seen().is_empty(), "what is known is not asked for");
}

#[test]
fn every_digest_is_compared_before_anything_is_believed() {
    let wrong = [
        |built: &Built| format!("{}, md5 = '{}'", digest(built, OtherKind::Sha512), "0".repeat(32)),
        |built: &Built| {
            format!("{}, sha512 = '{}'", digest(built, OtherKind::Md5), "0".repeat(128))
        },
    ];
    for wrong in wrong {
        let world = World::new();
        let theirs = Theirs::publish(&world);
        let refused = |of: &str| {
            theirs.lock(
                &world,
                |built| if built.filename == of { wrong(built) } else { right(built) },
            );
            sync(&world, &[]).refused_with_hint(MENDABLE, &["does not match", of]);
        };
        refused(&theirs.wheel.filename);
        assert!(!world.stored(&theirs.wheel).exists());
        refused(&theirs.sdist.filename);
        refused(&theirs.archive.filename);
        theirs.lock(&world, right);
        assert_eq!(
            Synced::of(sync(&world, &[])).packages().len(),
            3,
            "nothing wrong is remembered"
        );
    }
}

#[test]
fn a_file_of_this_machine_is_compared_as_well() {
    let world = World::new();
    let wheel = Wheel::new("a", "1.0").build();
    wheel.write_to(&world.project);
    let lock = |hashes: &str| {
        let text = format!(
            "lock-version = '1.0'\ncreated-by = 'other'\n[[packages]]\nname = 'a'\nversion = '1.0'\n\
             wheels = [{{ path = '{}', hashes = {{ {hashes} }} }}]\n",
            wheel.filename
        );
        world.write("pylock.toml", &text);
    };
    lock(&format!("sha512 = '{}'", "0".repeat(128)));
    sync(&world, &[]).refused_with_hint(MENDABLE, &["does not match", &wheel.filename]);
    lock(&right(&wheel));
    assert_eq!(Synced::of(sync(&world, &["--no-index"])).packages(), ["a==1.0"]);
}

#[test]
fn what_never_came_is_missed_offline_and_a_dry_run_fetches_nothing() {
    let world = World::new();
    let theirs = Theirs::publish(&world);
    theirs.lock(&world, right);
    sync(&world, &["--offline"]).refused_with_hint(MENDABLE, &["offline", "-1.0"]);
    world.index.forget();
    let plan = world.pyfast(&["sync", "--dry-run", "-r", "pylock.toml"]).ok().stdout;
    assert!(plan.contains(&format!("fetch {}", theirs.wheel.filename)), "{plan}");
    assert!(plan.contains("build c from"), "{plan}");
    assert!(world.index.seen().is_empty());
}

#[test]
fn digests_that_prove_nothing_are_refused() {
    let world = World::new();
    let theirs = Theirs::publish(&world);
    theirs.lock(&world, |built| digest(built, OtherKind::Md5));
    sync(&world, &[]).refused_with_hint(MENDABLE, &["package a", "no digest that proves"]);
    assert!(world.index.seen().is_empty());
}

#[test]
fn looking_at_such_a_lock_asks_nobody_and_shows_its_own_digests() {
    let world = World::new();
    let theirs = Theirs::publish(&world);
    theirs.lock(&world, right);
    let look = |args: &[&str]| {
        let lock = ["--lock", "pylock.toml"];
        world.pyfast(&[args, &lock].concat()).ok().stdout
    };
    assert!(look(&["list"]).contains("a==1.0"));
    let lines = look(&["export", "--format", "requirements", "--hashes"]);
    for built in theirs.all() {
        let sha512 = of_bytes(OtherKind::Sha512, &built.bytes).to_string();
        assert!(lines.contains(&format!("--hash={sha512}")), "{lines}");
    }
    let exported = look(&["export", "--format", "pylock"]);
    assert!(world.index.seen().is_empty());
    world.write("pylock.toml", &exported);
    assert_eq!(Synced::of(sync(&world, &[])).packages(), ["a==1.0", "b==1.0", "c==1.0"]);
    let wheels = world.path("wheels");
    let directory = wheels.display().to_string();
    world.pyfast(&["export", "--lock", "pylock.toml", "--wheels", &directory]).ok();
    assert_eq!(fs::read(wheels.join(&theirs.wheel.filename)).unwrap(), theirs.wheel.bytes);
}
