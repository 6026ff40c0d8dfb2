//! Which interpreter is taken: by flag, variable, `pyfast.toml`, `.python-version`, `requires-python`, or the first that
//! there is; and that it is said.

use std::path::{Path, PathBuf};

use crate::support::python::python;
use crate::support::ran::{EITHER, Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;
use crate::support::write_script;

/// A world with these Pythons on `PATH`, the first also as `python3`, and one package.
struct Pythons {
    world: World,
    bin: PathBuf,
}

/// An interpreter that says it is of another version.
fn disguised(path: &Path, version: &str) {
    let short = version.rsplit_once('.').unwrap().0.replace('.', ", ");
    let script = format!(
        "#!/bin/sh\n{} \"$@\" | sed -e 's/\"python_full_version\": *\"[^\"]*\"/\"python_full_version\": \"{version}\"/' \
         -e 's/\"python\": *\\[3, *[0-9]*\\]/\"python\": [{short}]/'\n",
        python().display()
    );
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    write_script(path, &script);
}

impl Pythons {
    fn new(versions: &[&str]) -> Self {
        let mut world = World::new();
        let bin = world.path("bin");
        for (place, version) in versions.iter().enumerate() {
            let (short, _) = version.rsplit_once('.').unwrap();
            disguised(&bin.join(format!("python{short}")), version);
            if place == 0 {
                disguised(&bin.join("python3"), version);
            }
        }
        world.env.insert("PATH".to_owned(), format!("{}:/usr/bin:/bin", bin.display()));
        world.index.add(&Wheel::new("a", "1"));
        world.require(&["a"]);
        Self { world, bin }
    }

    fn run(&self, args: &[&str]) -> Ran {
        let [command, rest @ ..] = args else { panic!("a command") };
        let root = self.world.root.display().to_string();
        let own = [command, "--root", &root, "--index-url", &self.world.index.url()];
        let mut command = self.world.bare(&own);
        command.args(rest);
        Ran::of(command)
    }

    /// The interpreter that a lock is for.
    #[track_caller]
    fn check(&self, args: &[&str], version: &str) {
        let _ = fs_err::remove_file(self.world.project.join("pylock.toml"));
        let ran = self.run(&[&["lock", "-v"], args].concat()).ok();
        let lock = self.world.read("pylock.toml");
        assert!(
            lock.contains(&format!("python_full_version == \"{version}\""))
                || lock.contains(version),
            "{lock}\n{ran}"
        );
    }
}

#[test]
fn the_projects_file_names_the_version() {
    let pythons = Pythons::new(&["3.11.4", "3.9.5", "3.12.1"]);
    let (world, pin) = (&pythons.world, |text: &str| {
        pythons.world.write(".python-version", text);
    });
    pythons.check(&[], "3.11");
    for (text, version) in [
        ("3.9\n", "3.9"),
        ("# ours\n\n3.12.1 # exactly\n3.9\n", "3.12"),
        ("cpython-3.9.5-linux-x86_64-gnu\n", "3.9"),
        (">=3.12\n", "3.12"),
        ("<3.10\n", "3.9"),
        ("system\n", "3.11"),
        ("python3.9\n", "3.9"),
        // Each is good enough, and the first that there is is taken.
        ("3.10\n3.9\n3.12\n", "3.9"),
        (">=3.13\n3.10.7\n3.12\n", "3.12"),
    ] {
        pin(text);
        pythons.check(&[], version);
    }
    // Whoever asks for another gets it.
    pin("3.9\n");
    pythons.check(&["--python", "3.12"], "3.12");
    world.write("pyfast.toml", "[env.default]\npython = \"3.11\"\n");
    pythons.check(&[], "3.11");
    fs_err::remove_file(world.project.join("pyfast.toml")).unwrap();
    pin("3.10\n");
    pythons.run(&["lock"]).refused(USAGE, &["Python 3.10", ".python-version"]);
    pin("./python\n");
    pythons.run(&["lock"]).refused(USAGE, &[".python-version", "never a path"]);
}

#[test]
fn a_lock_for_another_version_is_made_anew_unless_it_is_to_stay() {
    let pythons = Pythons::new(&["3.11.4", "3.12.1"]);
    let world = &pythons.world;
    pythons.run(&["lock"]).ok();
    let before = world.read("pylock.toml");
    world.write(".python-version", "3.12\n");
    for flag in ["--locked", "--frozen"] {
        pythons.run(&["sync", flag]).refused(EITHER, &["pylock.toml", "3.12"]);
    }
    assert_eq!(world.read("pylock.toml"), before);
    let ran = pythons.run(&["sync", "--dry-run"]).ok();
    assert!(ran.stderr.contains("it would be locked anew"), "{ran}");
    assert_eq!(world.read("pylock.toml"), before);
    let ran = pythons.run(&["sync"]).ok();
    assert!(ran.stderr.contains("it is locked anew"), "{ran}");
    assert!(world.read("pylock.toml").contains("3.12"), "{ran}");
    let ran = pythons.run(&["sync"]).ok();
    assert!(ran.stderr.contains("Up to date"), "{ran}");
    // One that a merge left wrong, or that is for another machine, is for people to mend.
    let whole = world.read("pylock.toml");
    let package = &whole[whole.find("[[packages]]").expect("a package")..];
    let package = &package[..package.find("\n[tool").unwrap_or(package.len())];
    let twice = whole.replacen(package, &format!("{package}\n{package}"), 1);
    let elsewhere = whole.replace("sys_platform == 'linux'", "sys_platform == 'win32'");
    for (text, needle) in [(&twice, "twice"), (&elsewhere, "win32")] {
        assert_ne!(*text, whole);
        world.write("pylock.toml", text);
        pythons.run(&["sync"]).refused(EITHER, &["pylock.toml", needle]);
        assert_eq!(world.read("pylock.toml"), *text);
    }
    // What nobody can read is no lock, and stays.
    world.write("pylock.toml", "lock-version = 7\n");
    pythons.run(&["sync"]).refused(EITHER, &["pylock.toml"]);
    assert_eq!(world.read("pylock.toml"), "lock-version = 7\n");
}

#[test]
fn names_of_pyenv_are_its_interpreters_and_environments() {
    let mut pythons = Pythons::new(&["3.11.4"]);
    let root = pythons.world.path("pyenv");
    disguised(&root.join("versions/3.9.5/bin/python3"), "3.9.5");
    disguised(&root.join("versions/myenv/bin/python"), "3.12.1");
    pythons.world.env.insert("PYENV_ROOT".to_owned(), root.display().to_string());
    for (text, version) in [("3.9.5", "3.9"), ("3.9", "3.9"), ("myenv", "3.12")] {
        pythons.world.write(".python-version", text);
        pythons.check(&[], version);
    }
}

#[test]
fn a_project_is_given_an_interpreter_that_it_is_for() {
    let pythons = Pythons::new(&["3.11.4", "3.9.5", "3.12.1"]);
    let project = |limit: &str| {
        let text = format!(
            "[project]\nname = \"x\"\nrequires-python = \"{limit}\"\ndependencies = [\"a\"]\n"
        );
        pythons.world.write("pyproject.toml", &text);
    };
    fs_err::remove_file(pythons.world.project.join("requirements.txt")).unwrap();
    for (limit, version) in [(">=3.9", "3.11"), (">=3.12", "3.12"), ("<3.10", "3.9")] {
        project(limit);
        pythons.check(&[], version);
    }
    project(">=3.30");
    pythons.run(&["lock"]).refused(EITHER, &["pyproject.toml:3", "3.11.4", "--python"]);
}

#[test]
fn the_interpreter_and_the_index_are_said_with_what_chose_them() {
    let pythons = Pythons::new(&["3.11.4"]);
    fs_err::remove_dir_all(&pythons.bin).unwrap();
    fs_err::create_dir(&pythons.bin).unwrap();
    std::os::unix::fs::symlink(python(), pythons.bin.join("python3")).unwrap();
    let ran = pythons.run(&["sync"]).ok();
    let path = pythons.bin.join("python3").display().to_string();
    assert!(ran.stderr.contains("Using CPython 3.") && ran.stderr.contains(&path), "{ran}");
    let again = pythons.run(&["sync", "--reinstall"]).ok();
    assert!(!again.stderr.contains("Using CPython"), "once is enough: {again}");
    pythons.world.require(&["a>=1"]);
    let ran = pythons.run(&["sync", "-v"]).ok();
    for needle in ["the first in PATH", &pythons.world.index.url(), "--index-url"] {
        assert!(ran.stderr.contains(needle), "{needle}: {ran}");
    }
    let version = format!("{}\n", crate::support::python::python_minor());
    pythons.world.write(".python-version", &version);
    let target = format!("python{}", version.trim());
    std::os::unix::fs::symlink(python(), pythons.bin.join(target)).unwrap();
    let doctor = pythons.run(&["doctor"]);
    assert!(doctor.stdout.contains("asked for by .python-version"), "{doctor}");
}

#[test]
fn a_program_that_is_no_python_is_told_in_a_line() {
    let pythons = Pythons::new(&["3.11.4"]);
    let ran =
        pythons.run(&["lock", "--python", "/bin/ls"]).refused(EITHER, &["/bin/ls", "as Python"]);
    assert!(ran.stderr.len() < 500, "{ran}");
}
