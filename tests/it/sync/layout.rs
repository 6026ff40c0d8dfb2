//! Where things lie: store, generations, `current` and the links between them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::place;
use crate::support::python::check as run;
use crate::support::stock::{check, stocked};
use crate::support::synced::{Synced, snapshot};
use crate::support::wheel::Wheel;
use crate::support::zip::Entry;

#[test]
fn requirements_become_an_environment() {
    let Some(world) = stocked() else { return };
    let synced = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    let script =
        "import a, b, sys; print(a.__version__, b.__version__, sys.prefix != sys.base_prefix)";
    assert_eq!(synced.evaluate(script), "2.0 2.0 True\n");
}

#[test]
fn generation_is_named_by_its_id_below_envs() {
    let Some(world) = stocked() else { return };
    let synced = world.require(&["a"]).sync(&[]);
    assert_eq!(synced.environment(), world.root.join("envs/v1").join(synced.id()));
    assert!(synced.environment().join("env.json").is_file());
    assert!(synced.environment().join("pyvenv.cfg").is_file());
}

#[test]
fn current_is_a_relative_link_to_the_generation() {
    let Some(world) = stocked() else { return };
    let synced = world.require(&["a"]).sync(&[]);
    let target = fs_err::read_link(synced.current()).unwrap();
    assert_eq!(target, Path::new("../../../envs/v1").join(synced.id()));
    assert!(synced.current().starts_with(world.root.join("projects")));
    assert!(synced.current().ends_with("default/current"));
}

#[test]
fn wheel_is_stored_once_under_its_digest() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]).sync(&[]);
    let stored = world.stored(&Wheel::new("b", "2.0").build());
    assert!(stored.join("root/b/__init__.py").is_file());
    assert!(stored.join("manifest").is_file());
}

#[test]
fn namespace_packages_of_several_wheels_are_merged() {
    let Some(world) = place::world() else { return };
    world.index.add(&Wheel::empty("ns-a", "1.0").file("ns/a/__init__.py", "here = 'a'\n"));
    world.index.add(&Wheel::empty("ns-b", "1.0").file("ns/b/__init__.py", "here = 'b'\n"));
    let synced = check(&world, &["ns-a", "ns-b"], &["ns-a==1.0", "ns-b==1.0"]);
    let script = "import ns.a, ns.b; print(ns.a.here, ns.b.here)";
    assert_eq!(synced.evaluate(script), "a b\n");
    let namespace = synced.site_packages().join("ns");
    assert!(fs_err::symlink_metadata(namespace).unwrap().is_dir());
}

#[test]
fn file_of_two_wheels_is_warned_about_and_the_winner_is_always_the_same() {
    let Some(mut world) = place::world() else { return };
    world.index.add(&Wheel::empty("one", "1.0").file("same.py", "who = 'one'\n"));
    world.index.add(&Wheel::empty("two", "1.0").file("same.py", "who = 'two'\n"));
    let synced = check(&world, &["one", "two"], &["one==1.0", "two==1.0"]);
    for needle in ["same.py", "one", "two"] {
        assert!(synced.ran.stderr.contains(needle), "{}", synced.ran);
    }
    let who = |synced: &Synced| synced.evaluate("import same; print(same.who)");
    let winner = who(&synced);
    world.move_on();
    world.index.delay("/one", 60);
    assert_eq!(who(&world.require(&["two", "one"]).sync(&[])), winner);
}

#[test]
fn many_files_of_two_wheels_are_one_line() {
    let Some(world) = place::world() else { return };
    let wheel = |name| {
        let files = (0..100).map(|n| (format!("same/m{n}.py"), format!("x = {n}\n")));
        files.fold(Wheel::empty(name, "1.0"), |wheel, (path, text)| wheel.file(&path, text))
    };
    world.index.add(&wheel("one")).add(&wheel("two"));
    let synced = check(&world, &["one", "two"], &["one==1.0", "two==1.0"]);
    let told: Vec<&str> =
        synced.ran.stderr.lines().filter(|line| line.contains("both provide")).collect();
    assert!(
        matches!(told[..], [line] if line.contains("100 files with the same content")),
        "{}",
        synced.ran
    );
    let more = world.require(&["two", "one"]).sync(&["-v", "--reinstall"]);
    assert_eq!(more.ran.stderr.matches("both provide").count(), 101, "{}", more.ran);
}

#[test]
fn pth_file_works_and_is_a_private_copy() {
    let Some(world) = place::world() else { return };
    let wheel = Wheel::empty("paths", "1.0").file("extra_dir/hidden.py", "x = 1\n");
    world.index.add(&wheel.file("extra.pth", "extra_dir\n"));
    let synced = check(&world, &["paths"], &["paths==1.0"]);
    assert_eq!(synced.evaluate("import hidden; print(hidden.x)"), "1\n");
    let pth = synced.site_packages().join("extra.pth");
    assert!(fs_err::symlink_metadata(pth).unwrap().is_file());
}

#[test]
fn stored_files_are_read_only() {
    let Some(world) = stocked() else { return };
    world
        .index
        .add(&Wheel::new("c", "1.0").file("c/deep/er.py", "\n").data("scripts/c", "#!python\n"));
    world.require(&["a", "c"]).sync(&[]);
    let mut seen = 0;
    let wheels = world.root.join("store/v1/wheels");
    for path in snapshot(&wheels).keys() {
        // <aa>/<sha256>/root/…
        let place = path.strip_prefix(&wheels).unwrap();
        let inside = place.components().nth(2).is_some_and(|part| part.as_os_str() == "root");
        let metadata = fs_err::symlink_metadata(path).unwrap();
        if inside && !metadata.is_symlink() {
            let mode = metadata.permissions().mode() & 0o777;
            let right = if metadata.is_dir() { &[0o555][..] } else { &[0o444, 0o555][..] };
            assert!(right.contains(&mode), "{} has mode {mode:o}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen} entries");
}

#[test]
fn executable_files_stay_executable_and_get_no_other_bits() {
    let Some(world) = stocked() else { return };
    let script = |name: &str, mode| Entry::file(name, "#!/bin/sh\necho ran\n").mode(mode);
    let wheel = Wheel::new("c", "1.0").raw(script("c/run.sh", 0o100_755));
    world.index.add(&wheel.raw(script("c/set.sh", 0o106_755)));
    let synced = check(&world, &["c"], &["c==1.0"]);
    let package = synced.site_packages().join("c");
    assert_eq!(run(&mut world.place.program(&package.join("run.sh"))), "ran\n");
    for name in ["run.sh", "set.sh"] {
        let mode = fs_err::metadata(package.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o555, "{name} has mode {mode:o}");
    }
}

#[test]
fn no_compile_leaves_bytecode_out() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]).sync(&["--no-compile"]);
    let compiled = |path: &Path| path.extension().is_some_and(|extension| extension == "pyc");
    assert!(!snapshot(&world.root.join("store")).keys().any(|path| compiled(path)));
}

#[test]
fn environments_of_a_project_are_apart() {
    let Some(world) = stocked() else { return };
    world.write("dash.txt", "b==1.0\n");
    let main = world.require(&["a"]).sync(&[]);
    let dash = world.synced(world.pyfast(&["sync", "--json", "--env", "dash", "-r", "dash.txt"]));
    assert_eq!(dash.installed(), ["b==1.0"]);
    assert_eq!(main.installed(), ["a==2.0", "b==2.0"]);
    assert!(dash.current().ends_with("dash/current"));
}

#[test]
fn each_link_mode_gives_a_working_environment() {
    let Some(world) = stocked() else { return };
    for mode in ["auto", "tree", "hardlink", "copy", "clone"] {
        let synced = world.require(&["a"]).sync(&["--link-mode", mode]);
        assert_eq!(synced.installed(), ["a==2.0", "b==2.0"], "{mode}");
        assert_eq!(synced.evaluate("import a; print(a.__version__)"), "2.0\n", "{mode}");
    }
}
