//! The crate against a real engine: probe, volume, injection, helper, entrypoint. Needs `PYFAST_TEST_DOCKER_HOST` and
//! the images of `docker/slim-base.sh`; without the variable the tests say that they were skipped, and fail when
//! `PYFAST_REQUIRE_DOCKER=1`.
#![expect(clippy::unwrap_used, reason = "a test's panic names what is wrong, in its helpers too")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use pyfast_launcher::{
    Access, Binary, Docker, Engine as _, Error, HelperFile, HelperRun, Host, INTERPRETERS,
    ProbeRequest, StoreVolume, Unreachable, inject, open_volume, probe, remove_leftovers,
    run_helper,
};
use rustix::fs::FlockOperation;

const SLIM: &str = "pyfast-test/slim:bookworm";
const NONE: &str = "pyfast-test/none:latest";
const PROGRAM: &str = env!("CARGO_BIN_EXE_launcher-under-test");

/// The engine's address, or `None` after having said so.
#[expect(clippy::disallowed_methods, reason = "the tests' own switch")]
fn host() -> Option<String> {
    let host = std::env::var("PYFAST_TEST_DOCKER_HOST").ok().filter(|host| !host.is_empty());
    if host.is_none() {
        let required = std::env::var("PYFAST_REQUIRE_DOCKER").is_ok_and(|value| value == "1");
        assert!(!required, "PYFAST_REQUIRE_DOCKER=1, but PYFAST_TEST_DOCKER_HOST names no engine");
        // Not by a macro, whose text the test runner keeps to itself when the test passes.
        let text =
            "SKIPPED for want of an engine: set PYFAST_TEST_DOCKER_HOST (see docker/engine.sh)
";
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
    host
}

async fn engine(host: &str) -> Docker {
    Docker::connect(Host::parse(host).unwrap()).await.unwrap()
}

fn docker(host: &str, arguments: &[&str]) -> Output {
    Command::new("docker").env("DOCKER_HOST", host).args(arguments).output().unwrap()
}

/// A name that no other test uses, and the removal of its volume at the end.
struct Named {
    host: String,
    volume: String,
}

impl Named {
    fn new(host: &str, purpose: &str) -> Self {
        Self { host: host.into(), volume: format!("pyfast-test-{purpose}-{}", std::process::id()) }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        docker(&self.host, &["volume", "rm", "-f", &self.volume]);
    }
}

/// Everything that this crate labels and has not removed.
fn leftovers(host: &str, volume: &str) -> String {
    let filter = format!("volume={volume}");
    let listed =
        docker(host, &["ps", "-aq", "--filter", "label=io.pyfast.scratch", "--filter", &filter]);
    String::from_utf8(listed.stdout).unwrap()
}

fn request<'a>(image: &'a str, script: &'a str) -> ProbeRequest<'a> {
    ProbeRequest { image, script, candidates: &INTERPRETERS, deadline: Duration::from_mins(1) }
}

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

async fn filled(engine: &Docker, named: &Named) -> StoreVolume {
    let volume = open_volume(engine, &named.volume, SLIM, Some("shop")).await.unwrap();
    let injected =
        inject(engine, &volume, SLIM, &Binary::open(Path::new(PROGRAM)).unwrap()).await.unwrap();
    assert!(injected.changed);
    volume
}

/// A generation with a tool, written straight into the volume.
fn generation(root: &Path) {
    let generation = root.join("envs/v1/abc");
    fs_err::create_dir_all(generation.join("bin")).unwrap();
    fs_err::write(generation.join("env.json"), "{}").unwrap();
    std::os::unix::fs::symlink("/usr/bin/python3", generation.join("bin/python")).unwrap();
    let env = root.join("projects/shop/default");
    fs_err::create_dir_all(&env).unwrap();
    std::os::unix::fs::symlink("../../../envs/v1/abc", env.join("current")).unwrap();
}

fn directory(volume: &StoreVolume) -> PathBuf {
    match &volume.access {
        Access::Direct(path) => path.clone(),
        Access::Container => {
            panic!("the engine of this test shares this machine's file system, run it as root")
        }
    }
}

fn mount(named: &Named) -> String {
    format!("{}:/pyfast:ro,nocopy", named.volume)
}

#[tokio::test]
async fn a_read_only_container_of_any_user_runs_in_the_environment() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let named = Named::new(&host, "entry");
    let volume = filled(&engine, &named).await;
    assert!(volume.created);
    generation(&directory(&volume));
    let mount = mount(&named);
    let common =
        ["run", "--rm", "--read-only", "--user", "65534", "--network", "none", "-v", &mount];
    let tail = ["--entrypoint", "/pyfast/bin/pyfast", SLIM, "run", "/pyfast", "0"];
    let text = "import os, sys; print(os.getpid(), os.environ['VIRTUAL_ENV'], sys.executable, os.getuid())";
    let output = docker(&host, &[&common[..], &tail[..], &["python", "-c", text]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1 /pyfast/envs/v1/abc /pyfast/envs/v1/abc/bin/python 65534\n",
        "{stderr}"
    );
    let output = docker(&host, &[&common[..], &tail[..], &["no-such-command"]].concat());
    assert_eq!(output.status.code(), Some(127));
    // An image with neither C library nor shell runs the static binary as well.
    let bare = ["--entrypoint", "/pyfast/bin/pyfast", NONE, "read", "/README"];
    let output = docker(&host, &[&common[..], &bare[..]].concat());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "an image without Python");
    // The environment's interpreter is not in this image: told, not replaced by another.
    let wrong = ["--entrypoint", "/pyfast/bin/pyfast", NONE, "run", "/pyfast", "0", "python"];
    let output = docker(&host, &[&common[..], &wrong[..]].concat());
    assert_eq!(output.status.code(), Some(127));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("it leads to /usr/bin/python3, which does not exist here")
    );
    assert_eq!(leftovers(&host, &named.volume), "");
}

#[tokio::test]
async fn a_running_container_holds_its_lease_against_the_host() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let named = Named::new(&host, "lease");
    let volume = filled(&engine, &named).await;
    let root = directory(&volume);
    generation(&root);
    let exclusive = || {
        let file = fs_err::File::open(root.join("envs/v1/abc/env.json")).unwrap();
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
    };
    assert!(exclusive());
    let mount = mount(&named);
    let common = ["run", "-d", "--read-only", "--user", "65534", "--network", "none", "-v", &mount];
    let tail = ["--entrypoint", "/pyfast/bin/pyfast", SLIM, "run", "/pyfast", "0", "sleep", "600"];
    let started = docker(&host, &[&common[..], &tail[..]].concat());
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let id = String::from_utf8(started.stdout).unwrap();
    let mut held = false;
    for _ in 0..200 {
        held = !exclusive();
        if held {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    docker(&host, &["rm", "-f", id.trim()]);
    assert!(held, "the host could take an exclusive lock beside a running container");
    assert!(exclusive(), "the lease did not end with the container");
}

#[tokio::test]
async fn a_marked_volume_is_opened_and_injected_without_containers() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let named = Named::new(&host, "again");
    let first = filled(&engine, &named).await;
    let again =
        open_volume(&engine, &named.volume, "pyfast-test/no-such-image:1", None).await.unwrap();
    assert_eq!(again, StoreVolume { created: false, ..first });
    let binary = Binary::open(Path::new(PROGRAM)).unwrap();
    let injected = inject(&engine, &again, "pyfast-test/no-such-image:1", &binary).await.unwrap();
    assert!(!injected.changed);
}

#[tokio::test]
async fn a_helper_writes_where_the_host_cannot() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let named = Named::new(&host, "helper");
    let opened = open_volume(&engine, &named.volume, SLIM, None).await.unwrap();
    let volume = StoreVolume { access: Access::Container, ..opened.clone() };
    let binary = Binary::open(Path::new(PROGRAM)).unwrap();
    assert!(inject(&engine, &volume, SLIM, &binary).await.unwrap().changed);
    assert!(!inject(&engine, &volume, SLIM, &binary).await.unwrap().changed);
    let link = directory(&opened).join("bin/pyfast");
    assert_eq!(fs_err::read(&link).unwrap(), fs_err::read(PROGRAM).unwrap());

    let run = async |arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
        let files = [HelperFile {
            path: "/run/pyfast/lock".into(),
            bytes: b"a lock".to_vec(),
            mode: 0o644,
        }];
        let request = HelperRun {
            image: SLIM,
            volume: &named.volume,
            arguments: &arguments,
            files: &files,
            network: "none",
            environment: &[],
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run_helper(&engine, &request, &mut |piece| match piece {
            pyfast_launcher::Output::Stdout(bytes) => out.extend_from_slice(bytes),
            pyfast_launcher::Output::Stderr(bytes) => err.extend_from_slice(bytes),
        })
        .await
        .unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    };
    assert_eq!(
        run(&["write", "/pyfast/made", "here"]).await,
        (0, "wrote /pyfast/made\n".into(), String::new())
    );
    assert_eq!(fs_err::read_to_string(directory(&opened).join("made")).unwrap(), "here");
    assert_eq!(run(&["read", "/run/pyfast/lock"]).await.1, "a lock\n");
    let (code, _, err) = run(&["read", "/no/such/file"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("/no/such/file"), "{err}");
    assert_eq!(leftovers(&host, &named.volume), "");
}

/// The engine's socket as a network address, as on another machine.
async fn forward(host: &str) -> String {
    let socket =
        host.strip_prefix("unix://").expect("the private engine listens on a socket").to_owned();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut engine = tokio::net::UnixStream::connect(&socket).await.unwrap();
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut client, &mut engine).await },
            );
        }
    });
    format!("tcp://{address}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_behind_a_network_address_is_served_through_containers() {
    let Some(host) = host() else { return };
    let remote = engine(&forward(&host).await).await;
    let answer = probe(&remote, &request(SLIM, "print('far away')")).await.unwrap();
    assert_eq!(answer.stdout, b"far away\n");
    let named = Named::new(&host, "remote");
    let volume = filled(&remote, &named).await;
    assert_eq!(
        volume.access,
        Access::Container,
        "its file system is not this machine's, whatever it looks like"
    );
    let arguments = ["write", "/pyfast/made", "far"].map(str::to_owned);
    let request = HelperRun {
        image: SLIM,
        volume: &named.volume,
        arguments: &arguments,
        files: &[],
        network: "none",
        environment: &[],
    };
    assert_eq!(run_helper(&remote, &request, &mut |_| {}).await.unwrap(), 0);
    // Seen through the socket the same volume is a directory of this machine, once its marker is there.
    let near = open_volume(&engine(&host).await, &named.volume, SLIM, None).await.unwrap();
    assert_eq!(fs_err::read_to_string(directory(&near).join("made")).unwrap(), "far");

    // A volume that nobody labelled: taken while it is empty, left alone when it is somebody's.
    let bare = Named::new(&host, "bare");
    docker(&host, &["volume", "create", &bare.volume]);
    for _ in 0..2 {
        let opened = open_volume(&remote, &bare.volume, SLIM, None).await.unwrap();
        assert_eq!(opened.access, Access::Container);
    }
    let foreign = Named::new(&host, "theirs");
    docker(&host, &["volume", "create", &foreign.volume]);
    let mountpoint = remote.inspect_volume(&foreign.volume).await.unwrap().unwrap().mountpoint;
    fs_err::write(mountpoint.join("PG_VERSION"), vec![b'1'; 3_000_000]).unwrap();
    let error = open_volume(&remote, &foreign.volume, SLIM, None).await.unwrap_err();
    assert!(matches!(error, Error::VolumeForeign { .. }), "{error}");
    for named in [&named, &bare, &foreign] {
        assert_eq!(leftovers(&host, &named.volume), "");
    }
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
    assert!(now.duration_since(ours.created).unwrap_or_default() < Duration::from_mins(1));
    docker(&host, &["rm", "-f", &id]);
    assert!(!exists());
}

#[tokio::test]
async fn volumes_of_another_layout_or_owner_are_left_alone() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let newer = Named::new(&host, "newer");
    let labels = ["--label", "io.pyfast.store=1", "--label", "io.pyfast.schema=999"];
    docker(&host, &[&["volume", "create"][..], &labels[..], &[&newer.volume]].concat());
    let error = open_volume(&engine, &newer.volume, SLIM, None).await.unwrap_err();
    assert!(matches!(&error, Error::VolumeLayout { found, .. } if found == "999"), "{error}");

    let foreign = Named::new(&host, "foreign");
    docker(&host, &["volume", "create", &foreign.volume]);
    let mountpoint = engine.inspect_volume(&foreign.volume).await.unwrap().unwrap().mountpoint;
    fs_err::write(mountpoint.join("PG_VERSION"), "15").unwrap();
    let error = open_volume(&engine, &foreign.volume, SLIM, None).await.unwrap_err();
    assert!(matches!(error, Error::VolumeForeign { .. }), "{error}");
    fs_err::remove_file(mountpoint.join("PG_VERSION")).unwrap();
    let adopted = open_volume(&engine, &foreign.volume, SLIM, None).await.unwrap();
    assert_eq!(adopted.access, Access::Direct(mountpoint));
}
