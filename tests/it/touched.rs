//! What is done to environments and the store from outside: noticed by the next sync, found by `verify`,
//! and healed.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::support::mount::Mount;
use crate::support::python::evaluate;
use crate::support::ran::MENDABLE;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// The ways of linking: those of hosts and those of volumes.
const MODES: [&str; 3] = ["hardlink", "tree", "copy"];

fn wheels() -> [Wheel; 2] {
    [Wheel::new("a", "1.0").console("run-a = a:main"), Wheel::new("b", "1.5")]
}

struct Touched {
    world: World,
    synced: Synced,
    mode: &'static str,
}

impl Touched {
    fn new(mode: &'static str) -> Self {
        let world = World::new();
        for wheel in wheels() {
            world.index.add(&wheel);
        }
        let synced = world.require(&["a", "b"]).sync(&["--link-mode", mode]);
        assert!(!world.sync(&["--link-mode", mode]).changed());
        Self { world, synced, mode }
    }

    fn site(&self) -> PathBuf {
        let script = "import sysconfig; print(sysconfig.get_path('purelib'))";
        evaluate(&self.synced.bin("python"), script).trim().into()
    }

    fn sync(&self) -> Synced {
        self.world.sync(&["--link-mode", self.mode])
    }

    /// Whether everything works, and nothing is there besides.
    #[track_caller]
    fn is_whole(&self) {
        let python = self.synced.bin("python");
        let found = evaluate(&python, "import a, b; print(a.__version__, b.__version__)");
        assert_eq!(found, "1.0 1.5\n");
        let names =
            "import importlib.metadata as m; print(sorted(d.name for d in m.distributions()))";
        assert_eq!(evaluate(&python, names), "['a', 'b']\n");
        assert!(self.synced.bin("run-a").exists());
        self.world.pyfast(&["verify"]).ok();
    }
}

/// After `damage` verify names `named`, the next sync says that something was changed and heals it, and the one
/// after it has nothing to do.
fn check(modes: &[&'static str], damage: impl Fn(&Touched), named: &str) {
    for mode in modes {
        let touched = Touched::new(mode);
        damage(&touched);
        let ran = touched.world.pyfast(&["verify"]).refused(MENDABLE, &[named]);
        assert!(ran.stdout.contains(named), "{mode}: {ran}");
        let healed = touched.sync();
        assert!(
            healed.ran.stderr.contains("anew") || healed.ran.stderr.contains("again"),
            "{mode}: {}",
            healed.ran
        );
        touched.is_whole();
        let again = touched.sync();
        assert!(!again.ran.stderr.contains("outside"), "{mode}: {}", again.ran);
    }
}

fn remove(path: &Path) {
    if path.is_symlink() || path.is_file() {
        fs::remove_file(path).unwrap();
    } else {
        fs::remove_dir_all(path).unwrap();
    }
}

#[test]
fn package_that_was_deleted_comes_again() {
    check(&MODES, |touched| remove(&touched.site().join("b")), "/b is missing");
}

#[test]
fn dist_info_that_was_deleted_comes_again() {
    check(
        &MODES,
        |touched| remove(&touched.site().join("a-1.0.dist-info")),
        "a-1.0.dist-info is missing",
    );
}

#[test]
fn script_that_was_emptied_is_written_again() {
    check(
        &MODES,
        |touched| fs::write(touched.synced.bin("run-a"), "").unwrap(),
        "bin/run-a was altered",
    );
}

#[test]
fn what_another_installer_put_there_goes() {
    let install = |touched: &Touched| {
        let site = touched.site();
        fs::create_dir(site.join("cowsay")).unwrap();
        fs::write(site.join("cowsay/__init__.py"), "").unwrap();
        fs::create_dir(site.join("cowsay-6.0.dist-info")).unwrap();
        fs::write(
            site.join("cowsay-6.0.dist-info/METADATA"),
            "Metadata-Version: 2.1\nName: cowsay\nVersion: 6.0\n",
        )
        .unwrap();
    };
    check(&MODES, install, "cowsay does not belong to it");
}

#[test]
fn wheel_that_is_gone_from_the_store_comes_again() {
    let gone = |touched: &Touched| {
        let file = touched.world.stored_file(&wheels()[1].build(), "b/__init__.py");
        let wheel = file.ancestors().nth(3).unwrap();
        assert_eq!(wheel.file_name().unwrap().len(), 64, "{}", wheel.display());
        fs::remove_dir_all(wheel).unwrap();
    };
    check(&["tree"], gone, "it is missing");
}

#[test]
fn changed_directory_of_the_store_is_noticed() {
    let changed = |touched: &Touched| {
        fs::remove_file(touched.world.stored_file(&wheels()[1].build(), "b/__init__.py")).unwrap();
    };
    check(&["tree"], changed, "b 1.5: root/b/__init__.py is missing");
}

#[test]
fn altered_copy_is_found_and_healed_by_a_sync_that_verifies() {
    let touched = Touched::new("copy");
    let module = touched.site().join("b/__init__.py");
    let text = fs::read_to_string(&module).unwrap();
    fs::write(&module, text.replace("1.5", "6.6")).unwrap();
    touched.world.pyfast(&["verify"]).refused(MENDABLE, &["b/__init__.py was altered"]);
    touched.world.sync(&["--link-mode", "copy", "--verify"]);
    touched.is_whole();
}

#[test]
fn what_python_itself_writes_is_no_change() {
    let touched = Touched::new("hardlink");
    let mut command = std::process::Command::new(touched.synced.bin("python"));
    for name in ["PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONPATH"] {
        command.env_remove(name);
    }
    crate::support::python::check(command.args(["-c", "import a, b"]));
    assert!(touched.site().join("b/__pycache__").is_dir());
    let again = touched.sync();
    assert!(!again.changed() && !again.ran.stderr.contains("outside"), "{}", again.ran);
    touched.is_whole();
}

#[test]
fn rollback_to_what_is_not_whole_is_refused_and_changes_nothing() {
    let world = World::new();
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("a", version));
    }
    let first = world.require(&["a==1.0"]).sync(&["--link-mode", "tree"]);
    let second = world.require(&["a==2.0"]).sync(&["--link-mode", "tree"]);
    let file = world.stored_file(&Wheel::new("a", "1.0").build(), "a/__init__.py");
    fs::remove_dir_all(file.ancestors().nth(3).unwrap()).unwrap();
    world.pyfast(&["rollback"]).refused(MENDABLE, &["a 1.0 (store/", "it is missing", &first.id()]);
    let version = evaluate(&second.bin("python"), "import a; print(a.__version__)");
    assert_eq!(version, "2.0\n");
}

#[test]
fn repair_breaks_no_other_environment_and_names_those_concerned() {
    let touched = Touched::new("tree");
    let file = touched.world.stored_file(&wheels()[1].build(), "b/__init__.py");
    fs::write(file.with_file_name("extra.py"), "").unwrap();
    let ran = touched.world.pyfast(&["verify", "--all", "--repair"]).ok();
    assert!(ran.stderr.contains("/default"), "{ran}");
    let script = "import b; print(b.__version__)";
    assert_eq!(evaluate(&touched.synced.bin("python"), script), "1.5\n", "it works as before");
    touched.sync();
    touched.is_whole();
    assert!(!file.with_file_name("extra.py").exists());
}

#[test]
fn verify_works_where_nothing_can_be_written() {
    let mut world = World::new();
    world.index.add(&Wheel::new("b", "1.5"));
    world.root = world.path("small");
    let path = world.root.clone();
    let mount = Mount::tmpfs(&path, "size=32m");
    world.require(&["b"]).sync(&[]);
    mount.read_only();
    world.pyfast(&["verify"]).ok();
    world.pyfast(&["verify", "--all"]).ok();
}

#[test]
fn what_was_changed_in_an_earlier_environment_is_noticed_by_who_goes_back() {
    for mode in MODES {
        let touched = Touched::new(mode);
        let package = fs::canonicalize(touched.site()).unwrap().join("b");
        let earlier = touched.synced.id();
        touched.world.require(&["a"]);
        touched.sync();
        // Nothing of it was changed yet, so there is a way back and forth.
        touched.world.pyfast(&["rollback"]).ok();
        touched.world.pyfast(&["rollback"]).ok();
        remove(&package);
        touched.world.pyfast(&["rollback"]).refused(MENDABLE, &["/b", "is missing", &earlier]);
        touched.world.require(&["a", "b"]);
        let back = touched.sync();
        assert!(back.ran.stderr.contains("changed from outside"), "{mode}: {}", back.ran);
        touched.is_whole();
    }
}
