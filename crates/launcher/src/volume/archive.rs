//! What is put into containers, in parcels for the mount point and for all else. Owns names, modes and owners; must not know
//! what the files are for, nor how an archive is written.

use std::io;
use std::path::Path;

use crate::archive::{Archive, Content, Entries, Facts};
pub(crate) use crate::archive::{Owner, ROOT};
use crate::engine::Parcel;

/// A file or link to be put into a container, by its absolute path.
#[derive(Debug, Clone)]
pub(crate) enum Put<'a> {
    /// A directory whose mode and owner are set even where it exists.
    Dir { path: &'a str, mode: u32, owner: Owner },
    /// A regular file.
    File { path: &'a str, content: &'a Content, mode: u32 },
    /// A symbolic link.
    Link { path: &'a str, target: &'a str },
}

impl Put<'_> {
    fn path(&self) -> &str {
        match self {
            Self::Dir { path, .. } | Self::File { path, .. } | Self::Link { path, .. } => path,
        }
    }
}

/// Packs the entries, those below a mount point apart and relative to it.
pub(crate) fn pack(entries: &[Put<'_>], mount: &str) -> io::Result<Vec<Parcel>> {
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
fn archive(entries: &[&Put<'_>], at: &str) -> io::Result<Archive> {
    let mut archive = Entries::kept();
    for entry in entries {
        let path = entry.path();
        let path = path.strip_prefix(at).unwrap_or(path);
        match entry {
            Put::Dir { mode, owner, .. } => {
                archive.directory(path, Facts { owner: *owner, ..Facts::of_root(*mode) })?;
            }
            Put::File { content, mode, .. } => {
                archive.content(path, Facts::of_root(*mode), content)?;
            }
            Put::Link { target, .. } => {
                archive.link(path, Facts::of_root(0o777), Path::new(target))?;
            }
        }
    }
    archive.archive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_the_volume_is_put_at_its_mount_point_and_all_else_at_the_root() {
        let [a, b] = ["a", "b"].map(Content::from);
        let entries = [
            Put::Dir { path: "/store/bin", mode: 0o755, owner: ROOT },
            Put::File { path: "/storeroom/a", content: &a, mode: 0o644 },
            Put::File { path: "/store/bin/b", content: &b, mode: 0o755 },
            Put::Link { path: "/store/bin/c", target: "b" },
        ];
        let parcels = pack(&entries, "/store").unwrap();
        let shown: Vec<(&str, Vec<String>)> = parcels
            .iter()
            .map(|parcel| {
                let bytes = parcel.tar.bytes();
                let mut archive = tar::Archive::new(&bytes[..]);
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
