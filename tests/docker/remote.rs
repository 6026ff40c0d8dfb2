//! Machines that have less: an engine whose file system is out of reach, a host without Python.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::world::{World, text};

/// The engine's socket as a network address, as on another machine. Serves until the test ends.
pub(crate) fn forward(host: &str) -> String {
    let socket = host
        .strip_prefix("unix://")
        .expect("the engine of these tests listens on a socket")
        .to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, engine) = (client.unwrap(), UnixStream::connect(&socket).unwrap());
            let (client_too, engine_too) =
                (client.try_clone().unwrap(), engine.try_clone().unwrap());
            std::thread::spawn(move || to_engine(client, engine));
            std::thread::spawn(move || to_client(engine_too, client_too));
        }
    });
    format!("tcp://{address}")
}

fn to_engine(mut client: TcpStream, mut engine: UnixStream) {
    let _ = std::io::copy(&mut client, &mut engine);
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
