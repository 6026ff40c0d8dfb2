//! An HTTP proxy on loopback that sends everything to one server, whatever host is asked for.

use std::io::{BufReader, Read, Write, copy};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::tls::{forward, read_head};
use super::wheel::Wheel;
use super::world::World;

/// `user:s3cr3t`.
pub(crate) const AUTHORIZATION: &str = "Basic dXNlcjpzM2NyM3Q=";

/// A world whose index has a host that only a proxy knows.
pub(crate) fn behind(scheme: &str) -> World {
    let mut world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.index_flags = vec!["--index-url".to_owned(), format!("{scheme}://index.test/simple/")];
    world.require(&["a"]);
    world
}

/// The proxy.
pub(crate) struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy to `target`, a port of loopback, for those who bring `authorization`.
    pub(crate) fn start(target: u16, authorization: Option<&'static str>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(stream, target, authorization, &seen));
            }
        });
        Self { port, heads }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn url_with(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// The heads of the requests that it got, and forgets them.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(
    mut stream: TcpStream,
    target: u16,
    authorization: Option<&str>,
    seen: &Mutex<Vec<String>>,
) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be duplicated"));
    while let Some(head) = read_head(&mut reader) {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
        let brought = authorization.is_none_or(|expected| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.any(|(key, value)| {
                key.eq_ignore_ascii_case("proxy-authorization") && value == expected
            })
        });
        if !brought {
            let refusal =
                "HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
            if stream.write_all(refusal.as_bytes()).is_err() {
                return;
            }
        } else if head.starts_with("CONNECT ") {
            let _ = stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n");
            tunnel(stream, target);
            return;
        } else if stream.write_all(&forward(&relative(&head), target)).is_err() {
            return;
        }
    }
}

/// `GET http://host/path` as `GET /path`.
fn relative(head: &str) -> String {
    let (method, rest) = head.split_once(' ').expect("a request line");
    let (url, rest) = rest.split_once(' ').expect("a request line");
    let path = url.splitn(4, '/').nth(3).expect("an absolute URL");
    format!("{method} /{path} {rest}")
}

fn tunnel(client: TcpStream, target: u16) {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).unwrap();
    let duplicate = |stream: &TcpStream| stream.try_clone().expect("a socket can be duplicated");
    let (mut from, mut to) = (duplicate(&client), duplicate(&server));
    thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut from, mut to) = (server, client);
    let _ = copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// Starts a SOCKS 5 proxy to `target`, a port of loopback; gives its address and the hosts that it is asked for.
pub(crate) fn socks(target: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let hosts = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&hosts);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let Some(host) = greet(&mut stream) else { continue };
            asked.lock().unwrap_or_else(PoisonError::into_inner).push(host);
            thread::spawn(move || tunnel(stream, target));
        }
    });
    (address, hosts)
}

/// The two questions of RFC 1928, without authentication; gives the name of the host.
fn greet(stream: &mut TcpStream) -> Option<String> {
    let mut take = |length: usize, answer: &[u8]| {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).and_then(|()| stream.write_all(answer)).ok()?;
        Some(bytes)
    };
    let methods = take(2, &[])?[1];
    take(methods.into(), &[5, 0])?;
    let request = take(5, &[])?;
    assert_eq!(request[3], 3, "the proxy resolves names");
    let host = take(request[4].into(), &[])?;
    take(2, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    String::from_utf8(host).ok()
}
