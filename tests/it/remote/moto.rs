//! A bucket of a server that others wrote: moto, which stands in for S3 in the tests of many. What is asked of it is what the
//! other buckets are asked.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::bytecode::{stored, taken, volume};
use super::machines::{another_machine, stocked};
use crate::servers::{Served, program};
use crate::support::ran::Ran;
use crate::support::world::World;

/// A server with one bucket.
struct Moto(Served);

impl Moto {
    /// `None` where it is not there, and nobody requires it.
    fn start() -> Option<Self> {
        let mut command = Command::new(program("moto/bin/moto_server")?);
        let server = Self(Served::start(command.args(["-H", "127.0.0.1", "-p", "0"]), "http://"));
        let answer = server.ask("PUT /wheels");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        Some(server)
    }

    /// What it answers to a request without a body.
    fn ask(&self, what: &str) -> String {
        let host = &self.0.address;
        let mut stream = TcpStream::connect(host).unwrap();
        let head = format!("Host: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(format!("{what} HTTP/1.1\r\n{head}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The names of the objects that it has.
    fn objects(&self) -> Vec<String> {
        let answer = self.ask("GET /wheels?list-type=2");
        let names = answer.split("<Key>").skip(1).filter_map(|rest| rest.split_once('<'));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    fn use_in(&self, world: &mut World) {
        for (name, value) in [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.0.address)),
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "s3cr3t".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("PYFAST_REMOTE", "s3://wheels/team".to_owned()),
        ] {
            world.env.insert(name.to_owned(), value);
        }
    }
}

#[test]
fn a_bucket_of_another_server_is_pushed_to_and_read() {
    let Some(server) = Moto::start() else { return };
    let mut world = stocked(World::new());
    server.use_in(&mut world);
    // Its largest wheel goes in parts.
    let first = world.sync(&["--push"]);
    assert!(first.ran.stderr.contains("Pushed 4 wheels"), "{}", first.ran);
    let objects = server.objects();
    assert_eq!(objects.iter().filter(|name| name.starts_with("team/v1/wheels/")).count(), 4);
    assert_eq!(objects.len(), 4 + 1, "and the list: {objects:?}");
    let again = world.pyfast(&["push", "--json"]).ok();
    assert_eq!(again.json()["present"], 4, "{again}");
    another_machine(&mut world);
    world.index.stop();
    let second = world.sync(&[]);
    assert_eq!(second.packages(), first.packages());
    assert!(!second.ran.stderr.contains("warning"), "{}", second.ran);
    assert!(!second.ran.stderr.contains("s3cr3t"), "{}", second.ran);
}

#[test]
fn several_that_push_bytecode_there_at_once_write_the_same() {
    let Some(server) = Moto::start() else { return };
    let mut world = volume();
    server.use_in(&mut world);
    world.sync(&[]);
    let start = || {
        let mut command = world.command(&["push"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..4).map(|_| start()).collect();
    for child in children {
        Ran::wait(child).ok();
    }
    assert_eq!(server.objects().len(), 3 + 2 + 1, "{:?}", server.objects());
    let wheels = stored(&world);
    another_machine(&mut world);
    world.index.stop();
    let world = world.in_volume();
    let synced = world.sync(&["-v"]);
    assert_eq!((taken(&synced), stored(&world)), (2, wheels), "{}", synced.ran);
}
