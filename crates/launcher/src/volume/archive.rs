//! Tar archives for putting files into containers. Owns names, modes and owners in them; must not know what the
//! files are for.

use bytes::Bytes;

/// User and group by number, as the container counts them.
pub(crate) type Owner = (u32, u32);
/// Who owns what no command may change.
pub(crate) const ROOT: Owner = (0, 0);

/// A file or link to be put into a container, by its absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Put<'a> {
    /// A directory whose mode and owner are set even where it exists.
    Dir { path: &'a str, mode: u32, owner: Owner },
    /// A regular file.
    File { path: &'a str, bytes: &'a [u8], mode: u32 },
    /// A symbolic link.
    Link { path: &'a str, target: &'a str },
}

/// Seconds since the epoch for everything in an archive: equal contents give equal bytes. Not zero, because some
/// extractors take zero for "unset".
const MTIME: u64 = 1;

/// Packs the entries in the given order, files and links owned by root.
pub(crate) fn pack(entries: &[Put<'_>]) -> std::io::Result<Bytes> {
    let content: usize = entries
        .iter()
        .map(|entry| if let Put::File { bytes, .. } = entry { bytes.len() } else { 0 })
        .sum();
    let mut builder = tar::Builder::new(Vec::with_capacity(content + entries.len() * 1536 + 1024));
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(MTIME);
        header.set_uid(0);
        header.set_gid(0);
        match entry {
            Put::Dir { path, mode, owner: (user, group) } => {
                header.set_uid(u64::from(*user));
                header.set_gid(u64::from(*group));
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(*mode);
                header.set_size(0);
                builder.append_data(
                    &mut header,
                    format!("{}/", path.trim_start_matches('/')),
                    std::io::empty(),
                )?;
            }
            Put::File { path, bytes, mode } => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_mode(*mode);
                header.set_size(bytes.len() as u64);
                builder.append_data(&mut header, path.trim_start_matches('/'), *bytes)?;
            }
            Put::Link { path, target } => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_mode(0o777);
                header.set_size(0);
                builder.append_link(&mut header, path.trim_start_matches('/'), target)?;
            }
        }
    }
    builder.into_inner().map(Bytes::from)
}
