//! Engines and interpreters: reached, asked, missing, interrupted.

use std::time::Duration;

use pyfast_launcher::engine::{Docker, Engine as _, Host};
use pyfast_launcher::volume::{probe, remove_leftovers};
use pyfast_launcher::{Error, Unreachable};

use crate::world::{NONE, SLIM, docker, engine, host, request};

#[tokio::test]
async fn the_interpreter_of_an_image_answers() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let script =
        "import sys, json; print(json.dumps(list(sys.version_info[:2]) + [sys.flags.isolated]))";
    let answer = probe(&engine, &request(SLIM, script)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "[3, 11, 1]");
    assert_eq!(answer.executable, "python3");
    assert!(answer.image.id.starts_with("sha256:"));
    assert_eq!((answer.image.os.as_str(), answer.image.architecture.as_str()), ("linux", "amd64"));
    assert!(answer.image.path_env.contains("/usr/bin"));
    assert_eq!(answer.image.cmd, ["python3"]);
}

#[tokio::test]
async fn much_output_and_a_failing_script_come_through() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let answer = probe(&engine, &request(SLIM, "print('x' * 3_000_000)")).await.unwrap();
    assert_eq!(answer.stdout.len(), 3_000_001);
    let error = probe(&engine, &request(SLIM, "raise SystemExit('not today')")).await.unwrap_err();
    assert!(
        matches!(&error, Error::ProbeFailed { code: 1, stderr, .. } if stderr == "not today"),
        "{error}"
    );
}

#[tokio::test]
async fn images_without_python_and_missing_images_are_told_apart() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let error = probe(&engine, &request(NONE, "print(1)")).await.unwrap_err();
    assert!(matches!(error, Error::NoPython { .. }), "{error}");
    let error =
        probe(&engine, &request("pyfast-test/no-such-image:1", "print(1)")).await.unwrap_err();
    assert!(matches!(error, Error::ImageMissing { .. }), "{error}");
}

#[tokio::test]
async fn an_interrupted_probe_leaves_no_container() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let script = "import time; time.sleep(600)  # interrupted";
    let interrupted =
        tokio::time::timeout(Duration::from_secs(2), probe(&engine, &request(SLIM, script))).await;
    assert!(interrupted.is_err());
    let listed = docker(&host, &["ps", "-a", "--no-trunc", "--format", "{{.Command}}"]);
    assert!(!String::from_utf8_lossy(&listed.stdout).contains("# interrupted"));
}

#[tokio::test]
async fn an_engine_that_is_down_says_why() {
    let connect = |host: Host| async { Docker::connect(host).await.map(|_| ()).unwrap_err() };
    let dir = tempfile::tempdir().unwrap();
    let gone = connect(Host::Unix(dir.path().join("gone.sock"))).await;
    assert!(
        matches!(&gone, Error::EngineUnreachable { reason: Unreachable::SocketMissing, .. }),
        "{gone}"
    );
    let path = dir.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let dead = connect(Host::Unix(path)).await;
    assert!(
        matches!(&dead, Error::EngineUnreachable { reason: Unreachable::Refused, .. }),
        "{dead}"
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let refused = connect(Host::Tcp(address)).await;
    assert!(
        matches!(&refused, Error::EngineUnreachable { reason: Unreachable::Refused, .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn leftovers_of_killed_processes_are_found_by_their_label() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let label = ["create", "--label", "io.pyfast.scratch=1", "--network", "none", SLIM, "true"];
    let id = String::from_utf8(docker(&host, &label).stdout).unwrap().trim().to_owned();
    let now = std::time::SystemTime::now();
    let exists = || docker(&host, &["container", "inspect", &id]).status.success();
    remove_leftovers(&engine, now).await.unwrap();
    assert!(exists(), "another process may still be at it");
    // Other tests' containers are left alone: theirs are gone or running by then, or removed twice without harm.
    let found = engine.scratch_containers().await.unwrap();
    let ours = found.iter().find(|container| container.id == id).unwrap();
    assert!(!ours.running);
    assert_eq!(ours.owner, "1");
    assert!(now.duration_since(ours.created).unwrap_or_default() < Duration::from_mins(1));
    docker(&host, &["rm", "-f", &id]);
    assert!(!exists());
}
