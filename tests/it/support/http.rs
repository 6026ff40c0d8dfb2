//! The wire: HTTP/1.1 requests and responses over a socket, right or broken on purpose.
//! Knows nothing of packages.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::sleep;
use std::time::Duration;

/// A request's head; the bodies of GET and HEAD are empty.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path with its query, as sent.
    pub(crate) path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The value of a header; `name` in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The same without a header; `name` in lower case.
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut request = self.clone();
        request.headers.retain(|(key, _)| key != name);
        request
    }

    /// Reads one request; `None` at the end of the connection.
    pub(crate) fn read(reader: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut parts = line.split_whitespace();
        let (method, path) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let Some((key, value)) = line.trim_end().split_once(':') else { break };
            headers.push((key.to_lowercase(), value.trim().to_owned()));
        }
        let request = Self { method, path, headers };
        let length = request.header("content-length").and_then(|text| text.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        Some(request)
    }

    /// The span that `Range` asks of `length` bytes; `Err` where it cannot be satisfied.
    pub(crate) fn range(&self, length: usize) -> Option<Result<(usize, usize), ()>> {
        let spec = self.header("range")?.strip_prefix("bytes=")?;
        let (first, last) = spec.split_once('-')?;
        let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(start), Ok(end)) => (start, end.saturating_add(1).min(length)),
            (Ok(start), Err(_)) => (start, length),
            (Err(_), Ok(suffix)) => (length.saturating_sub(suffix), length),
            (Err(_), Err(_)) => return None,
        };
        Some(if start < end { Ok((start, end)) } else { Err(()) })
    }
}

/// How a response is broken on the wire.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Break {
    /// Only the first half of the body, then the end of the connection.
    Truncated,
    /// `Content-Length` is half of the body, and the connection goes on.
    ShortLength,
    /// The connection is reset before any byte.
    Reset,
    /// Half of the body, and then silence while the connection stays open.
    Silence,
}

/// A response to be written.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) broken: Option<Break>,
    pub(crate) delay: Duration,
}

impl Response {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), broken: None, delay: Duration::ZERO }
    }

    pub(crate) fn header(mut self, key: &str, value: impl Into<String>) -> Self {
        self.headers.push((key.to_owned(), value.into()));
        self
    }

    /// Writes the response; says whether the connection may go on.
    pub(crate) fn write(&self, stream: &mut TcpStream, with_body: bool) -> bool {
        sleep(self.delay);
        if self.broken == Some(Break::Reset) {
            let _ = stream.shutdown(Shutdown::Both);
            return false;
        }
        let half = self.body.len() / 2;
        let (declared, sent) = match self.broken {
            Some(Break::Truncated | Break::Silence) => (self.body.len(), half),
            Some(Break::ShortLength) => (half, half),
            Some(Break::Reset) | None => (self.body.len(), self.body.len()),
        };
        let mut head = format!("HTTP/1.1 {} Answer\r\n", self.status).into_bytes();
        for (key, value) in &self.headers {
            head.extend(format!("{key}: {value}\r\n").bytes());
        }
        if self.status != 304 {
            head.extend(format!("Content-Length: {declared}\r\n").bytes());
        }
        head.extend(b"\r\n");
        if with_body && self.status != 304 {
            head.extend(&self.body[..sent]);
        }
        let written = stream.write_all(&head).and_then(|()| stream.flush()).is_ok();
        if self.broken == Some(Break::Silence) {
            // Ends when the client gives up, or the index stops.
            let _ = stream.read(&mut [0]);
            return false;
        }
        if self.broken == Some(Break::Truncated) {
            let _ = stream.shutdown(Shutdown::Both);
            return false;
        }
        written
    }
}
