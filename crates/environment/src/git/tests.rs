//! Repositories as git itself makes them, asked of git itself.

use std::os::unix::fs::symlink;
use std::process::Command;

use super::*;

/// Runs git, which has to succeed, and gives what it prints.
fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]);
    command.args(arguments).current_dir(directory).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = command.env("GIT_CONFIG_SYSTEM", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A repository with one commit.
fn repository(name: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path().join(name);
    fs_err::create_dir(&top).unwrap();
    git(&top, &["init", "-q"]);
    git(&top, &["commit", "-q", "--allow-empty", "-m", "first"]);
    (directory, top)
}

/// What git would add of a directory that has the link.
fn added(directory: &Path) -> String {
    fs_err::create_dir_all(directory).unwrap();
    let link = directory.join(".venv");
    if fs_err::symlink_metadata(&link).is_err() {
        symlink("/nowhere", link).unwrap();
    }
    git(directory, &["status", "--porcelain", "--untracked-files=all", "."])
}

/// The link is no longer added, by a line in the file that git names, and once.
fn check(directory: &Path) {
    assert!(added(directory).contains(".venv"));
    let said = keep_out_of_git(directory, ".venv").unwrap().expect("a line was written");
    assert_eq!(added(directory), "");
    let file = git(directory, &["rev-parse", "--git-path", EXCLUDE]);
    let file = fs_err::canonicalize(directory.join(file.trim())).unwrap();
    assert_eq!(fs_err::canonicalize(said).unwrap(), file);
    let text = fs_err::read_to_string(&file).unwrap();
    assert_eq!(keep_out_of_git(directory, ".venv").unwrap(), None);
    assert_eq!(fs_err::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_link_that_no_rule_covers_is_kept_out_by_a_line() {
    let (_directory, top) = repository("shop");
    check(&top);
    check(&top.join("back end [1]*"));
    let (_directory, top) = repository("other");
    fs_err::remove_dir_all(top.join(".git/info")).unwrap();
    check(&top);
    let (_directory, top) = repository("third");
    fs_err::write(top.join(".git/info/exclude"), "x").unwrap();
    check(&top);
}

#[test]
fn what_a_rule_of_the_repository_covers_is_left_as_it_is() {
    let (_directory, top) = repository("shop");
    fs_err::write(top.join(".gitignore"), ".venv\n/out/\n").unwrap();
    for below in ["", "a", "out/b"] {
        let directory = top.join(below);
        fs_err::create_dir_all(&directory).unwrap();
        assert_eq!(keep_out_of_git(&directory, ".venv").unwrap(), None, "{below}");
    }
    fs_err::write(top.join(".gitignore"), ".venv/\n").unwrap();
    fs_err::remove_file(top.join(".git/info/exclude")).unwrap();
    assert!(keep_out_of_git(&top, ".venv").unwrap().is_some(), "a link is no directory");
}

#[test]
fn second_work_trees_and_submodules_have_the_list_of_their_repository() {
    let (directory, top) = repository("shop");
    let tree = directory.path().join("tree");
    git(&top, &["worktree", "add", "-q", tree.to_str().unwrap()]);
    check(&tree);
    let (_inner, module) = repository("module");
    git(&top, &["submodule", "--quiet", "add", module.to_str().unwrap(), "below"]);
    check(&top.join("below"));
}

#[test]
fn nothing_outside_of_the_repository_is_written() {
    let (directory, victim) = repository("victim");
    let exclude = victim.join(".git/info/exclude");
    let text = fs_err::read_to_string(&exclude).unwrap();
    let outer = directory.path().join("planted");
    fs_err::create_dir(&outer).unwrap();
    assert_eq!(keep_out_of_git(&outer, ".venv").unwrap(), None, "there is none");
    for planted in ["gitdir: ../victim/.git\n", "gitdir: /nowhere\n", "gitdir:", "nonsense", ""] {
        fs_err::write(outer.join(".git"), planted).unwrap();
        assert_eq!(keep_out_of_git(&outer, ".venv").unwrap(), None, "{planted}");
    }
    fs_err::remove_file(outer.join(".git")).unwrap();
    symlink("../victim/.git", outer.join(".git")).unwrap();
    assert_eq!(keep_out_of_git(&outer, ".venv").unwrap(), None);
    assert_eq!(fs_err::read_to_string(&exclude).unwrap(), text);
    let (_directory, top) = repository("linked");
    fs_err::remove_file(top.join(".git/info/exclude")).unwrap();
    symlink(&exclude, top.join(".git/info/exclude")).unwrap();
    assert!(keep_out_of_git(&top, ".venv").is_err());
    assert_eq!(fs_err::read_to_string(&exclude).unwrap(), text);
}
