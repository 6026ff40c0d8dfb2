//! What is needed stays, what is not goes, and nobody who uses the root is disturbed.

use pyfast_root::{Cause, ProjectEnv};
use rustix::fs::inotify;

use super::*;
use crate::fixtures::{Sandbox, WheelFile};
use crate::generation::activate::{activate, current};
use crate::generation::{Generation, compose};

fn shop() -> ProjectEnv {
    ProjectEnv::new("shop", "default").unwrap()
}

fn made(sandbox: &Sandbox, version: &str) -> Generation {
    let wheels = [
        WheelFile::new("pkg", version).file("pkg.py", format!("v = '{version}'\n")),
        WheelFile::new("common", "1.0").file("common.py", ""),
    ];
    let spec = sandbox.spec(&wheels);
    let plan = crate::link::plan::plan(&sandbox.store, &spec).unwrap();
    compose(&sandbox.store, &spec, &plan, "lock", &|_| ()).unwrap()
}

/// A root with so many generations, activated one after the other.
fn filled(count: u64) -> (Sandbox, Vec<Generation>) {
    let sandbox = Sandbox::new();
    let generations: Vec<_> = (0..count)
        .map(|number| {
            let generation = made(&sandbox, &format!("{number}.0"));
            activate(&sandbox.root, &shop(), &generation, number, Cause::Sync).unwrap();
            generation
        })
        .collect();
    (sandbox, generations)
}

fn options(keep: usize) -> GcOptions {
    GcOptions {
        keep,
        recent: Duration::from_hours(1),
        named: BTreeSet::new(),
        forgotten: BTreeMap::new(),
    }
}

#[test]
fn what_is_activated_before_it_goes_is_wanted_after_all() {
    let (sandbox, _) = filled(1);
    // As somebody saw it who held no lock.
    let seen = sandbox.root.history(&shop()).unwrap().last().map(|last| last.at);
    let forgotten = BTreeMap::from([(shop(), seen)]);
    let forget = GcOptions { forgotten, ..options(0) };
    let gone = Discard { what: Garbage::Environment { name: shop() }, bytes: 0 };
    let planned = gc_plan(&sandbox.root, &forget, tomorrow()).unwrap();
    assert!(planned.discards.contains(&gone) && planned.kept.is_empty(), "{planned}");
    let later = made(&sandbox, "9.0");
    activate(&sandbox.root, &shop(), &later, seen.unwrap() + 1, Cause::Sync).unwrap();
    let (root, done, _directory) = collect(sandbox, &forget);
    assert!(!done.discards.contains(&gone), "{done}");
    assert_eq!(ids(&root), [later.id]);
    // Who names it has it removed.
    let whatever = GcOptions { forgotten: BTreeMap::from([(shop(), None)]), ..options(0) };
    let done = gc(&root, &whatever, tomorrow(), &|waiting| panic!("{waiting}")).unwrap();
    assert!(done.discards.contains(&gone), "{done}");
}

fn tomorrow() -> SystemTime {
    SystemTime::now() + Duration::from_hours(30)
}

/// Collects with nobody else at the store, as in another process.
fn collect(sandbox: Sandbox, options: &GcOptions) -> (Root, GcPlan, tempfile::TempDir) {
    let Sandbox { root, store, directory } = sandbox;
    drop(store);
    let planned = gc_plan(&root, options, tomorrow()).unwrap();
    let done = gc(&root, options, tomorrow(), &|waiting| panic!("{waiting}"));
    let done = done.unwrap();
    assert_eq!(done, planned, "what was printed is what was done");
    (root, done, directory)
}

fn ids(root: &Root) -> Vec<String> {
    Generation::all(root).unwrap().into_iter().map(|generation| generation.id).collect()
}

fn sorted<'a>(generations: impl IntoIterator<Item = &'a Generation>) -> Vec<String> {
    let mut ids: Vec<_> = generations.into_iter().map(|one| one.id.clone()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn the_newest_of_the_history_stay_and_the_rest_goes_with_its_wheels() {
    let (sandbox, generations) = filled(5);
    let (root, done, _directory) = collect(sandbox, &options(2));
    assert_eq!(ids(&root), sorted(&generations[3..]));
    let store = Store::open(&root, &|_| ()).unwrap();
    assert_eq!(store.wheels().unwrap().len(), 3, "two versions, and what they share");
    let count = |kind| done.discards.iter().filter(|one| one.what.kind() == kind).count();
    assert_eq!((count("generation"), count("wheel")), (3, 3));
    for generation in &generations[3..] {
        assert!(crate::generation::verify_generation(&root, generation).unwrap().is_empty());
    }
}

#[test]
fn the_current_one_stays_however_long_ago_it_was_activated() {
    let (sandbox, generations) = filled(4);
    activate(&sandbox.root, &shop(), &generations[0], 9, Cause::Sync).unwrap();
    let (root, done, _directory) = collect(sandbox, &options(0));
    assert_eq!(ids(&root), sorted(&generations[..1]));
    assert_eq!(done.kept, [(generations[0].id.clone(), Reason::Current("shop/default".into()))]);
    assert_eq!(current(&root, &shop()).unwrap().unwrap(), generations[0]);
}

#[test]
fn what_is_recent_named_or_leased_stays() {
    let (sandbox, generations) = filled(4);
    let now = SystemTime::now();
    assert!(gc_plan(&sandbox.root, &options(1), now).unwrap().discards.is_empty(), "all is recent");
    let lease = generations[0].lease(&sandbox.root).unwrap();
    let mut options = options(1);
    options.named.insert(generations[1].id.clone());
    let (root, done, _directory) = collect(sandbox, &options);
    assert_eq!(ids(&root), sorted([&generations[0], &generations[1], &generations[3]]));
    assert!(done.kept.contains(&(generations[0].id.clone(), Reason::Leased)));
    assert!(done.kept.contains(&(generations[1].id.clone(), Reason::Named)));
    for generation in [&generations[0], &generations[1]] {
        assert!(crate::generation::verify_generation(&root, generation).unwrap().is_empty());
        assert!(generation.path.join("lib").exists());
    }
    drop(lease);
}

#[test]
fn a_generation_that_cannot_tell_what_it_uses_keeps_every_wheel() {
    let (sandbox, generations) = filled(3);
    fs_err::write(generations[2].path.join("env.json"), "damaged").unwrap();
    let before = sandbox.store.wheels().unwrap();
    let (root, _, _directory) = collect(sandbox, &options(1));
    assert_eq!(ids(&root), sorted(&generations[2..]));
    assert_eq!(Store::open(&root, &|_| ()).unwrap().wheels().unwrap(), before);
}

#[test]
fn a_collection_waits_for_whoever_uses_the_store() {
    let (sandbox, _) = filled(3);
    let Sandbox { root, store, directory: _directory } = sandbox;
    let waited = std::cell::Cell::new(0);
    let mut store = Some(store);
    let released = std::cell::RefCell::new(&mut store);
    let waiting = |_: &Waiting| {
        waited.set(waited.get() + 1);
        released.borrow_mut().take();
    };
    gc(&root, &options(1), tomorrow(), &waiting).unwrap();
    assert_eq!(waited.get(), 1);
    assert_eq!(ids(&root).len(), 1);
}

#[test]
fn the_cache_is_cut_to_its_size_oldest_first() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path();
    for (name, age) in [("old", 300), ("middle", 200), ("new", 100)] {
        fs_err::write(cache.join(name), [0; 1000]).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(cache.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    let all = [cache.to_owned(), cache.join("not there")];
    let page = Garbage::Page { path: cache.join("old") };
    let expected = [Discard { what: page, bytes: 1000 }];
    assert_eq!(cache_plan(&all, 2500).unwrap(), expected);
    assert!(cache.join("old").exists(), "a plan removes nothing");
    assert_eq!(cut_cache(&all, 2500).unwrap(), expected);
    assert!(!cache.join("old").exists());
    assert!(cache.join("new").exists() && cache.join("middle").exists());
}

#[test]
fn launchers_that_no_link_names_go_and_whoever_runs_or_starts_one_is_not_disturbed() {
    let (sandbox, _) = filled(1);
    let bin = sandbox.at("bin");
    for name in ["pyfast-aaa", "pyfast-bbb", "other"] {
        fs_err::write(bin.join(name), "x").unwrap();
    }
    // A child that another test forks meanwhile would keep a copy of ours open for writing (`ETXTBSY`).
    let mut copy = std::process::Command::new("/bin/cp");
    let copied = copy.arg("/bin/sleep").arg(bin.join("pyfast-run")).status();
    assert!(copied.unwrap().success());
    std::os::unix::fs::symlink("pyfast-bbb", bin.join("pyfast")).unwrap();
    let mut running = std::process::Command::new(bin.join("pyfast-run")).arg("60").spawn().unwrap();
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&watch, &bin, inotify::WatchFlags::CLOSE_WRITE).unwrap();
    let (_, done, _directory) = collect(sandbox, &options(1));
    let mut events = [std::mem::MaybeUninit::uninit(); 512];
    let mut reader = inotify::Reader::new(&watch, &mut events);
    let written = reader.next();
    assert!(written.is_err(), "what is open for writing cannot be started: {written:?}");
    assert!(running.try_wait().unwrap().is_none(), "it goes on running");
    running.kill().unwrap();
    running.wait().unwrap();
    let gone = done.discards.iter().map(|discard| &discard.what);
    let program = |name: &str| Garbage::Program { name: name.to_owned() };
    assert!(gone.eq(&[program("pyfast-aaa"), program("pyfast-run")]), "{:?}", done.discards);
    assert!(bin.join("pyfast-bbb").exists() && bin.join("pyfast").exists());
    assert!(bin.join("other").exists());
}

#[test]
fn the_memory_of_a_build_goes_with_its_wheel() {
    let (sandbox, generations) = filled(3);
    let built = sandbox.at("store/v1/built");
    for (name, generation) in [("old", &generations[0]), ("current", &generations[2])] {
        let packages = generation.spec(&sandbox.root).unwrap().packages;
        let own = packages.iter().find(|package| package.name.to_string() == "pkg").unwrap();
        let entry = format!(r#"{{"filename":"any","sha256":"{}"}}"#, own.sha256);
        fs_err::write(built.join(name).with_extension("json"), entry).unwrap();
        fs_err::write(built.join(name).with_extension("metadata"), "Name: pkg").unwrap();
    }
    let (_, done, _directory) = collect(sandbox, &options(1));
    let builds: Vec<_> = done.discards.iter().filter(|one| one.what.kind() == "build").collect();
    assert_eq!(builds.len(), 1);
    for (name, stays) in [("old", false), ("current", true)] {
        assert_eq!(built.join(name).with_extension("json").exists(), stays, "{name}");
        assert_eq!(built.join(name).with_extension("metadata").exists(), stays, "{name}");
    }
}

#[test]
fn what_an_earlier_version_remembered_in_the_root_goes_and_links_in_it_are_not_followed() {
    let (sandbox, _) = filled(1);
    let elsewhere = tempfile::tempdir().unwrap();
    fs_err::write(elsewhere.path().join("mine"), "x").unwrap();
    let old = sandbox.at("cache/v1");
    fs_err::create_dir_all(old.join("pages-3")).unwrap();
    fs_err::write(old.join("pages-3/page"), [0; 100]).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), old.join("link")).unwrap();
    let (_, done, _directory) = collect(sandbox, &options(1));
    assert!(matches!(done.discards[..], [Discard { what: Garbage::OldCache, bytes: 100.. }]));
    assert!(!old.exists() && elsewhere.path().join("mine").exists());
}
