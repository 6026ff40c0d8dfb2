//! Clones of repositories in the cache, and the passwords that open repositories.

use std::path::PathBuf;

use super::private::cached;
use crate::support::ran::MENDABLE;
use crate::support::repository::{Repository, Served};
use crate::support::source::Sdist;
use crate::support::world::World;
use crate::support::write_script;

const PASSWORD: &str = "w0rd-0f-the-clones";

/// A repository with the source of `a`, which states nothing and so is built.
fn repository(world: &World) -> Repository {
    let repository = Repository::new(world, "a");
    repository.commit(".", &Sdist::new("a", "1.0"));
    repository
}

fn served(world: &World, repository: &Repository) -> Served {
    Served::new(world, repository, &format!("user:{PASSWORD}"))
}

fn line(served: &Served, path: &str) -> String {
    format!("git+http://user:{PASSWORD}@127.0.0.1:{}/{path}#egg=a", served.port)
}

/// Requests that brought a secret, and those that brought none.
fn requests(served: &Served) -> (Vec<String>, Vec<String>) {
    let (secret, rest): (Vec<_>, Vec<_>) =
        served.log().into_iter().partition(|line| line.starts_with("secret "));
    (secret, rest.into_iter().filter(|line| line.starts_with("nothing ")).collect())
}

#[test]
fn the_password_of_a_repository_is_an_argument_of_no_process() {
    let world = World::new();
    let served = served(&world, &repository(&world));
    let ran = world.require(&[&line(&served, "r.git")]).lock(&[]).ok();
    assert!(!format!("{ran}").contains(PASSWORD), "{ran}");
    assert!(!requests(&served).0.is_empty(), "it was asked for");
    let shown: Vec<_> = served.log().into_iter().filter(|l| l.starts_with("argument ")).collect();
    assert_eq!(shown, Vec::<String>::new());
}

#[test]
fn settings_of_git_in_the_environment_still_count() {
    let mut world = World::new();
    let served = served(&world, &repository(&world));
    let place = format!("http://127.0.0.1:{}/", served.port);
    for (name, value) in [
        ("GIT_CONFIG_COUNT", "1".to_owned()),
        ("GIT_CONFIG_KEY_0", format!("url.{place}.insteadOf")),
        ("GIT_CONFIG_VALUE_0", "http://renamed.test/".to_owned()),
    ] {
        world.env.insert(name.to_owned(), value);
    }
    // The password is the other host's: the setting leads to this one, which is given none.
    let line = format!("git+http://user:{PASSWORD}@renamed.test/r.git#egg=a");
    let reason = format!("could not read Username for '{}", place.trim_end_matches('/'));
    world.require(&[&line]).lock(&[]).refused(MENDABLE, &[&reason]);
    assert_eq!(requests(&served).0, Vec::<String>::new());
}

#[test]
fn a_redirect_takes_the_password_of_a_repository_nowhere_else() {
    let world = World::new();
    let repository = repository(&world);
    let (first, other) = (served(&world, &repository), Served::new(&world, &repository, ""));
    let led = |way: &str| line(&first, &format!("{way}/{}/r.git", other.port));
    // Led away before it was asked, git stays there for all that follows.
    world.require(&[&led("open")]).lock(&[]).ok();
    // Led away afterwards, it comes back for what follows, and goes no further.
    let ran = world.require(&[&led("moved")]).lock(&["--upgrade"]);
    ran.refused(MENDABLE, &["cannot fetch the repository"]);
    assert!(!requests(&first).0.is_empty(), "it asked for the password");
    let (secret, nothing) = requests(&other);
    assert_eq!(secret, Vec::<String>::new());
    assert!(nothing.iter().any(|line| line.contains("/r.git/objects/")), "{nothing:?}");
}

#[test]
fn submodules_get_the_password_of_their_own_origin_alone() {
    let world = World::new();
    let inner = Repository::new(&world, "inner");
    fs_err::write(inner.folder.join("word.txt"), "inside").unwrap();
    inner.commit_all();
    let repository = repository(&world);
    let (ours, other) = (served(&world, &inner), Served::new(&world, &inner, ""));
    let statement = "assert open('one/word.txt').read() == open('two/word.txt').read() == 'inside'";
    Sdist::new("a", "1.0").doing(statement).write(&repository.folder);
    for (name, port) in [("one", ours.port), ("two", other.port)] {
        let place = inner.folder.display().to_string();
        let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &place, name];
        repository.git(&add);
        let key = format!("submodule.{name}.url");
        let url = format!("http://127.0.0.1:{port}/r.git");
        repository.git(&["config", "--file", ".gitmodules", &key, &url]);
    }
    repository.commit_all();
    ours.add("a.git", &repository);
    assert_eq!(world.require(&[&line(&ours, "a.git")]).sync(&[]).packages(), ["a==1.0"]);
    assert!(requests(&ours).0.iter().any(|line| line.contains("/r.git/")));
    let (secret, nothing) = requests(&other);
    assert_eq!((secret, nothing.is_empty()), (Vec::new(), false));
}

/// The one clone of the cache.
fn clone(world: &World) -> PathBuf {
    let clones = fs_err::read_dir(cached(world, "git-1")).unwrap();
    let mut clones = clones.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    clones.next().expect("there is a clone")
}

/// A planted file of a clone, and a program that it names; both are gone through by lock and sync.
#[track_caller]
fn check_planted(name: &str, text: &str) {
    let world = World::new();
    let repository = repository(&world);
    world.require(&[&repository.url("")]).lock(&[]).ok();
    let evil = world.path("evil");
    write_script(&evil, &format!("#!/bin/sh\ntouch {}\n", world.path("ran").display()));
    let clone = clone(&world);
    let planted = text
        .replace("[EVIL]", &evil.display().to_string())
        .replace("[DIR]", &world.path("planted").display().to_string());
    fs_err::create_dir_all(world.path("planted/objects")).unwrap();
    let settings = format!("[core]\n\tfsmonitor = {0}\n\tsshCommand = {0}\n", evil.display());
    fs_err::write(world.path("planted/config"), settings).unwrap();
    let file = clone.join(name);
    fs_err::create_dir_all(file.parent().expect("a file has a parent")).unwrap();
    fs_err::write(&file, planted).unwrap();
    repository.commit(".", &Sdist::new("a", "2.0"));
    world.lock(&["--upgrade"]).ok();
    assert_eq!(world.sync(&[]).packages(), ["a==2.0"]);
    assert!(!world.path("ran").exists(), "{name} named a program, and it ran");
    let left = fs_err::read_to_string(&file).unwrap_or_default();
    assert!(!left.contains("evil") && !left.contains("planted"), "{name}: {left}");
}

#[test]
fn a_planted_clone_runs_no_program() {
    let upload = "[core]\n\tbare = true\n\tfsmonitor = [EVIL]\n\talternateRefsCommand = [EVIL]\n\
                  [url \"ext::[EVIL] \"]\n\tinsteadOf = file://\n[protocol]\n\tallow = always\n";
    check_planted("config", upload);
    check_planted("config", "[core]\n\tbare = true\n[include]\n\tpath = [DIR]/config\n");
    check_planted("config.worktree", "[core]\n\tsshCommand = [EVIL]\n");
    check_planted("commondir", "[DIR]\n");
    check_planted("objects/info/alternates", "[DIR]/objects\n");
    check_planted("hooks/reference-transaction", "#!/bin/sh\n[EVIL]\n");
    check_planted("info/attributes", "* filter=evil\n");
}

#[test]
fn a_planted_fifo_is_not_waited_for() {
    let world = World::new();
    let repository = repository(&world);
    world.require(&[&repository.url("")]).lock(&[]).ok();
    let clone = clone(&world);
    let lock = clone.with_extension("lock");
    fs_err::remove_file(&lock).unwrap();
    for place in [clone.join("HEAD"), clone.join("refs/heads/x"), lock] {
        let _ = fs_err::remove_file(&place);
        let mut command = std::process::Command::new("mkfifo");
        crate::support::python::check(command.arg(&place));
    }
    let shown = clone.with_extension("lock").display().to_string();
    let ran = world.lock(&["--upgrade"]).refused(MENDABLE, &[&shown, "no regular file"]);
    assert!(!ran.stderr.contains("ls-remote"), "{ran}");
    fs_err::remove_file(clone.with_extension("lock")).unwrap();
    world.lock(&["--upgrade"]).ok();
}
