//! The support code by itself: pip is the witness that the index and the wheels are right ones.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Output;

use crate::support::http::Break;
use crate::support::index::{ALWAYS, Fault, Form, Freshness, Index};
use crate::support::page::File;
use crate::support::python::{check, evaluate, python, tool};
use crate::support::wheel::{Wheel, sha256};
use crate::support::world::World;
use crate::support::zip::{Entry, archive};

/// `pip download REQUIREMENT` from the world's index.
fn pip_download(world: &World, requirement: &str) -> Output {
    let mut pip = tool("pip", &world.path("home"));
    pip.args(["download", "--quiet", "--no-cache-dir", "--disable-pip-version-check"]);
    pip.args(["--retries", "0", "--index-url", &world.index.url(), requirement, "--dest"]);
    pip.arg(world.path("downloads")).output().unwrap()
}

fn check_download(form: Form) {
    let world = World::new();
    world.index.set(|options| options.form = form);
    world.index.add(&Wheel::new("a", "1.0").requires("b>=2"));
    world.index.add(&Wheel::new("b", "1.0")).add(&Wheel::new("b", "2.0"));
    world.index.add(&Wheel::new("b", "3.0").requires_python(">=4"));
    world.index.publish(File::new(Wheel::new("b", "2.5").build()).yanked("broken"));
    let output = pip_download(&world, "a");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut names: Vec<String> = fs_err::read_dir(world.path("downloads"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a-1.0-py3-none-any.whl", "b-2.0-py3-none-any.whl"]);
    assert_eq!(world.index.asked(".whl.metadata").len(), 2, "pip reads the metadata files");
}

#[test]
fn pip_reads_the_json_pages() {
    check_download(Form::Json);
}

#[test]
fn pip_reads_the_html_pages() {
    check_download(Form::Html);
}

#[test]
fn pip_installs_a_wheel_and_finds_its_record_right() {
    let world = World::new();
    world.index.add(
        &Wheel::new("a-b", "1.0")
            .console("greet = a_b:main")
            .file("a_b/cli.py", "def main(): print('hello')\n"),
    );
    let mut pip = tool("pip", &world.path("home"));
    pip.args(["install", "--quiet", "--no-cache-dir", "--index-url", &world.index.url(), "a-b"]);
    check(pip.arg("--target").arg(world.path("target")));
    let script = format!(
        "import sys; sys.path.insert(0, {:?}); import a_b, importlib.metadata as m; \
         print(a_b.__version__, len(m.distribution('a-b').files))",
        world.path("target")
    );
    assert!(evaluate(python(), &script).starts_with("1.0 "));
}

#[test]
fn pip_is_refused_without_credentials_and_admitted_with_them() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    let secret = ("user".to_owned(), "secret".to_owned());
    world.index.set(|options| options.credentials = Some(secret));
    let output = pip_download(&world, "a");
    assert!(!output.status.success());
    assert!(world.index.seen().iter().all(|seen| seen.status == 401));
    let mut pip = tool("pip", &world.path("home"));
    pip.args(["download", "--no-cache-dir", "a", "--index-url"]);
    pip.arg(world.index.url_with("user", "secret")).arg("--dest").arg(world.path("downloads"));
    check(&mut pip);
}

#[test]
fn pip_notices_a_wrong_hash() {
    let world = World::new();
    let wrong = "0".repeat(64);
    world.index.publish(File::new(Wheel::new("a", "1.0").build()).listed("sha256", &wrong));
    let output = pip_download(&world, "a");
    assert!(String::from_utf8_lossy(&output.stderr).contains("DO NOT MATCH THE HASHES"));
}

/// The raw answer to one request.
fn get(index: &Index, path: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", index.port())).unwrap();
    let text = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n");
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_index_serves_ranges_and_etags() {
    let index = Index::start();
    index.add(&Wheel::new("a", "1.0"));
    let path = "/files/a-1.0-py3-none-any.whl";
    let part = get(&index, path, "Range: bytes=0-1");
    assert!(part.starts_with("HTTP/1.1 206") && part.ends_with("PK"), "{part}");
    assert!(get(&index, path, "Range: bytes=-22").contains("Content-Length: 22"));
    assert!(get(&index, path, "Range: bytes=999999-").starts_with("HTTP/1.1 416"));
    index.set(|options| options.ranges = false);
    assert!(get(&index, path, "Range: bytes=0-1").starts_with("HTTP/1.1 200"));

    index.set(|options| options.freshness = Freshness::Etag);
    let page = get(&index, "/simple/a/", "Accept: text/html");
    let tag = page.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap().to_owned();
    let again = get(&index, "/simple/a/", &format!("Accept: text/html\r\nIf-None-Match: {tag}"));
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
}

#[test]
fn the_index_fails_on_demand_and_recovers() {
    let index = Index::start();
    index.add(&Wheel::new("a", "1.0"));
    let page = "/simple/a/";
    index.fail(page, Fault::Status(500), 2);
    let status = |index: &Index| get(index, page, "A: b")[9..12].to_owned();
    assert_eq!([status(&index), status(&index), status(&index)], ["500", "500", "200"]);
    index.fail(page, Fault::Broken(Break::Truncated), ALWAYS);
    assert!(!get(&index, page, "A: b").contains("</html>"));
    index.mend().stop();
    assert!(TcpStream::connect(("127.0.0.1", index.port())).is_err());
}

#[test]
fn python_reads_the_archives() {
    let world = World::new();
    let entries = [Entry::file("a.txt", "text"), Entry::file("d/b.txt", "x".repeat(9999))];
    let path = world.path("a.zip");
    fs_err::write(&path, archive(&entries)).unwrap();
    let script =
        format!("import zipfile; z = zipfile.ZipFile({path:?}); print(z.testzip(), z.namelist())");
    assert_eq!(evaluate(python(), &script), "None ['a.txt', 'd/b.txt']\n");
}

#[test]
fn wheels_are_the_same_bytes_each_time() {
    let wheel = Wheel::new("a", "1.0").requires("b").padded(100);
    assert_eq!(wheel.build().sha256, sha256(&wheel.build().bytes));
}

#[test]
fn redaction_hides_paths_and_ports() {
    let world = World::new();
    let text = format!("{} {} {}", world.path("x").display(), world.index.url(), world.python);
    insta::assert_snapshot!(world.redact(&text), @"[DIR]/x http://[INDEX]/simple/ [PYTHON]");
}
