//! Reads a zip archive that may be hostile: one parser that compares the central directory with the
//! local headers and accounts for every byte of the file, so that no other reader can see another
//! content. Knows nothing of wheels.
//!
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>

mod header;
pub(crate) mod mapped;

use std::io::{BufRead, BufReader, Read};
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Refusal;
pub(crate) use header::LocalHeader;
use header::{CentralHeader, End, check_local};
use mapped::Mapped;

/// More members than any real wheel has.
const MAX_ENTRIES: u64 = 200_000;
/// Bytes of content below which the expansion ratio does not matter.
const RATIO_FROM: u64 = 64 << 20;
/// Content for each byte of archive.
const MAX_RATIO: u64 = 100;
/// Members up to this size are inflated in one go, larger ones piece by piece.
const WHOLE: u64 = 16 << 20;
/// Memory that is kept from one member to the next.
const KEPT: usize = 8 << 20;
/// Members are inflated in one go while their archive still comes if content and packed bytes are no more than this each:
/// both numbers may be lies.
const WHOLE_WHILE_COMING: u64 = 4 << 20;
/// The piece size for large members.
const PIECE: usize = 1 << 20;

/// How a member is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// As it is.
    Stored,
    /// Raw deflate.
    Deflated,
}

/// A member of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// A relative path without empty, `.` or `..` components.
    pub(crate) path: String,
    /// Whether it is a directory.
    pub(crate) directory: bool,
    /// Whether anybody may execute it; no other permission is honoured.
    pub(crate) executable: bool,
    /// How it is packed.
    pub(crate) method: Method,
    /// CRC-32 of the content.
    pub(crate) crc: u32,
    /// Bytes of content.
    pub(crate) size: u64,
    /// Where the packed content is.
    pub(crate) data: Range<usize>,
}

/// An audited archive.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry>,
    /// The file that the bytes are mapped from.
    mapped: Option<&'a Mapped>,
}

impl<'a> Archive<'a> {
    /// Audits the whole archive except the packed content.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let end = End::find(bytes)?;
        if end.entries > MAX_ENTRIES {
            let reason = format!("has {} members, over the limit of {MAX_ENTRIES}", end.entries);
            return Err(Refusal::archive(reason));
        }
        let headers = CentralHeader::all(bytes, &end)?;
        let mut entries = Vec::with_capacity(headers.len());
        for header in &headers {
            entries.push(entry(header)?);
        }
        check_names(&entries)?;
        check_expansion(&entries, bytes.len())?;
        tile(bytes, end.directory.start, &headers, &mut entries)?;
        Ok(Self { bytes, entries, mapped: None })
    }

    /// The same for one in a file, of which only what is being worked on is in memory.
    pub(crate) fn open_mapped(mapped: &'a Mapped) -> Result<Self, Refusal> {
        let archive = Self::open(mapped.bytes())?;
        mapped.spent(0..mapped.bytes().len());
        Ok(Self { mapped: Some(mapped), ..archive })
    }

    /// Tells that a part of the bytes will hardly be read again.
    pub(crate) fn spent(&self, range: Range<usize>) {
        if let Some(mapped) = self.mapped {
            mapped.spent(range);
        }
    }

    /// The members in the order of the central directory.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The packed content of a member.
    fn packed(&self, entry: &Entry) -> &'a [u8] {
        &self.bytes[entry.data.clone()]
    }
}

/// What the central directory says of a member; `data` is still empty.
fn entry(header: &CentralHeader<'_>) -> Result<Entry, Refusal> {
    let name = header.name()?;
    let refuse = |reason: &str| Refusal::entry(name, reason);
    let method = match header.method {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => return Err(refuse(&format!("is packed with the method {other}"))),
    };
    if header.flags & 0x2061 != 0 {
        return Err(refuse("is encrypted or a patch"));
    }
    let path = name.strip_suffix('/').unwrap_or(name);
    let directory = path.len() < name.len();
    check_path(path).map_err(&refuse)?;
    let mode = header.attributes >> 16;
    match mode & 0o17_0000 {
        0 => {}
        0o04_0000 if directory => {}
        0o10_0000 if !directory => {}
        0o12_0000 => return Err(refuse("is a symbolic link")),
        _ => return Err(refuse("is neither a file nor a directory")),
    }
    if directory && (header.size != 0 || header.crc != 0) {
        return Err(refuse("is a directory with content"));
    }
    if method == Method::Stored && header.size != header.packed {
        return Err(refuse("is stored, but its two sizes differ"));
    }
    Ok(Entry {
        path: path.to_owned(),
        directory,
        executable: mode & 0o111 != 0,
        method,
        crc: header.crc,
        size: header.size,
        data: 0..0,
    })
}

/// A member as its local header describes it, which is at `at` in an archive of at most `most` bytes. `None` where that
/// is not enough to unpack it, where it would expand more than archives do, or where it has more packed bytes than there
/// can be or its content can need. It may be a lie for all that.
pub(crate) fn entry_ahead(header: &[u8], at: u64, most: u64) -> Option<Entry> {
    let local = LocalHeader::parse(header)?;
    let method = match local.method {
        0 if local.size == local.packed => Method::Stored,
        8 if local.size / MAX_RATIO <= local.packed && local.packed <= most_packed(local.size) => {
            Method::Deflated
        }
        _ => return None,
    };
    at.checked_add(local.length as u64)?.checked_add(local.packed).filter(|end| *end <= most)?;
    let begin = usize::try_from(at).ok()?.checked_add(local.length)?;
    let end = begin.checked_add(usize::try_from(local.packed).ok()?)?;
    let (path, directory, executable) = (String::new(), false, false);
    let (crc, size) = (local.crc, local.size);
    Some(Entry { path, directory, executable, method, crc, size, data: begin..end })
}

/// More bytes than any compressor makes of so much content. A format that knows empty blocks has no bound of its own.
fn most_packed(size: u64) -> u64 {
    (size / 4).saturating_add(size).saturating_add(64)
}

/// Whether so much content may be in an archive of so many bytes.
pub(crate) fn may_expand(archive: u64, content: u64) -> bool {
    content <= RATIO_FROM || content / MAX_RATIO <= archive
}

/// Whether a path stays inside the directory it is unpacked into, and means the same everywhere.
pub(crate) fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("has an empty name");
    }
    if path.starts_with('/') {
        return Err("has an absolute path");
    }
    if path.contains('\\') {
        return Err("has a backslash in its path");
    }
    if path.chars().any(char::is_control) {
        return Err("has a control character in its path");
    }
    for component in path.split('/') {
        match component {
            "" => return Err("has an empty path component"),
            "." | ".." => return Err("has `.` or `..` in its path"),
            _ if component.len() > 255 => return Err("has a path component over 255 bytes"),
            _ => {}
        }
    }
    if path.len() > 3000 {
        return Err("has a path over 3000 bytes");
    }
    Ok(())
}

/// No two members of one name, no file that is also a directory.
fn check_names(entries: &[Entry]) -> Result<(), Refusal> {
    let mut kinds: FxHashMap<&str, bool> = FxHashMap::default();
    for entry in entries {
        if kinds.insert(&entry.path, entry.directory).is_some() {
            return Err(Refusal::entry(&entry.path, "is in the archive twice"));
        }
    }
    let mut parents: FxHashSet<&str> = FxHashSet::default();
    for entry in entries {
        let mut path = entry.path.as_str();
        while let Some((parent, _)) = path.rsplit_once('/') {
            if !parents.insert(parent) {
                break;
            }
            if kinds.get(parent) == Some(&false) {
                return Err(Refusal::entry(parent, "is both a file and a directory"));
            }
            path = parent;
        }
    }
    Ok(())
}

fn check_expansion(entries: &[Entry], archive: usize) -> Result<(), Refusal> {
    let total = entries.iter().fold(0_u64, |total, entry| total.saturating_add(entry.size));
    if !may_expand(archive as u64, total) {
        let reason = format!("would expand from {archive} to {total} bytes, more than 100 times");
        return Err(Refusal::archive(reason));
    }
    Ok(())
}

/// Compares local with central headers, and makes sure that members cover the archive from its first
/// byte to the central directory without a gap or an overlap.
fn tile(
    bytes: &[u8],
    directory: usize,
    headers: &[CentralHeader<'_>],
    entries: &mut [Entry],
) -> Result<(), Refusal> {
    let mut order: Vec<usize> = (0..headers.len()).collect();
    order.sort_unstable_by_key(|&index| headers[index].offset);
    let mut at = 0_u64;
    for (place, &index) in order.iter().enumerate() {
        let header = &headers[index];
        let name = &entries[index].path;
        if header.offset != at {
            return Err(Refusal::entry(name, "does not begin where the member before it ends"));
        }
        let next = order.get(place + 1).map_or(directory as u64, |&next| headers[next].offset);
        let member = usize::try_from(header.offset).ok().zip(usize::try_from(next).ok());
        let member = member
            .filter(|&(begin, end)| begin < end && end <= directory)
            .ok_or_else(|| Refusal::entry(name, "overlaps another member"))?;
        let data = check_local(&bytes[member.0..member.1], header)
            .map_err(|reason| Refusal::entry(name, reason))?;
        entries[index].data = member.0 + data.start..member.0 + data.end;
        at = next;
    }
    if at != directory as u64 {
        return Err(Refusal::archive("has bytes before its central directory that no member owns"));
    }
    Ok(())
}

/// Inflates members, one after another; keep one for each thread.
pub(crate) struct Inflater {
    whole: libdeflater::Decompressor,
    buffer: Vec<u8>,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self { whole: libdeflater::Decompressor::new(), buffer: Vec::new() }
    }

    /// Gives the content of a member to `sink`, in order, in one or more pieces. Size and CRC are
    /// checked by the time this returns, and never more than the declared size is given.
    pub(crate) fn extract<E: From<Refusal>>(
        &mut self,
        archive: &Archive<'_>,
        entry: &Entry,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let packed = archive.packed(entry);
        match entry.method {
            Method::Stored => {
                let mut crc = crc32fast::Hasher::new();
                let mut at = entry.data.start;
                for piece in packed.chunks(PIECE) {
                    crc.update(piece);
                    sink(piece)?;
                    archive.spent(at..at + piece.len());
                    at += piece.len();
                }
                check_crc(entry, crc.finalize()).map_err(E::from)
            }
            Method::Deflated if entry.size <= WHOLE => {
                let content = self.inflate(packed, entry)?;
                check_crc(entry, crc32fast::hash(content))?;
                sink(content)?;
                // Large members are rare: do not keep the memory of one for ever.
                if self.buffer.len() > KEPT {
                    self.buffer = Vec::new();
                }
                Ok(())
            }
            Method::Deflated => {
                let begin = entry.data.start;
                let spent =
                    |part: Range<usize>| archive.spent(begin + part.start..begin + part.end);
                self.stream(packed, entry, &spent, sink)
            }
        }
    }

    /// The same for a member of an archive that was not audited yet, whose packed bytes are read.
    pub(crate) fn extract_from<E: From<Refusal>>(
        &mut self,
        packed: impl Read,
        entry: &Entry,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let refuse = || E::from(Refusal::entry(&entry.path, "is damaged"));
        let length = entry.data.len() as u64;
        let mut packed = BufReader::with_capacity(PIECE / 4, packed.take(length));
        match entry.method {
            Method::Deflated if entry.size.max(length) > WHOLE_WHILE_COMING => {
                self.stream(packed, entry, &|_| (), sink)
            }
            Method::Deflated => {
                let mut bytes = Vec::with_capacity(entry.data.len());
                packed.read_to_end(&mut bytes).ok().ok_or_else(refuse)?;
                let content = self.inflate(&bytes, entry)?;
                check_crc(entry, crc32fast::hash(content))?;
                sink(content)
            }
            Method::Stored => {
                let mut crc = crc32fast::Hasher::new();
                loop {
                    let piece = packed.fill_buf().ok().ok_or_else(refuse)?;
                    if piece.is_empty() {
                        return check_crc(entry, crc.finalize()).map_err(E::from);
                    }
                    crc.update(piece);
                    sink(piece)?;
                    let count = piece.len();
                    packed.consume(count);
                }
            }
        }
    }

    /// The whole content of a member of at most `limit` bytes.
    pub(crate) fn read(
        &mut self,
        archive: &Archive<'_>,
        entry: &Entry,
        limit: u64,
    ) -> Result<Vec<u8>, Refusal> {
        if entry.size > limit {
            let reason = format!("has {} bytes, over the limit of {limit}", entry.size);
            return Err(Refusal::entry(&entry.path, reason));
        }
        let mut content = Vec::new();
        self.extract(archive, entry, &mut |piece| {
            content.extend_from_slice(piece);
            Ok::<_, Refusal>(())
        })?;
        Ok(content)
    }

    fn inflate(&mut self, packed: &[u8], entry: &Entry) -> Result<&[u8], Refusal> {
        let refuse = |reason: &str| Refusal::entry(&entry.path, reason);
        let size = usize::try_from(entry.size).ok().ok_or_else(|| refuse("is too large"))?;
        if self.buffer.len() < size {
            self.buffer.resize(size, 0);
        }
        let content = &mut self.buffer[..size];
        match self.whole.deflate_decompress(packed, content) {
            Ok(written) if written == size => Ok(content),
            Ok(_) => Err(refuse("has less content than it declares")),
            Err(libdeflater::DecompressionError::InsufficientSpace) => {
                Err(refuse("has more content than it declares"))
            }
            Err(libdeflater::DecompressionError::BadData) => Err(refuse("is damaged")),
        }
    }

    fn stream<E: From<Refusal>>(
        &mut self,
        packed: impl BufRead,
        entry: &Entry,
        done: &dyn Fn(Range<usize>),
        sink: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let refuse = |reason: &str| E::from(Refusal::entry(&entry.path, reason));
        if self.buffer.len() < PIECE {
            self.buffer.resize(PIECE, 0);
        }
        let mut decoder = flate2::bufread::DeflateDecoder::new(packed);
        let mut crc = crc32fast::Hasher::new();
        let (mut given, mut spent) = (0_u64, 0);
        loop {
            let buffer = &mut self.buffer[..PIECE];
            let count = decoder.read(buffer).ok().ok_or_else(|| refuse("is damaged"))?;
            if count == 0 {
                break;
            }
            given += count as u64;
            if given > entry.size {
                return Err(refuse("has more content than it declares"));
            }
            crc.update(&buffer[..count]);
            sink(&buffer[..count])?;
            let read = usize::try_from(decoder.total_in()).unwrap_or_default();
            if read - spent > PIECE {
                done(spent..read);
                spent = read;
            }
        }
        if given < entry.size {
            return Err(refuse("has less content than it declares"));
        }
        check_crc(entry, crc.finalize()).map_err(E::from)
    }
}

fn check_crc(entry: &Entry, found: u32) -> Result<(), Refusal> {
    if entry.crc == found {
        return Ok(());
    }
    Err(Refusal::entry(&entry.path, "is damaged: its CRC-32 does not fit"))
}

#[cfg(test)]
mod tests;
