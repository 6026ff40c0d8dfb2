//! Tar archives for putting files into containers. Owns names, modes and owners in them; must not know what the
//! files are for.

use bytes::Bytes;

use crate::engine::Parcel;

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

impl Put<'_> {
    fn path(&self) -> &str {
        match self {
            Self::Dir { path, .. } | Self::File { path, .. } | Self::Link { path, .. } => path,
        }
    }
}

/// Packs the entries, those below a mount point apart and relative to it.
pub(crate) fn pack(entries: &[Put<'_>], mount: &str) -> std::io::Result<Vec<Parcel>> {
    let inside = |entry: &&Put<'_>| {
        entry.path().strip_prefix(mount).is_some_and(|below| below.starts_with('/'))
    };
    let (inside, outside): (Vec<&Put<'_>>, Vec<&Put<'_>>) = entries.iter().partition(inside);
    let mut parcels = Vec::new();
    for (at, entries) in [("/", outside), (mount, inside)] {
        if !entries.is_empty() {
            parcels.push(Parcel {
                at: at.to_owned(),
                tar: archive(&entries, at)?,
                keeps_kinds: false,
            });
        }
    }
    Ok(parcels)
}

/// The entries in the given order, files and links owned by root, by their names below a directory.
fn archive(entries: &[&Put<'_>], at: &str) -> std::io::Result<Bytes> {
    let below =
        |path: &str| path.strip_prefix(at).unwrap_or(path).trim_start_matches('/').to_owned();
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
                builder.append_data(&mut header, format!("{}/", below(path)), std::io::empty())?;
            }
            Put::File { path, bytes, mode } => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_mode(*mode);
                header.set_size(bytes.len() as u64);
                builder.append_data(&mut header, below(path), *bytes)?;
            }
            Put::Link { path, target } => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_mode(0o777);
                header.set_size(0);
                builder.append_link(&mut header, below(path), target)?;
            }
        }
    }
    builder.into_inner().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_the_volume_is_put_at_its_mount_point_and_all_else_at_the_root() {
        let entries = [
            Put::Dir { path: "/store/bin", mode: 0o755, owner: ROOT },
            Put::File { path: "/storeroom/a", bytes: b"a", mode: 0o644 },
            Put::File { path: "/store/bin/b", bytes: b"b", mode: 0o755 },
            Put::Link { path: "/store/bin/c", target: "b" },
        ];
        let parcels = pack(&entries, "/store").unwrap();
        let shown: Vec<(&str, Vec<String>)> = parcels
            .iter()
            .map(|parcel| {
                let mut archive = tar::Archive::new(&parcel.tar[..]);
                let paths = archive.entries().unwrap();
                let paths = paths.map(|entry| entry.unwrap().path().unwrap().display().to_string());
                (parcel.at.as_str(), paths.collect())
            })
            .collect();
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let expected =
            [("/", names(&["storeroom/a"])), ("/store", names(&["bin/", "bin/b", "bin/c"]))];
        assert_eq!(shown, expected);
    }
}
