//! Names of temporaries that could be foreseen: by the process's id, planted as links beforehand.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Planted;
use super::outcome::Outcome;

/// Runs the command in a process whose id is known before: a shell plants links to a file of the user under all names
/// that have the id in them, and becomes the command.
#[track_caller]
fn check(planted: &Planted, folder: &Path, names: &[&str], args: &[&str]) {
    let command = planted.world.command(args);
    let target = planted.decoy.path(".bashrc");
    let links: String = names
        .iter()
        .map(|name| format!("ln -s '{}' \"{}/{name}\"; ", target.display(), folder.display()))
        .collect();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("{links}exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.current_dir(&planted.world.project).env_clear().envs(&planted.world.env);
    let outcome = Outcome::of(shell.stdin(Stdio::null()));
    planted.judge(args, &outcome);
    let gone = |name: &&&str| !name.contains("$$") && !folder.join(name).is_symlink();
    assert_eq!(names.iter().find(gone), None, "what was planted for others is left; {outcome}");
    outcome.ok();
}

#[test]
fn lock_beside_the_requirements_is_written_under_no_foreseeable_name() {
    let planted = Planted::new();
    let names = [".pylock.toml-$$", ".pylock.toml.$$", "pylock.toml.tmp", ".pylock.toml.tmp"];
    let lock = ["lock", "-r", "requirements.txt"];
    check(&planted, &planted.world.project, &names[..2], &lock);
    planted.change();
    check(&planted, &planted.world.project, &names[2..], &lock);
    let written = fs_err::symlink_metadata(planted.world.project.join("pylock.toml")).unwrap();
    assert!(written.is_file(), "the lock is a file, not what was planted");
}

#[test]
fn lock_that_a_sync_updates_is_written_under_no_foreseeable_name() {
    let planted = Planted::new();
    planted.world.lock(&[]).ok();
    planted.change();
    let names = [".pylock.toml-$$", ".pylock.toml.$$"];
    let sync = ["sync", "-r", "requirements.txt"];
    check(&planted, &planted.world.project, &names, &sync);
}

#[test]
fn export_is_written_under_no_foreseeable_name() {
    let planted = Planted::new();
    planted.world.lock(&[]).ok();
    let names = [".pinned.txt-$$", ".pinned.txt.$$"];
    check(&planted, &planted.world.project, &names, &["export", "-o", "pinned.txt"]);
}

#[test]
fn state_of_a_project_is_written_under_no_foreseeable_name() {
    let planted = Planted::new();
    let names = [".state.json-$$", ".state.json.$$", "state.json.$$", ".state.json-$$.tmp"];
    let folder = planted.at("projects/p/default");
    planted.change();
    check(&planted, &folder, &names, &["sync", "-r", "requirements.txt"]);
    let written = fs_err::symlink_metadata(folder.join("state.json")).unwrap();
    assert!(written.is_file(), "the state is a file, not what was planted");
}

#[test]
fn memory_of_an_interpreter_is_written_under_no_foreseeable_name() {
    let planted = Planted::new();
    let known = super::programs::memories(&planted.world, "interpreters-");
    let (file, folder) = (&known[0], known[0].parent().unwrap());
    let name = file.file_name().unwrap().to_str().unwrap();
    fs_err::remove_file(file).unwrap();
    planted.change();
    let names = [format!("{name}.$$"), format!(".{name}-$$"), format!(".{name}.$$")];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    check(&planted, folder, &names, &["sync", "-r", "requirements.txt"]);
}
