//! Tar archives that go to an engine. Owns how their entries are written, for all who make one, and that large files are
//! read only while they are sent; must not know what the entries are for.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

/// User and group by number, as the container counts them.
pub(crate) type Owner = (u32, u32);
/// Who owns what no command may change.
pub(crate) const ROOT: Owner = (0, 0);
/// Seconds since the epoch where no other time is asked for: equal contents give equal bytes. Not zero, because some
/// extractors take zero for "unset".
pub(crate) const MTIME: u64 = 1;
/// So much of a file is read at once.
const BUFFER: usize = 256 << 10;
/// Blocks of which archives are made.
const BLOCK: u64 = 512;

/// The bytes of a file, wherever they are.
#[derive(Debug, Clone)]
pub enum Content {
    /// Few of them.
    Memory(Bytes),
    /// Many, in a file that is read from its beginning while they are sent.
    File(Arc<File>),
}

impl Content {
    /// How many there are.
    fn size(&self) -> io::Result<u64> {
        Ok(match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.metadata()?.len(),
        })
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self::Memory(bytes.into())
    }
}

/// An archive. What of it is in files stays there until it is sent.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    content: Content,
    size: u64,
}

impl Archive {
    /// All of it, where nothing of it is in a file.
    pub(crate) fn in_memory(&self) -> Option<Bytes> {
        match self.pieces.as_slice() {
            [] => Some(Bytes::new()),
            [Piece { content: Content::Memory(bytes), .. }] => Some(bytes.clone()),
            _ => None,
        }
    }

    /// Writes all of it; any number of times, and to several at once.
    ///
    /// # Errors
    /// If it cannot be written, or a file cannot be read or is shorter than it was.
    pub(crate) fn copy_to(&self, to: &mut impl Write) -> io::Result<()> {
        for piece in &self.pieces {
            match &piece.content {
                Content::Memory(bytes) => to.write_all(bytes)?,
                Content::File(file) => copy(file, piece.size, to)?,
            }
        }
        Ok(())
    }

    /// All of it in memory.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.copy_to(&mut bytes).unwrap();
        bytes
    }

    /// How much of it is in memory.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        let held = self.pieces.iter().map(|piece| match &piece.content {
            Content::Memory(bytes) => bytes.len(),
            Content::File(_) => 0,
        });
        held.sum()
    }
}

/// The archive says how many bytes there are: with fewer nothing behind them could be read.
fn copy(file: &File, size: u64, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut at = 0;
    while at < size {
        let most = usize::try_from(size - at).map_or(BUFFER, |left| left.min(BUFFER));
        match file.read_at(&mut buffer[..most], at) {
            Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "it became shorter")),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                at += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What an entry is besides its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// Permission bits (`0o644`).
    pub(crate) mode: u32,
    pub(crate) owner: Owner,
    /// In seconds since 1970.
    pub(crate) time: u64,
}

impl Facts {
    /// Of what is root's.
    pub(crate) fn of_root(mode: u32) -> Self {
        Self { mode, owner: ROOT, time: MTIME }
    }

    fn header(self, kind: tar::EntryType, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(self.mode);
        header.set_uid(u64::from(self.owner.0));
        header.set_gid(u64::from(self.owner.1));
        header.set_mtime(self.time);
        header.set_size(size);
        header
    }
}

/// The entries of an archive, one after the other. Slashes at the beginning of a path do not count.
pub(crate) struct Entries<W: Write>(tar::Builder<W>);

impl<W: Write> Entries<W> {
    /// An archive that is written there.
    pub(crate) fn new(to: W) -> Self {
        Self(tar::Builder::new(to))
    }

    pub(crate) fn directory(&mut self, path: &str, facts: Facts) -> io::Result<()> {
        let mut header = facts.header(tar::EntryType::Directory, 0);
        self.0.append_data(&mut header, format!("{}/", below(path)), io::empty())
    }

    pub(crate) fn link(&mut self, path: &str, facts: Facts, target: &Path) -> io::Result<()> {
        // Nobody looks at a link's own mode.
        let facts = Facts { mode: 0o777, ..facts };
        let mut header = facts.header(tar::EntryType::Symlink, 0);
        self.0.append_link(&mut header, below(path), target)
    }

    /// A file of just so many bytes.
    pub(crate) fn file(
        &mut self,
        path: &str,
        facts: Facts,
        size: u64,
        content: impl Read,
    ) -> io::Result<()> {
        let mut header = facts.header(tar::EntryType::Regular, size);
        self.0.append_data(&mut header, below(path), content)
    }

    /// Ends the archive.
    pub(crate) fn end(self) -> io::Result<W> {
        self.0.into_inner()
    }
}

impl Entries<Pieces> {
    /// An archive that is kept.
    pub(crate) fn kept() -> Self {
        Self::new(Pieces::default())
    }

    /// A file whose bytes stay where they are.
    pub(crate) fn content(
        &mut self,
        path: &str,
        facts: Facts,
        content: &Content,
    ) -> io::Result<()> {
        let size = content.size()?;
        if let Content::Memory(bytes) = content
            && bytes.len() <= BUFFER
        {
            return self.file(path, facts, size, &bytes[..]);
        }
        // Its header alone.
        self.file(path, facts, size, io::empty())?;
        let pieces = self.0.get_mut();
        pieces.close();
        pieces.closed.push(Piece { content: content.clone(), size });
        let padding = size.next_multiple_of(BLOCK) - size;
        io::copy(&mut io::repeat(0).take(padding), pieces).map(drop)
    }

    /// The archive of them.
    pub(crate) fn archive(self) -> io::Result<Archive> {
        let mut pieces = self.end()?;
        pieces.close();
        Ok(Archive { pieces: pieces.closed })
    }
}

/// What of an archive there is already.
#[derive(Default)]
pub(crate) struct Pieces {
    closed: Vec<Piece>,
    open: Vec<u8>,
}

impl Pieces {
    fn close(&mut self) {
        if !self.open.is_empty() {
            let bytes = std::mem::take(&mut self.open);
            let size = bytes.len() as u64;
            self.closed.push(Piece { content: bytes.into(), size });
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn below(path: &str) -> &str {
    path.trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use std::io::Seek as _;

    use super::*;

    fn byte(at: usize) -> u8 {
        u8::try_from(at % 251).unwrap()
    }

    fn large(size: usize) -> File {
        let mut file = tempfile::tempfile().unwrap();
        let pattern: Vec<u8> = (0..size).map(byte).collect();
        file.write_all(&pattern).unwrap();
        file.seek(io::SeekFrom::End(0)).unwrap();
        file
    }

    /// Kind, path, mode, owner, time and number of bytes of each entry.
    fn shown(bytes: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert!(content.iter().enumerate().all(|(at, &found)| found == byte(at)));
            let header = entry.header();
            let (mode, user, group) =
                (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap());
            let (time, path) = (header.mtime().unwrap(), entry.path().unwrap());
            format!("{} {mode:o} {user}:{group} @{time} {}", path.display(), content.len())
        });
        entries.collect()
    }

    #[test]
    fn what_is_in_a_file_is_sent_from_there_as_if_it_were_in_memory() {
        for size in [0, 1, 511, 512, 513, 3 * BUFFER + 7] {
            let file = large(size);
            let mut bytes = Vec::new();
            copy(&file, size as u64, &mut bytes).unwrap();
            let archived = |content: Content| {
                let mut entries = Entries::kept();
                entries.directory("/a", Facts::of_root(0o755)).unwrap();
                entries.content("/a/large", Facts::of_root(0o644), &content).unwrap();
                let named = format!("/a/{}", "long/".repeat(60));
                let own = Facts { mode: 0o600, owner: (7, 8), time: 9 };
                entries.content(&format!("{named}x"), own, &content).unwrap();
                entries.archive().unwrap()
            };
            let memory = archived(Content::Memory(bytes.into()));
            let kept = archived(Content::File(Arc::new(file)));
            assert!(kept.bytes() == memory.bytes(), "{size}");
            assert!(kept.bytes() == kept.bytes(), "it can be sent again");
            assert!(kept.held() < 8192, "{} of {size}", kept.held());
            assert!(kept.in_memory().is_none());
            let few = size <= BUFFER;
            assert_eq!(memory.in_memory().is_some_and(|all| all == memory.bytes()), few);
            let lines = shown(&kept.bytes());
            assert_eq!(lines[0], "a/ 755 0:0 @1 0");
            assert_eq!(lines[1], format!("a/large 644 0:0 @1 {size}"));
            assert!(lines[2].ends_with(&format!("/x 600 7:8 @9 {size}")), "{}", lines[2]);
        }
    }

    #[test]
    fn a_file_that_became_shorter_gives_no_archive() {
        let file = Arc::new(large(1000));
        let mut entries = Entries::kept();
        let content = Content::File(Arc::clone(&file));
        entries.content("/a", Facts::of_root(0o644), &content).unwrap();
        let archive = entries.archive().unwrap();
        file.set_len(999).unwrap();
        let refused = archive.copy_to(&mut io::sink()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::UnexpectedEof);
    }
}
