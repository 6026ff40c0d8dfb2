//! `pyfast doctor` beside an engine: what it says of the engine, images, volumes and registries, and that nothing of
//! what it tries stays.

use serde_json::Value;

use crate::remote::forward;
use crate::world::{NONE, SLIM, World, text};

/// Runs `doctor --json`, which must end with this code, and gives its checks.
#[track_caller]
fn checks(world: &World, arguments: &[&str], code: i32) -> Value {
    let links = ["doctor", "--json", "--no-index", "--find-links", "."];
    let output = world.pyfast(&[&links[..], arguments].concat());
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    serde_json::from_str::<Value>(&out).unwrap()["checks"].clone()
}

/// There is one check of this name, with this status; its message.
#[track_caller]
fn expect(checks: &Value, name: &str, status: &str) -> String {
    let mut found = checks.as_array().unwrap().iter().filter(|check| check["check"] == name);
    let (Some(check), None) = (found.next(), found.next()) else {
        panic!("not one {name} in {checks:#}")
    };
    assert_eq!(check["status"], status, "{check:#}");
    check["message"].as_str().unwrap().to_owned()
}

fn volumes(world: &World) -> String {
    text(
        &world
            .docker(&["volume", "ls", "-q", "--filter", &format!("name={}", world.volume)])
            .stdout,
    )
}

#[test]
fn an_engine_is_told_with_its_version_and_a_volume_is_not_created() {
    let Some(world) = World::new("doctor-new") else { return };
    world.requirements("");
    let checks = checks(&world, &["--volume", &world.volume, "--image", SLIM], 0);
    let engine = expect(&checks, "engine", "ok");
    let version = text(&world.docker(&["version", "--format", "{{.Server.Version}}"]).stdout);
    assert!(engine.contains(version.trim()) && engine.contains("DOCKER_HOST"), "{engine}");
    expect(&checks, "program", "ok");
    let python = expect(&checks, "interpreter", "ok");
    assert!(python.contains("Python 3.11") && python.contains(SLIM), "{python}");
    let volume = expect(&checks, "volume", "ok");
    assert!(volume.contains("does not exist yet"), "{volume}");
    assert_eq!(volumes(&world), "");
}

#[test]
fn a_volume_is_told_with_how_it_is_written() {
    let Some(mut world) = World::new("doctor-volume") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    let before = listing(&world);
    let arguments = ["--volume", &world.volume.clone(), "--image", SLIM];
    if world.is_near() {
        let near = checks(&world, &arguments, 0);
        let volume = expect(&near, "volume", "ok");
        let root = world.root().display().to_string();
        assert!(volume.contains("directly") && volume.contains(&root), "{volume}");
        expect(&near, "root", "ok");
        assert_eq!(listing(&world), before, "what was tried is gone");
    }
    world.host = forward(&world.host);
    let far = expect(&checks(&world, &arguments, 0), "volume", "ok");
    assert!(far.contains("helper containers"), "{far}");
    assert_eq!(world.containers(), "");
}

/// What lies in the volume's root.
fn listing(world: &World) -> Vec<std::ffi::OsString> {
    let entries = fs_err::read_dir(world.root()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_volume_of_something_else_and_an_image_without_python_are_1() {
    let Some(mut world) = World::new("doctor-foreign") else { return };
    world.requirements("");
    world.docker(&["volume", "create", &world.volume]);
    fs_err::write(world.root().join("PG_VERSION"), "15").unwrap();
    let found = checks(&world, &["--volume", &world.volume, "--image", NONE], 1);
    let volume = expect(&found, "volume", "fail");
    assert!(volume.contains(&world.volume), "{volume}");
    let python = expect(&found, "interpreter", "fail");
    assert!(python.contains(NONE), "{python}");
    // Where only a container can look, it does.
    world.host = forward(&world.host);
    let far = checks(&world, &["--volume", &world.volume, "--image", SLIM], 1);
    assert_eq!(expect(&far, "volume", "fail"), volume);
    let unseen = checks(&world, &["--volume", &world.volume, "--image", "pyfast-test/gone"], 0);
    expect(&unseen, "volume", "skipped");
    assert_eq!(world.containers(), "");
    assert_eq!(fs_err::read_dir(world.root()).unwrap().count(), 1);
}

#[test]
fn registries_of_absent_images_are_told_with_whether_there_is_a_login() {
    let Some(world) = World::new("doctor-registry") else { return };
    world.requirements("");
    let compose = "services:\n  a:\n    image: registry.test/app:1\n  b:\n    image: other.test/b\n  c:\n    image: pyfast-test/slim:bookworm\n";
    fs_err::write(world.project().join("compose.yaml"), compose).unwrap();
    let config = world.project().with_file_name("home").join(".docker");
    fs_err::create_dir(&config).unwrap();
    // `me:s3cr3t` in base64.
    let auths = r#"{"auths":{"registry.test":{"auth":"bWU6czNjcjN0"}}}"#;
    fs_err::write(config.join("config.json"), auths).unwrap();
    let checks = checks(&world, &["--image", SLIM], 0);
    let all = checks.as_array().unwrap().iter().filter(|check| check["check"] == "registry");
    let told: Vec<_> = all.map(|check| check["message"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        [
            "other.test: no login, to pull other.test/b",
            "registry.test: a login is there, to pull registry.test/app:1"
        ]
    );
    assert!(!checks.to_string().contains("s3cr3t"));
}

/// `ssh` stands for a program that lets the other machine's client join its pipes with the engine, which is this
/// machine's.
#[test]
fn an_engine_behind_ssh_is_reached_by_the_ssh_of_path() {
    let Some(mut world) = World::new("doctor-ssh") else { return };
    world.requirements("");
    let bin = world.project().with_file_name("bin");
    fs_err::create_dir(&bin).unwrap();
    let calls = bin.join("calls");
    let script = format!(
        "#!/bin/sh\nprintf '%s ' \"$@\" >> {}\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\nDOCKER_HOST={} exec \"$@\"\n",
        calls.display(),
        world.host
    );
    // Written by a child: a descriptor of this process could be inherited by another test's child meanwhile.
    let mut write = std::process::Command::new("/bin/sh");
    write
        .args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""])
        .arg(bin.join("ssh"))
        .arg(script);
    assert!(write.status().unwrap().success());
    let mut path = bin.into_os_string();
    path.push(":");
    path.push(&world.path);
    world.path = path;
    world.host = "ssh://me@far.test:2222".to_owned();
    let checks = checks(&world, &["--volume", &world.volume, "--image", SLIM], 0);
    let engine = expect(&checks, "engine", "ok");
    assert!(engine.starts_with("ssh://****@far.test:2222 (DOCKER_HOST): version "), "{engine}");
    // A container's whole life goes that way: created, attached to, started, waited for, removed.
    let python = expect(&checks, "interpreter", "ok");
    assert!(python.contains("Python 3.11"), "{python}");
    let said = fs_err::read_to_string(calls).unwrap();
    assert!(said.contains("-p 2222 -- me@far.test docker system dial-stdio"), "{said}");
}

#[test]
fn an_engine_of_the_current_context_is_told_with_its_name() {
    let Some(mut world) = World::new("doctor-context") else { return };
    world.requirements("");
    let config = world.project().with_file_name("home").join(".docker");
    fs_err::create_dir(&config).unwrap();
    let create = ["context", "create", "near", "--docker", &format!("host={}", world.host)];
    for arguments in [&create[..], &["context", "use", "near"]] {
        let mut client = std::process::Command::new("docker");
        client.args(arguments).env("DOCKER_CONFIG", &config).env_remove("DOCKER_HOST");
        let output = client.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let host = std::mem::take(&mut world.host);
    let engine = expect(&checks(&world, &["--image", SLIM], 0), "engine", "ok");
    assert!(engine.starts_with(&format!("{host} (the current context `near`): ")), "{engine}");
}
