//! A bucket on loopback that speaks as much of S3 as a remote store needs, and fails on demand: for the tests of this crate,
//! and those of the whole program. Keeps what it was asked; knows nothing of what it stores.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How it fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status, and no object.
    Status(u16),
    /// Half of the object, and the end of the connection.
    Cut,
    /// Nothing, while the connection stays open.
    Silent,
    /// One byte in the middle is another.
    Flipped,
}

/// Everything its threads share.
#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    parts: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    seen: Vec<String>,
    faults: Vec<(String, Fault)>,
    /// Whether it answers 501 to conditions.
    unconditional: bool,
    stopped: bool,
}

/// The bucket; stopped when dropped.
pub(crate) struct Bucket {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    conditional: bool,
    range: Option<(usize, Option<usize>)>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    fault: Option<Fault>,
    range: Option<String>,
}

impl Bucket {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if locked(&shared).stopped {
                    break;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { address, state }
    }

    /// The variables by which an engine finds it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "s3cr3t".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }

    /// Fails from now on where a path contains this.
    pub(crate) fn fail(&self, path: &str, fault: Fault) {
        locked(&self.state).faults.push((path.to_owned(), fault));
    }

    /// Answers 501 to conditions from now on.
    pub(crate) fn forget_conditions(&self) {
        locked(&self.state).unconditional = true;
    }

    /// What it was asked since the last time, as `GET /bucket/object`.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut locked(&self.state).seen)
    }

    /// Puts an object there as somebody else would.
    pub(crate) fn keep(&self, path: &str, bytes: &[u8]) {
        locked(&self.state).objects.insert(path.to_owned(), bytes.to_owned());
    }

    /// The objects that it has, by their paths.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        locked(&self.state).objects.clone()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        locked(&self.state).stopped = true;
        let _ = TcpStream::connect(self.address);
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let answer = answer(&request, &mut locked(state));
        if !write(stream, &request, &answer) {
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
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let query = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let (mut length, mut conditional, mut range) = (0, false, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((key, value)) = line.trim_end().split_once(':') else { break };
        match key.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "if-none-match" => conditional = true,
            "range" => {
                let (first, last) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
                range = Some((first.parse().ok()?, last.parse().ok()));
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path: path.to_owned(), query, conditional, range, body })
}

fn answer(request: &Request, state: &mut State) -> Answer {
    let Request { method, path, query, conditional, range, body } = request;
    state.seen.push(format!("{method} {path}"));
    let planned =
        state.faults.iter().find(|(part, _)| path.contains(part)).map(|(_, fault)| *fault);
    let say =
        |status, body: &str| Answer { status, body: body.into(), fault: planned, range: None };
    if let Some(Fault::Status(status)) = planned {
        return say(status, "<Error><Message>on demand</Message></Error>");
    }
    match (method.as_str(), query.get("uploadId"), query.get("partNumber")) {
        ("GET" | "HEAD", ..) => match state.objects.get(path) {
            None => say(404, "<Error><Code>NoSuchKey</Code></Error>"),
            Some(object) => match *range {
                Some((first, last)) => {
                    let end = last.map_or(object.len(), |last| (last + 1).min(object.len()));
                    let told = format!("bytes {first}-{}/{}", end - 1, object.len());
                    let body = object[first..end].to_vec();
                    Answer { status: 206, body, fault: planned, range: Some(told) }
                }
                None => Answer { status: 200, body: object.clone(), fault: planned, range: None },
            },
        },
        ("PUT", Some(upload), Some(number)) => {
            let parts = state.parts.entry(upload.clone()).or_default();
            parts.insert(number.parse().unwrap_or_default(), body.clone());
            say(200, "")
        }
        ("PUT", ..) if *conditional && state.unconditional => say(501, "<Error/>"),
        ("PUT", ..) if *conditional && state.objects.contains_key(path) => say(412, "<Error/>"),
        ("PUT", ..) => {
            state.objects.insert(path.clone(), body.clone());
            say(200, "")
        }
        ("POST", Some(upload), _) => {
            let parts = state.parts.remove(upload).unwrap_or_default();
            state.objects.insert(path.clone(), parts.into_values().flatten().collect());
            let tag = "<ETag>\"e\"</ETag>";
            say(
                200,
                &format!("<CompleteMultipartUploadResult>{tag}</CompleteMultipartUploadResult>"),
            )
        }
        ("POST", None, _) => {
            let id = format!("<UploadId>{}</UploadId>", state.seen.len());
            say(
                200,
                &format!("<InitiateMultipartUploadResult>{id}</InitiateMultipartUploadResult>"),
            )
        }
        ("DELETE", Some(upload), _) => {
            state.parts.remove(upload);
            say(204, "")
        }
        _ => say(400, "<Error/>"),
    }
}

/// Writes an answer; says whether the connection may go on.
fn write(mut stream: &TcpStream, request: &Request, answer: &Answer) -> bool {
    let Answer { status, body, fault, range } = answer;
    if *fault == Some(Fault::Silent) {
        // Ends when the client gives up.
        let _ = stream.read(&mut [0]);
        return false;
    }
    let range = range.iter().map(|range| format!("Content-Range: {range}\r\n")).collect::<String>();
    let head = format!(
        "HTTP/1.1 {status} Answer\r\nETag: \"e\"\r\nLast-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\n{range}Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut bytes = head.into_bytes();
    let with_body = request.method != "HEAD" && *status != 204;
    if with_body {
        let end = if *fault == Some(Fault::Cut) { body.len() / 2 } else { body.len() };
        let begin = bytes.len();
        bytes.extend(&body[..end]);
        if *fault == Some(Fault::Flipped) && request.method == "GET" && end > 0 {
            bytes[begin + end / 2] ^= 1;
        }
    }
    stream.write_all(&bytes).is_ok() && !(with_body && *fault == Some(Fault::Cut))
}
