//! A package index on loopback, in threads of the test's own process: what it serves, how it
//! fails, and what it was asked.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::net::TcpSocket;

use super::answer::answer;
use super::http::{Break, Request};
use super::page::File;
use super::wheel::Wheel;

/// Which forms of a project page the index has.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Json,
    Html,
    /// What `Accept` prefers.
    Negotiated,
}

/// The freshness that responses state.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Freshness {
    Unstated,
    MaxAge(u32),
    /// `no-cache` and an `ETag`, so that a cache has to ask and is told 304.
    Etag,
}

/// How the index behaves; changed with [`Index::set`].
pub(crate) struct Options {
    pub(crate) form: Form,
    pub(crate) metadata_files: bool,
    pub(crate) ranges: bool,
    pub(crate) freshness: Freshness,
    /// User and password that every request must bring.
    pub(crate) credentials: Option<(String, String)>,
    /// What a request without credentials gets.
    pub(crate) denial: u16,
    /// How long requests take whose path contains the key.
    pub(crate) delays: Vec<(String, Duration)>,
    /// Requests whose path ends with this wait until it is taken away.
    pub(crate) held: Option<String>,
}

/// A failure on demand.
#[derive(Clone)]
pub(crate) enum Fault {
    Status(u16),
    /// 200 with this text as a JSON page.
    Page(String),
    /// 503 that asks to come again after so many seconds.
    RetryAfter(u32),
    /// One byte in the middle of the body is another.
    Corrupted,
    Broken(Break),
    Range(Misread),
    Redirect(String),
}

/// What an index makes of a range that it does not understand.
#[derive(Clone, Copy)]
pub(crate) enum Misread {
    /// All of the file, with 200.
    Whole,
    /// This status, and nothing of the file.
    Status(u16),
    /// A range that begins a byte later.
    Later,
    /// The range that was asked for, called by another place of the file.
    Elsewhere,
    /// The range, without a word of where it is from.
    Unsaid,
    /// No more than the beginning of the range.
    Little,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) request: Request,
    pub(crate) status: u16,
    /// Length of the body that was sent.
    pub(crate) bytes: usize,
}

/// A planned failure: of paths that contain `path`, the next `times` requests.
pub(crate) struct Planned {
    pub(crate) path: String,
    pub(crate) fault: Fault,
    pub(crate) times: usize,
}

/// Everything the server's threads share.
pub(crate) struct State {
    pub(crate) projects: BTreeMap<String, Vec<File>>,
    /// Texts by their paths, each with its media type.
    pub(crate) texts: BTreeMap<String, (&'static str, String)>,
    pub(crate) options: Options,
    pub(crate) faults: Vec<Planned>,
    pub(crate) seen: Vec<Seen>,
    connections: Vec<TcpStream>,
    stopped: bool,
    /// Keeps the port of an index that was stopped from the next one that a test starts.
    port: Option<TcpSocket>,
}

/// The index; stopped when dropped.
pub(crate) struct Index {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// What no client can read as a page.
pub(crate) const GARBAGE: &str = "<<<{{{ not an index page";

/// How many times "always" is.
pub(crate) const ALWAYS: usize = usize::MAX;

impl Index {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            projects: BTreeMap::new(),
            texts: BTreeMap::new(),
            options: Options {
                form: Form::Negotiated,
                metadata_files: true,
                ranges: true,
                freshness: Freshness::Unstated,
                credentials: None,
                denial: 401,
                delays: Vec::new(),
                held: None,
            },
            faults: Vec::new(),
            seen: Vec::new(),
            connections: Vec::new(),
            stopped: false,
            port: None,
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || accept(&listener, &shared));
        Self { address, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The base URL of the Simple API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/simple/", self.address)
    }

    /// The base URL with credentials in it.
    pub(crate) fn url_with(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}/simple/", self.address)
    }

    /// The URL of a file that the index serves.
    pub(crate) fn file_url(&self, filename: &str) -> String {
        format!("http://{}/files/{filename}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Lists a wheel, with nothing special about it.
    pub(crate) fn add(&self, wheel: &Wheel) -> &Self {
        self.publish(File::new(wheel.build()))
    }

    pub(crate) fn publish(&self, file: File) -> &Self {
        self.state().projects.entry(file.wheel.project.clone()).or_default().push(file);
        self
    }

    /// Serves a text; gives its URL.
    pub(crate) fn write(&self, path: &str, text: &str) -> String {
        self.write_as("text/plain; charset=utf-8", path, text)
    }

    pub(crate) fn write_as(&self, kind: &'static str, path: &str, text: &str) -> String {
        self.state().texts.insert(path.to_owned(), (kind, text.to_owned()));
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Options)) -> &Self {
        change(&mut self.state().options);
        self
    }

    /// Lets requests whose path contains `path` take `milliseconds`.
    pub(crate) fn delay(&self, path: &str, milliseconds: u64) -> &Self {
        let delay = (path.to_owned(), Duration::from_millis(milliseconds));
        self.set(|options| options.delays.insert(0, delay))
    }

    /// Lets requests whose path ends with `suffix` wait until [`Index::release`].
    pub(crate) fn hold(&self, suffix: &str) -> &Self {
        self.set(|options| options.held = Some(suffix.to_owned()))
    }

    /// Answers what was held.
    pub(crate) fn release(&self) -> &Self {
        self.set(|options| options.held = None)
    }

    /// Lets the next `times` requests fail whose path contains `path`.
    pub(crate) fn fail(&self, path: &str, fault: Fault, times: usize) -> &Self {
        self.state().faults.push(Planned { path: path.to_owned(), fault, times });
        self
    }

    /// Ends all planned failures.
    pub(crate) fn mend(&self) -> &Self {
        self.state().faults.clear();
        self
    }

    /// All requests since the start or the last [`Index::forget`].
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// The requests whose path ends with `suffix`.
    pub(crate) fn asked(&self, suffix: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.request.path.ends_with(suffix)).collect()
    }

    pub(crate) fn forget(&self) -> &Self {
        self.state().seen.clear();
        self
    }

    /// Ends every connection and refuses new ones.
    pub(crate) fn stop(&self) {
        let connections = {
            let mut state = self.state();
            state.stopped = true;
            std::mem::take(&mut state.connections)
        };
        for connection in connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // The acceptor sleeps in accept(); this connection wakes it, and it closes its socket.
        let _ = TcpStream::connect(self.address);
        while TcpStream::connect(self.address).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
        // Where another was faster, it is gone.
        self.state().port = bound(self.address).ok();
    }
}

/// A socket that has the address and listens to nobody.
fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections that were just ended still have it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Drop for Index {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, state: &Arc<Mutex<State>>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { break };
        let mut shared = lock(state);
        if shared.stopped {
            break;
        }
        shared.connections.push(stream.try_clone().expect("a socket can be duplicated"));
        drop(shared);
        let state = Arc::clone(state);
        thread::spawn(move || serve(stream, &state));
    }
}

/// Whether a request is not answered yet.
fn is_held(state: &State, path: &str) -> bool {
    !state.stopped && state.options.held.as_ref().is_some_and(|held| path.ends_with(held))
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be duplicated"));
    while let Some(request) = Request::read(&mut reader) {
        let response = {
            let mut state = lock(state);
            let response = answer(&mut state, &request);
            let bytes = if request.method == "HEAD" { 0 } else { response.body.len() };
            let seen = Seen { request: request.clone(), status: response.status, bytes };
            state.seen.push(seen);
            response
        };
        while is_held(&lock(state), &request.path) {
            thread::sleep(Duration::from_millis(5));
        }
        if !response.write(&mut stream, request.method != "HEAD") {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}
