//! An ELF file that has libraries looked for in one more directory. Owns that nothing else of it changes, and what of a file
//! is believed by who writes it anew; must not know why it should look there.

use elf::ElfBytes;
use elf::abi::{PT_LOAD, SHT_GNU_HASH, SHT_HASH};
use elf::endian::{AnyEndian, EndianParse as _};
use elf::segment::ProgramHeader;
use object_rewrite::Rewriter;

use crate::object::Object;

/// The most that a section, and a segment, is aligned to: more is filled with zeros.
const SECTION: u64 = 64 << 10;
const SEGMENT: u64 = 2 << 20;

/// No program is loaded above.
const ADDRESSES: u64 = 1 << 47;

/// The same file, which has libraries looked for in `directory` too, after all other places that it names.
///
/// # Errors
/// Why there is none, in words: not every file can be laid out anew.
pub fn with_search_path(bytes: &[u8], directory: &str) -> Result<Vec<u8>, String> {
    let mut expected = Object::parse(bytes).ok_or("it cannot be read")?;
    if directory.contains([':', '$']) {
        return Err(format!("`{directory}` means something else in a search path"));
    }
    believable(bytes).ok_or("its headers say what no file has")?;
    let mut rewriter = Rewriter::read(bytes).map_err(|error| error.to_string())?;
    let more = [directory.as_bytes().to_vec()];
    rewriter.elf_add_runpath(&more).map_err(|error| error.to_string())?;
    let mut written = Vec::with_capacity(bytes.len());
    rewriter.write(&mut written).map_err(|error| error.to_string())?;
    expected.searched.push(directory.to_owned());
    // The library that does it is young.
    match Object::parse(&written) {
        Some(object) if object == expected => Ok(written),
        _ => Err("something else of it would change".to_owned()),
    }
}

/// Whether headers say nothing that would be written at any length: what lays the file out anew takes them at their word.
fn believable(bytes: &[u8]) -> Option<()> {
    let file = ElfBytes::<AnyEndian>::minimal_parse(bytes).ok()?;
    let most = u32::try_from(bytes.len() / 4).ok()?;
    let word = |at: u64, index: usize| {
        let mut at = usize::try_from(at).ok()?.checked_add(4 * index)?;
        file.ehdr.endianness.parse_u32_at(&mut at, bytes).ok()
    };
    for section in file.section_headers()? {
        let counts = match section.sh_type {
            SHT_HASH => [word(section.sh_offset, 0)?, word(section.sh_offset, 1)?],
            SHT_GNU_HASH => {
                let (filters, shift) = (word(section.sh_offset, 2)?, word(section.sh_offset, 3)?);
                (filters.is_power_of_two() && shift < 32).then_some(())?;
                [word(section.sh_offset, 0)?, filters]
            }
            _ => [0; 2],
        };
        let aligned = section.sh_addralign <= 1 || section.sh_addralign.is_power_of_two();
        let fits = counts.iter().all(|count| *count <= most) && section.sh_addralign <= SECTION;
        (fits && aligned).then_some(())?;
    }
    file.segments()?.iter().all(|segment| is_within(&segment, bytes.len())).then_some(())
}

/// Whether a segment is part of the file: another one begins behind the last, and what lies between is written as zeros.
fn is_within(segment: &ProgramHeader, length: usize) -> bool {
    let end = segment.p_offset.checked_add(segment.p_filesz);
    let is_of_file = end.is_some_and(|end| usize::try_from(end).is_ok_and(|end| end <= length));
    let top = segment.p_vaddr.checked_add(segment.p_memsz).filter(|top| *top <= ADDRESSES);
    let is_in_memory = segment.p_type != PT_LOAD || segment.p_filesz <= segment.p_memsz;
    is_of_file && top.is_some() && is_in_memory && segment.p_align <= SEGMENT
}
