//! Sources that requirements name by path, URL or repository are installed, and what changed in them
//! is noticed.

use std::process::Stdio;

use serde_json::Value;

use crate::support::python::evaluate;
use crate::support::ran::{MENDABLE, Ran};
use crate::support::repository::{Repository, file_url};
use crate::support::source::Sdist;
use crate::support::stock::check;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world whose backends tell each build in a file.
fn world() -> World {
    let mut world = World::new();
    let told = world.path("built").display().to_string();
    world.env.insert("BUILT".to_owned(), told);
    world
}

/// What the backends told.
fn builds(world: &World) -> Vec<String> {
    let text = fs_err::read_to_string(world.path("built")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// `direct_url.json` of `a`.
#[track_caller]
fn direct_url(synced: &Synced) -> Value {
    let script =
        "import importlib.metadata as m; print(m.distribution('a').read_text('direct_url.json'))";
    serde_json::from_str(&evaluate(&synced.bin("python"), script)).expect("JSON")
}

#[test]
fn an_archive_by_url_is_built_and_recorded() {
    let world = world();
    let built = Sdist::new("a", "1.0").publish(&world);
    let url = world.index.file_url(&built.filename);
    let synced = check(&world, &[&url], &["a==1.0"]);
    let direct = direct_url(&synced);
    assert_eq!(direct["url"], url);
    assert_eq!(direct["archive_info"]["hashes"]["sha256"], built.sha256.as_str());
    assert!(!world.sync(&[]).changed());
    assert_eq!(builds(&world).len(), 1);
}

#[test]
fn an_archive_on_this_machine_that_was_replaced_is_installed_anew() {
    let world = world();
    let line = "./a-1.0.tar.gz";
    let put = |source: Sdist| {
        fs_err::write(world.project.join("a-1.0.tar.gz"), source.pack(&world).bytes).unwrap();
    };
    put(Sdist::new("a", "1.0"));
    check(&world, &[line], &["a==1.0"]);
    world.index.add(&Wheel::new("b", "1.0"));
    put(Sdist::new("a", "1.0").requires("b"));
    check(&world, &[line], &["a==1.0", "b==1.0"]);
}

#[test]
fn a_directory_is_built_from_its_current_content() {
    let world = world();
    let folder = world.project.join("a");
    Sdist::new("a", "1.0").project("").write(&folder);
    let value = |synced: &Synced| {
        evaluate(&synced.bin("python"), "import a; print(a.value)").trim().to_owned()
    };
    fs_err::write(folder.join("module.py"), "value = 'old'\n").unwrap();
    let synced = check(&world, &["./a"], &["a==1.0"]);
    assert_eq!(value(&synced), "old");
    let direct = direct_url(&synced);
    assert_eq!(direct["url"], file_url(&folder));
    assert_eq!(direct["dir_info"], serde_json::json!({}));
    assert!(!world.sync(&[]).changed());
    assert_eq!(builds(&world).len(), 1);
    // The same size, within the clock's granularity perhaps.
    fs_err::write(folder.join("module.py"), "value = 'new'\n").unwrap();
    assert_eq!(value(&world.sync(&[])), "new");
    // What builds leave behind is no change.
    fs_err::create_dir_all(folder.join("build/lib")).unwrap();
    fs_err::write(folder.join("build/lib/x.py"), "").unwrap();
    assert!(!world.sync(&[]).changed());
    assert_eq!(builds(&world).len(), 2);
}

#[test]
fn new_requirements_of_a_directory_are_locked_and_installed() {
    let world = world();
    world.index.add(&Wheel::new("b", "1.0"));
    let folder = world.project.join("a");
    Sdist::new("a", "1.0").project("").write(&folder);
    check(&world, &["./a"], &["a==1.0"]);
    world.lock(&[]).ok();
    Sdist::new("a", "1.1").requires("b").project("dependencies = ['b']\n").write(&folder);
    world.try_sync(&["--locked"]).refused(MENDABLE, &["does not answer the requirements"]);
    check(&world, &["./a"], &["a==1.1", "b==1.0"]);
    assert_eq!(world.lock_packages(), ["a==", "b==1.0"], "the project's own lock follows");
}

#[test]
fn requirements_that_only_a_build_tells_are_noticed() {
    let world = world();
    world.index.add(&Wheel::new("b", "1.0"));
    let folder = world.project.join("a");
    Sdist::new("a", "1.0").write(&folder);
    world.require(&["./a"]).lock(&[]).ok();
    assert!(world.sync(&["--locked"]).changed());
    Sdist::new("a", "1.0").requires("b").write(&folder);
    world.try_sync(&["--locked"]).refused(MENDABLE, &["a needs b now"]);
    let frozen = world.sync(&["--frozen"]);
    assert!(frozen.ran.stderr.contains("a needs b now"), "{}", frozen.ran);
    check(&world, &["./a"], &["a==1.0", "b==1.0"]);
    assert!(!world.sync(&[]).changed());
    assert!(!world.sync(&["--locked"]).changed());
}

#[test]
fn a_frozen_lock_installs_the_directory_as_it_is() {
    let world = world();
    let folder = world.project.join("a");
    Sdist::new("a", "1.0").project("").write(&folder);
    world.require(&["./a"]).lock(&[]).ok();
    fs_err::remove_file(world.project.join("requirements.txt")).unwrap();
    let synced = world.sync(&["--frozen"]);
    assert_eq!(synced.packages(), ["a==1.0"]);
    assert!(!world.sync(&["--frozen"]).changed());
    Sdist::new("a", "1.2").project("").write(&folder);
    let synced = world.sync(&["--frozen"]);
    assert_eq!(synced.packages(), ["a==1.2"], "the version is what was built");
    assert_eq!(synced.installed(), ["a==1.2"]);
}

#[test]
fn an_editable_points_into_its_directory() {
    let world = world();
    let folder = world.project.join("a");
    Sdist::new("a", "1.0").write(&folder);
    fs_err::write(folder.join("mine.py"), "value = 'old'\n").unwrap();
    let synced = check(&world, &["-e ./a"], &["a==1.0"]);
    let script = "import mine; print(mine.value)";
    assert_eq!(evaluate(&synced.bin("python"), script), "old\n");
    assert_eq!(direct_url(&synced)["dir_info"]["editable"], true);
    fs_err::write(folder.join("mine.py"), "value = 'new'\n").unwrap();
    assert_eq!(evaluate(&synced.bin("python"), script), "new\n");
    assert!(!world.sync(&[]).changed(), "its files are where they were");
    let told = builds(&world).len();
    // What describes it does count.
    Sdist::new("a", "1.1").project("").write(&folder);
    let synced = world.sync(&[]);
    assert_eq!(synced.installed(), ["a==1.1"]);
    assert!(builds(&world).len() > told);
    let listed = world.pyfast(&["list"]).ok().stdout;
    assert_eq!(listed, format!("-e {}#egg=a\n", file_url(&folder)));
}

#[test]
fn rule_12_only_binary_stops_directories_and_no_build_editables_too() {
    let world = world();
    Sdist::new("a", "1.0").project("").write(&world.project.join("a"));
    world.require(&["./a"]);
    world.try_sync(&["--only-binary", ":all:"]).refused(MENDABLE, &["building is not allowed"]);
    world.try_sync(&["--no-build"]).refused(MENDABLE, &["building is not allowed"]);
    assert!(builds(&world).is_empty());
    world.require(&["-e ./a"]);
    world.try_sync(&["--no-build"]).refused(MENDABLE, &["building is not allowed"]);
    assert!(builds(&world).is_empty());
    assert_eq!(world.sync(&["--only-binary", ":all:"]).packages(), ["a==1.0"]);
}

#[test]
fn the_project_itself_settles_though_everything_is_written_into_it() {
    let mut world = world();
    world.root = world.project.join("place");
    Sdist::new("a", "1.0").write(&world.project);
    assert!(world.require(&["."]).sync(&[]).changed());
    assert!(!world.sync(&[]).changed());
    for _ in 0..2 {
        world.lock(&[]).ok();
        assert!(!world.sync(&[]).changed());
    }
    assert_eq!(builds(&world).len(), 2, "one for the root, one for the lock's own cache");
}

#[test]
fn a_backend_without_editables_is_told_apart() {
    let world = world();
    let folder = world.project.join("a");
    Sdist::new("a", "1.0").write(&folder);
    let backend = fs_err::read_to_string(folder.join("backend.py")).unwrap();
    let without = backend.replace("def build_editable", "def other");
    fs_err::write(folder.join("backend.py"), without).unwrap();
    world.require(&["-e ./a"]).try_sync(&[]).refused(MENDABLE, &["a", "no build_editable"]);
}

#[test]
fn a_repository_is_installed_by_its_commit_and_never_asked_for_a_reference_again() {
    let world = world();
    let repository = Repository::new(&world, "a");
    let first = repository.commit(".", &Sdist::new("a", "1.0").project(""));
    world.require(&[&repository.url("@main")]).lock(&[]).ok();
    repository.commit(".", &Sdist::new("a", "2.0").project(""));
    let away = world.path("away");
    fs_err::rename(&repository.folder, &away).unwrap();
    world.sync(&["--frozen"]);
    fs_err::rename(&away, &repository.folder).unwrap();
    for arguments in [&["--frozen"][..], &[]] {
        let synced = world.sync(arguments);
        assert_eq!(synced.installed(), ["a==1.0"], "{arguments:?}");
        let direct = direct_url(&synced);
        assert_eq!(direct["url"], file_url(&repository.folder));
        let vcs = serde_json::json!({
            "vcs": "git", "commit_id": first, "requested_revision": "main",
        });
        assert_eq!(direct["vcs_info"], vcs);
    }
    let listed = world.pyfast(&["list"]).ok().stdout;
    assert_eq!(listed, format!("a @ {}@{first}\n", repository.url("")));
    let synced = world.sync(&["--upgrade"]);
    assert_eq!(synced.installed(), ["a==2.0"]);
}

#[test]
fn submodules_are_there_when_a_repository_is_built() {
    let world = world();
    fs_err::write(world.path("home/.gitconfig"), "[protocol \"file\"]\nallow = always\n").unwrap();
    let inner = Repository::new(&world, "inner");
    fs_err::write(inner.folder.join("word.txt"), "from the submodule").unwrap();
    inner.commit_all();
    let outer = Repository::new(&world, "outer");
    let allow = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
    outer.git(&[&allow[..], &["../inner", "inner"]].concat());
    let statement = "assert open('inner/word.txt').read() == 'from the submodule'";
    outer.commit(".", &Sdist::new("a", "1.0").doing(statement));
    check(&world, &[&outer.url("#egg=a")], &["a==1.0"]);
}

#[test]
fn an_editable_repository_is_installed_as_its_commit_with_a_warning() {
    let world = world();
    let repository = Repository::new(&world, "a");
    repository.commit(".", &Sdist::new("a", "1.0").project(""));
    let line = format!("-e {}", repository.url("#egg=a"));
    let synced = check(&world, &[&line], &["a==1.0"]);
    evaluate(&synced.bin("python"), "import a");
    assert!(synced.ran.stderr.contains("name its directory"), "{}", synced.ran);
}

#[test]
fn why_and_dry_run_know_sources() {
    let world = world();
    world.index.add(&Wheel::new("b", "1.0"));
    let table = "dependencies = ['b']\n";
    Sdist::new("a", "1.0").requires("b").project(table).write(&world.project.join("a"));
    world.require(&["./a"]).lock(&[]).ok();
    let why = world.pyfast(&["why", "b", "--lock", "pylock.toml"]).ok().stdout;
    assert_eq!(why, "a → b\n");
    let mut planned = world.command(&["sync", "-r", "requirements.txt", "--dry-run"]);
    planned.env("COLUMNS", "200");
    let planned = Ran::of(planned).ok();
    assert!(planned.stdout.contains("build a from"), "{planned}");
    assert!(planned.stdout.contains("add a 1.0"), "{planned}");
    assert!(builds(&world).is_empty());
}

#[test]
fn syncs_that_need_the_same_build_build_it_once() {
    let world = world();
    Sdist::new("a", "1.0").doing("import time; time.sleep(1)").publish(&world);
    world.require(&["a"]).lock(&[]).ok();
    fs_err::remove_file(world.path("built")).unwrap_or_default();
    let start = |number: usize| {
        let name = format!("p{number}");
        let mut command = world.command(&["sync", "--json", "-r", "requirements.txt"]);
        command.env("PYFAST_PROJECT_NAME", name).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..3).map(start).collect();
    for child in children {
        let synced = Synced::of(Ran::wait(child));
        assert_eq!(synced.installed(), ["a==1.0"]);
    }
    assert_eq!(builds(&world).len(), 1, "{:?}", builds(&world));
}
