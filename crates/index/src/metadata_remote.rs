//! METADATA out of a wheel: from its bytes, from a file, or from a few byte ranges of a remote one.
//!
//! The central directory of a zip archive is at its end, and so is `.dist-info` in most wheels:
//! usually one request for the tail brings everything.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use http::{StatusCode, header};
use zip::ZipArchive;

use crate::cache::Cache;
use crate::client::{Client, LARGEST_FILE, Request, content_range};
use crate::error::Error;
use crate::receiver::{Body, Received};
use crate::whole;
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::metadata::LARGEST;
use url::Url;

/// Bytes that a first request asks for, at least.
const TAIL: u64 = 32 << 10;
/// Bytes that a further request asks for.
const PIECE: u64 = 64 << 10;
/// The largest central directory that is fetched for the metadata's sake: that of some hundred thousand files.
const LARGEST_DIRECTORY: u64 = 16 << 20;
/// Requests for one wheel before its metadata is given up.
const REQUESTS: usize = 8;

/// METADATA of a wheel held in memory.
///
/// # Errors
/// [`Error::Metadata`].
fn from_bytes(filename: &WheelFilename, bytes: &Bytes) -> Result<String, Error> {
    from_archive(filename, Cursor::new(bytes)).map_err(|error| bad(filename, &error))
}

/// METADATA of a wheel that came whole.
///
/// # Errors
/// [`Error::Metadata`].
pub fn from_body(filename: &WheelFilename, body: &Body) -> Result<String, Error> {
    match body {
        Body::Memory(bytes) => from_bytes(filename, bytes),
        Body::File(file) => from_archive(filename, io::BufReader::new(&**file))
            .map_err(|error| bad(filename, &error)),
    }
}

/// A whole wheel of a server.
///
/// # Errors
/// What fetching fails with.
pub async fn whole(client: &Client, cache: &Cache, url: &Url) -> Result<Received, Error> {
    let answer = whole::fetch(client, cache, &Request::file(url.clone(), LARGEST_FILE)).await?;
    if answer.status != StatusCode::OK {
        let status = answer.status.as_u16();
        return Err(Error::Status { url: url.clone(), status, attempts: 1 });
    }
    Ok(answer.received)
}

/// METADATA of a wheel on this machine.
///
/// # Errors
/// [`Error::ReadWheel`] or [`Error::Metadata`].
pub fn from_path(filename: &WheelFilename, path: &Path) -> Result<String, Error> {
    let file = pyfast_root::regular_file::open(path)
        .map_err(|source| Error::ReadWheel { path: path.to_owned(), source })?;
    from_archive(filename, io::BufReader::new(file)).map_err(|error| bad(filename, &error))
}

fn bad(filename: &WheelFilename, error: &io::Error) -> Error {
    Error::Metadata { wheel: filename.to_string(), reason: error.to_string() }
}

fn from_archive(filename: &WheelFilename, reader: impl Read + Seek) -> io::Result<String> {
    let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let mut archive = ZipArchive::new(reader).map_err(io_error)?;
    let names = archive.file_names().filter_map(Result::ok).map(std::borrow::Cow::into_owned);
    let mut names: Vec<String> = names.filter(|name| is_metadata_of(filename, name)).collect();
    let name = names.pop().ok_or_else(|| invalid("it has no METADATA".to_owned()))?;
    if !names.is_empty() {
        return Err(invalid("it has more than one METADATA".to_owned()));
    }
    let file = archive.by_name(&name).map_err(io_error)?;
    let mut text = Vec::new();
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    file.take(limit + 1).read_to_end(&mut text)?;
    if text.len() > LARGEST {
        return Err(invalid(format!("its METADATA is larger than {LARGEST} bytes")));
    }
    // Old metadata may be Latin-1; only names and specifiers are read, and those are ASCII.
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The sparse reader's own error must come out whole: it says which bytes are missing.
fn io_error(error: zip::result::ZipError) -> io::Error {
    match error {
        zip::result::ZipError::Io(error) => error,
        error => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
    }
}

/// Whether an entry is `{name}-{version}.dist-info/METADATA` of this project.
fn is_metadata_of(filename: &WheelFilename, entry: &str) -> bool {
    let Some(directory) = entry.strip_suffix(".dist-info/METADATA") else { return false };
    let project = directory.split('-').next().unwrap_or_default();
    !directory.contains('/')
        && project.parse::<pep508_rs::PackageName>().is_ok_and(|name| name == filename.name)
}

/// What reading by ranges brought.
pub enum Ranged {
    /// The METADATA.
    Text(String),
    /// The server sent the whole wheel instead of a range.
    Whole(Received),
    /// The server does not do ranges.
    Refused,
}

/// METADATA of a remote wheel, by byte ranges.
///
/// # Errors
/// What fetching fails with, or a wheel that has no readable METADATA.
pub async fn by_ranges(
    client: &Client,
    cache: &Cache,
    filename: &WheelFilename,
    url: &Url,
    size: Option<u64>,
) -> Result<Ranged, Error> {
    // Large wheels have large central directories.
    let tail = size.map_or(TAIL, |size| (size / 64).clamp(TAIL, 512 << 10));
    let mut sparse = Sparse { size: 0, position: 0, pieces: Vec::new() };
    let mut range = format!("bytes=-{tail}");
    for _ in 0..REQUESTS {
        let request = Request::file(url.clone(), LARGEST_FILE).header(header::RANGE, &range);
        let answer = whole::fetch(client, cache, &request).await?;
        match answer.status {
            StatusCode::PARTIAL_CONTENT => {}
            StatusCode::OK => return Ok(Ranged::Whole(answer.received)),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                let status = answer.status.as_u16();
                return Err(Error::Status { url: url.clone(), status, attempts: 1 });
            }
            _ => return Ok(Ranged::Refused),
        }
        let Some((start, total)) = content_range(&answer.headers) else {
            return Ok(Ranged::Refused);
        };
        sparse.size = total;
        let piece = answer.received.body.into_bytes().map_err(|source| Error::Spool { source })?;
        sparse.pieces.push((start, piece));
        sparse.position = 0;
        let error = match from_archive(filename, &mut sparse) {
            Ok(text) => return Ok(Ranged::Text(text)),
            Err(error) => error,
        };
        let Some(Missing(at)) = error.get_ref().and_then(|inner| inner.downcast_ref()) else {
            return Err(bad(filename, &error));
        };
        // Up to the next piece that is there, but not the whole wheel. All of the directory is needed.
        let next = sparse.pieces.iter().map(|piece| piece.0).filter(|start| start > at).min();
        let tail = sparse.pieces.first().map_or(&[][..], |(_, tail)| tail);
        let in_directory = directory_start(tail).is_some_and(|start| start <= *at);
        let most = if in_directory { LARGEST_DIRECTORY } else { PIECE };
        let end = next.unwrap_or(total).min(at.saturating_add(most)).max(at.saturating_add(1));
        let from = if next == Some(end) { end.saturating_sub(PIECE).min(*at) } else { *at };
        range = format!("bytes={from}-{}", end - 1);
    }
    Ok(Ranged::Refused)
}

/// Where the central directory begins, as the record at an archive's end says.
fn directory_start(tail: &[u8]) -> Option<u64> {
    let find = |signature: &[u8]| {
        let at = tail.windows(signature.len()).rposition(|window| window == signature)?;
        tail.get(at..)
    };
    let end = find(b"PK\x05\x06")?;
    match u32::from_le_bytes(end.get(16..20)?.try_into().ok()?) {
        // Zip64.
        u32::MAX => {
            let end = find(b"PK\x06\x06")?;
            Some(u64::from_le_bytes(end.get(48..56)?.try_into().ok()?))
        }
        start => Some(start.into()),
    }
}

/// A byte that is needed and not there yet.
#[derive(Debug, thiserror::Error)]
#[error("byte {0} was not fetched")]
struct Missing(u64);

/// A file of which only some pieces are known.
struct Sparse {
    size: u64,
    position: u64,
    pieces: Vec<(u64, Bytes)>,
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        for (start, piece) in &self.pieces {
            let offset = self.position.checked_sub(*start).and_then(|o| usize::try_from(o).ok());
            if let Some(rest) = offset.and_then(|offset| piece.get(offset..))
                && !rest.is_empty()
            {
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                self.position += count as u64;
                return Ok(count);
            }
        }
        Err(io::Error::other(Missing(self.position)))
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
