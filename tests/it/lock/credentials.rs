//! Credentials that stand in no URL: the program `keyring`, and stored logins.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{check, check_with};
use crate::support::index::{ALWAYS, Fault, Index};
use crate::support::page::File;
use crate::support::ran::{MENDABLE, Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;
use crate::support::write_script;

/// A world whose index wants credentials that nobody gave, with `a`, which needs `b`.
fn private_world() -> World {
    let world = World::new();
    lock_up(&world.index, "s3cr3t");
    world.index.add(&Wheel::new("a", "1.0").requires("b")).add(&Wheel::new("b", "1.0"));
    world
}

fn lock_up(index: &Index, password: &str) {
    let secret = ("user".to_owned(), password.to_owned());
    index.set(|options| options.credentials = Some(secret));
}

/// Puts a program `keyring` first on the search path. It writes down how it was called, and does `body`.
fn keyring(world: &mut World, body: &str) {
    let bin = world.path("bin");
    fs_err::create_dir_all(&bin).unwrap();
    let log = world.path("keyring.log");
    let text = format!("#!/bin/sh\necho \"$*\" >> '{}'\n{body}\n", log.display());
    write_script(&bin.join("keyring"), &text);
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    world.env.insert("PATH".to_owned(), path);
}

/// How the keyring was called.
fn asked(world: &World) -> Vec<String> {
    let log = fs_err::read_to_string(world.path("keyring.log")).unwrap_or_default();
    log.lines().map(str::to_owned).collect()
}

const BOTH: &str = "echo user; echo s3cr3t; echo noise >&2";

#[test]
fn keyring_is_asked_once_after_a_refusal() {
    let mut world = private_world();
    keyring(&mut world, BOTH);
    let ran = world.require(&["a"]).lock(&["-v"]).ok();
    assert_eq!(world.lock_packages(), ["a==1.0", "b==1.0"]);
    assert_eq!(asked(&world), [format!("--mode creds get {}", world.index.url())]);
    assert!(!ran.stderr.contains("s3cr3t") && !ran.stderr.contains("noise"), "{ran}");
    assert!(!world.read("pylock.toml").contains("s3cr3t"));
}

#[test]
fn whole_sync_asks_the_keyring_once() {
    let mut world = private_world();
    keyring(&mut world, BOTH);
    assert_eq!(world.require(&["a"]).sync(&[]).packages(), ["a==1.0", "b==1.0"]);
    assert_eq!(asked(&world).len(), 1);
}

#[test]
fn keyring_is_left_alone_where_nothing_is_refused() {
    let mut world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    keyring(&mut world, BOTH);
    check_with(&world, &["a"], &["--keyring-provider", "subprocess"], &["a==1.0"]);
    assert!(asked(&world).is_empty());
}

#[test]
fn keyring_is_asked_for_the_host_when_it_does_not_know_the_index() {
    let mut world = private_world();
    keyring(&mut world, "case $4 in */*) exit 1;; *) echo user; echo s3cr3t;; esac");
    check(&world, &["a"], &["a==1.0", "b==1.0"]);
    let host = format!("--mode creds get 127.0.0.1:{}", world.index.port());
    assert_eq!(asked(&world), [format!("--mode creds get {}", world.index.url()), host]);
}

#[test]
fn password_of_a_named_user_is_asked_before_anything_is_sent() {
    for provider in ["PYFAST_KEYRING_PROVIDER", "UV_KEYRING_PROVIDER", "PIP_KEYRING_PROVIDER"] {
        let mut world = private_world();
        keyring(&mut world, "echo s3cr3t");
        world.env.insert(provider.to_owned(), "subprocess".to_owned());
        let url = world.index.url().replace("http://", "http://user@");
        world.index_flags = vec!["--index-url".to_owned(), url];
        check(&world, &["a"], &["a==1.0", "b==1.0"]);
        assert_eq!(asked(&world), [format!("get {} user", world.index.url())]);
        assert!(world.index.seen().iter().all(|seen| seen.status != 401));
    }
}

#[test]
fn keyring_that_is_disabled_is_not_asked() {
    let mut world = private_world();
    keyring(&mut world, BOTH);
    let args = ["--keyring-provider", "disabled"];
    world.require(&["a"]).lock(&args).refused(MENDABLE, &["401", "keyring"]);
    world.env.insert("UV_KEYRING_PROVIDER".to_owned(), "disabled".to_owned());
    world.lock(&[]).refused(MENDABLE, &["401"]);
    assert!(asked(&world).is_empty());
}

#[test]
fn keyring_that_knows_nothing_leaves_the_refusal() {
    for body in ["exit 1", "echo", "echo user", "kill -9 $$"] {
        let mut world = private_world();
        keyring(&mut world, body);
        world.require(&["a"]).lock(&[]).refused(MENDABLE, &["401"]);
    }
}

#[test]
fn wrong_password_of_a_keyring_is_shown_nowhere() {
    let mut world = private_world();
    keyring(&mut world, "echo user; echo wr0ng");
    let ran = world.require(&["a"]).lock(&["-v"]).refused(MENDABLE, &["401"]);
    assert!(!ran.stderr.contains("wr0ng") && !ran.stdout.contains("wr0ng"), "{ran}");
}

#[test]
fn keyring_cannot_ask_back() {
    let mut world = private_world();
    keyring(&mut world, "read answer || exit 3; echo user; echo s3cr3t");
    world.require(&["a"]).lock(&[]).refused(MENDABLE, &["401"]);
}

#[test]
fn keyring_that_waits_for_the_terminal_is_given_up() {
    let mut world = private_world();
    keyring(&mut world, "read answer < /dev/tty; echo user; echo s3cr3t");
    world.require(&["a"]);
    let terminal = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
    let command = world.command(&["lock", "-r", "requirements.txt"]);
    let mut within = Command::new(&world.python);
    within.args(["-c", terminal]).arg(command.get_program()).args(command.get_args());
    within.current_dir(&world.project).env_clear().envs(&world.env).stdin(Stdio::null());
    let begun = Instant::now();
    let ran = Ran::of(within);
    assert_eq!(ran.code(), Some(1), "{ran}");
    assert!(ran.stdout.contains("401"), "{ran}");
    // It was asked for the index and for the host, which takes a minute where it is waited for.
    assert_eq!(asked(&world).len(), 2);
    assert!(begun.elapsed() < Duration::from_secs(55), "{ran}");
}

#[test]
fn missing_keyring_is_told_to_who_wants_it() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    let ran = world.require(&["a"]).lock(&["--keyring-provider", "subprocess"]).ok();
    assert!(ran.stderr.contains("`keyring`"), "{ran}");
    let ran = world.lock(&[]).ok();
    assert!(!ran.stderr.contains("keyring"), "{ran}");
}

#[test]
fn unknown_provider_is_refused() {
    let mut world = World::new();
    world.env.insert("PIP_KEYRING_PROVIDER".to_owned(), "magic".to_owned());
    world.require(&["a"]).lock(&[]).refused(USAGE, &["PIP_KEYRING_PROVIDER", "magic"]);
}

#[test]
fn stored_login_is_used() {
    let login = |service: &str| {
        format!(
            "[[credential]]\nservice = \"{service}\"\nusername = \"user\"\nscheme = \"basic\"\npassword = \"s3cr3t\"\n"
        )
    };
    for (key, file) in [
        ("UV_CREDENTIALS_DIR", "credentials.toml"),
        ("XDG_DATA_HOME", "uv/credentials/credentials.toml"),
    ] {
        let mut world = private_world();
        let folder = world.path("logins");
        let service = world.index.url().replace("simple/", "");
        let path = folder.join(file);
        fs_err::create_dir_all(path.parent().expect("a file has a parent")).unwrap();
        fs_err::write(path, login("http://127.0.0.1:1/") + &login(&service)).unwrap();
        world.require(&["a"]).lock(&[]).refused(MENDABLE, &["401"]);
        world.env.insert(key.to_owned(), folder.display().to_string());
        check(&world, &["a"], &["a==1.0", "b==1.0"]);
    }
}

#[test]
fn secrets_of_two_indexes_stay_apart() {
    let mut world = private_world();
    let other = Index::start();
    lock_up(&other, "0ther");
    let wheel = Wheel::new("f", "1.0").build();
    other.add(&Wheel::new("f", "1.0")).add(&Wheel::new("g", "1.0"));
    world.index.publish(File::new(wheel.clone()).at(&other.file_url(&wheel.filename)));
    world.index.fail("/simple/g/", Fault::Redirect(other.url() + "g/"), ALWAYS);
    // A page that redirects, and a file that lies elsewhere: who is there gets what is theirs.
    let cases = format!(
        "case $4 in *:{}*) echo user; echo s3cr3t;; *:{}*) echo user; echo 0ther;; esac",
        world.index.port(),
        other.port()
    );
    keyring(&mut world, &cases);
    world.require(&["f", "g"]).sync(&[]);
    for (index, foreign) in [(&world.index, "0ther"), (&other, "s3cr3t")] {
        let seen = index.seen();
        assert!(seen.iter().any(|seen| seen.status == 200));
        for one in seen {
            let sent = one.request.header("authorization").unwrap_or_default();
            assert_ne!(sent, basic(foreign), "{}", one.request.path);
        }
    }
}

fn basic(password: &str) -> String {
    let encoded = crate::support::wheel::base64_url(format!("user:{password}").as_bytes());
    format!("Basic {}", encoded.replace('-', "+").replace('_', "/"))
}

#[test]
fn secret_of_a_keyring_is_not_sent_to_another_port() {
    let mut world = private_world();
    let foreign = Index::start();
    let wheel = Wheel::new("f", "1.0").build();
    foreign.add(&Wheel::new("f", "1.0"));
    world.index.publish(File::new(wheel.clone()).at(&foreign.file_url(&wheel.filename)));
    keyring(&mut world, BOTH);
    world.require(&["f"]).sync(&[]);
    let seen = foreign.seen();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|seen| seen.request.header("authorization").is_none()));
}
