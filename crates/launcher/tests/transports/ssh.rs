//! Engines behind `ssh`: a program stands in for it, notes how it was called, and forwards to a socket.

use std::path::{Path, PathBuf};

use pyfast_launcher::Error;
use pyfast_launcher::engine::{Docker, Host, Images as _, PullRequest, Ssh};

use crate::fake::Fake;
use crate::logins::write_program;

/// Joins its own pipes with the socket, as `docker system dial-stdio` on the other machine does.
const FORWARD: &str = r"
import os, socket, sys, threading
engine = socket.socket(socket.AF_UNIX)
engine.connect(sys.argv[1])
def outwards():
    while data := engine.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=outwards, daemon=True).start()
while data := os.read(0, 65536):
    engine.sendall(data)
engine.shutdown(socket.SHUT_WR)
threading.Event().wait()
";

/// A program that notes its arguments, a line each, and forwards to the socket.
fn forwarding(directory: &Path, socket: &Path) -> PathBuf {
    let program = directory.join("ssh");
    fs_err::write(directory.join("forward.py"), FORWARD).unwrap();
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >> {calls}\nexec python3 {forward} {socket}\n",
        calls = directory.join("calls").display(),
        forward = directory.join("forward.py").display(),
        socket = socket.display(),
    );
    write_program(&program, &text);
    program
}

/// The host as `DOCKER_HOST` has it, with another program.
fn through(program: PathBuf, address: &str) -> Host {
    match Host::parse(address).unwrap() {
        Host::Ssh(ssh) => Host::Ssh(Ssh { program, ..ssh }),
        other => panic!("{other} is not behind ssh"),
    }
}

#[tokio::test]
async fn a_program_that_was_not_found_is_not_looked_for_in_the_working_directory() {
    let Err(error) = Docker::connect(through("ssh".into(), "ssh://far.test")).await else {
        panic!("nothing listens there");
    };
    let first: &dyn std::error::Error = &error;
    let causes = std::iter::successors(Some(first), |error| error.source());
    let told: Vec<String> = causes.map(ToString::to_string).collect();
    assert!(told.iter().any(|text| text.contains("not on PATH")), "{told:?}");
}

#[tokio::test]
async fn requests_go_through_the_program_that_is_told_the_machine_and_asks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("engine.sock");
    let fake = Fake::on_socket(&socket);
    let host = through(forwarding(dir.path(), &socket), "ssh://me@far.test:2222");
    let docker = Docker::connect(host).await.unwrap();
    let request = PullRequest { image: "app:1", platform: None, login: None };
    docker.pull(&request, &|_progress| {}).await.unwrap();
    let asked = fake.asked();
    assert_eq!(asked[0], "GET /version");
    assert!(asked[1].starts_with("POST /images/create?fromImage=app"), "{asked:?}");
    let calls = fs_err::read_to_string(dir.path().join("calls")).unwrap();
    let once = "-T\n-o\nBatchMode=yes\n-o\nConnectTimeout=10\n-p\n2222\n--\nme@far.test\ndocker\nsystem\ndial-stdio\n";
    assert_eq!(calls, once.repeat(2));
}

#[tokio::test]
async fn what_the_program_says_when_it_fails_is_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("ssh");
    write_program(
        &program,
        "#!/bin/sh\necho 'me@far.test: Permission denied (publickey).' >&2\nexit 255\n",
    );
    let error = Docker::connect(through(program, "ssh://me@far.test")).await.unwrap_err();
    assert!(matches!(error, Error::EngineUnreachable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("ssh://me@far.test"), "{text}");
    assert!(text.contains("Permission denied (publickey)"), "{text}");
}

#[tokio::test]
async fn a_program_that_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("no-ssh");
    let error = Docker::connect(through(program.clone(), "ssh://far.test")).await.unwrap_err();
    assert!(error.to_string().contains(program.to_str().unwrap()), "{error}");
}
