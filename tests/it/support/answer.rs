//! What the index answers to a request: planned failures first, then credentials, pages and files.
//! Knows nothing of sockets.

use std::time::Duration;

use super::http::{Request, Response};
use super::index::{Fault, Form, Freshness, Misread, State};
use super::page::{File, html_page, json_page};
use super::wheel::sha256;

const JSON: &str = "application/vnd.pypi.simple.v1+json";
/// Bytes of a range that an index gives which gives only a little.
const LITTLE: usize = 3 << 19;
const HTML: &str = "text/html";

pub(crate) fn answer(state: &mut State, request: &Request) -> Response {
    let mut response = match next_fault(state, &request.path) {
        Some(fault) => faulty(fault, state, request),
        None => healthy(state, request),
    };
    response.delay = delay(state, &request.path);
    response
}

fn next_fault(state: &mut State, path: &str) -> Option<Fault> {
    let planned = state
        .faults
        .iter_mut()
        .find(|planned| planned.times > 0 && path.contains(&planned.path))?;
    planned.times -= 1;
    Some(planned.fault.clone())
}

fn delay(state: &State, path: &str) -> Duration {
    let delays = &state.options.delays;
    delays.iter().find(|(key, _)| path.contains(key)).map_or(Duration::ZERO, |(_, delay)| *delay)
}

fn faulty(fault: Fault, state: &State, request: &Request) -> Response {
    match fault {
        Fault::Status(status) => Response::new(status, "text/plain", "failure on demand"),
        Fault::Page(text) => Response::new(200, JSON, text),
        Fault::RetryAfter(seconds) => Response::new(503, "text/plain", "come again")
            .header("Retry-After", seconds.to_string()),
        Fault::Redirect(url) => Response::new(302, "text/plain", "").header("Location", url),
        Fault::Corrupted => {
            let mut response = healthy(state, request);
            let middle = response.body.len() / 2;
            response.body[middle] ^= 0x55;
            response
        }
        Fault::Range(misread) => misunderstood(misread, state, request),
        Fault::Broken(broken) => Response { broken: Some(broken), ..healthy(state, request) },
    }
}

/// The answer of an index that does not understand ranges.
fn misunderstood(misread: Misread, state: &State, request: &Request) -> Response {
    let answer = |status, body: Vec<u8>| Response::new(status, "application/octet-stream", body);
    let whole = healthy(state, &request.without("range")).body;
    let Some(Ok((start, end))) = request.range(whole.len()) else { return answer(200, whole) };
    let part = |first: usize, body: &[u8]| {
        let last = first + body.len() - 1;
        let range = format!("bytes {first}-{last}/{}", whole.len());
        answer(206, body.to_vec()).header("Content-Range", range)
    };
    match misread {
        Misread::Whole => answer(200, whole),
        Misread::Status(status) => answer(status, b"no ranges here".to_vec()),
        Misread::Later => part(start + 1, &whole[start + 1..end]),
        Misread::Elsewhere => part(start - 1, &whole[start..end]),
        Misread::Unsaid => answer(206, whole[start..end].to_vec()),
        Misread::Little => part(start, &whole[start..end.min(start + LITTLE)]),
    }
}

fn healthy(state: &State, request: &Request) -> Response {
    if !admitted(state, request) {
        return Response::new(state.options.denial, "text/plain", "not for you")
            .header("WWW-Authenticate", "Basic realm=\"index\"");
    }
    let path = request.path.split('?').next().unwrap_or_default();
    if let Some((kind, text)) = state.texts.get(path) {
        return with_freshness(state, request, Response::new(200, kind, text.clone()));
    }
    let found = match path.strip_prefix("/simple/") {
        Some(rest) => page(state, request, rest.trim_end_matches('/')),
        None => path.strip_prefix("/files/").and_then(|name| file(state, request, name)),
    };
    found.unwrap_or_else(|| Response::new(404, "text/plain", "no such path"))
}

fn admitted(state: &State, request: &Request) -> bool {
    let Some((user, password)) = &state.options.credentials else { return true };
    let expected = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
    request.header("authorization") == Some(&expected)
}

fn page(state: &State, request: &Request, project: &str) -> Option<Response> {
    let files = state.projects.get(project)?;
    let metadata = state.options.metadata_files;
    let json = match state.options.form {
        Form::Json => true,
        Form::Html => false,
        Form::Negotiated => request.header("accept").is_some_and(|accept| accept.contains(JSON)),
    };
    let response = if json {
        Response::new(200, JSON, json_page(project, files, metadata))
    } else {
        // An absolute base: pip does not resolve a relative one against the page.
        let base = format!("http://{}/files/", request.header("host").unwrap_or_default());
        Response::new(200, HTML, html_page(project, files, metadata, &base))
    };
    Some(with_freshness(state, request, response.header("Vary", "Accept")))
}

fn file(state: &State, request: &Request, name: &str) -> Option<Response> {
    let name = name.replace("%2B", "+").replace("%2b", "+");
    let find = |filename: &str| -> Option<&File> {
        state.projects.values().flatten().find(|file| file.wheel.filename == filename)
    };
    if let Some(wheel) = name.strip_suffix(".metadata") {
        let text = find(wheel).filter(|_| state.options.metadata_files)?.metadata.clone();
        return Some(with_freshness(state, request, Response::new(200, "text/plain", text)));
    }
    let bytes = &find(&name)?.wheel.bytes;
    let full = || Response::new(200, "application/octet-stream", bytes.clone());
    if !state.options.ranges {
        return Some(with_freshness(state, request, full()));
    }
    let response = match request.range(bytes.len()) {
        None => with_freshness(state, request, full()),
        Some(Ok((start, end))) => {
            Response::new(206, "application/octet-stream", &bytes[start..end])
                .header("Content-Range", format!("bytes {start}-{}/{}", end - 1, bytes.len()))
        }
        Some(Err(())) => Response::new(416, "text/plain", "")
            .header("Content-Range", format!("bytes */{}", bytes.len())),
    };
    Some(response.header("Accept-Ranges", "bytes"))
}

fn with_freshness(state: &State, request: &Request, response: Response) -> Response {
    match state.options.freshness {
        Freshness::Unstated => response,
        Freshness::MaxAge(seconds) => {
            response.header("Cache-Control", format!("max-age={seconds}"))
        }
        Freshness::Etag => {
            let tag = format!("\"{}\"", &sha256(&response.body)[..16]);
            let same = request.header("if-none-match").is_some_and(|sent| sent.contains(&tag));
            let response = response.header("Cache-Control", "no-cache").header("ETag", tag);
            if same { Response { status: 304, body: Vec::new(), ..response } } else { response }
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut text = super::wheel::base64_url(bytes).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}
