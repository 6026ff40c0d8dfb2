//! Roots in which somebody planted something: links that lead outside, FIFOs, foreign files, locks that are held.
//! Whatever it is, nothing outside the root changes, nothing of it gets inside, and no command hangs. Owns the
//! questions that these tests ask; must not know how the program answers them.

mod decoy;
mod fifos;
mod foreign;
mod links;
mod links_content;
mod locks;
mod modes;
mod names;
mod outcome;
mod plant;
mod programs;
mod random;

mod readers;
mod snapshot;
mod swept;
mod temporaries;
mod within;

use std::path::PathBuf;

use self::decoy::Decoy;
use self::outcome::Outcome;
use crate::support::synced::Synced;
use crate::support::wheel::{Built, Wheel};
use crate::support::world::World;

/// A command's arguments.
type Args = &'static [&'static str];

/// A world with a decoy outside the root, and `a` in two versions of which the newer one needs `b`; both are synced
/// and compiled, one after the other. Everything comes from a directory of wheels.
struct Planted {
    world: World,
    decoy: Decoy,
    /// `a` 2.0, which the current environment has.
    wheel: Built,
    synced: [Synced; 2],
}

impl Planted {
    fn new() -> Self {
        let mut world = World::new();
        let wheels = world.path("wheels");
        few_programs(&mut world);
        world.index_flags =
            ["--no-index", "--find-links", wheels.to_str().unwrap()].map(str::to_owned).into();
        let old = Wheel::new("a", "1.0").console("tool = a:main");
        let new = Wheel::new("a", "2.0").requires("b").console("tool = a:main");
        for one in [&old, &Wheel::new("b", "1.0"), &Wheel::new("b", "2.0")] {
            one.build().write_to(&wheels);
        }
        let wheel = new.build();
        wheel.write_to(&wheels);
        world.write("pyfast.toml", "[project]\nname = \"p\"\n");
        world.write("other.txt", "a==1.0\nb==1.0\n");
        let first = world.require(&["a==1.0"]).sync(&["--compile"]);
        let second = world.require(&["a==2.0"]).sync(&["--compile"]);
        let decoy = Decoy::new(&world.path("decoy"));
        Self { world, decoy, wheel, synced: [first, second] }
    }

    /// A place of the root, with the names that differ from root to root filled in.
    fn place(&self, pattern: &str) -> String {
        let digest = &self.wheel.sha256;
        let minor = crate::support::python::python_minor();
        pattern
            .replace("<wheel>", &format!("store/v1/wheels/{}/{digest}", &digest[..2]))
            .replace("<aa>", &digest[..2])
            .replace("<id>", &self.synced[1].id())
            .replace("<old>", &self.synced[0].id())
            .replace("<minor>", minor)
    }

    fn at(&self, pattern: &str) -> PathBuf {
        self.world.root.join(self.place(pattern))
    }

    /// Asks for another set of packages, so that a sync has something to do.
    fn change(&self) {
        self.world.require(&["a==1.0", "b"]);
    }

    /// Forgets what the last sync saw, so that the next one looks for itself.
    fn forget_state(&self) {
        let place = "projects/p/default/state.json";
        plant::plant(&self.world.root, place.as_ref(), &plant::Kind::Gone);
    }

    /// Runs the command; it has to end, nothing outside may change, nothing secret may come in or out.
    #[track_caller]
    fn run(&self, args: &[&str]) -> Outcome {
        let outcome = Outcome::of(&mut self.world.command(args));
        self.judge(args, &outcome);
        outcome
    }

    #[track_caller]
    fn judge(&self, args: &[&str], outcome: &Outcome) {
        if let Err(fault) = outcome.is_orderly().and_then(|()| self.decoy.is_untouched()) {
            panic!("`pyfast {}`: {fault}\n{outcome}", args.join(" "));
        }
        let folders = ["root", "home", "project"].map(|name| self.world.path(name));
        if let Err(fault) = Decoy::is_secret(outcome, &folders) {
            panic!("`pyfast {}`: {fault}\n{outcome}", args.join(" "));
        }
    }

    /// Runs each command with something planted at `pattern`; one that fails names the place.
    #[track_caller]
    fn check(&self, pattern: &str, commands: &[Args]) {
        let place = self.place(pattern);
        // What lies in a wheel may be told as the wheel's.
        let inside = if pattern.starts_with("<wheel>") { "a 2.0" } else { &place };
        for args in commands {
            self.run(args).names(&[&place, inside]);
        }
    }
}

/// Leaves on the search path what these commands need: `doctor` would ask Compose its version each time.
fn few_programs(world: &mut World) {
    let programs = world.path("programs");
    fs_err::create_dir(&programs).unwrap();
    for name in ["true", "sh", "git", "ln"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{name}"), programs.join(name)).unwrap();
    }
    world.env.insert("PATH".to_owned(), programs.display().to_string());
}

/// The commands that write, with and without something to do.
const WRITERS: &[Args] = &[
    &["sync", "-r", "requirements.txt"],
    &["sync", "-r", "other.txt", "--compile"],
    &["rollback"],
    &["run", "--no-sync", "--", "true"],
    &["verify", "--all", "--repair"],
    &["gc", "--keep", "0", "--recent", "0", "--max-size", "0"],
    &["sync", "-r", "requirements.txt", "--reinstall", "--compile"],
    &["run", "--no-sync", "--", "true"],
];

/// The commands that only read.
const READERS: &[Args] = &[
    &["list"],
    &["list", "--json"],
    &["history"],
    &["diff", "-1"],
    &["verify"],
    &["verify", "--all", "--json"],
    &["gc", "--dry-run", "--keep", "0", "--recent", "0"],
    &["sync", "--dry-run", "-r", "requirements.txt"],
    &["sync", "--dry-run", "-r", "other.txt"],
    &["cache", "dir"],
    &["cache", "size"],
    &["doctor"],
];
