//! A registry on loopback that keeps what is pushed, wants passwords and tokens, and fails on demand: for the tests of this
//! crate, and those of the whole program. Keeps what it was asked; knows nothing of what images hold.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use sha2::{Digest as _, Sha256};

/// How it fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status.
    Status(u16),
    /// The end of the connection.
    Cut,
}

/// What it wants to be shown.
#[derive(Clone, Default)]
enum Want {
    #[default]
    Nothing,
    /// This header with every request.
    Basic(String),
    /// A token, for which this header is wanted.
    Token(String),
}

/// Everything its threads share.
#[derive(Default)]
struct State {
    /// By their repositories and digests.
    blobs: BTreeMap<String, Vec<u8>>,
    /// By their repositories and tags.
    manifests: BTreeMap<String, Vec<u8>>,
    want: Want,
    token: usize,
    /// What the last token is good for.
    granted: Vec<String>,
    /// A repository that no token is good for.
    closed: Option<String>,
    /// Whether who asks for it among others is given none.
    strict: bool,
    seen: Vec<String>,
    /// Requests that contain this fail so often.
    faults: Vec<(String, Fault, usize)>,
    /// Where uploads go on.
    uploads: Option<SocketAddr>,
    stopped: bool,
}

/// The registry; stopped when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    elsewhere: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    /// What a token is to be good for, of which there may be several.
    scopes: Vec<String>,
    authorization: String,
    body: Vec<u8>,
}

#[derive(Default)]
struct Answer {
    status: u16,
    headers: String,
    body: String,
    cut: bool,
}

impl Server {
    pub(crate) fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let (address, elsewhere) = (listen(&state), listen(&state));
        Self { address, elsewhere, state }
    }

    /// As images are named that are there.
    pub(crate) fn name(&self) -> String {
        self.address.to_string()
    }

    /// Wants a password from now on, as a header has it.
    pub(crate) fn want_basic(&self, header: &str) {
        locked(&self.state).want = Want::Basic(header.to_owned());
    }

    /// Wants a token from now on, and for that a password.
    pub(crate) fn want_token(&self, header: &str) {
        locked(&self.state).want = Want::Token(header.to_owned());
    }

    /// Takes no token any more that was given.
    pub(crate) fn expire(&self) {
        locked(&self.state).token += 1;
    }

    /// Gives no token from now on that is good for a repository; who asks for it among others is given one for those.
    pub(crate) fn close(&self, repository: &str) {
        locked(&self.state).closed = Some(repository.to_owned());
    }

    /// The same; who asks for it among others is given none at all.
    pub(crate) fn close_strictly(&self, repository: &str) {
        self.close(repository);
        locked(&self.state).strict = true;
    }

    /// What the last token that was given is good for.
    pub(crate) fn granted(&self) -> Vec<String> {
        locked(&self.state).granted.clone()
    }

    /// Has uploads go on at another address.
    pub(crate) fn upload_elsewhere(&self) {
        locked(&self.state).uploads = Some(self.elsewhere);
    }

    /// Fails so many times where a request line contains this.
    pub(crate) fn fail(&self, part: &str, fault: Fault, times: usize) {
        locked(&self.state).faults.push((part.to_owned(), fault, times));
    }

    /// Puts a blob there as somebody else would.
    pub(crate) fn keep(&self, repository: &str, bytes: &[u8]) {
        let name = format!("{repository}@{}", digest(bytes));
        locked(&self.state).blobs.insert(name, bytes.to_owned());
    }

    /// What it was asked since the last time: method, path and query, and with what it was allowed.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut locked(&self.state).seen)
    }

    /// The digests of the blobs of a repository.
    pub(crate) fn blobs(&self, repository: &str) -> BTreeSet<String> {
        let state = locked(&self.state);
        let names = state.blobs.keys().filter_map(|name| name.split_once('@'));
        names.filter(|(of, _)| *of == repository).map(|(_, digest)| digest.to_owned()).collect()
    }

    /// The manifest of a tag.
    pub(crate) fn manifest(&self, repository: &str, tag: &str) -> Option<Vec<u8>> {
        locked(&self.state).manifests.get(&format!("{repository}:{tag}")).cloned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        locked(&self.state).stopped = true;
        for address in [self.address, self.elsewhere] {
            let _ = TcpStream::connect(address);
        }
    }
}

/// Answers whoever comes to an address of its own.
fn listen(state: &Arc<Mutex<State>>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is there");
    let (address, shared) = (listener.local_addr().expect("bound"), Arc::clone(state));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if locked(&shared).stopped {
                return;
            }
            let state = Arc::clone(&shared);
            thread::spawn(move || serve(&stream, &state, address));
        }
    });
    address
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn digest(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

fn serve(stream: &TcpStream, state: &Mutex<State>, address: SocketAddr) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let answer = answer(&request, &mut locked(state), address);
        if answer.cut || !write(stream, &request, &answer) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let plain = |value: &str| value.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
    let pairs: Vec<_> = pairs.map(|(key, value)| (key.to_owned(), plain(value))).collect();
    let scopes = pairs.iter().filter(|(key, _)| key == "scope").map(|(_, scope)| scope.clone());
    let (scopes, query) = (scopes.collect(), pairs.iter().cloned().collect());
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((key, value)) = line.trim_end().split_once(':') else { break };
        match key.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => value.trim().clone_into(&mut authorization),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path: path.to_owned(), query, scopes, authorization, body })
}

fn answer(request: &Request, state: &mut State, address: SocketAddr) -> Answer {
    let Request { method, path, query, scopes, authorization, body } = request;
    let by = authorization.split(' ').next().unwrap_or_default();
    let shown = [("mount", " mount"), ("scope", " scope")];
    let shown = shown.iter().filter(|(key, _)| query.contains_key(*key)).map(|(_, text)| *text);
    let line = format!("{method} {path} {by}{}", shown.collect::<String>());
    state.seen.push(line.trim_end().to_owned());
    let planned =
        state.faults.iter_mut().find(|(part, _, times)| line.contains(&**part) && *times > 0);
    if let Some((_, fault, times)) = planned {
        *times -= 1;
        return match fault {
            Fault::Status(status) => refused(*status, "ON_DEMAND"),
            Fault::Cut => Answer { cut: true, ..Answer::default() },
        };
    }
    if path == "/token" {
        let Want::Token(wanted) = &state.want else { return refused(404, "UNKNOWN") };
        if authorization != wanted {
            return refused(401, "UNAUTHORIZED");
        }
        let closed = state.closed.as_ref().map(|closed| format!("repository:{closed}:"));
        let open =
            |scope: &&String| closed.as_ref().is_none_or(|closed| !scope.starts_with(closed));
        if state.strict && !scopes.iter().all(|scope| open(&scope)) {
            return refused(403, "DENIED");
        }
        state.granted = scopes.iter().filter(open).cloned().collect();
        let body = format!("{{\"token\":\"t{}\"}}", state.token);
        return Answer { status: 200, body, ..Answer::default() };
    }
    if let Some(upload) = path.strip_prefix("/elsewhere/") {
        let (repository, _) = upload.rsplit_once('/').unwrap_or((upload, ""));
        return keep(repository, query, body, state);
    }
    let (challenge, wanted) = match &state.want {
        Want::Nothing => (String::new(), None),
        Want::Basic(header) => ("Basic realm=\"test\"".to_owned(), Some(header.clone())),
        Want::Token(_) => {
            let realm = format!("Bearer realm=\"http://{address}/token\",service=\"test\"");
            (realm, Some(format!("Bearer t{}", state.token)))
        }
    };
    // Who takes something over has to be let read it.
    let source = query.get("from").filter(|_| matches!(state.want, Want::Token(_)));
    let source = source.map(|from| format!("repository:{from}:pull"));
    let is_refused = wanted.is_some_and(|wanted| wanted != *authorization)
        || source.is_some_and(|source| !state.granted.contains(&source));
    if is_refused {
        let headers = format!("WWW-Authenticate: {challenge}\r\n");
        return Answer { headers, ..refused(401, "UNAUTHORIZED") };
    }
    at(request, state, address)
}

/// What the API has at a path.
fn at(request: &Request, state: &mut State, address: SocketAddr) -> Answer {
    let Request { method, path, query, body, .. } = request;
    let Some(path) = path.strip_prefix("/v2/") else { return refused(404, "UNKNOWN") };
    if path.is_empty() {
        return Answer { status: 200, ..Answer::default() };
    }
    if let Some((repository, tag)) = path.split_once("/manifests/") {
        state.manifests.insert(format!("{repository}:{tag}"), body.clone());
        let headers = format!("Docker-Content-Digest: {}\r\n", digest(body));
        return Answer { status: 201, headers, ..Answer::default() };
    }
    let Some((repository, rest)) = path.split_once("/blobs/") else {
        return refused(404, "UNKNOWN");
    };
    match (&**method, rest) {
        ("HEAD", digest) => {
            let there = state.blobs.contains_key(&format!("{repository}@{digest}"));
            Answer { status: if there { 200 } else { 404 }, ..Answer::default() }
        }
        ("POST", "uploads/") => {
            let other = query.get("mount").zip(query.get("from"));
            let other = other.and_then(|(digest, from)| {
                Some((digest, state.blobs.get(&format!("{from}@{digest}")).cloned()?))
            });
            if let Some((digest, bytes)) = other {
                state.blobs.insert(format!("{repository}@{digest}"), bytes);
                return Answer { status: 201, ..Answer::default() };
            }
            let place = match state.uploads.filter(|elsewhere| *elsewhere != address) {
                Some(elsewhere) => format!("http://{elsewhere}/elsewhere/{repository}/1?state=x"),
                None => format!("/v2/{repository}/blobs/uploads/1?state=x"),
            };
            Answer { status: 202, headers: format!("Location: {place}\r\n"), ..Answer::default() }
        }
        ("PUT", _) => keep(repository, query, body, state),
        _ => refused(405, "UNSUPPORTED"),
    }
}

/// Keeps a blob, if it is what it is called.
fn keep(
    repository: &str,
    query: &BTreeMap<String, String>,
    body: &[u8],
    state: &mut State,
) -> Answer {
    let found = digest(body);
    if query.get("digest") != Some(&found) || query.get("state").is_none() {
        return refused(400, "DIGEST_INVALID");
    }
    state.blobs.insert(format!("{repository}@{found}"), body.to_owned());
    Answer { status: 201, ..Answer::default() }
}

fn refused(status: u16, code: &str) -> Answer {
    let body = format!("{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"no\"}}]}}");
    Answer { status, body, ..Answer::default() }
}

/// Writes an answer; says whether the connection may go on.
fn write(mut stream: &TcpStream, request: &Request, answer: &Answer) -> bool {
    let Answer { status, headers, body, cut: _ } = answer;
    let head =
        format!("HTTP/1.1 {status} Answer\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    let body = if request.method == "HEAD" { "" } else { body };
    stream.write_all(format!("{head}{body}").as_bytes()).is_ok()
}
