//! Requests to the mirror and its answers: paths, media types, conditions, ranges. Knows nothing of where things come from.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Frame;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE, VARY,
};
use hyper::http::response::Builder;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use super::Error;
use super::shelf::Shelf;
use super::throttle::Throttle;
use super::upstream::JSON;
use crate::chain::chain;

/// What a body is sent in: small enough that connections share a slow line evenly.
const PIECE: usize = 16 * 1024;
/// The same on a line without limit, where pieces only cost time.
const LARGE_PIECE: usize = 256 * 1024;
const PAGE_LIFE: &str = "max-age=600, public";
const FILE_LIFE: &str = "max-age=365000000, immutable, public";

pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// All that an answer depends on.
pub(crate) struct Service {
    pub(crate) shelf: Shelf,
    pub(crate) latency: Duration,
    pub(crate) throttle: Arc<Throttle>,
}

/// Answers a request, whatever it is.
pub(crate) async fn answer<B>(service: &Service, request: &Request<B>) -> Response<Body> {
    tokio::time::sleep(service.latency).await;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
    }
    let segments: Vec<&str> =
        request.uri().path().split('/').filter(|segment| !segment.is_empty()).collect();
    let found = match segments[..] {
        ["simple", project] => page(service, request, project).await,
        ["files", project, filename] => file(service, request, project, filename).await,
        _ => Ok(None),
    };
    match found {
        Ok(Some(response)) => response,
        Ok(None) => plain(StatusCode::NOT_FOUND, "no such project or file"),
        Err(error) => plain(StatusCode::BAD_GATEWAY, &chain(&error)),
    }
}

async fn page<B>(
    service: &Service,
    request: &Request<B>,
    project: &str,
) -> Result<Option<Response<Body>>, Error> {
    // Only normalised names have pages, and only they are safe as file names.
    if crate::environment::normalise(project) != project
        || !project.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return Ok(None);
    }
    let Some(page) = service.shelf.page(project).await? else { return Ok(None) };
    let (form, kind) = if header_has(request.headers(), &ACCEPT, JSON) {
        (&page.json, JSON)
    } else {
        (&page.html, "text/html; charset=utf-8")
    };
    let response = Response::builder()
        .header(CONTENT_TYPE, kind)
        .header(CACHE_CONTROL, PAGE_LIFE)
        .header(VARY, "Accept, Accept-Encoding")
        .header(ETAG, &form.etag);
    if header_has(request.headers(), &IF_NONE_MATCH, &form.etag) {
        return Ok(Some(finish(response.status(StatusCode::NOT_MODIFIED), empty())));
    }
    let gzip = header_has(request.headers(), &ACCEPT_ENCODING, "gzip");
    let bytes = if gzip { form.gzip.clone() } else { form.plain.clone() };
    let response = if gzip { response.header(CONTENT_ENCODING, "gzip") } else { response };
    let length = bytes.len() as u64;
    Ok(Some(send(service, request, response, Content::Memory(bytes), 0..length)))
}

async fn file<B>(
    service: &Service,
    request: &Request<B>,
    project: &str,
    filename: &str,
) -> Result<Option<Response<Body>>, Error> {
    let Some(filename) = decode(filename) else { return Ok(None) };
    let path = match filename.strip_suffix(".metadata") {
        Some(wheel) => service.shelf.metadata(project, wheel).await?,
        None => service.shelf.file(project, &filename).await?,
    };
    let Some(path) = path else { return Ok(None) };
    let (file, length) = open(&path)?;
    let etag = format!("\"{length:x}-{filename}\"");
    let response = Response::builder()
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CACHE_CONTROL, FILE_LIFE)
        .header(ACCEPT_RANGES, "bytes")
        .header(ETAG, &etag);
    if header_has(request.headers(), &IF_NONE_MATCH, &etag) {
        return Ok(Some(finish(response.status(StatusCode::NOT_MODIFIED), empty())));
    }
    let asked = request.headers().get(RANGE).and_then(|value| value.to_str().ok());
    let (response, range) = match asked.map(|asked| range(asked, length)) {
        Some(Range::Part(start, end)) => {
            let said = format!("bytes {start}-{}/{length}", end - 1);
            (response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, said), start..end)
        }
        Some(Range::Outside) => {
            let response = response.status(StatusCode::RANGE_NOT_SATISFIABLE);
            return Ok(Some(finish(
                response.header(CONTENT_RANGE, format!("bytes */{length}")),
                empty(),
            )));
        }
        Some(Range::Ignored) | None => (response, 0..length),
    };
    Ok(Some(send(service, request, response, Content::File(file), range)))
}

fn open(path: &Path) -> Result<(std::fs::File, u64), Error> {
    let file = fs_err::File::open(path).map_err(Error::Keep)?;
    let length = file.metadata().map_err(Error::Keep)?.len();
    Ok((file.into_parts().0, length))
}

/// What is asked for of a file.
#[derive(Debug, PartialEq)]
enum Range {
    /// From the first up to but not including the second.
    Part(u64, u64),
    /// Nothing that is there.
    Outside,
    /// Not a single range of bytes: the whole file is a right answer (RFC 9110 §14.2).
    Ignored,
}

fn range(asked: &str, length: u64) -> Range {
    let Some((first, last)) = asked.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Range::Ignored;
    };
    let (start, end) = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(length)),
        (Ok(first), Err(_)) if last.trim().is_empty() => (first, length),
        (Err(_), Ok(count)) if first.trim().is_empty() => (length.saturating_sub(count), length),
        _ => return Range::Ignored,
    };
    if start < end { Range::Part(start, end) } else { Range::Outside }
}

/// Where a body is read from.
enum Content {
    Memory(Bytes),
    File(std::fs::File),
}

impl Content {
    fn read(&self, start: u64, count: usize) -> std::io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(start..(start + count).min(bytes.len())))
            }
            // It lies in the page cache: reading it here costs less than handing it to another thread.
            Self::File(file) => {
                let mut buffer = vec![0; count];
                file.read_exact_at(&mut buffer, start)?;
                Ok(buffer.into())
            }
        }
    }
}

/// The response with the bytes of `range`, at the speed of the line; without them to a HEAD request.
fn send<B>(
    service: &Service,
    request: &Request<B>,
    response: Builder,
    content: Content,
    range: std::ops::Range<u64>,
) -> Response<Body> {
    let response = response.header(CONTENT_LENGTH, range.end - range.start);
    if request.method() == Method::HEAD {
        return finish(response, empty());
    }
    let throttle = Arc::clone(&service.throttle);
    let piece = if throttle.is_open() { LARGE_PIECE } else { PIECE };
    let pieces = stream::try_unfold((range.start, content), move |(at, content)| {
        let throttle = Arc::clone(&throttle);
        async move {
            let count = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(piece);
            if count == 0 {
                return Ok(None);
            }
            let bytes = content.read(at, count)?;
            throttle.take(count).await;
            Ok(Some((Frame::data(bytes), (at + count as u64, content))))
        }
    });
    finish(response, BodyExt::boxed_unsync(StreamBody::new(pieces)))
}

fn finish(response: Builder, body: Body) -> Response<Body> {
    response.body(body).expect("the headers are made of printable characters")
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let body = http_body_util::Full::new(Bytes::from(format!("{text}\n")));
    let response =
        Response::builder().status(status).header(CONTENT_TYPE, "text/plain; charset=utf-8");
    finish(response, body.map_err(|never| match never {}).boxed_unsync())
}

/// Whether one of the values of a list header, without its parameters, is `wanted`.
fn header_has(headers: &HeaderMap, name: &hyper::header::HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let item = item.trim();
        let item = item.strip_prefix("W/").unwrap_or(item);
        item.split(';').next().is_some_and(|item| item.trim() == wanted)
    })
}

/// Undoes percent-encoding, as in `%2B` for the plus of a local version.
fn decode(segment: &str) -> Option<String> {
    let mut out = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_every_form() {
        assert_eq!(range("bytes=0-9", 100), Range::Part(0, 10));
        assert_eq!(range("bytes=90-200", 100), Range::Part(90, 100));
        assert_eq!(range("bytes=10-", 100), Range::Part(10, 100));
        assert_eq!(range("bytes=-30", 100), Range::Part(70, 100));
        assert_eq!(range("bytes=-300", 100), Range::Part(0, 100));
        assert_eq!(range("bytes=100-", 100), Range::Outside);
        assert_eq!(range("bytes=5-4", 100), Range::Ignored);
        assert_eq!(range("bytes=0-1,5-6", 100), Range::Ignored);
        assert_eq!(range("pages=1-2", 100), Range::Ignored);
    }

    #[test]
    fn names_are_decoded() {
        assert_eq!(decode("a-1%2Bcpu-py3.whl").unwrap(), "a-1+cpu-py3.whl");
        assert_eq!(decode("a%2"), None);
        assert_eq!(decode("%ff"), None);
    }

    #[test]
    fn list_headers_are_searched() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, format!("text/html;q=0.1, {JSON};q=0.9").parse().unwrap());
        headers.insert(IF_NONE_MATCH, "\"x\", W/\"y\"".parse().unwrap());
        assert!(header_has(&headers, &ACCEPT, JSON));
        assert!(header_has(&headers, &IF_NONE_MATCH, "\"y\""));
        assert!(!header_has(&headers, &IF_NONE_MATCH, "\"z\""));
    }
}
