//! The records of the zip format: end of central directory (also zip64), central and local headers,
//! data descriptors. Refuses whatever two readers could read in two ways.

use std::ops::Range;

use crate::error::Refusal;

const MARK_16: u64 = 0xFFFF;
const MARK_32: u64 = 0xFFFF_FFFF;

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    take(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    take(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    take(bytes, at).map(u64::from_le_bytes)
}

/// The end of central directory record.
pub(super) struct End {
    /// Number of members.
    pub(super) entries: u64,
    /// Where the central directory is.
    pub(super) directory: Range<usize>,
}

impl End {
    /// Finds the one record that ends the file.
    pub(super) fn find(bytes: &[u8]) -> Result<Self, Refusal> {
        let from = bytes.len().saturating_sub(22 + 0xFFFF);
        let mut found = None;
        for at in (from..bytes.len().saturating_sub(21)).rev() {
            let comment = (bytes[at..].starts_with(b"PK\x05\x06")).then(|| u16_at(bytes, at + 20));
            if comment.flatten().is_some_and(|size| at + 22 + usize::from(size) == bytes.len()) {
                if found.is_some() {
                    return Err(Refusal::archive("has two ends: it is ambiguous"));
                }
                found = Some(at);
            }
        }
        let at = found.ok_or_else(|| Refusal::archive("is not a zip archive, or is cut short"))?;
        if bytes[at + 22..].windows(2).any(|pair| pair == b"PK") {
            return Err(Refusal::archive("hides zip records in its comment"));
        }
        Self::parse(bytes, at)
            .ok_or_else(|| Refusal::archive("has an end record that contradicts itself"))
    }

    fn parse(bytes: &[u8], at: usize) -> Option<Self> {
        let half = |offset| u16_at(bytes, at + offset).map(u64::from);
        let word = |offset| u32_at(bytes, at + offset).map(u64::from);
        let (disk, start_disk) = (half(4)?, half(6)?);
        let (here, total) = (half(8)?, half(10)?);
        let (size, offset) = (word(12)?, word(16)?);
        let locator = at.checked_sub(20).filter(|&at| bytes[at..].starts_with(b"PK\x06\x07"));
        let (end, total, size, offset) = if let Some(locator) = locator {
            let record = locator.checked_sub(56)?;
            let zip64 = Zip64End::parse(bytes, locator, record)?;
            let agrees = (total == zip64.entries || total == MARK_16)
                && (here == total)
                && (size == zip64.size || size == MARK_32)
                && (offset == zip64.offset || offset == MARK_32)
                && [0, MARK_16].contains(&disk)
                && [0, MARK_16].contains(&start_disk);
            agrees.then_some((record, zip64.entries, zip64.size, zip64.offset))?
        } else {
            (disk == 0 && start_disk == 0 && here == total).then_some((at, total, size, offset))?
        };
        let start = usize::try_from(offset).ok()?;
        let directory = start..end;
        (start <= end && u64::try_from(directory.len()).ok()? == size)
            .then_some(Self { entries: total, directory })
    }
}

struct Zip64End {
    entries: u64,
    size: u64,
    offset: u64,
}

impl Zip64End {
    fn parse(bytes: &[u8], locator: usize, record: usize) -> Option<Self> {
        let located = u32_at(bytes, locator + 4)? == 0
            && u64_at(bytes, locator + 8)? == u64::try_from(record).ok()?
            && u32_at(bytes, locator + 16)? == 1;
        // 44 is the size of the record without an extensible data sector.
        let plain = bytes[record..].starts_with(b"PK\x06\x06")
            && u64_at(bytes, record + 4)? == 44
            && u32_at(bytes, record + 16)? == 0
            && u32_at(bytes, record + 20)? == 0;
        let (here, entries) = (u64_at(bytes, record + 24)?, u64_at(bytes, record + 32)?);
        (located && plain && here == entries).then_some(Self {
            entries,
            size: u64_at(bytes, record + 40)?,
            offset: u64_at(bytes, record + 48)?,
        })
    }
}

/// A member as the central directory describes it.
pub(super) struct CentralHeader<'a> {
    name: &'a [u8],
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    pub(super) attributes: u32,
    pub(super) offset: u64,
}

impl<'a> CentralHeader<'a> {
    /// All members; they must fill the central directory.
    pub(super) fn all(bytes: &'a [u8], end: &End) -> Result<Vec<Self>, Refusal> {
        let mut rest = &bytes[end.directory.clone()];
        let mut headers = Vec::new();
        while !rest.is_empty() {
            let (header, length) = Self::parse(rest).ok_or_else(|| {
                Refusal::archive(format!("has a damaged central directory at {}", headers.len()))
            })?;
            headers.push(header);
            rest = &rest[length..];
        }
        if headers.len() as u64 != end.entries {
            let reason = format!("declares {} members and has {}", end.entries, headers.len());
            return Err(Refusal::archive(reason));
        }
        Ok(headers)
    }

    fn parse(bytes: &'a [u8]) -> Option<(Self, usize)> {
        if !bytes.starts_with(b"PK\x01\x02") {
            return None;
        }
        let lengths = [u16_at(bytes, 28)?, u16_at(bytes, 30)?, u16_at(bytes, 32)?].map(usize::from);
        let name = bytes.get(46..46 + lengths[0])?;
        let extra = bytes.get(46 + lengths[0]..46 + lengths[0] + lengths[1])?;
        let length = 46 + lengths.iter().sum::<usize>();
        if bytes.len() < length || u16_at(bytes, 34)? != 0 {
            return None;
        }
        let words = [u32_at(bytes, 24)?, u32_at(bytes, 20)?, u32_at(bytes, 42)?].map(u64::from);
        let [size, packed, offset] = widen(words, extra, name)?;
        let header = Self {
            name,
            flags: u16_at(bytes, 8)?,
            method: u16_at(bytes, 10)?,
            crc: u32_at(bytes, 16)?,
            packed,
            size,
            attributes: u32_at(bytes, 38)?,
            offset,
        };
        Some((header, length))
    }

    /// The member's name, a directory's with its `/`.
    pub(super) fn name(&self) -> Result<&'a str, Refusal> {
        let lossy = || String::from_utf8_lossy(self.name).into_owned();
        let name = std::str::from_utf8(self.name)
            .ok()
            .ok_or_else(|| Refusal::entry(lossy(), "has a name that is not UTF-8"))?;
        // Without the flag some readers take other bytes than ASCII for code page 437.
        if !name.is_ascii() && self.flags & 0x0800 == 0 {
            return Err(Refusal::entry(name, "has a name that is not marked as UTF-8"));
        }
        Ok(name)
    }
}

/// Replaces each marked 32-bit value by the next 64-bit value of the zip64 extra field. `None` if the
/// extra fields are damaged, or give the member another name.
fn widen<const N: usize>(mut words: [u64; N], extra: &[u8], name: &[u8]) -> Option<[u64; N]> {
    let mut rest = extra;
    let mut wide: Option<&[u8]> = None;
    while !rest.is_empty() {
        // Some writers pad with zeros; fewer than four bytes cannot be a field.
        if rest.len() < 4 {
            rest.iter().all(|&byte| byte == 0).then_some(())?;
            break;
        }
        let (id, length) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        let field = rest.get(4..4 + length)?;
        match id {
            1 if wide.is_some() => return None,
            1 => wide = Some(field),
            // Info-ZIP's Unicode path: version, CRC of the plain name, name.
            0x7075 if field.get(5..) != Some(name) => return None,
            _ => {}
        }
        rest = &rest[4 + length..];
    }
    let mut at = 0;
    for word in words.iter_mut().filter(|word| **word == MARK_32) {
        *word = u64_at(wide?, at)?;
        at += 8;
    }
    Some(words)
}

/// What a local header says of its member, which the central directory has not confirmed yet.
pub(crate) struct LocalHeader {
    /// As in the central directory.
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) size: u64,
    /// Where the packed content begins, from the header on.
    pub(super) length: usize,
}

impl LocalHeader {
    /// Bytes that say how long a header is.
    pub(crate) const LEAST: usize = 30;

    /// How long a header is that begins so.
    pub(crate) fn length(begin: &[u8]) -> Option<usize> {
        let begins = begin.starts_with(b"PK\x03\x04");
        let length =
            Self::LEAST + usize::from(u16_at(begin, 26)?) + usize::from(u16_at(begin, 28)?);
        begins.then_some(length)
    }

    /// Reads a whole header; `None` where it does not tell alone how long its member is.
    pub(super) fn parse(header: &[u8]) -> Option<Self> {
        let length = Self::length(header).filter(|&length| length == header.len())?;
        let name_end = Self::LEAST + usize::from(u16_at(header, 26)?);
        let (name, extra) = (header.get(Self::LEAST..name_end)?, header.get(name_end..)?);
        let narrow = [u32_at(header, 22)?, u32_at(header, 18)?].map(u64::from);
        let [size, packed] = widen(narrow, extra, name)?;
        let told = u16_at(header, 6)? & 8 == 0;
        let (method, crc) = (u16_at(header, 8)?, u32_at(header, 14)?);
        told.then_some(Self { method, crc, packed, size, length })
    }
}

/// Compares a member's local header and data descriptor with its central header. `member` reaches
/// from the local header to the next member; the result is the range of the packed content in it.
pub(super) fn check_local(
    member: &[u8],
    central: &CentralHeader<'_>,
) -> Result<Range<usize>, &'static str> {
    const DAMAGED: &str = "has a damaged local header";
    if !member.starts_with(b"PK\x03\x04") {
        return Err(DAMAGED);
    }
    let half = |at| u16_at(member, at).ok_or(DAMAGED);
    let word = |at| u32_at(member, at).ok_or(DAMAGED);
    let name_end = 30 + usize::from(half(26)?);
    let begin = name_end + usize::from(half(28)?);
    let name = member.get(30..name_end).ok_or(DAMAGED)?;
    let extra = member.get(name_end..begin).ok_or(DAMAGED)?;
    // Bits 1 and 2 only tell how hard the writer tried to compress.
    let same_flags = (half(6)? ^ central.flags) & !0b110 == 0;
    if name != central.name || half(8)? != central.method || !same_flags {
        return Err("is described differently by its local header");
    }
    let streamed = central.flags & 8 != 0;
    let narrow = [u64::from(word(22)?), u64::from(word(18)?)];
    let [size, packed] = widen(narrow, extra, name).ok_or(DAMAGED)?;
    let here = (word(14)?, packed, size);
    let there = (central.crc, central.packed, central.size);
    if here != there && !(streamed && here.0 == 0 && packed == 0 && size == 0) {
        return Err("has a CRC or size that its local header gives differently");
    }
    let length = usize::try_from(central.packed).ok().ok_or(DAMAGED)?;
    let end = begin.checked_add(length).filter(|&end| end <= member.len());
    let end = end.ok_or("overlaps the member after it")?;
    let descriptor = &member[end..];
    let fits = if streamed { is_descriptor(descriptor, central) } else { descriptor.is_empty() };
    fits.then_some(begin..end).ok_or("is followed by bytes that belong to no member")
}

/// Whether the bytes are exactly this member's data descriptor, in one of its four forms.
fn is_descriptor(bytes: &[u8], central: &CentralHeader<'_>) -> bool {
    let fields = bytes.strip_prefix(b"PK\x07\x08").filter(|_| bytes.len().is_multiple_of(8));
    let fields = fields.unwrap_or(bytes);
    let sizes = match fields.len() {
        12 => u32_at(fields, 4).map(u64::from).zip(u32_at(fields, 8).map(u64::from)),
        20 => u64_at(fields, 4).zip(u64_at(fields, 12)),
        _ => None,
    };
    u32_at(fields, 0) == Some(central.crc) && sizes == Some((central.packed, central.size))
}
