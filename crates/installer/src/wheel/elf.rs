//! Where shared libraries look for others: `DT_RPATH` and `DT_RUNPATH`. The loader takes `$ORIGIN` from the
//! path it opened without resolving symbolic links, so a path that leaves its own wheel does not work
//! through a directory link. Knows nothing of links or environments.

use std::io::{Read, Seek};
use std::path::Path;

use elf::ElfBytes;
use elf::abi::{DT_RPATH, DT_RUNPATH, DT_STRTAB, PT_LOAD};
use elf::endian::AnyEndian;

/// Whether a file of this name may be a shared library.
pub(crate) fn may_be_library(path: &str) -> bool {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    Path::new(name).extension().is_some_and(|found| found == "so") || name.contains(".so.")
}

/// The search paths of a library in memory; none if it is not an ELF file or is damaged.
pub(crate) fn search_paths(content: &[u8]) -> Vec<String> {
    if !content.starts_with(b"\x7fELF") {
        return Vec::new();
    }
    from_bytes(content).unwrap_or_default()
}

fn from_bytes(content: &[u8]) -> Option<Vec<String>> {
    let file = ElfBytes::<AnyEndian>::minimal_parse(content).ok()?;
    let dynamic = file.dynamic().ok()??;
    let table = dynamic.iter().find(|entry| entry.d_tag == DT_STRTAB)?.d_ptr();
    // The table is named by its address in memory: find the segment that loads it.
    let segment = file.segments()?.iter().find(|segment| {
        let offset = table.checked_sub(segment.p_vaddr);
        segment.p_type == PT_LOAD && offset.is_some_and(|offset| offset < segment.p_filesz)
    })?;
    let start = segment.p_offset.checked_add(table - segment.p_vaddr)?;
    let strings = content.get(usize::try_from(start).ok()?..)?;
    let mut paths = Vec::new();
    for entry in dynamic.iter().filter(|entry| matches!(entry.d_tag, DT_RPATH | DT_RUNPATH)) {
        let text = strings.get(usize::try_from(entry.d_val()).ok()?..)?;
        let end = text.iter().position(|&byte| byte == 0)?;
        let text = std::str::from_utf8(&text[..end]).ok()?;
        paths.extend(text.split(':').map(str::to_owned));
    }
    Some(paths)
}

/// The search paths of a library too large to hold in memory.
pub(crate) fn search_paths_of_file(file: impl Read + Seek) -> Vec<String> {
    from_stream(file).unwrap_or_default()
}

fn from_stream(file: impl Read + Seek) -> Option<Vec<String>> {
    let mut file = elf::ElfStream::<AnyEndian, _>::open_stream(file).ok()?;
    let entries: Vec<_> = file.dynamic().ok()??.iter().collect();
    let paths = entries.iter().filter(|entry| matches!(entry.d_tag, DT_RPATH | DT_RUNPATH));
    let offsets: Vec<usize> =
        paths.map(|entry| usize::try_from(entry.d_val()).ok()).collect::<Option<_>>()?;
    // A large library that was stripped of its section headers is not read: none is known.
    let header = *file.section_header_by_name(".dynstr").ok()??;
    let strings = file.section_data_as_strtab(&header).ok()?;
    let texts = offsets.into_iter().filter_map(|offset| strings.get(offset).ok());
    Some(texts.flat_map(|text| text.split(':').map(str::to_owned).collect::<Vec<_>>()).collect())
}

/// The directory that a search path of the library `path` means, relative to the root that `path` is
/// relative to; `None` if it is not relative to the library, or leaves the root.
pub(crate) fn directory(path: &str, search: &str) -> Option<String> {
    let rest = ["$ORIGIN", "${ORIGIN}"].iter().find_map(|origin| search.strip_prefix(origin))?;
    let mut components: Vec<&str> = path.split('/').collect();
    components.pop();
    for component in rest.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop()?;
            }
            name => components.push(name),
        }
    }
    Some(components.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_paths_are_relative_to_the_library() {
        let check = |search: &str| directory("torch/lib/libtorch.so", search);
        let expected = |path: &str| Some(path.to_owned());
        assert_eq!(check("$ORIGIN"), expected("torch/lib"));
        assert_eq!(check("$ORIGIN/../../nvidia/cublas/lib"), expected("nvidia/cublas/lib"));
        assert_eq!(check("${ORIGIN}/.././x/"), expected("torch/x"));
        assert_eq!(check("$ORIGIN/../../.."), None);
        assert_eq!(check("/usr/lib"), None);
    }

    #[test]
    fn library_names() {
        assert!(may_be_library("a/b.cpython-311-x86_64-linux-gnu.so"));
        assert!(may_be_library("numpy.libs/libgfortran-83c28eba.so.5.0.0"));
        assert!(!may_be_library("a/b.so/c.py"));
        assert!(!may_be_library("so.py"));
    }

    #[test]
    fn what_is_no_library_has_no_paths() {
        assert!(search_paths(b"").is_empty());
        assert!(search_paths(b"\x7fELF").is_empty());
        assert!(
            search_paths(&[b"\x7fELF\x02\x01\x01".as_slice(), &[0xFF; 200]].concat()).is_empty()
        );
    }
}
