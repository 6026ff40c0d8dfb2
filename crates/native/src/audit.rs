//! What an archive would write, looked at before anything is unpacked: names that lead elsewhere, things that are neither
//! files nor links, more than there is room for. Whoever unpacks passes over some of that in silence, and has no limit.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::{Component, Path};

use bzip2::read::MultiBzDecoder;
use tar::EntryType;
use zip::ZipArchive;

use crate::error::Error;

/// The most that one package may write, in bytes.
const LARGEST: u64 = 16 << 30;
/// The most that it may make.
const MOST: usize = 1_000_000;

/// Refuses what would not become what it says.
pub(crate) fn audit(name: &str, mut file: File) -> Result<(), Error> {
    file.rewind().map_err(|error| Error::archive(name, error.to_string()))?;
    let read = BufReader::with_capacity(256 << 10, file);
    let mut seen = Seen::default();
    let done = if name.strip_suffix(".conda").is_some() {
        members(read, &mut seen)
    } else if name.ends_with(".tar.bz2") {
        seen.take(MultiBzDecoder::new(read))
    } else {
        Err("its name ends neither in .conda nor in .tar.bz2".to_owned())
    };
    done.map_err(|reason| Error::archive(name, reason))
}

/// The two archives in one of the newer kind.
fn members(read: BufReader<File>, seen: &mut Seen) -> Result<(), String> {
    let text = |error: zip::result::ZipError| error.to_string();
    let mut archive = ZipArchive::new(read).map_err(text)?;
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(text)?;
        if member.name().map_err(text)?.ends_with(".tar.zst") {
            let decoder = zstd::Decoder::new(member).map_err(|error| error.to_string())?;
            seen.take(decoder)?;
        }
    }
    Ok(())
}

/// What was seen of one package.
#[derive(Default)]
struct Seen {
    bytes: u64,
    entries: usize,
}

impl Seen {
    fn take(&mut self, read: impl Read) -> Result<(), String> {
        let mut archive = tar::Archive::new(read);
        let unreadable = |error: io::Error| format!("it cannot be read: {error}");
        for entry in archive.entries().map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path().map_err(unreadable)?.into_owned();
            self.bytes = self.bytes.saturating_add(entry.size());
            self.entries += 1;
            let shown = path.display();
            if !stays_within(&path) {
                return Err(format!("`{shown}` would be outside of it"));
            }
            let kind = entry.header().entry_type();
            let usual =
                [EntryType::Regular, EntryType::Directory, EntryType::Symlink, EntryType::Link];
            if !usual.contains(&kind) {
                return Err(format!("`{shown}` is neither a file nor a directory nor a link"));
            }
            if self.bytes > LARGEST || self.entries > MOST {
                let (bytes, most) = (LARGEST >> 30, MOST);
                return Err(format!("it would write more than {bytes} GiB, or {most} files"));
            }
        }
        Ok(())
    }
}

fn stays_within(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
