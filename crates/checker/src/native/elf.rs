//! What an ELF file says to the loader: its name, the libraries and versions that it wants, where it has them looked for.
//! Reads program headers and what they lead to, within bounds, and nothing that a file can be stripped of. Must not know
//! what any of it means for an import.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use elf::abi::{
    DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRTAB, DT_VERNEED, DT_VERNEEDNUM, PT_DYNAMIC,
    PT_LOAD, VER_FLG_WEAK,
};
use elf::dynamic::DynamicTable;
use elf::endian::AnyEndian;
use elf::file::{Class, FileHeader, parse_ident};
use elf::gnu_symver::VerNeedIterator;
use elf::segment::{ProgramHeader, SegmentTable};
use serde::{Deserialize, Serialize};

/// The size of `e_ident`.
const IDENT: usize = 16;
/// The most that a table has which is read, in bytes.
const TABLE: u64 = 1 << 20;
/// The most that one text has, in bytes: search paths are the longest.
const TEXT: usize = 16 << 10;
/// The most libraries that one object wants.
const MOST: usize = 512;

/// What the loader does with an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// Directories of `DT_RUNPATH`, else of `DT_RPATH`.
    pub searched: Vec<String>,
    /// Versions that it wants of libraries, by the library (`verneed`); weak ones are left out, as the loader does.
    pub wants: BTreeMap<String, BTreeSet<String>>,
    /// `e_machine`.
    pub machine: u16,
    /// 32 or 64.
    pub bits: u8,
}

impl Object {
    /// Reads a file; `None` if it is no ELF file that a loader takes, or is damaged.
    pub fn read(path: &Path) -> Option<Self> {
        // What is no regular file may keep whoever opens it waiting.
        let kind = fs_err::metadata(path).ok()?;
        let file = kind.is_file().then(|| fs_err::File::open(path).ok()).flatten()?;
        let file = file.file();
        Self::of(&|offset, length| {
            let mut bytes = vec![0; length];
            let mut got = 0;
            while got < length {
                match file.read_at(&mut bytes[got..], offset.checked_add(got as u64)?) {
                    Ok(0) => break,
                    Ok(more) => got += more,
                    Err(_unreadable) => return None,
                }
            }
            bytes.truncate(got);
            Some(bytes)
        })
    }

    /// The same of bytes in memory.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Self::of(&|offset, length| {
            let rest = bytes.get(usize::try_from(offset).ok()?..)?;
            Some(rest[..length.min(rest.len())].to_vec())
        })
    }

    fn of(read: &Read<'_>) -> Option<Self> {
        let elf = Elf::open(read)?;
        let bits = if elf.class == Class::ELF64 { 64 } else { 32 };
        let mut object = Self { machine: elf.machine, bits, ..Self::default() };
        let dynamic = elf.dynamic()?;
        let (mut rpath, mut runpath) = (None, None);
        let mut versions = (0, 0);
        let strings = dynamic.iter().find(|(tag, _)| *tag == DT_STRTAB)?.1;
        let text = |at: u64| elf.text(strings, at);
        for (tag, value) in dynamic {
            match tag {
                DT_SONAME => object.soname = Some(text(value)?),
                DT_NEEDED if object.needed.len() < MOST => object.needed.push(text(value)?),
                DT_RPATH => rpath = Some(text(value)?),
                DT_RUNPATH => runpath = Some(text(value)?),
                DT_VERNEED => versions.0 = value,
                DT_VERNEEDNUM => versions.1 = value,
                _ => {}
            }
        }
        let searched = runpath.or(rpath).unwrap_or_default();
        let searched = searched.split(':').filter(|one| !one.is_empty());
        object.searched = searched.map(str::to_owned).collect();
        if versions.1 > 0 {
            object.wants = elf.wants(strings, versions.0, versions.1)?;
        }
        Some(object)
    }
}

/// Whether a file of this name may be a library or an extension module: `x.so`, `libx.so.1.2`.
pub fn is_object_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == "so") || name.contains(".so.")
}

type Read<'a> = dyn Fn(u64, usize) -> Option<Vec<u8>> + 'a;

/// A file whose program headers have been read.
struct Elf<'a> {
    read: &'a Read<'a>,
    endian: AnyEndian,
    class: Class,
    machine: u16,
    segments: Vec<ProgramHeader>,
}

impl<'a> Elf<'a> {
    fn open(read: &'a Read<'a>) -> Option<Self> {
        let head = read(0, 64)?;
        let ident = parse_ident::<AnyEndian>(head.get(..IDENT)?).ok()?;
        let (endian, class) = (ident.0, ident.1);
        let header = FileHeader::parse_tail(ident, head.get(IDENT..)?).ok()?;
        let length = u64::from(header.e_phnum) * u64::from(header.e_phentsize);
        let table = read(header.e_phoff, usize::try_from(length.min(TABLE)).ok()?)?;
        let segments = SegmentTable::new(endian, class, &table).iter().collect();
        Some(Self { read, endian, class, machine: header.e_machine, segments })
    }

    /// The entries of the dynamic section, up to its end.
    fn dynamic(&self) -> Option<Vec<(i64, u64)>> {
        let dynamic = self.segments.iter().find(|segment| segment.p_type == PT_DYNAMIC)?;
        let length = usize::try_from(dynamic.p_filesz.min(TABLE)).ok()?;
        let table = (self.read)(dynamic.p_offset, length)?;
        let table = DynamicTable::new(self.endian, self.class, &table);
        let entries = table.iter().take_while(|entry| entry.d_tag != 0);
        Some(entries.map(|entry| (entry.d_tag, entry.d_val())).collect())
    }

    fn text(&self, strings: u64, at: u64) -> Option<String> {
        let place = self.offset(strings)?.checked_add(at)?;
        // Nearly all texts are short, and what is read is set to nothing first.
        for length in [256, TEXT] {
            let text = (self.read)(place, length)?;
            if let Some(end) = text.iter().position(|&byte| byte == 0) {
                return String::from_utf8(text[..end].to_vec()).ok();
            }
        }
        None
    }

    fn wants(
        &self,
        strings: u64,
        place: u64,
        count: u64,
    ) -> Option<BTreeMap<String, BTreeSet<String>>> {
        let table = (self.read)(self.offset(place)?, 64 << 10)?;
        let needs = VerNeedIterator::new(self.endian, self.class, count, 0, &table);
        let mut wants: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (need, versions) in needs.take(MOST) {
            let library = self.text(strings, need.vn_file.into())?;
            let wanted = wants.entry(library).or_default();
            for version in versions.take(MOST) {
                if version.vna_flags & VER_FLG_WEAK == 0 {
                    wanted.insert(self.text(strings, version.vna_name.into())?);
                }
            }
        }
        Some(wants)
    }

    /// Where in the file an address in memory is: in the segment that is loaded there.
    fn offset(&self, address: u64) -> Option<u64> {
        let segment = self.segments.iter().find(|segment| {
            let within = address.checked_sub(segment.p_vaddr);
            segment.p_type == PT_LOAD && within.is_some_and(|within| within < segment.p_filesz)
        })?;
        segment.p_offset.checked_add(address - segment.p_vaddr)
    }
}
