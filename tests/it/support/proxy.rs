//! An HTTP proxy on loopback that sends everything to one server, whatever host is asked for.

use std::io::{BufReader, Write, copy};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::tls::{forward, read_head};

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
