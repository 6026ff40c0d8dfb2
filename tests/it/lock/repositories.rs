//! Repositories behind ssh, and those that are less than whole (rule 29).

use toml::Value;

use crate::support::ran::{MENDABLE, USAGE};
use crate::support::repository::Repository;
use crate::support::source::Sdist;
use crate::support::world::World;
use crate::support::write_script;

/// The `vcs` table of `a` in the lock.
#[track_caller]
fn vcs(world: &World) -> toml::Table {
    let lock: toml::Table = world.read("pylock.toml").parse().expect("TOML");
    let packages = lock["packages"].as_array().expect("packages").clone();
    let a = packages.into_iter().find(|package| package["name"].as_str() == Some("a"));
    a.as_ref().and_then(|a| a["vcs"].as_table()).expect("a repository").clone()
}

/// A world whose git reaches every host by a program that runs what it is asked to on this machine,
/// and notes it.
fn world_with_ssh(script: &str) -> World {
    let mut world = World::new();
    let program = world.path("fake-ssh");
    let text = format!("#!/bin/sh\necho \"$@\" >> {}\n{script}\n", world.path("asked").display());
    write_script(&program, &text);
    for (name, value) in
        [("GIT_SSH_COMMAND", program.display().to_string()), ("GIT_SSH_VARIANT", "ssh".to_owned())]
    {
        world.env.insert(name.to_owned(), value);
    }
    world
}

/// Runs the last argument, as the shell of the other side does.
const RUNS: &str = "for last; do :; done; exec sh -c \"$last\"";

#[test]
fn rule_29_a_repository_behind_ssh_is_locked_with_its_user() {
    let world = world_with_ssh(RUNS);
    let repository = Repository::new(&world, "a");
    let commit = repository.commit(".", &Sdist::new("a", "1.0"));
    repository.git(&["tag", "v1"]);
    let url = format!("ssh://git@h.test:2222{}", repository.folder.display());
    world.require(&[&format!("a @ git+{url}@v1")]).lock(&[]).ok();
    let table = vcs(&world);
    assert_eq!(table["url"].as_str(), Some(url.as_str()));
    assert_eq!(table["commit-id"].as_str(), Some(commit.as_str()));
    let asked = fs_err::read_to_string(world.path("asked")).unwrap();
    assert!(asked.contains("-p 2222") && asked.contains("git@h.test"), "{asked}");
    let asked = |world: &World| fs_err::read(world.path("asked")).unwrap().len();
    let before = asked(&world);
    assert_eq!(world.sync(&[]).packages(), ["a==1.0"]);
    assert_eq!(asked(&world), before, "the clone has the commit");
}

#[test]
fn a_password_in_the_url_of_ssh_is_written_nowhere() {
    let world = world_with_ssh(RUNS);
    let repository = Repository::new(&world, "a");
    repository.commit(".", &Sdist::new("a", "1.0").project(""));
    let place = repository.folder.display();
    let ran = world.require(&[&format!("git+ssh://git:s3cr3t@h.test{place}")]).lock(&[]).ok();
    assert_eq!(vcs(&world)["url"].as_str(), Some(format!("ssh://git@h.test{place}").as_str()));
    let asked = fs_err::read_to_string(world.path("asked")).unwrap();
    assert!(!format!("{ran}{asked}").contains("s3cr3t"), "{ran}{asked}");
}

#[test]
fn an_address_that_is_an_option_reaches_no_program() {
    let world = world_with_ssh(RUNS);
    for (address, part) in [("-oProxyCommand=x", "host"), ("-oProxyCommand=x@h.test", "user")] {
        let reason = format!("the {part} of a repository does not begin with `-`");
        let ran = world.require(&[&format!("git+ssh://{address}/r.git")]).lock(&[]);
        ran.refused(USAGE, &["requirements.txt:1:1: ", &reason]);
    }
    assert!(!world.path("asked").exists(), "ssh was started");
}

#[test]
fn what_ssh_says_is_told() {
    let world = world_with_ssh("echo 'git@h.test: Permission denied (publickey).' >&2; exit 255");
    let ran = world.require(&["git+ssh://git@h.test/r.git"]).lock(&[]);
    ran.refused(MENDABLE, &["cannot fetch the repository", "Permission denied (publickey)"]);
}

#[test]
fn rule_29_a_shallow_repository_gives_what_it_has() {
    let world = World::new();
    let repository = Repository::new(&world, "whole");
    let first = repository.commit(".", &Sdist::new("a", "1.0").project(""));
    let second = repository.commit(".", &Sdist::new("a", "2.0"));
    let shallow = world.path("repositories/shallow");
    let (from, to) =
        (format!("file://{}", repository.folder.display()), shallow.display().to_string());
    repository.git(&["clone", "--quiet", "--depth", "1", &from, &to]);
    let url = format!("git+file://{to}");
    world.require(&[&url]).lock(&[]).ok();
    assert_eq!(vcs(&world)["commit-id"].as_str(), Some(second.as_str()));
    assert_eq!(world.sync(&[]).packages(), ["a==2.0"]);
    world.require(&[&format!("{url}@{first}")]).lock(&[]).refused(MENDABLE, &[&first]);
}

#[test]
fn submodules_behind_ssh_come_along() {
    let world = world_with_ssh(RUNS);
    let inner = Repository::new(&world, "inner");
    fs_err::write(inner.folder.join("word.txt"), "from the submodule").unwrap();
    inner.commit_all();
    let repository = Repository::new(&world, "a");
    let statement = "assert open('inner/word.txt').read() == 'from the submodule'";
    let source = Sdist::new("a", "1.0").doing(statement);
    source.write(&repository.folder);
    let place = inner.folder.display().to_string();
    let allow = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
    repository.git(&[&allow[..], &[&place, "inner"]].concat());
    // Named relative to the repository, so it is reached as that one is.
    let modules = "[submodule \"inner\"]\n\tpath = inner\n\turl = ../inner\n";
    fs_err::write(repository.folder.join(".gitmodules"), modules).unwrap();
    repository.commit_all();
    let url = format!("git+ssh://h.test{}", repository.folder.display());
    assert_eq!(world.require(&[&url]).sync(&[]).packages(), ["a==1.0"]);
    let asked = fs_err::read_to_string(world.path("asked")).unwrap();
    assert!(asked.contains("/inner"), "{asked}");
}

#[test]
fn a_program_of_the_repository_is_not_taken_for_git() {
    let mut world = world_with_ssh(RUNS);
    let inner = Repository::new(&world, "inner");
    fs_err::write(inner.folder.join("word.txt"), "from the submodule").unwrap();
    inner.commit_all();
    let repository = Repository::new(&world, "a");
    Sdist::new("a", "1.0").write(&repository.folder);
    let marker = world.path("ran");
    let script = format!("#!/bin/sh\necho ran >> {}\n", marker.display());
    crate::support::write_script(&repository.folder.join("git"), &script);
    let place = inner.folder.display().to_string();
    let allow = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
    repository.git(&[&allow[..], &[&place, "inner"]].concat());
    let modules = "[submodule \"inner\"]\n\tpath = inner\n\turl = ../inner\n";
    fs_err::write(repository.folder.join(".gitmodules"), modules).unwrap();
    repository.commit_all();
    // An empty part is the directory that git runs in.
    let path = format!(":{}", world.env["PATH"]);
    world.env.insert("PATH".to_owned(), path);
    let url = format!("git+ssh://h.test{}", repository.folder.display());
    assert_eq!(world.require(&[&url]).sync(&[]).packages(), ["a==1.0"]);
    assert!(!marker.exists(), "the repository's own program was run");
}

#[test]
fn other_version_control_is_told_how_to_be_used_all_the_same() {
    let check = |line: &str, words: &[&str]| {
        let world = World::new();
        let ran = world.require(&[line]).lock(&[]).refused(USAGE, words);
        assert!(!format!("{ran}").contains("s3cr3t"), "{ran}");
    };
    check("hg+https://u:s3cr3t@h.test/r@tip#egg=a", &["hg clone", "h.test/r", "./"]);
    check("svn+ssh://h.test/trunk#egg=a", &["svn checkout svn+ssh://h.test/trunk"]);
    check("bzr+lp:project", &["named by a URL"]);
    check("a @ bzr+http://h.test/branch", &["bzr branch http://h.test/branch"]);
}

#[test]
fn a_reference_that_is_no_commit_is_no_url_either() {
    let world = World::new();
    let repository = Repository::new(&world, "a");
    repository.commit(".", &Sdist::new("a", "1.0").project(""));
    for hostile in ["@--upload-pack=touch", "@main:refs/heads/x", "@a..b", "@^main"] {
        let ran = world.require(&[&repository.url(hostile)]).lock(&[]);
        assert_ne!(ran.code(), Some(0), "{hostile}: {ran}");
    }
    assert_eq!(vcs_of_main(&world, &repository).as_str(), Some("main"));
}

fn vcs_of_main(world: &World, repository: &Repository) -> Value {
    world.require(&[&repository.url("@main")]).lock(&[]).ok();
    vcs(world)["requested-revision"].clone()
}
