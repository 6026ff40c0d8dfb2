//! What an ELF file says to the loader: its name, the libraries and versions that it wants, where it has them looked for,
//! who interprets it. Reads program headers and what they lead to, which nothing can be stripped of, and no more than bounds
//! allow, whatever the file says. Must not know what any of it means for an installation or an import.
//!
//! Begin with [`Object`]; [`search_path`] is a part of it for who has the file in other ways.
//!
//! Tables are decoded by the crate `elf`: it has no unsafe code, allocates nothing and takes pieces of a file, where others
//! want all of it in memory, and a library may have a gigabyte. The one thing that is written are paths of libraries
//! ([`bound()`]): what lays whole files out anew takes at their word what they say of themselves.

mod bound;
mod file;
mod headers;
mod object;
#[cfg(test)]
mod tests;

pub use bound::bound;
pub use file::{Read, of_bytes, of_file};
pub use object::{Object, search_path};

/// The first bytes of every ELF file.
const MAGIC: &[u8] = b"\x7fELF";

/// Whether a file that begins so is an ELF file.
pub fn is_elf(begin: &[u8]) -> bool {
    begin.starts_with(MAGIC)
}

/// Whether a file of this name may be a library or an extension module: `x.so`, `libx.so.1.2`.
pub fn is_object_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == "so") || name.contains(".so.")
}

/// What stands behind the object's own directory in an entry of a search path (`/../lib` of `$ORIGIN/../lib`); `None` if it
/// is not relative to that.
pub fn behind_origin(entry: &str) -> Option<&str> {
    let rest = ["$ORIGIN", "${ORIGIN}"].iter().find_map(|origin| entry.strip_prefix(origin))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
