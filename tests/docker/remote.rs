//! Machines that have less: an engine whose file system is out of reach, a host without Python.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::world::{SLIM, World, text};

/// The engine as one on another machine: by a network address.
pub(crate) struct Far {
    pub(crate) address: String,
    starts: Arc<AtomicUsize>,
}

impl Far {
    /// The engine behind this address. Serves until the test ends.
    pub(crate) fn new(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let starts = Arc::default();
        let (host, counted) = (host.to_owned(), Arc::clone(&starts));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, engine) = (client.unwrap(), connect(&host));
                let (client_too, engine_too) =
                    (client.try_clone().unwrap(), engine.try_clone().unwrap());
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || to_engine(client, engine, &counted));
                std::thread::spawn(move || to_client(engine_too, client_too));
            }
        });
        Self { address, starts }
    }

    /// How many containers were started that way since this was asked last.
    pub(crate) fn started(&self) -> usize {
        self.starts.swap(0, Ordering::Relaxed)
    }
}

/// The engine's address as on another machine. Serves until the test ends.
pub(crate) fn forward(host: &str) -> String {
    Far::new(host).address
}

/// A connection to the engine, whichever kind of socket it listens on: only what all of them do is done with it.
fn connect(host: &str) -> UnixStream {
    if let Some(socket) = host.strip_prefix("unix://") {
        UnixStream::connect(socket).unwrap()
    } else {
        let address = host.strip_prefix("tcp://").expect("the engine is on a socket");
        OwnedFd::from(TcpStream::connect(address).unwrap()).into()
    }
}

fn to_engine(mut client: TcpStream, mut engine: UnixStream, starts: &AtomicUsize) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        // A request's head is written at once.
        let line = buffer[..read].split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        if line.starts_with("POST ") && line.split(['?', ' ']).any(|one| one.ends_with("/start")) {
            starts.fetch_add(1, Ordering::Relaxed);
        }
        if engine.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = engine.shutdown(Shutdown::Write);
}

fn to_client(mut engine: UnixStream, mut client: TcpStream) {
    let _ = std::io::copy(&mut engine, &mut client);
    let _ = client.flush();
    let _ = client.shutdown(Shutdown::Both);
}

#[test]
fn a_volume_out_of_reach_is_filled_by_a_container() {
    let Some(mut world) = World::new("remote") else { return };
    world.host = forward(&world.host);
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    let result = world.synced();
    assert_eq!(result["changed"], true);
    assert_eq!(world.printed(&["python", "-c", "import alpha; print(alpha.__version__)"]), "1.0\n");
    world.package("alpha", "2.0");
    world.requirements("alpha>1\n");
    world.synced();
    assert_eq!(world.printed(&["alpha-tool"]), "alpha 2.0\n");
    assert_eq!(world.containers(), "");
    let cached = "import alpha, os; print(os.path.exists(alpha.__spec__.cached))";
    assert_eq!(world.printed(&["python", "-c", cached]), "True\n");
}

/// A command about the environment in the volume.
fn about(world: &World, arguments: &[&str]) -> std::process::Output {
    let place = ["--volume", &world.volume, "--image", SLIM];
    world.pyfast(&[arguments, &place[..]].concat())
}

/// The same, which has to succeed; its standard output.
#[track_caller]
fn told(world: &World, arguments: &[&str]) -> String {
    let output = about(world, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_volume_out_of_reach_tells_and_changes_what_a_directory_does() {
    let Some(mut world) = World::new("told") else { return };
    world.host = forward(&world.host);
    let mut ids = Vec::new();
    for version in ["1.0", "2.0"] {
        world.package("alpha", version);
        world.requirements(&format!("alpha=={version}\n"));
        ids.push(world.synced()["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(told(&world, &["list"]), "alpha==2.0\n");
    assert_eq!(told(&world, &["diff", "-1"]), "~ alpha 1.0 → 2.0\n");
    let history: serde_json::Value =
        serde_json::from_str(&told(&world, &["history", "--json"])).unwrap();
    assert_eq!([&history[0]["id"], &history[1]["id"]], [ids[0].as_str(), ids[1].as_str()]);
    assert_eq!(told(&world, &["verify"]), "");

    let back: serde_json::Value =
        serde_json::from_str(&told(&world, &["rollback", "--json"])).unwrap();
    assert_eq!(back["id"], ids[0].as_str());
    assert_eq!(world.printed(&["alpha-tool"]), "alpha 1.0\n");

    let plan = told(&world, &["gc", "--keep", "0", "--recent", "0", "--dry-run"]);
    assert!(plan.contains(&format!("remove environment {}", ids[1])), "{plan}");
    assert!(world.root().join("envs/v1").join(&ids[1]).exists());
    told(&world, &["gc", "--keep", "0", "--recent", "0"]);
    assert!(!world.root().join("envs/v1").join(&ids[1]).exists());

    let files = world.run(&["--rm"], &["python", "-c", "import alpha; print(alpha.__file__)"]);
    let stored = fs_err::canonicalize(inside(&world, text(&files.stdout).trim())).unwrap();
    // Nobody may write it, which stops whoever is not root.
    fs_err::remove_file(&stored).unwrap();
    fs_err::write(&stored, "__version__ = 'altered'\n").unwrap();
    let output = about(&world, &["verify"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("was altered"), "{}", text(&output.stdout));
    assert_eq!(world.containers(), "");
}

/// A file of the volume by the path that containers know.
fn inside(world: &World, path: &str) -> std::path::PathBuf {
    world.root().join(Path::new(path).strip_prefix("/pyfast").unwrap())
}

#[test]
fn a_failure_in_a_volume_out_of_reach_is_told_as_one_here() {
    let Some(mut world) = World::new("told-failure") else { return };
    world.host = forward(&world.host);
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    let output = about(&world, &["rollback", "ffffff", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["error"]["kind"], "no-environment");
    let message = answer["error"]["message"].as_str().unwrap();
    assert_eq!(message, "there is no environment `ffffff`");
    let hints = answer["error"]["hints"].to_string();
    assert!(hints.contains("pyfast history"), "{hints}");
}

#[test]
fn a_host_without_python_fills_a_volume_bytecode_included() {
    let Some(mut world) = World::new("bare-host") else { return };
    world.path = "/nonexistent".into();
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    let cached = "import alpha, os; print(os.path.exists(alpha.__spec__.cached))";
    assert_eq!(world.printed(&["python", "-c", cached]), "True\n");
}

#[test]
fn what_a_container_writes_belongs_to_root_and_is_readable_by_all() {
    let Some(mut world) = World::new("modes") else { return };
    world.host = forward(&world.host);
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    // What only who writes the volume needs is nobody else's business.
    let find = [
        "find",
        "/pyfast",
        "-not",
        "-path",
        "/pyfast/locks*",
        "-not",
        "-path",
        "/pyfast/tmp*",
        "-not",
        "-name",
        "state.json",
        "-not",
        "-name",
        "looks.json",
        "-not",
        "-type",
        "l",
        "(",
        "-not",
        "-uid",
        "0",
        "-o",
        "-not",
        "-perm",
        "-444",
        ")",
    ];
    let store = world.run(&["--rm"], &find);
    assert_eq!(text(&store.stdout), "", "{}", text(&store.stderr));
    assert!(Path::new(&world.root()).join("store/v1/wheels").is_dir());
}
