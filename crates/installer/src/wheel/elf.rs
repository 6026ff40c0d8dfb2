//! Where ELF files look for libraries: `DT_RPATH` and `DT_RUNPATH`. The loader takes `$ORIGIN` from the path it
//! opened without resolving symbolic links, so a path that leaves its own wheel does not work through a
//! directory link. Reads what the loader reads, the program headers and what they lead to, and nothing that a
//! file can be stripped of. Knows nothing of links or environments.

use elf::abi::{DT_RPATH, DT_RUNPATH, DT_STRTAB, PT_DYNAMIC, PT_LOAD};
use elf::dynamic::DynamicTable;
use elf::endian::AnyEndian;
use elf::file::{Class, FileHeader, parse_ident};
use elf::segment::{ProgramHeader, SegmentTable};

/// The first bytes of every ELF file.
const MAGIC: &[u8] = b"\x7fELF";
/// The size of `e_ident`.
const IDENT: usize = 16;
/// The most that a table has which is read, in bytes.
const LIMIT: u64 = 4 << 20;
/// The most that one search path has, in bytes.
const PATH_LIMIT: usize = 64 << 10;

/// Whether a file that begins so is an ELF file.
pub(crate) fn is_elf(begin: &[u8]) -> bool {
    begin.starts_with(MAGIC)
}

/// The search paths of a file of which `read` gives so many bytes from an offset, or fewer at its end; none if it is
/// not an ELF file or is damaged.
pub(crate) fn search_paths(read: &dyn Fn(u64, usize) -> Option<Vec<u8>>) -> Vec<String> {
    Elf::open(read).and_then(|elf| elf.search_paths()).unwrap_or_default()
}

/// The search paths of a file in memory.
pub(crate) fn search_paths_in(content: &[u8]) -> Vec<String> {
    search_paths(&|offset, length| {
        let rest = content.get(usize::try_from(offset).ok()?..)?;
        Some(rest[..length.min(rest.len())].to_vec())
    })
}

/// A file whose program headers have been read.
struct Elf<'a> {
    read: &'a dyn Fn(u64, usize) -> Option<Vec<u8>>,
    endian: AnyEndian,
    class: Class,
    segments: Vec<ProgramHeader>,
}

impl<'a> Elf<'a> {
    fn open(read: &'a dyn Fn(u64, usize) -> Option<Vec<u8>>) -> Option<Self> {
        let head = read(0, 64)?;
        let ident = parse_ident::<AnyEndian>(head.get(..IDENT)?).ok()?;
        let (endian, class) = (ident.0, ident.1);
        let header = FileHeader::parse_tail(ident, head.get(IDENT..)?).ok()?;
        let length = u64::from(header.e_phnum) * u64::from(header.e_phentsize);
        let table = read(header.e_phoff, usize::try_from(length.min(LIMIT)).ok()?)?;
        let segments = SegmentTable::new(endian, class, &table).iter().collect();
        Some(Self { read, endian, class, segments })
    }

    fn search_paths(&self) -> Option<Vec<String>> {
        let dynamic = self.segments.iter().find(|segment| segment.p_type == PT_DYNAMIC)?;
        let length = usize::try_from(dynamic.p_filesz.min(LIMIT)).ok()?;
        let table = (self.read)(dynamic.p_offset, length)?;
        let table = DynamicTable::new(self.endian, self.class, &table);
        let strings = table.iter().find(|entry| entry.d_tag == DT_STRTAB)?.d_ptr();
        let mut paths = Vec::new();
        let entries = table.iter().filter(|entry| matches!(entry.d_tag, DT_RPATH | DT_RUNPATH));
        // The loader takes one of each kind.
        for entry in entries.take(2) {
            let place = self.offset(strings)?.checked_add(entry.d_val())?;
            let text = (self.read)(place, PATH_LIMIT)?;
            let end = text.iter().position(|&byte| byte == 0)?;
            let text = std::str::from_utf8(&text[..end]).ok()?;
            paths.extend(text.split(':').map(str::to_owned));
        }
        Some(paths)
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

/// The directory that a search path means, for a file in `directory`: joined, and not normalised; `None` if it is not
/// relative to the file.
pub(crate) fn searched(directory: &str, search: &str) -> Option<String> {
    let rest = ["$ORIGIN", "${ORIGIN}"].iter().find_map(|origin| search.strip_prefix(origin))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| format!("{directory}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::elf_with_runpath;

    #[test]
    fn search_paths_are_relative_to_the_file() {
        let check = |search: &str, expected: Option<&str>| {
            assert_eq!(searched("root/torch/lib", search).as_deref(), expected, "{search}");
        };
        check("$ORIGIN", Some("root/torch/lib"));
        check("$ORIGIN/../../nvidia/lib", Some("root/torch/lib/../../nvidia/lib"));
        check("${ORIGIN}/../x/", Some("root/torch/lib/../x/"));
        check("$ORIGINAL", None);
        check("/usr/lib", None);
        check("", None);
    }

    #[test]
    fn search_paths_are_read_wherever_the_file_is() {
        let library = elf_with_runpath("$ORIGIN/a:$ORIGIN/b");
        assert_eq!(search_paths_in(&library), ["$ORIGIN/a", "$ORIGIN/b"]);
    }

    #[test]
    fn what_is_no_elf_file_or_damaged_has_no_paths() {
        let library = elf_with_runpath("$ORIGIN/a");
        assert!(is_elf(&library) && !is_elf(b"#!/bin/sh") && !is_elf(b""));
        assert!(search_paths_in(b"").is_empty());
        assert!(search_paths_in(b"\x7fELF").is_empty());
        for cut in 0..library.len() - 1 {
            // Whatever is missing, this ends; the last byte ends the text.
            assert!(search_paths_in(&library[..cut]).is_empty(), "{cut}");
        }
        let noise = [b"\x7fELF\x02\x01\x01".as_slice(), &[0xFF; 200]].concat();
        assert!(search_paths_in(&noise).is_empty());
    }
}
