//! Volumes that only containers write: a sync into one does all that a sync into a directory does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use crate::remote::forward;
use crate::wheels::Wheel;
use crate::world::{SLIM, World, text};

/// A world whose engine is out of reach, with the package `alpha` 1.0.
fn away(purpose: &str) -> Option<World> {
    let mut world = World::new(purpose)?;
    world.host = forward(&world.host);
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    Some(world)
}

fn call(world: &World, name: &str, more: &[&str]) -> Output {
    let wheels = world.project().with_file_name("wheels").display().to_string();
    let common = [name, "-r", "requirements.txt", "--volume", &world.volume, "--image", SLIM];
    let links = ["--no-index", "--find-links", &wheels];
    world.pyfast(&[&common[..], &links[..], more].concat())
}

/// A sync that has to succeed; its result.
#[track_caller]
fn sync(world: &World, more: &[&str]) -> Value {
    let output = call(world, "sync", &[more, &["--json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A sync that has to fail with an error of this kind.
#[track_caller]
fn refused(world: &World, more: &[&str], kind: &str) {
    let output = call(world, "sync", &[more, &["--json"]].concat());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["kind"], kind, "{answer}");
}

fn version(report: &Value) -> &str {
    report["packages"][0]["version"].as_str().unwrap()
}

/// What the environment has as `alpha`.
fn alpha(world: &World, report: &Value) -> PathBuf {
    let environment = world.root().join("envs/v1").join(report["id"].as_str().unwrap());
    environment.join("lib/python3.11/site-packages/alpha")
}

#[test]
fn the_users_lock_is_kept_to_and_kept_up_to_date() {
    let Some(world) = away("away-own-lock") else { return };
    let locked = call(&world, "lock", &[]);
    assert!(locked.status.success(), "{}", text(&locked.stderr));
    world.package("alpha", "2.0");
    assert_eq!(version(&sync(&world, &["--locked"])), "1.0");
    world.requirements("alpha>1\n");
    refused(&world, &["--locked"], "lock-outdated");
    assert_eq!(version(&sync(&world, &["--frozen"])), "1.0");
    let lock = || fs_err::read_to_string(world.project().join("pylock.toml")).unwrap();
    assert!(lock().contains("1.0"));
    assert_eq!(version(&sync(&world, &[])), "2.0");
    assert!(lock().contains("version = \"2.0\""), "{}", lock());
    assert_eq!(version(&sync(&world, &["--locked"])), "2.0");
}

#[test]
fn versions_of_the_last_sync_are_kept_until_they_are_to_be_upgraded() {
    let Some(world) = away("away-kept") else { return };
    refused(&world, &["--frozen"], "lock");
    assert_eq!(version(&sync(&world, &[])), "1.0");
    world.package("alpha", "2.0");
    world.requirements("alpha\n# another day\n");
    assert_eq!(version(&sync(&world, &[])), "1.0");
    assert_eq!(version(&sync(&world, &["--frozen"])), "1.0");
    assert_eq!(version(&sync(&world, &["--upgrade"])), "2.0");
}

#[test]
fn a_sync_with_nothing_to_do_changes_nothing() {
    let Some(world) = away("away-noop") else { return };
    let first = sync(&world, &[]);
    let second = sync(&world, &[]);
    assert_eq!((&second["id"], &second["changed"]), (&first["id"], &Value::from(false)));
    // Which way it was made does not show in an environment.
    let mut near = world;
    near.host.clone_from(&near.client_host);
    let third = sync(&near, &[]);
    assert_eq!((&third["id"], &third["changed"]), (&first["id"], &Value::from(false)));
}

#[test]
fn a_dry_run_says_what_a_sync_does_and_does_nothing() {
    let Some(world) = away("away-dry") else { return };
    sync(&world, &[]);
    world.package("beta", "1.0");
    world.requirements("alpha\nbeta\n");
    let before = world.current();
    let output = call(&world, "sync", &["--dry-run"]);
    let plan = text(&output.stdout);
    for line in ["fetch beta-1.0-py3-none-any.whl", "compose the environment", "keep alpha 1.0"] {
        assert!(plan.contains(line), "no `{line}` in {plan}{}", text(&output.stderr));
    }
    assert_eq!(world.current(), before);
    let report = sync(&world, &[]);
    assert!(plan.contains(&format!("activate {}", report["id"].as_str().unwrap())), "{plan}");
}

#[test]
fn how_files_come_in_is_the_users_choice() {
    let Some(world) = away("away-links") else { return };
    let tree = sync(&world, &[]);
    assert!(fs_err::symlink_metadata(alpha(&world, &tree)).unwrap().is_symlink());
    let copies = sync(&world, &["--link-mode", "copy"]);
    assert!(fs_err::symlink_metadata(alpha(&world, &copies)).unwrap().is_dir());
    let real = "[link]\nreal = [\"alpha\"]\n";
    fs_err::write(world.project().join("pyfast.toml"), real).unwrap();
    let real = sync(&world, &[]);
    assert!(fs_err::symlink_metadata(alpha(&world, &real)).unwrap().is_dir());
}

#[test]
fn damage_is_found_and_healed() {
    let Some(world) = away("away-heal") else { return };
    let report = sync(&world, &[]);
    let file = fs_err::canonicalize(alpha(&world, &report).join("late.py")).unwrap();
    fs_err::write(&file, "VERSION = 'altered'\n").unwrap();
    let output = call(&world, "sync", &["--verify"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("was altered"), "{}", text(&output.stderr));
    let printed = world.printed(&["python", "-c", "import alpha.late; print(alpha.late.VERSION)"]);
    assert_eq!(printed, "1.0\n");
}

/// An index that says of `alpha` less than its wheel does; gives its URL.
fn lying_index(world: &World) -> String {
    let wheels = world.project().with_file_name("wheels");
    Wheel {
        name: "alpha",
        version: "3.0",
        requires: &["beta"],
        files: &[("alpha/__init__.py", "")],
        scripts: &[],
    }
    .write(&wheels);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let _ = reader.read_line(&mut request);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let path = request.split(' ').nth(1).unwrap_or_default();
            let name = "alpha-3.0-py3-none-any.whl";
            let wheel = fs_err::read(wheels.join(name)).unwrap();
            let (kind, body) = match path {
                "/simple/alpha/" => (
                    "text/html",
                    format!("<a href=\"/{name}\" data-core-metadata=\"true\">{name}</a>")
                        .into_bytes(),
                ),
                path if path.ends_with(".metadata") => {
                    let text = "Metadata-Version: 2.1\nName: alpha\nVersion: 3.0\n";
                    ("text/plain", text.as_bytes().to_vec())
                }
                path if path == format!("/{name}") => ("application/zip", wheel),
                _ => ("text/html", Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    format!("http://{address}/simple/")
}

#[test]
fn metadata_that_hides_a_requirement_is_refused() {
    let Some(world) = away("away-claims") else { return };
    let first = sync(&world, &[]);
    let index = lying_index(&world);
    world.requirements("alpha==3.0\n");
    let arguments = ["sync", "-r", "requirements.txt", "--volume", &world.volume, "--image", SLIM];
    let output = world.pyfast(&[&arguments[..], &["--index-url", &index, "--json"]].concat());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["kind"], "bad-wheel", "{answer}{}", text(&output.stderr));
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("is not the wheel's own METADATA"), "{message}");
    assert!(world.current().ends_with(first["id"].as_str().unwrap()), "nothing was activated");
}

#[test]
fn packages_are_added_and_removed_and_what_fails_changes_nothing() {
    let Some(world) = away("away-edit") else { return };
    world.package("beta", "1.0");
    sync(&world, &[]);
    let file = || fs_err::read_to_string(world.project().join("requirements.txt")).unwrap();
    let edit = |name: &str, more: &[&str]| -> Value {
        let output = call(&world, name, &[more, &["--json"]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let names = |report: &Value| -> Vec<String> {
        let packages = report["packages"].as_array().unwrap().iter();
        packages.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&edit("add", &["beta"])), ["alpha", "beta"]);
    assert_eq!(file(), "alpha\nbeta>=1.0\n");
    let before = world.current();
    let output = call(&world, "add", &["gamma"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert_eq!((file().as_str(), world.current()), ("alpha\nbeta>=1.0\n", before));
    assert_eq!(names(&edit("remove", &["beta"])), ["alpha"]);
    assert_eq!(file(), "alpha\n");
}

#[test]
fn a_whole_volume_goes_with_the_container_that_keeps_it_unless_somebody_uses_it() {
    let Some(world) = away("away-gone") else { return };
    sync(&world, &[]);
    let there = || {
        let name = format!("name=^{}$", world.volume);
        let list = ["volume", "ls", "-q", "--filter", &name];
        text(&world.docker(&list).stdout).trim().to_owned()
    };
    let remove = || world.pyfast(&["env", "rm", "--all", "--volume", &world.volume]);
    let mount = format!("{}:/pyfast:ro", world.volume);
    let user = ["run", "-d", "-v", &mount, SLIM, "python", "-c", "import time; time.sleep(600)"];
    let user = text(&world.docker(&user).stdout).trim().to_owned();
    let refused = remove();
    let running = there();
    world.docker(&["rm", "-f", &user]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
    assert_eq!(running, world.volume, "it is in use");
    let done = remove();
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains(&format!("the volume {}", world.volume)));
    assert_eq!((there(), world.containers()), (String::new(), String::new()));
    let again = remove();
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert!(text(&again.stderr).contains("nothing to remove"));
}
