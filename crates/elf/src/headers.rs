//! A file's program headers, what they lead to, and texts by their addresses, all within bounds. Must not know what a text
//! is for.

use std::cell::Cell;

use elf::abi::{PT_DYNAMIC, PT_INTERP, PT_LOAD};
use elf::dynamic::DynamicTable;
use elf::endian::AnyEndian;
use elf::file::{Class, FileHeader, parse_ident};
use elf::gnu_symver::VerNeedIterator;
use elf::segment::{ProgramHeader, SegmentTable};

use crate::file::Read;

/// The size of `e_ident`.
const IDENT: usize = 16;
/// The most that a table has which is read, in bytes.
const TABLE: u64 = 4 << 20;
/// The most that the table of versions has which is read, in bytes.
const VERSIONS: usize = 256 << 10;
/// How much is read of a text at first: nearly all are shorter.
const SHORT: usize = 256;
/// The most that one text has, in bytes: search paths are the longest.
const TEXT: usize = 64 << 10;
/// The most that is read for all texts together: entries may be many that overlap.
const ALL_TEXTS: usize = 8 << 20;

/// A file whose program headers have been read.
pub(crate) struct Headers<'a> {
    read: &'a Read<'a>,
    endian: AnyEndian,
    pub(crate) class: Class,
    pub(crate) machine: u16,
    segments: Vec<ProgramHeader>,
    left: Cell<usize>,
}

impl<'a> Headers<'a> {
    /// `None` if it is no ELF file, or what it says of its headers is not there.
    pub(crate) fn read(read: &'a Read<'a>) -> Option<Self> {
        let head = read(0, 64)?;
        let ident = parse_ident::<AnyEndian>(head.get(..IDENT)?).ok()?;
        let (endian, class) = (ident.0, ident.1);
        let header = FileHeader::parse_tail(ident, head.get(IDENT..)?).ok()?;
        let length = u64::from(header.e_phnum) * u64::from(header.e_phentsize);
        let table = read(header.e_phoff, usize::try_from(length.min(TABLE)).ok()?)?;
        let segments = SegmentTable::new(endian, class, &table).iter().collect();
        let (machine, left) = (header.e_machine, Cell::new(ALL_TEXTS));
        Some(Self { read, endian, class, machine, segments, left })
    }

    fn segment(&self, kind: u32) -> Option<&ProgramHeader> {
        self.segments.iter().find(|segment| segment.p_type == kind)
    }

    /// The entries of the dynamic section by their tags, up to its end.
    pub(crate) fn dynamic(&self) -> Option<Vec<(i64, u64)>> {
        let dynamic = self.segment(PT_DYNAMIC)?;
        let length = usize::try_from(dynamic.p_filesz.min(TABLE)).ok()?;
        let table = (self.read)(dynamic.p_offset, length)?;
        let table = DynamicTable::new(self.endian, self.class, &table);
        let mut entries: Vec<(i64, u64)> =
            table.iter().map(|entry| (entry.d_tag, entry.d_val())).collect();
        // Of one without an end nobody knows what it would have said.
        let end = entries.iter().position(|(tag, _)| *tag == 0)?;
        entries.truncate(end);
        Some(entries)
    }

    /// The program that loads it: only programs name one.
    pub(crate) fn interpreter(&self) -> Option<String> {
        let place = self.segment(PT_INTERP)?.p_offset;
        self.text_at(place)
    }

    /// The text that begins there in the file.
    pub(crate) fn text_at(&self, place: u64) -> Option<String> {
        for length in [SHORT, TEXT] {
            self.left.set(self.left.get().checked_sub(length)?);
            let text = (self.read)(place, length)?;
            if let Some(end) = text.iter().position(|&byte| byte == 0) {
                return String::from_utf8(text[..end].to_vec()).ok();
            }
        }
        None
    }

    /// The table of wanted versions at an address, for [`Self::versions`].
    pub(crate) fn version_table(&self, address: u64) -> Option<Vec<u8>> {
        (self.read)(self.offset(address)?, VERSIONS)
    }

    /// So many libraries of such a table, each with its versions.
    pub(crate) fn versions<'t>(
        &self,
        table: &'t [u8],
        count: u64,
    ) -> VerNeedIterator<'t, AnyEndian> {
        VerNeedIterator::new(self.endian, self.class, count, 0, table)
    }

    /// Where in the file an address in memory is: in the segment that is loaded there.
    pub(crate) fn offset(&self, address: u64) -> Option<u64> {
        let segment = self.segments.iter().find(|segment| {
            let within = address.checked_sub(segment.p_vaddr);
            segment.p_type == PT_LOAD && within.is_some_and(|within| within < segment.p_filesz)
        })?;
        segment.p_offset.checked_add(address - segment.p_vaddr)
    }
}
