//! The mirror against a tiny index of the test's own, which counts what it is asked.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::page::hex;
use super::*;

/// An index that sends no caching headers and advertises no metadata, as plain as they come.
pub(crate) struct Plain {
    address: SocketAddr,
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Plain {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plain = Self {
            address: listener.local_addr().unwrap(),
            files: Arc::default(),
            asked: Arc::default(),
        };
        let (files, asked) = (Arc::clone(&plain.files), Arc::clone(&plain.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(stream, &files, &asked);
            }
        });
        plain
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/index", self.address)
    }

    fn put(&self, path: &str, content: Vec<u8>) {
        self.files.lock().unwrap().insert(path.to_owned(), content);
    }

    /// Adds a project with one pure wheel for each version, and gives the wheels.
    pub(crate) fn project(&self, name: &str, versions: &[&str], requires: &[&str]) -> Vec<Vec<u8>> {
        let wheels: Vec<Vec<u8>> =
            versions.iter().map(|version| wheel(name, version, requires)).collect();
        let files: Vec<_> = versions
            .iter()
            .zip(&wheels)
            .map(|(version, wheel)| {
                let filename = format!("{name}-{version}-py3-none-any.whl");
                self.put(&format!("/packages/{filename}"), wheel.clone());
                serde_json::json!({
                    "filename": filename, "url": format!("/packages/{filename}"),
                    "hashes": {"sha256": hex(&Sha256::digest(wheel))}, "requires-python": ">=3.7",
                })
            })
            .collect();
        let page =
            serde_json::json!({"meta": {"api-version": "1.0"}, "name": name, "files": files});
        self.put(&format!("/index/{name}/"), page.to_string().into_bytes());
        wheels
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, files: &Mutex<HashMap<String, Vec<u8>>>, asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    if reader.read_line(&mut first).is_err() {
        return;
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|_| line.trim() != "") {
        line.clear();
    }
    let found = files.lock().unwrap().get(&path).cloned();
    asked.lock().unwrap().push(path);
    let (status, body) = found.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let mut stream = reader.into_inner();
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// A wheel with one module.
fn wheel(name: &str, version: &str, requires: &[&str]) -> Vec<u8> {
    let info = format!("{name}-{version}.dist-info");
    let requires: String =
        requires.iter().flat_map(|requirement| ["Requires-Dist: ", requirement, "\n"]).collect();
    let files = [
        (format!("{name}/__init__.py"), format!("VERSION = {version:?}\n")),
        (
            format!("{info}/METADATA"),
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}\n"),
        ),
        (
            format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                .into(),
        ),
    ];
    let mut record: String = files.iter().flat_map(|(path, _)| [path, ",,\n"]).collect();
    record.extend([&info, "/RECORD,,\n"]);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (path, text) in files.into_iter().chain([(format!("{info}/RECORD"), record)]) {
        archive.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn mirror(upstream: &Plain, directory: &Path) -> Mirror {
    let config = Config {
        index: upstream.url(),
        directory: directory.into(),
        latency: Duration::ZERO,
        bandwidth: None,
    };
    Mirror::start(&config, None).unwrap()
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Asks the mirror, with these header lines besides.
fn ask(mirror: &Mirror, method: &str, path: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(mirror.address).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
        .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

const JSON: &str = "Accept: application/vnd.pypi.simple.v1+json, text/html;q=0.1\r\n";

#[test]
fn a_page_has_the_headers_of_a_good_index_and_is_not_sent_twice() {
    let (upstream, kept) = (Plain::start(), tempfile::tempdir().unwrap());
    upstream.project("alpha", &["1.0", "2.0"], &[]);
    let mirror = mirror(&upstream, kept.path());
    let page = ask(&mirror, "GET", "/simple/alpha/", JSON);
    assert_eq!(page.status, 200, "{}", page.head);
    assert_eq!(page.header("content-type"), Some("application/vnd.pypi.simple.v1+json"));
    assert!(page.header("cache-control").unwrap().contains("max-age=600"));
    let json: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    assert_eq!(json["files"][1]["url"], "../../files/alpha/alpha-2.0-py3-none-any.whl");
    assert_eq!(json["files"][1]["core-metadata"], true);

    let etag = page.header("etag").unwrap();
    let again = ask(&mirror, "GET", "/simple/alpha/", &format!("{JSON}If-None-Match: {etag}\r\n"));
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(etag));
    assert!(again.header("cache-control").is_some());

    let html = ask(&mirror, "GET", "/simple/alpha/", "Accept: text/html\r\n");
    assert!(String::from_utf8(html.body).unwrap().contains("data-core-metadata=\"true\""));
    assert_eq!(upstream.asked(), ["/index/alpha/"]);
}

#[test]
fn a_compressed_page_is_marked_as_such() {
    let (upstream, kept) = (Plain::start(), tempfile::tempdir().unwrap());
    upstream.project("alpha", &["1.0"], &[]);
    let mirror = mirror(&upstream, kept.path());
    let page =
        ask(&mirror, "GET", "/simple/alpha/", &format!("{JSON}Accept-Encoding: gzip, deflate\r\n"));
    assert_eq!(page.header("content-encoding"), Some("gzip"));
    assert_eq!(page.body[..2], [0x1f, 0x8b]);
    assert_eq!(page.header("content-length"), Some(page.body.len().to_string().as_str()));
}

#[test]
fn files_come_whole_in_ranges_and_from_upstream_only_once() {
    let (upstream, kept) = (Plain::start(), tempfile::tempdir().unwrap());
    let wheel = upstream.project("alpha", &["1.0"], &[]).remove(0);
    let mirror = mirror(&upstream, kept.path());
    let path = "/files/alpha/alpha-1.0-py3-none-any.whl";
    let whole = ask(&mirror, "GET", path, "");
    assert_eq!((whole.status, &whole.body), (200, &wheel));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert!(whole.header("cache-control").unwrap().contains("immutable"));
    let head = ask(&mirror, "HEAD", path, "");
    assert_eq!(head.header("content-length"), Some(wheel.len().to_string().as_str()));
    assert!(head.body.is_empty());
    let end = ask(&mirror, "GET", path, "Range: bytes=-22\r\n");
    assert_eq!((end.status, &end.body[..]), (206, &wheel[wheel.len() - 22..]));
    assert_eq!(
        end.header("content-range").unwrap(),
        format!("bytes {}-{}/{}", wheel.len() - 22, wheel.len() - 1, wheel.len())
    );
    assert_eq!(ask(&mirror, "GET", path, "Range: bytes=999999-\r\n").status, 416);
    assert_eq!(upstream.asked(), ["/index/alpha/", "/packages/alpha-1.0-py3-none-any.whl"]);
}

#[test]
fn metadata_is_taken_out_of_the_wheel_and_advertised_with_its_hash_from_then_on() {
    let (upstream, kept) = (Plain::start(), tempfile::tempdir().unwrap());
    upstream.project("alpha", &["1.0"], &["beta>=1"]);
    let metadata = {
        let mirror = mirror(&upstream, kept.path());
        ask(&mirror, "GET", "/files/alpha/alpha-1.0-py3-none-any.whl.metadata", "").body
    };
    assert!(String::from_utf8_lossy(&metadata).contains("Requires-Dist: beta>=1"));
    // A second mirror on the same directory asks upstream for nothing.
    let before = upstream.asked().len();
    let mirror = mirror(&upstream, kept.path());
    let page = ask(&mirror, "GET", "/simple/alpha/", JSON);
    let json: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    assert_eq!(json["files"][0]["core-metadata"]["sha256"], hex(&Sha256::digest(&metadata)));
    assert_eq!(ask(&mirror, "GET", "/files/alpha/alpha-1.0-py3-none-any.whl", "").status, 200);
    assert_eq!(upstream.asked().len(), before);
}

#[test]
fn what_is_not_there_is_not_found_and_what_is_wrong_is_not_passed_on() {
    let (upstream, kept) = (Plain::start(), tempfile::tempdir().unwrap());
    upstream.project("alpha", &["1.0"], &[]);
    upstream.put("/packages/alpha-1.0-py3-none-any.whl", b"altered".to_vec());
    upstream.put("/index/html/", b"<html></html>".to_vec());
    let mirror = mirror(&upstream, kept.path());
    for path in [
        "/simple/nothing/",
        "/simple/Alpha/",
        "/simple/%2e%2e/",
        "/files/alpha/x.whl",
        "/files/alpha/..",
        "/",
    ] {
        assert_eq!(ask(&mirror, "GET", path, JSON).status, 404, "{path}");
    }
    assert_eq!(ask(&mirror, "POST", "/simple/alpha/", "Content-Length: 0\r\n").status, 405);
    let altered = ask(&mirror, "GET", "/files/alpha/alpha-1.0-py3-none-any.whl", "");
    assert_eq!(altered.status, 502);
    assert!(String::from_utf8(altered.body).unwrap().contains("has sha256"));
    let html = ask(&mirror, "GET", "/simple/html/", JSON);
    assert_eq!(html.status, 502);
    assert!(String::from_utf8(html.body).unwrap().contains("no JSON page"));
}

#[test]
fn latency_and_bandwidth_are_felt() {
    let (upstream, kept) = (Plain::start(), tempfile::tempdir().unwrap());
    upstream.project("alpha", &["1.0"], &[&"x".repeat(60_000)]);
    let config = Config {
        index: upstream.url(),
        directory: kept.path().into(),
        latency: Duration::from_millis(60),
        bandwidth: Some(1e6),
    };
    let mirror = Mirror::start(&config, None).unwrap();
    let path = "/files/alpha/alpha-1.0-py3-none-any.whl.metadata";
    ask(&mirror, "HEAD", path, "");
    let start = Instant::now();
    ask(&mirror, "HEAD", path, "");
    assert!(start.elapsed() >= Duration::from_millis(60));
    let start = Instant::now();
    let body = ask(&mirror, "GET", path, "").body;
    // 60 kB are 0.48 s at a megabit each second.
    assert!(body.len() > 60_000);
    assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn a_wrong_url_is_named() {
    let config = Config {
        index: "not a url".into(),
        directory: "/nonexistent".into(),
        latency: Duration::ZERO,
        bandwidth: None,
    };
    assert_eq!(
        Mirror::start(&config, None).err().unwrap().to_string(),
        "\"not a url\" is not the URL of an index"
    );
}
