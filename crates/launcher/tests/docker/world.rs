//! The engine of the tests, and what several of them need. Must not know what is tested.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use pyfast_launcher::engine::{Docker, Host};
use pyfast_launcher::volume::{
    Access, Binary, INTERPRETERS, ProbeRequest, StoreVolume, inject, open_volume,
};

pub(crate) const SLIM: &str = "pyfast-test/slim:bookworm";
pub(crate) const NONE: &str = "pyfast-test/none:latest";
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_launcher-under-test");

/// The engine's address, or `None` after having said so.
#[expect(clippy::disallowed_methods, reason = "the tests' own switch")]
pub(crate) fn host() -> Option<String> {
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

pub(crate) async fn engine(host: &str) -> Docker {
    Docker::connect(Host::parse(host).unwrap()).await.unwrap()
}

pub(crate) fn docker(host: &str, arguments: &[&str]) -> Output {
    Command::new("docker").env("DOCKER_HOST", host).args(arguments).output().unwrap()
}

/// A name that no other test uses, and the removal of its volume at the end.
pub(crate) struct Named {
    pub(crate) host: String,
    pub(crate) volume: String,
}

impl Named {
    pub(crate) fn new(host: &str, purpose: &str) -> Self {
        Self { host: host.into(), volume: format!("pyfast-test-{purpose}-{}", std::process::id()) }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        docker(&self.host, &["volume", "rm", "-f", &self.volume]);
    }
}

/// Everything that this crate labels and has not removed.
pub(crate) fn leftovers(host: &str, volume: &str) -> String {
    let filter = format!("volume={volume}");
    let listed =
        docker(host, &["ps", "-aq", "--filter", "label=io.pyfast.scratch", "--filter", &filter]);
    String::from_utf8(listed.stdout).unwrap()
}

pub(crate) fn request<'a>(image: &'a str, script: &'a str) -> ProbeRequest<'a> {
    ProbeRequest {
        image,
        script,
        candidates: &INTERPRETERS,
        deadline: Duration::from_mins(1),
        volume: None,
    }
}

pub(crate) async fn filled(engine: &Docker, named: &Named) -> StoreVolume {
    let volume = open_volume(engine, &named.volume, SLIM, Some("shop")).await.unwrap();
    let injected =
        inject(engine, &volume, SLIM, &Binary::open(Path::new(PROGRAM)).unwrap()).await.unwrap();
    assert!(injected.changed);
    volume
}

/// A generation with a tool, written straight into the volume.
pub(crate) fn generation(root: &Path) {
    let generation = root.join("envs/v1/abc");
    fs_err::create_dir_all(generation.join("bin")).unwrap();
    fs_err::write(generation.join("env.json"), "{}").unwrap();
    fs_err::write(root.join("layout"), "pyfast 1\n").unwrap();
    std::os::unix::fs::symlink("/usr/bin/python3", generation.join("bin/python")).unwrap();
    let env = root.join("projects/shop/default");
    fs_err::create_dir_all(&env).unwrap();
    std::os::unix::fs::symlink("../../../envs/v1/abc", env.join("current")).unwrap();
}

pub(crate) fn directory(volume: &StoreVolume) -> PathBuf {
    match &volume.access {
        Access::Direct(path) => path.clone(),
        Access::Container => {
            panic!("the engine of this test shares this machine's file system, run it as root")
        }
    }
}

pub(crate) fn mount(named: &Named) -> String {
    format!("{}:/pyfast:ro,nocopy", named.volume)
}

/// The engine's socket as a network address, as on another machine.
pub(crate) async fn forward(host: &str) -> String {
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
