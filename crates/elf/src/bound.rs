//! A shared object that has some of its libraries at paths, where it named them only. Owns how a file is written for that:
//! what it has stays where it is, and a segment behind all others gets the program headers and the texts of the dynamic
//! section anew, the paths with them. Whatever a file says, nothing is written but itself and these. Must not know which
//! libraries, nor why.
//!
//! A path and no search path: a search path comes before all that the system has, for every library of the object, and takes
//! from it those of whoever loads it.

use std::collections::BTreeMap;

use elf::abi::{
    DT_AUDIT, DT_DEPAUDIT, DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ,
    DT_STRTAB, DT_VERNEED, EM_AARCH64, EM_X86_64, ET_DYN, PF_R, PT_DYNAMIC, PT_LOAD, PT_PHDR,
    SHT_STRTAB,
};

use crate::object::{MOST_VERSIONS, Object};

/// The size of a header of a segment and of a section, and of an entry of the dynamic section.
const SEGMENT: usize = 56;
const SECTION: usize = 64;
const ENTRY: usize = 16;
/// A 64-bit file whose numbers begin with the lowest byte.
const IDENT: &[u8] = b"\x7fELF\x02\x01\x01";
/// A library that stands in for this one, in all or in part.
const DT_FILTER: i64 = 0x7fff_ffff;
const DT_AUXILIARY: i64 = 0x7fff_fffd;
/// Tags whose values are texts.
const TEXTS: [i64; 8] =
    [DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH, DT_AUXILIARY, DT_FILTER, DT_AUDIT, DT_DEPAUDIT];
/// What the added segment is aligned to: no machine that is written for has larger pages.
const PAGE: u64 = 64 << 10;
/// No program is loaded above.
const ADDRESSES: u64 = 1 << 47;
/// So many segments are none: another place says then how many there are.
const MOST_SEGMENTS: usize = 0xffff;

/// The same file, which has each library that it needs by a name of `paths` at the path instead; everything else of it is as
/// it was.
///
/// # Errors
/// Why there is none, in words: not every file can be written so.
pub fn bound(bytes: &[u8], paths: &BTreeMap<&str, String>) -> Result<Vec<u8>, String> {
    let before = Object::parse(bytes).ok_or("it cannot be read")?;
    let unusual = |path: &&String| !path.starts_with('/') || path.contains(['$', '\0']);
    if let Some(path) = paths.values().find(unusual) {
        return Err(format!("`{path}` means something else to the loader"));
    }
    let written = Writing::of(bytes).and_then(|writing| writing.bound(paths));
    let written = written.ok_or("its headers say what no file has, or what is not written here")?;
    match Object::parse(&written) {
        Some(object) if object == expected(before, paths) => Ok(written),
        _ => Err("something else of it would change".to_owned()),
    }
}

/// What is read of it then.
fn expected(mut object: Object, paths: &BTreeMap<&str, String>) -> Object {
    for name in &mut object.needed {
        if let Some(path) = paths.get(&**name) {
            name.clone_from(path);
        }
    }
    let at = |name: String| paths.get(&*name).cloned().unwrap_or(name);
    object.wants = object.wants.into_iter().map(|(name, wanted)| (at(name), wanted)).collect();
    object
}

/// What the loader makes of a program header.
#[derive(Clone, Copy)]
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    in_file: u64,
    in_memory: u64,
}

/// A file that is to be written anew, as its headers have it.
struct Writing<'a> {
    bytes: &'a [u8],
    /// Where the program headers are.
    headers: usize,
    segments: Vec<Segment>,
    /// Where each entry of the dynamic section is, up to its end, and its tag and value.
    entries: Vec<(usize, i64, u64)>,
    /// The texts that entries name.
    texts: &'a [u8],
}

impl<'a> Writing<'a> {
    /// `None` where the loader would refuse it, or what it says is not within the file.
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let usual = bytes.starts_with(IDENT)
            && half(bytes, 16)? == ET_DYN
            && [EM_X86_64, EM_AARCH64].contains(&half(bytes, 18)?)
            && usize::from(half(bytes, 54)?) == SEGMENT;
        let (headers, count) = (place(long(bytes, 32)?)?, usize::from(half(bytes, 56)?));
        if !usual || count + 1 >= MOST_SEGMENTS {
            return None;
        }
        let table = bytes.get(headers..headers.checked_add(count * SEGMENT)?)?;
        let segments: Vec<Segment> =
            table.chunks_exact(SEGMENT).map(Segment::of).collect::<Option<_>>()?;
        let within = |segment: &Segment| segment.is_within(bytes.len());
        let loaded: Vec<&Segment> = segments.iter().filter(|one| one.kind == PT_LOAD).collect();
        let sorted = loaded.windows(2).all(|pair| pair[0].end() <= Some(pair[1].address));
        if !segments.iter().all(within) || !sorted {
            return None;
        }
        let mut writing = Self { bytes, headers, segments, entries: Vec::new(), texts: &[] };
        let mut dynamic = writing.segments.iter().filter(|one| one.kind == PT_DYNAMIC);
        let (own, None) = (*dynamic.next()?, dynamic.next()) else { return None };
        // The loader takes it from memory, others from the file.
        let at = writing.at(own.address, own.in_file)?;
        (own.offset == at as u64).then_some(())?;
        let end = at + place(own.in_file)?;
        writing.entries = (at..end)
            .step_by(ENTRY)
            .map_while(|at| Some((at, long(bytes, at)?.cast_signed(), long(bytes, at + 8)?)))
            .take_while(|(_, tag, _)| *tag != DT_NULL)
            .collect();
        // Each of them once: of two nobody knows which counts.
        let texts = writing.at(writing.value(DT_STRTAB)?, writing.value(DT_STRSZ)?)?;
        writing.texts = bytes.get(texts..texts.checked_add(place(writing.value(DT_STRSZ)?)?)?)?;
        let named = writing.entries.iter().filter(|entry| TEXTS.contains(&entry.1));
        let are_there = named.into_iter().all(|entry| writing.text(entry.2).is_some());
        are_there.then_some(writing)
    }

    /// The value of a tag that is there once.
    fn value(&self, tag: i64) -> Option<u64> {
        let mut values = self.entries.iter().filter(|entry| entry.1 == tag);
        let value = values.next()?.2;
        values.next().is_none().then_some(value)
    }

    /// Where in the file so many bytes of memory are from.
    fn at(&self, address: u64, length: u64) -> Option<usize> {
        let segment = self.segments.iter().find(|one| {
            let within = address.checked_sub(one.address);
            let end = within.and_then(|within| within.checked_add(length));
            one.kind == PT_LOAD && end.is_some_and(|end| end <= one.in_file)
        })?;
        place(segment.offset + (address - segment.address))
    }

    /// The text that begins there.
    fn text(&self, at: u64) -> Option<&'a str> {
        let rest = self.texts.get(place(at)?..)?;
        std::str::from_utf8(&rest[..rest.iter().position(|&byte| byte == 0)?]).ok()
    }

    fn bound(&self, paths: &BTreeMap<&str, String>) -> Option<Vec<u8>> {
        let mut texts = self.texts.to_vec();
        let mut places = BTreeMap::new();
        for (name, path) in paths {
            places.insert(*name, texts.len() as u64);
            texts.extend(path.bytes().chain([0]));
        }
        let added = self.added(texts.len())?;
        let mut written = self.bytes.to_vec();
        let own = (added.address + self.headers_size(), texts.len() as u64);
        for (at, tag, value) in &self.entries {
            let value = match *tag {
                DT_STRTAB => own.0,
                DT_STRSZ => own.1,
                DT_NEEDED => match self.text(*value).and_then(|name| places.get(name)) {
                    Some(text) => *text,
                    None => continue,
                },
                _ => continue,
            };
            put(&mut written, at + 8, &value.to_le_bytes())?;
        }
        self.name_versions(&mut written, &places)?;
        let offset = added.offset + self.headers_size();
        self.name_section(&mut written, [own.0, offset, own.1]);
        put(&mut written, 32, &added.offset.to_le_bytes())?;
        let count = u16::try_from(self.segments.len() + 1).ok()?;
        put(&mut written, 56, &count.to_le_bytes())?;
        written.resize(place(added.offset)?, 0);
        self.write_headers(&mut written, added)?;
        written.extend(texts);
        Some(written)
    }

    /// The size of the program headers with one more.
    fn headers_size(&self) -> u64 {
        (self.segments.len() as u64 + 1) * SEGMENT as u64
    }

    /// The segment behind all others, in the file and in memory, with room for program headers and for texts of this length.
    fn added(&self, texts: usize) -> Option<Segment> {
        let loaded = self.segments.iter().filter(|one| one.kind == PT_LOAD);
        let top = loaded.filter_map(Segment::end).max()?.checked_next_multiple_of(PAGE)?;
        let offset = (self.bytes.len() as u64).checked_next_multiple_of(8)?;
        let (address, size) = (top + offset % PAGE, self.headers_size() + texts as u64);
        (address + size <= ADDRESSES).then_some(())?;
        Some(Segment { kind: PT_LOAD, offset, address, in_file: size, in_memory: size })
    }

    /// Writes the program headers: those that load something are in the order of their addresses.
    fn write_headers(&self, written: &mut Vec<u8>, added: Segment) -> Option<()> {
        let last = self.segments.iter().rposition(|one| one.kind == PT_LOAD)?;
        let size = self.headers_size();
        for (index, segment) in self.segments.iter().enumerate() {
            let at = self.headers + index * SEGMENT;
            let own = self.bytes.get(at..at + SEGMENT)?;
            if segment.kind == PT_PHDR {
                let (flags, align) = (word(own, 4)?, long(own, 48)?);
                Segment { kind: PT_PHDR, in_file: size, in_memory: size, ..added }
                    .write(written, flags, align);
            } else {
                written.extend(own);
            }
            if index == last {
                added.write(written, PF_R, PAGE);
            }
        }
        Some(())
    }

    /// Versions are wanted of a library by the name that it is needed by. The loader follows both lists to their ends, whatever
    /// their lengths are said to be.
    fn name_versions(&self, written: &mut [u8], places: &BTreeMap<&str, u64>) -> Option<()> {
        let Some(mut address) = self.value(DT_VERNEED) else {
            return (!self.entries.iter().any(|entry| entry.1 == DT_VERNEED)).then_some(());
        };
        let mut left = MOST_VERSIONS;
        loop {
            let at = self.at(address, 16)?;
            if let Some(text) = places.get(self.text(word(self.bytes, at + 4)?.into())?) {
                put(written, at + 4, &u32::try_from(*text).ok()?.to_le_bytes())?;
            }
            let mut version = address.checked_add(word(self.bytes, at + 8)?.into())?;
            loop {
                left = usize::checked_sub(left, 1)?;
                let at = self.at(version, 16)?;
                self.text(word(self.bytes, at + 8)?.into())?;
                match word(self.bytes, at + 12)? {
                    0 => break,
                    next => version = version.checked_add(next.into())?,
                }
            }
            match word(self.bytes, at + 12)? {
                0 => return Some(()),
                next => address = address.checked_add(next.into())?,
            }
        }
    }

    /// No loader reads sections; who shows what is in a file does. The texts have an address, a place in the file and a length.
    fn name_section(&self, written: &mut [u8], texts: [u64; 3]) {
        let sections = || {
            let (at, count) = (place(long(self.bytes, 40)?)?, usize::from(half(self.bytes, 60)?));
            let is_usual = usize::from(half(self.bytes, 58)?) == SECTION;
            let end = at.checked_add(count * SECTION).filter(|end| *end <= self.bytes.len())?;
            is_usual.then_some((at..end).step_by(SECTION))
        };
        let old = self.value(DT_STRTAB);
        let is_own = |at: &usize| {
            word(self.bytes, at + 4) == Some(SHT_STRTAB) && long(self.bytes, at + 16) == old
        };
        if let Some(at) = sections().and_then(|mut sections| sections.find(is_own)) {
            for (index, value) in texts.iter().enumerate() {
                // It is within the file: it was read there.
                let _ = put(written, at + 16 + index * 8, &value.to_le_bytes());
            }
        }
    }
}

impl Segment {
    fn of(header: &[u8]) -> Option<Self> {
        Some(Self {
            kind: word(header, 0)?,
            offset: long(header, 8)?,
            address: long(header, 16)?,
            in_file: long(header, 32)?,
            in_memory: long(header, 40)?,
        })
    }

    /// Where it ends in memory.
    fn end(&self) -> Option<u64> {
        self.address.checked_add(self.in_memory)
    }

    /// Whether it is part of a file of this length, where that counts, and of what a program has of memory.
    fn is_within(&self, length: usize) -> bool {
        let end = self.offset.checked_add(self.in_file);
        let is_of_file = end.is_some_and(|end| end <= length as u64);
        let is_of_memory = self.end().is_some_and(|end| end <= ADDRESSES);
        self.kind != PT_LOAD || is_of_file && is_of_memory && self.in_file <= self.in_memory
    }

    fn write(&self, written: &mut Vec<u8>, flags: u32, align: u64) {
        written.extend(self.kind.to_le_bytes());
        written.extend(flags.to_le_bytes());
        // The physical address is the same.
        let Self { offset, address, in_file, in_memory, .. } = *self;
        for value in [offset, address, address, in_file, in_memory, align] {
            written.extend(value.to_le_bytes());
        }
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn place(number: u64) -> Option<usize> {
    usize::try_from(number).ok()
}

/// Writes over what is there, within it.
fn put(written: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    written.get_mut(at..at.checked_add(value.len())?)?.copy_from_slice(value);
    Some(())
}

#[cfg(test)]
mod tests;
