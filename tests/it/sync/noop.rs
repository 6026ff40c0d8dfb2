//! Nothing has changed: the answer comes from `state.json` alone.

use std::path::Path;

use super::world;
use crate::support::ran::Synced;
use crate::support::world::World;

/// Lets `--python` be a script that notes each start of the interpreter; gives the notes' path.
fn watch_python(world: &mut World) -> std::path::PathBuf {
    let (script, notes) = (world.path("python"), world.path("starts"));
    let text = format!("#!/bin/sh\necho x >> {}\nexec {} \"$@\"\n", notes.display(), world.python);
    crate::support::write_script(&script, &text);
    world.python = script.display().to_string();
    notes
}

#[test]
fn noop_needs_neither_network_nor_python() {
    let mut world = world();
    let notes = watch_python(&mut world);
    let first = world.require(&["a"]).sync(&[]);
    let starts = fs_err::read_to_string(&notes).unwrap();
    world.index.stop();
    world.env.insert("PATH".to_owned(), world.path("nothing-here").display().to_string());
    let second = world.sync(&[]);
    assert!(!second.changed());
    assert_eq!((second.id(), second.current()), (first.id(), first.current()));
    assert_eq!(second.packages(), first.packages());
    assert_eq!(fs_err::read_to_string(&notes).unwrap(), starts, "no interpreter was started");
}

#[test]
fn noop_writes_nothing_into_root_and_project() {
    let world = world();
    world.require(&["a"]).sync(&[]);
    let before = (super::snapshot(&world.root), super::snapshot(&world.project));
    world.sync(&[]);
    assert_eq!((super::snapshot(&world.root), super::snapshot(&world.project)), before);
}

#[test]
fn touched_file_with_the_same_text_is_nothing_new() {
    let world = world();
    let first = world.require(&["a"]).sync(&[]);
    std::thread::sleep(std::time::Duration::from_millis(20));
    let second = world.require(&["a"]).sync(&[]);
    assert!(!second.changed());
    assert_eq!(second.id(), first.id());
}

#[test]
fn change_of_the_same_length_at_once_is_noticed() {
    let world = world();
    world.require(&["a==1.0"]).sync(&[]);
    let second = world.require(&["a==2.0"]).sync(&[]);
    assert!(second.changed());
    assert!(second.packages().contains(&"a==2.0".to_owned()));
}

#[test]
fn change_in_a_nested_file_is_noticed() {
    let world = world();
    world.write("sub/more.txt", "b==1.0\n");
    world.require(&["-r sub/more.txt"]).sync(&[]);
    world.write("sub/more.txt", "b==2.0\n");
    assert_eq!(world.sync(&[]).packages(), ["b==2.0"]);
}

/// A file whose time is the one that image layers and reproducible checkouts give to all.
fn write_normalised(world: &World, name: &str, text: &str) {
    let path = world.write(name, text);
    let file = fs_err::File::options().write(true).open(path).unwrap();
    file.file().set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
}

/// Puts a link in the place of another.
fn link(world: &World, target: &str, name: &str) {
    let path = world.project.join(name);
    let _ = fs_err::remove_file(&path);
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[test]
fn other_content_of_the_same_size_and_time_is_noticed() {
    let world = world();
    write_normalised(&world, "requirements.txt", "b==1.0\n");
    assert_eq!(world.sync(&[]).packages(), ["b==1.0"]);
    std::thread::sleep(std::time::Duration::from_millis(150));
    assert!(!world.sync(&[]).changed());
    write_normalised(&world, "requirements.txt", "b==2.0\n");
    assert_eq!(world.sync(&[]).packages(), ["b==2.0"]);
}

#[test]
fn requirements_that_are_a_link_are_followed_to_where_it_leads_now() {
    let world = world();
    write_normalised(&world, "one.txt", "b==1.0\n");
    write_normalised(&world, "two.txt", "b==2.0\n");
    link(&world, "one.txt", "requirements.txt");
    assert_eq!(world.sync(&[]).packages(), ["b==1.0"]);
    link(&world, "two.txt", "requirements.txt");
    assert_eq!(world.sync(&[]).packages(), ["b==2.0"]);
}

#[test]
fn a_directory_above_the_requirements_that_leads_elsewhere_is_noticed() {
    let world = world();
    for (release, version) in [("release-1", "1.0"), ("release-2", "2.0")] {
        write_normalised(&world, &format!("{release}/more.txt"), &format!("b=={version}\n"));
        write_normalised(&world, &format!("{release}/requirements.txt"), "-r more.txt\n");
    }
    link(&world, "release-1", "current");
    let sync = || Synced::of(world.pyfast(&["sync", "--json", "-r", "current/requirements.txt"]));
    assert_eq!(sync().packages(), ["b==1.0"]);
    link(&world, "release-2", "current");
    assert_eq!(sync().packages(), ["b==2.0"]);
}

#[test]
fn lost_current_link_is_made_again() {
    let world = world();
    let first = world.require(&["a"]).sync(&[]);
    fs_err::remove_file(first.current()).unwrap();
    let second = world.sync(&[]);
    assert_eq!(second.id(), first.id());
    assert!(second.bin("python").exists());
}

#[test]
fn lost_generation_is_composed_again() {
    let world = world();
    let first = world.require(&["a"]).sync(&[]);
    fs_err::remove_dir_all(first.environment()).unwrap();
    let second = world.sync(&[]);
    assert_eq!(second.id(), first.id());
    assert_eq!(super::installed(&second.bin("python")), ["a==2.0", "b==2.0"]);
}

#[test]
fn damaged_state_file_is_not_an_obstacle() {
    let world = world();
    let first = world.require(&["a"]).sync(&[]);
    let state = first.current().with_file_name("state.json");
    for text in ["", "{", "[1,2]", "null"] {
        fs_err::write(&state, text).unwrap();
        assert_eq!(world.sync(&[]).id(), first.id(), "with state {text:?}");
    }
}

#[test]
fn another_python_is_another_environment() {
    let mut world = world();
    let first = world.require(&["a"]).sync(&[]);
    let Some(other) = other_python(Path::new(&world.python)) else {
        // The same interpreter behind another name is the same environment.
        watch_python(&mut world);
        assert_eq!(world.sync(&[]).id(), first.id());
        return;
    };
    world.python = other;
    let second: Synced = world.sync(&[]);
    assert!(second.changed());
    assert_ne!(second.id(), first.id());
}

/// An interpreter of another minor version, where the machine has one.
fn other_python(this: &Path) -> Option<String> {
    let ours = crate::support::python::python_minor();
    let path = crate::support::environment("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let names = ["python3.10", "python3.12", "python3.13"];
    let candidates = names.iter().filter(|name| !name.ends_with(ours)).flat_map(|name| {
        folders.iter().map(move |folder| folder.join(name)).filter(|file| file.is_file())
    });
    candidates.filter(|file| file != this).find_map(|file| {
        let script = "import sys; print(sys._base_executable)";
        let output = std::process::Command::new(file).args(["-c", script]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    })
}
