//! The cache as a directory: what is in it, and how much. Must not know what a file says.

use std::path::{Path, PathBuf};

/// The folders of the cache whose files may go one by one. A clone, or an environment of a build, is whole
/// or nothing; what has another name, or is a link, was not made here.
pub fn loose(cache: &Path) -> Vec<PathBuf> {
    const KINDS: [&str; 10] = [
        "pages",
        "metadata",
        "hints",
        "sources",
        "texts",
        "digests",
        "interpreters",
        "built",
        "partial",
        "identities",
    ];
    let entries = fs_err::read_dir(cache).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let version = |kind: &str| name.strip_prefix(kind)?.strip_prefix('-')?.parse::<u32>().ok();
        entry.file_type().is_ok_and(|kind| kind.is_dir())
            && KINDS.iter().any(|kind| version(kind).is_some())
    });
    ours.map(|entry| entry.path()).collect()
}

/// Bytes of all files below a directory; one that is not there has none.
///
/// # Errors
/// If one cannot be looked at.
pub fn size(directory: &Path) -> std::io::Result<u64> {
    let entries = match fs_err::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut total = 0;
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}
