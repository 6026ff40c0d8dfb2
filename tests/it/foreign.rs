//! Files of a project may be somebody else's: what their words cannot do.

use std::os::unix::fs::symlink;

use crate::support::ran::{Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;
use crate::support::write_script;

#[test]
fn interpreter_that_a_file_names_by_path_is_not_run() {
    let world = World::new();
    world.require(&["a"]);
    let marker = world.path("ran");
    write_script(&world.project.join("x"), &format!("#!/bin/sh\ntouch {}\n", marker.display()));
    let root = world.root.display().to_string();
    for (file, table) in [("pyfast.toml", "env"), ("pyproject.toml", "tool.pyfast.env")] {
        world.write(file, &format!("[{table}.default]\npython = \"./x\"\n"));
        for args in [&["lock"][..], &["sync"], &["why", "a"], &["outdated"], &["doctor"]] {
            let mut command = world.bare(&[args, &["--root", &root]].concat());
            command.args(&world.index_flags);
            let ran = Ran::of(command);
            assert_ne!(ran.code(), Some(0), "{ran}");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            for needed in [file, "default", "./x", "never a path", "--python PATH"] {
                assert!(said.contains(needed), "no `{needed}`; {ran}");
            }
        }
        assert!(!marker.exists(), "a program of the project was run");
        fs_err::remove_file(world.project.join(file)).unwrap();
    }
}

#[test]
fn interpreter_by_path_on_the_command_line_goes_before_a_file() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    world.write("pyfast.toml", "[env.default]\npython = \"./absent\"\n");
    world.lock(&[]).ok();
}

#[test]
fn root_that_a_file_names_lies_below_the_project() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    let victim = world.path("victim/tmp/precious");
    fs_err::create_dir_all(&victim).unwrap();
    symlink(world.path("victim"), world.project.join("link")).unwrap();
    let absolute = world.path("victim").display().to_string();
    let sync = |root: &[&str]| {
        let mut command = world.bare(&["sync", "--python", &world.python]);
        command.args(root).args(&world.index_flags);
        Ran::of(command)
    };
    for word in ["../victim", &absolute, "link", "~/victim", "."] {
        world.write("pyfast.toml", &format!("[project]\nroot = \"{word}\"\n"));
        let ran = sync(&[]).refused(USAGE, &["pyfast.toml", "root", word, "--root DIR"]);
        assert!(victim.exists(), "{ran}");
    }
    sync(&["--root", &world.root.display().to_string()]).ok();
    world.write("pyfast.toml", "[project]\nroot = \".pyfast/root\"\n");
    sync(&[]).ok();
    assert!(world.project.join(".pyfast/root/store").is_dir());
}
