//! What can be asked only of a directory of this machine: what lies beside it, leads to it or starts in it; and what is
//! settled before anybody looks where the environment is.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::concurrent;
use crate::support::http::Break;
use crate::support::index::{Fault, Form};
use crate::support::page::File;
use crate::support::python::{evaluate, python_minor};
use crate::support::ran::{EITHER, Ran};
use crate::support::stock::{check, stock};
use crate::support::synced::{Synced, snapshot};
use crate::support::wheel::Wheel;
use crate::support::world::World;
use crate::support::write_script;

fn world() -> World {
    stock(World::new())
}

/// The versions of `a` and `b` that an environment has, by whatever path it is reached.
#[track_caller]
fn installed(environment: &Path) -> Vec<String> {
    let script = "import importlib.metadata as m; \
                  print(*sorted(d.name + '==' + d.version for d in m.distributions()))";
    let text = evaluate(&environment.join("bin/python"), script);
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn everybody_may_read_whatever_the_umask() {
    let world = world();
    let sync = world.require(&["a"]).command(&["sync", "-r", "requirements.txt"]);
    Ran::of(world.limited("umask 077", &sync)).ok();
    let mut seen = 0;
    for folder in ["store", "envs", "projects"] {
        for path in snapshot(&world.root.join(folder)).keys() {
            let metadata = fs_err::symlink_metadata(path).unwrap();
            // What the last sync saw is for the next one alone.
            let remembered = ["state.json", "looks.json"].iter().any(|name| path.ends_with(name));
            if !metadata.is_symlink() && !remembered {
                let mode = metadata.permissions().mode();
                let wanted = if metadata.is_dir() { 0o005 } else { 0o004 };
                assert_eq!(mode & wanted, wanted, "{} has mode {mode:o}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen} entries");
}

#[test]
fn project_gets_a_venv_link_for_editors() {
    let world = world();
    let synced = world.require(&["a"]).sync(&[]);
    let link = world.project.join(".venv");
    assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(installed(&link), ["a==2.0", "b==2.0"]);
    world.require(&["b==1.0"]).sync(&[]);
    assert_eq!(installed(&link), ["b==1.0"], "the link follows `current`");
    assert_eq!(
        fs_err::canonicalize(&link).unwrap(),
        fs_err::canonicalize(synced.current()).unwrap()
    );
}

#[test]
fn venv_of_the_users_own_is_left_alone() {
    let world = world();
    world.write(".venv/mine", "keep");
    world.require(&["a"]).sync(&[]);
    assert_eq!(world.read(".venv/mine"), "keep");
}

#[test]
fn root_may_be_moved() {
    let world = world();
    let synced = world.require(&["a"]).sync(&[]);
    let moved = world.path("moved");
    let current = synced.current().strip_prefix(&world.root).unwrap().to_owned();
    fs_err::rename(&world.root, &moved).unwrap();
    assert_eq!(installed(&moved.join(current)), ["a==2.0", "b==2.0"]);
}

#[test]
fn no_code_of_packages_runs_during_a_sync() {
    let world = world();
    let trap = world.path("trap");
    let touch = format!("import pathlib; pathlib.Path({trap:?}).touch()\n");
    let wheel = Wheel::new("evil", "1.0").file("evil.pth", touch.clone());
    world.index.add(&wheel.file("sitecustomize.py", touch));
    world.require(&["evil"]).sync(&[]);
    world.require(&["evil", "a"]).sync(&[]);
    assert!(!trap.exists());
}

/// Lets `--python` be a script that notes each start of the interpreter; gives the notes' path.
fn watch_python(world: &mut World) -> PathBuf {
    let (script, notes) = (world.path("python"), world.path("starts"));
    let text = format!("#!/bin/sh\necho x >> {}\nexec {} \"$@\"\n", notes.display(), world.python);
    write_script(&script, &text);
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

/// Lets `--python` be a script that answers as a later version of the same interpreter would.
fn later_python(world: &mut World) {
    let minor = python_minor();
    let (major, number) = minor.split_once('.').expect("X.Y");
    let words = format!(
        "s/cpython-{major}{number}/cpython-{major}99/g; s/\"{major}\\.{number}/\"{major}.99/g; \
         s/python{major}\\.{number}\"/python{major}.99\"/g; s/\\[{major}, *{number}/[{major}, 99/g"
    );
    let script = world.path("later-python");
    write_script(&script, &format!("#!/bin/sh\n{} \"$@\" | sed '{words}'\n", world.python));
    world.python = script.display().to_string();
}

#[test]
fn another_python_is_another_environment() {
    let mut world = world();
    let first = world.require(&["a"]).sync(&[]);
    later_python(&mut world);
    let second = world.sync(&[]);
    assert!(second.changed());
    assert_ne!(second.id(), first.id());
    let version = second.json["python"]["version"].as_str().unwrap();
    assert!(version.starts_with("3.99."), "{version}");
    assert!(second.site_packages().ends_with("python3.99/site-packages"));
}

#[test]
fn the_same_python_behind_another_name_is_the_same_environment() {
    let mut world = world();
    let first = world.require(&["a"]).sync(&[]);
    watch_python(&mut world);
    assert_eq!(world.sync(&[]).id(), first.id());
}

#[test]
fn requirements_txt_is_taken_without_a_flag() {
    let world = world();
    world.require(&["b==1.0"]);
    world.write("backend/requirements.txt", "b==2.0\n");
    let synced = world.synced(world.pyfast(&["sync", "--json"]));
    assert_eq!(synced.packages(), ["b==1.0"]);
}

#[test]
fn backend_requirements_are_taken_next() {
    let world = world();
    world.write("backend/requirements.txt", "b==1.0\n");
    let synced = world.synced(world.pyfast(&["sync", "--json"]));
    assert_eq!(synced.packages(), ["b==1.0"]);
}

#[test]
fn no_requirements_file_is_an_error_that_names_what_was_looked_for() {
    let world = world();
    let ran = world.pyfast(&["sync", "--json"]);
    ran.refused_with_hint(EITHER, &["requirements.txt", "backend/requirements.txt"]);
}

#[test]
fn metadata_of_one_index_does_not_speak_for_another() {
    let world = world();
    let wheel = Wheel::new("e", "1.0").build();
    let forged = format!("{}Requires-Dist: b\n", wheel.metadata.trim_end().to_owned() + "\n");
    let evil = World::new();
    evil.index.publish(File::new(wheel.clone()).metadata(&forged));
    evil.index.add(&Wheel::new("b", "6.6"));
    // The same root and cache: the forged metadata is remembered for its own URL alone.
    let mut command = world.bare(&["lock", "-o", "-", "--project"]);
    command.arg(&world.project).arg("--root").arg(&world.root).args(["--python", &world.python]);
    world.require(&["e"]);
    command.args(&evil.index_flags);
    Ran::of(command).ok();
    world.index.publish(File::new(wheel));
    assert_eq!(world.sync(&[]).packages(), ["e==1.0"]);
}

#[test]
fn script_works_where_the_path_is_longer_than_a_shebang_may_be() {
    let mut world = world();
    world.root = world.path(&format!("{}/with space", "long".repeat(40)));
    let tool = Wheel::new("tool", "1.0").file("tool/cli.py", "def main(): print('far')\n");
    world.index.add(&tool.console("greet = tool.cli:main"));
    let synced = check(&world, &["tool"], &["tool==1.0"]);
    let output = synced.program("greet").output().unwrap();
    assert_eq!(output.stdout, b"far\n");
}

/// Whether a file is below the directory.
fn holds_a_file(folder: &Path) -> bool {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| path.is_file() || holds_a_file(&path))
}

#[test]
fn leftovers_of_killed_syncs_are_removed() {
    let world = World::new();
    // What has come of a large wheel is unpacked, and the rest does not come.
    let wheel = Wheel::new("large", "1.0").padded(6 << 20);
    world.index.set(|options| options.form = Form::Html).add(&wheel);
    world.require(&["large"]).lock(&[]).ok();
    world.index.fail(".whl", Fault::Broken(Break::Silence), 1);
    let tmp = world.root.join("tmp");
    let mut command = world.command(&["sync", "-q", "-r", "requirements.txt"]);
    let (mut child, begun) = (command.spawn().unwrap(), Instant::now());
    while !holds_a_file(&tmp) {
        assert!(begun.elapsed() < Duration::from_mins(1), "nothing is unpacked");
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9), "it was killed at work");
    assert!(holds_a_file(&tmp), "it has left something");
    assert!(!world.stored(&wheel.build()).exists(), "and nothing that looks whole");
    check(&world, &["large"], &["large==1.0"]);
    assert!(!holds_a_file(&tmp), "{:?}", snapshot(&tmp).keys());
}

/// The credentials of an index stay with whoever has them: containers that write a volume get none.
#[test]
fn direct_url_holds_no_credentials() {
    let mut world = World::new();
    let secret = ("user".to_owned(), "s3cr3t".to_owned());
    world.index.set(|options| options.credentials = Some(secret));
    let tool = Wheel::new("tool", "1.0").requires("dep").build();
    world.index.add(&Wheel::new("dep", "1.0"));
    world.index.publish(File::new(tool.clone()));
    let plain = world.index.file_url(&tool.filename);
    let url = plain.replace("http://", "http://user:s3cr3t@");
    world.index_flags[1] = world.index.url_with("user", "s3cr3t");
    let synced = world.require(&[&format!("tool @ {url}")]).sync(&[]);
    let record = synced.site_packages().join("tool-1.0.dist-info/direct_url.json");
    let text = fs_err::read_to_string(record).unwrap();
    let direct: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(direct["url"], plain, "{text}");
    assert_eq!(direct["archive_info"]["hashes"]["sha256"], tool.sha256.as_str());
}

#[test]
fn who_works_on_an_environment_is_named_and_waited_for() {
    let world = concurrent::stock(World::new());
    world.index.hold(".whl");
    let first = concurrent::start(&world);
    let pid = first.id();
    let locks = world.root.join("locks");
    let is_taken = || {
        let entries = fs_err::read_dir(&locks).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().ends_with(".x"))
    };
    while !is_taken() {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(1_100));
    let mut second = concurrent::start(&world);
    let mut lines = BufReader::new(second.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut told = String::new();
    while !told.contains("waiting for") {
        told += &(lines.next().expect("it is told") + "\n");
    }
    world.index.release();
    Synced::of(Ran::wait(first));
    told += &lines.map(|line| line + "\n").collect::<String>();
    let second = second.wait_with_output().unwrap();
    assert!(second.status.success(), "{told}");
    let expected = format!("waiting for process {pid} (`pyfast sync`) on ");
    assert_eq!(told.matches("waiting for").count(), 1, "{told}");
    assert!(told.contains(&expected) && told.contains(" s, as long as it works"), "{told}");
}
