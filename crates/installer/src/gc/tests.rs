//! What is needed stays, what is not goes, and nobody who uses the root is disturbed.

use super::*;
use crate::activate::{activate, current};
use crate::environment::{Generation, compose};
use crate::fixtures::{Root, WheelFile};
use crate::layout::ProjectEnv;

fn shop() -> ProjectEnv {
    ProjectEnv::new("shop", "default").unwrap()
}

fn made(root: &Root, version: &str) -> Generation {
    let wheels = [
        WheelFile::new("pkg", version).file("pkg.py", format!("v = '{version}'\n")),
        WheelFile::new("common", "1.0").file("common.py", ""),
    ];
    let spec = root.spec(&wheels);
    let plan = crate::plan(&root.layout, &spec).unwrap();
    compose(&root.store, &spec, &plan, "lock", &|_| ()).unwrap()
}

/// A root with so many generations, activated one after the other.
fn root(count: u64) -> (Root, Vec<Generation>) {
    let root = Root::new();
    let generations: Vec<_> = (0..count)
        .map(|number| {
            let generation = made(&root, &format!("{number}.0"));
            activate(&root.layout, &shop(), &generation, number).unwrap();
            generation
        })
        .collect();
    (root, generations)
}

fn options(keep: usize) -> GcOptions {
    GcOptions { keep, recent: Duration::from_hours(1), named: BTreeSet::new(), max_cache: None }
}

fn tomorrow() -> SystemTime {
    SystemTime::now() + Duration::from_hours(30)
}

/// Collects with nobody else at the store, as in another process.
fn collect(root: Root, options: &GcOptions) -> (Layout, GcPlan, tempfile::TempDir) {
    let Root { layout, store, directory } = root;
    drop(store);
    let planned = gc_plan(&layout, options, tomorrow()).unwrap();
    let done = gc(&layout, options, tomorrow(), &|path| panic!("{} is held", path.display()));
    let done = done.unwrap();
    assert_eq!(done, planned, "what was printed is what was done");
    (layout, done, directory)
}

fn ids(layout: &Layout) -> Vec<String> {
    Generation::all(layout).unwrap().into_iter().map(|generation| generation.id).collect()
}

fn sorted<'a>(generations: impl IntoIterator<Item = &'a Generation>) -> Vec<String> {
    let mut ids: Vec<_> = generations.into_iter().map(|one| one.id.clone()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn the_newest_of_the_history_stay_and_the_rest_goes_with_its_wheels() {
    let (root, generations) = root(5);
    let (layout, done, _directory) = collect(root, &options(2));
    assert_eq!(ids(&layout), sorted(&generations[3..]));
    let store = Store::open(&layout).unwrap();
    assert_eq!(store.wheels().unwrap().len(), 3, "two versions, and what they share");
    let count = |kind| done.discards.iter().filter(|one| one.what.kind() == kind).count();
    assert_eq!((count("generation"), count("wheel")), (3, 3));
    for generation in &generations[3..] {
        assert!(crate::verify_generation(&layout, generation).unwrap().is_empty());
    }
}

#[test]
fn the_current_one_stays_however_long_ago_it_was_activated() {
    let (root, generations) = root(4);
    activate(&root.layout, &shop(), &generations[0], 9).unwrap();
    let (layout, done, _directory) = collect(root, &options(0));
    assert_eq!(ids(&layout), sorted(&generations[..1]));
    assert_eq!(done.kept, [(generations[0].id.clone(), Reason::Current("shop/default".into()))]);
    assert_eq!(current(&layout, &shop()).unwrap(), generations[0]);
}

#[test]
fn what_is_recent_named_or_leased_stays() {
    let (root, generations) = root(4);
    let now = SystemTime::now();
    assert!(gc_plan(&root.layout, &options(1), now).unwrap().discards.is_empty(), "all is recent");
    let lease = generations[0].lease().unwrap();
    let mut options = options(1);
    options.named.insert(generations[1].id.clone());
    let (layout, done, _directory) = collect(root, &options);
    assert_eq!(ids(&layout), sorted([&generations[0], &generations[1], &generations[3]]));
    assert!(done.kept.contains(&(generations[0].id.clone(), Reason::Leased)));
    assert!(done.kept.contains(&(generations[1].id.clone(), Reason::Named)));
    for generation in [&generations[0], &generations[1]] {
        assert!(crate::verify_generation(&layout, generation).unwrap().is_empty());
        assert!(generation.path.join("lib").exists());
    }
    drop(lease);
}

#[test]
fn a_generation_that_cannot_tell_what_it_uses_keeps_every_wheel() {
    let (root, generations) = root(3);
    fs_err::write(generations[2].path.join("env.json"), "damaged").unwrap();
    let before = root.store.wheels().unwrap();
    let (layout, _, _directory) = collect(root, &options(1));
    assert_eq!(ids(&layout), sorted(&generations[2..]));
    assert_eq!(Store::open(&layout).unwrap().wheels().unwrap(), before);
}

#[test]
fn a_collection_waits_for_whoever_uses_the_store() {
    let (root, _) = root(3);
    let Root { layout, store, directory: _directory } = root;
    let waited = std::cell::Cell::new(0);
    let mut store = Some(store);
    let released = std::cell::RefCell::new(&mut store);
    let waiting = |_: &Path| {
        waited.set(waited.get() + 1);
        released.borrow_mut().take();
    };
    gc(&layout, &options(1), tomorrow(), &waiting).unwrap();
    assert_eq!(waited.get(), 1);
    assert_eq!(ids(&layout).len(), 1);
}

#[test]
fn the_cache_is_cut_to_its_size_oldest_first() {
    let (root, _) = root(1);
    let cache = root.layout.cache();
    for (name, age) in [("old", 300), ("middle", 200), ("new", 100)] {
        fs_err::write(cache.join(name), [0; 1000]).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(cache.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    let options = GcOptions { max_cache: Some(2500), ..options(1) };
    let (layout, done, _directory) = collect(root, &options);
    let page = Garbage::Page { path: layout.cache().join("old") };
    assert_eq!(done.discards, [Discard { what: page, bytes: 1000 }]);
    assert!(layout.cache().join("new").exists() && layout.cache().join("middle").exists());
}

#[test]
fn launchers_that_no_link_names_and_nobody_runs_go() {
    let (root, _) = root(1);
    let bin = root.layout.bin();
    for name in ["pyfast-aaa", "pyfast-bbb", "other"] {
        fs_err::write(bin.join(name), "x").unwrap();
    }
    fs_err::copy("/bin/sleep", bin.join("pyfast-run")).unwrap();
    std::os::unix::fs::symlink("pyfast-bbb", bin.join("pyfast")).unwrap();
    let mut running = std::process::Command::new(bin.join("pyfast-run")).arg("60").spawn().unwrap();
    let (layout, done, _directory) = collect(root, &options(1));
    running.kill().unwrap();
    running.wait().unwrap();
    let gone = Garbage::Program { path: layout.bin().join("pyfast-aaa") };
    assert_eq!(done.discards, [Discard { what: gone, bytes: 1 }]);
    assert!(layout.bin().join("pyfast-run").exists() && layout.bin().join("pyfast").exists());
}

#[test]
fn the_memory_of_a_build_goes_with_its_wheel() {
    let (root, generations) = root(3);
    let built = root.layout.built();
    fs_err::create_dir_all(&built).unwrap();
    for (name, generation) in [("old", &generations[0]), ("current", &generations[2])] {
        let packages = generation.spec().unwrap().packages;
        let own = packages.iter().find(|package| package.name.to_string() == "pkg").unwrap();
        let entry = format!(r#"{{"filename":"any","sha256":"{}"}}"#, own.sha256);
        fs_err::write(built.join(name).with_extension("json"), entry).unwrap();
        fs_err::write(built.join(name).with_extension("metadata"), "Name: pkg").unwrap();
    }
    let (_, done, _directory) = collect(root, &options(1));
    let builds: Vec<_> = done.discards.iter().filter(|one| one.what.kind() == "build").collect();
    assert_eq!(builds.len(), 1);
    for (name, stays) in [("old", false), ("current", true)] {
        assert_eq!(built.join(name).with_extension("json").exists(), stays, "{name}");
        assert_eq!(built.join(name).with_extension("metadata").exists(), stays, "{name}");
    }
}
