//! Writes zip archives byte by byte, so that every field can also be written wrong.
//! Knows nothing of wheels.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// 2020-01-01, so that equal contents give equal bytes.
const DATE: u16 = (40 << 9) | (1 << 5) | 1;

/// What an entry says of itself that is not so.
#[derive(Clone, PartialEq)]
pub(crate) enum Lie {
    /// The local header has another name than the central directory.
    LocalName(&'static str),
    /// Both headers carry a wrong CRC.
    Crc,
    /// Both headers declare this size of the inflated data.
    Size(u32),
    /// The general purpose flag says that the data are encrypted.
    Encrypted,
    /// The compression method is this one, which is neither stored nor deflate.
    Method(u16),
}

/// One member of an archive.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) data: Vec<u8>,
    /// Unix mode with its file type bits.
    pub(crate) mode: u32,
    pub(crate) lie: Option<Lie>,
}

impl Entry {
    pub(crate) fn file(name: &str, data: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), data: data.into(), mode: 0o100_644, lie: None }
    }

    pub(crate) fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    pub(crate) fn lie(self, lie: Lie) -> Self {
        Self { lie: Some(lie), ..self }
    }
}

/// The header fields an entry ends up with, lies included.
struct Fields {
    flags: u16,
    method: u16,
    crc: u32,
    packed: Vec<u8>,
    size: u32,
}

fn fields(entry: &Entry) -> Fields {
    let mut crc = Crc::new();
    crc.update(&entry.data);
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&entry.data).expect("a Vec takes every byte");
    let packed = encoder.finish().expect("a Vec takes every byte");
    let size = u32::try_from(entry.data.len()).expect("test entries are small");
    let mut fields = Fields { flags: 0x0800, method: 8, crc: crc.sum(), packed, size };
    match entry.lie {
        Some(Lie::Crc) => fields.crc ^= 0xdead_beef,
        Some(Lie::Size(size)) => fields.size = size,
        Some(Lie::Encrypted) => fields.flags |= 1,
        Some(Lie::Method(method)) => fields.method = method,
        Some(Lie::LocalName(_)) | None => {}
    }
    fields
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_le_bytes());
}

/// The 26 bytes that both headers share, from "version needed" to the name's length.
fn put_common(out: &mut Vec<u8>, fields: &Fields, name: &[u8]) {
    put16(out, 20);
    put16(out, fields.flags);
    put16(out, fields.method);
    put16(out, 0);
    put16(out, DATE);
    put32(out, fields.crc);
    put32(out, u32::try_from(fields.packed.len()).expect("test entries are small"));
    put32(out, fields.size);
    put16(out, u16::try_from(name.len()).expect("test names are short"));
    put16(out, 0);
}

/// An archive of `entries` in their order.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut central = Vec::new();
    for entry in entries {
        let fields = fields(entry);
        let offset = u32::try_from(out.len()).expect("test archives are small");
        let local: &[u8] = match entry.lie {
            Some(Lie::LocalName(name)) => name.as_bytes(),
            _ => &entry.name,
        };
        put32(&mut out, LOCAL);
        put_common(&mut out, &fields, local);
        out.extend(local);
        out.extend(&fields.packed);
        put32(&mut central, CENTRAL);
        put16(&mut central, 0x0314);
        put_common(&mut central, &fields, &entry.name);
        put16(&mut central, 0);
        put16(&mut central, 0);
        put16(&mut central, 0);
        put32(&mut central, entry.mode << 16);
        put32(&mut central, offset);
        central.extend(&entry.name);
    }
    let count = u16::try_from(entries.len()).expect("test archives have few entries");
    let start = u32::try_from(out.len()).expect("test archives are small");
    let size = u32::try_from(central.len()).expect("test archives are small");
    out.extend(central);
    put32(&mut out, END);
    put16(&mut out, 0);
    put16(&mut out, 0);
    put16(&mut out, count);
    put16(&mut out, count);
    put32(&mut out, size);
    put32(&mut out, start);
    put16(&mut out, 0);
    out
}
