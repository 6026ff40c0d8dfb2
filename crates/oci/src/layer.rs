//! Layers: what is at which path, and the one archive that it makes. Owns the form of that archive, which is the same
//! whoever makes it and whenever; must not know where files come from.
//!
//! Sorted by path, parents first and each once, all of root's, of one time, with the modes of what nobody writes; USTAR
//! where it fits, else one PAX header with nothing but what did not fit. No digest of a layer may change while
//! [`LAYER_FORMAT`] does not.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use crate::digest::{Digest, Hashing};
use crate::error::Error;
use crate::manifest::{Descriptor, media};

/// Raised whenever a layer of equal content would be written in another way.
pub const LAYER_FORMAT: u32 = 1;

/// When everything was written, in seconds since 1970. Not zero, which some who unpack take for "unset".
const MTIME: u64 = 1;
/// What engines take for a file that is removed.
const WHITEOUT: &str = ".wh.";
/// How well gzip compresses.
const LEVEL: u32 = 6;
/// "Unknown", in the header of gzip.
const NO_SYSTEM: u8 = 255;
/// Blocks of which archives are made.
const BLOCK: usize = 512;
/// The most that the size of an entry has room for without an extension: eleven octal digits.
const LARGEST: u64 = 0o777_7777_7777;
/// The mode of directories.
const DIRECTORY: u32 = 0o755;
/// The modes of files, without and with leave to run them.
const FILE: u32 = 0o444;
const PROGRAM: u32 = 0o555;

/// What is at a path.
pub enum Node<'a> {
    /// A directory.
    Directory,
    /// A symbolic link that leads there.
    Link(String),
    /// A file.
    File {
        /// Its bytes.
        source: Source<'a>,
        /// How many they are.
        size: u64,
        /// Whether it may be run.
        executable: bool,
    },
}

/// Where the bytes of a file come from.
pub enum Source<'a> {
    /// Here.
    Memory(Vec<u8>),
    /// Whatever is opened when they are wanted.
    Opened {
        /// Opens it.
        open: Box<dyn Fn() -> io::Result<Box<dyn Read>> + Send + Sync + 'a>,
        /// What they have to be, where that is known.
        digest: Option<Digest>,
    },
}

impl Node<'_> {
    /// A file of these bytes.
    pub fn text(bytes: impl Into<Vec<u8>>, executable: bool) -> Self {
        let bytes = bytes.into();
        Node::File { size: bytes.len() as u64, source: Source::Memory(bytes), executable }
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("a directory"),
            Self::Link(target) => write!(f, "a link to {target}"),
            Self::File { size, .. } => write!(f, "a file of {size} bytes"),
        }
    }
}

/// What a layer holds.
#[derive(Debug, Default)]
pub struct Layer<'a> {
    nodes: BTreeMap<String, Node<'a>>,
}

/// A layer that was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// What was written.
    pub descriptor: Descriptor,
    /// The digest of the archive before it was compressed.
    pub diff_id: Digest,
    /// The bytes of that archive.
    pub unpacked: u64,
}

impl<'a> Layer<'a> {
    /// Puts something at a path, relative to the image's top, and the directories above it.
    ///
    /// # Errors
    /// [`Error::Whiteout`], and [`Error::Path`] for what is no path, or is taken.
    pub fn put(&mut self, path: &str, node: Node<'a>) -> Result<(), Error> {
        let wrong = |reason| Error::Path { path: path.to_owned(), reason };
        for name in path.split('/') {
            if name.is_empty() || name == "." || name == ".." || name.contains('\0') {
                return Err(wrong("it is no path below the top"));
            }
            if name.starts_with(WHITEOUT) {
                return Err(Error::Whiteout { path: path.to_owned() });
            }
        }
        for (slash, _) in path.match_indices('/') {
            let above = self.nodes.entry(path[..slash].to_owned()).or_insert(Node::Directory);
            if !matches!(above, Node::Directory) {
                return Err(wrong("what is above it is no directory"));
            }
        }
        match (self.nodes.get(path), &node) {
            (None, _) => {}
            (Some(Node::Directory), Node::Directory) => return Ok(()),
            (Some(_), _) => return Err(wrong("something is there already")),
        }
        self.nodes.insert(path.to_owned(), node);
        Ok(())
    }

    /// Whether nothing was put into it.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Writes the archive, compressed.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Write`].
    pub fn pack(&self, to: impl Write) -> Result<Packed, Error> {
        // Neither a name nor a time: equal archives give equal bytes.
        let gzip = GzBuilder::new().mtime(0).operating_system(NO_SYSTEM);
        let compressed = gzip.write(Hashing::new(to), Compression::new(LEVEL));
        let mut archive = Hashing::new(compressed);
        self.write(&mut archive)?;
        let (compressed, diff_id, unpacked) = archive.finish();
        let (mut to, digest, size) = compressed.finish().map_err(Error::Write)?.finish();
        to.flush().map_err(Error::Write)?;
        let descriptor = Descriptor::new(media::LAYER_GZIP, digest, size);
        Ok(Packed { descriptor, diff_id, unpacked })
    }

    /// Writes the archive as it is.
    fn write(&self, to: &mut impl Write) -> Result<(), Error> {
        for (path, node) in &self.nodes {
            match node {
                Node::Directory => {
                    let entry = Entry { path: format!("{path}/"), link: None, size: 0 };
                    entry.write(EntryType::Directory, DIRECTORY, to).map_err(Error::Write)?;
                }
                Node::Link(target) => {
                    let entry = Entry { path: path.clone(), link: Some(target), size: 0 };
                    entry.write(EntryType::Symlink, 0o777, to).map_err(Error::Write)?;
                }
                Node::File { source, size, executable } => {
                    let entry = Entry { path: path.clone(), link: None, size: *size };
                    let mode = if *executable { PROGRAM } else { FILE };
                    entry.write(EntryType::Regular, mode, to).map_err(Error::Write)?;
                    copy(path, source, *size, to)?;
                    fill(*size, to).map_err(Error::Write)?;
                }
            }
        }
        // Two empty blocks end an archive.
        to.write_all(&[0; 2 * BLOCK]).map_err(Error::Write)
    }
}

/// Writes the bytes of a file, which have to be as many as was said, or whatever comes behind could not be read; and what was
/// said, where it was.
fn copy(path: &str, source: &Source<'_>, size: u64, to: &mut impl Write) -> Result<(), Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let (mut opened, digest) = match source {
        Source::Memory(bytes) => return to.write_all(bytes).map_err(Error::Write),
        Source::Opened { open, digest } => (open().map_err(failed)?, digest),
    };
    let mut to = Hashing::new(to);
    let (mut buffer, mut left) = (vec![0; 128 << 10], size);
    loop {
        let count = match opened.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        if count as u64 > left || (count == 0 && left > 0) {
            let reason = "it is not as long as it was";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, reason)));
        }
        if count == 0 {
            let (_, found, _) = to.finish();
            return match digest {
                Some(digest) if *digest != found => {
                    let reason = "it is not what it was";
                    Err(failed(io::Error::new(io::ErrorKind::InvalidData, reason)))
                }
                _ => Ok(()),
            };
        }
        to.write_all(&buffer[..count]).map_err(Error::Write)?;
        left -= count as u64;
    }
}

/// Fills the last block of an entry.
fn fill(size: u64, to: &mut impl Write) -> io::Result<()> {
    let rest = usize::try_from(size % BLOCK as u64).unwrap_or_default();
    if rest == 0 { Ok(()) } else { to.write_all(&[0; BLOCK][rest..]) }
}

/// What a header says.
struct Entry<'a> {
    path: String,
    link: Option<&'a String>,
    size: u64,
}

impl Entry<'_> {
    fn write(&self, kind: EntryType, mode: u32, to: &mut impl Write) -> io::Result<()> {
        let mut header = blank(kind, mode);
        let mut beyond = Vec::new();
        // Bytes beyond ASCII have no meaning in the old form.
        if !self.path.is_ascii() || header.set_path(&self.path).is_err() {
            beyond.extend(record("path", &self.path));
            header.set_path("long")?;
        }
        if let Some(target) = self.link
            && (!target.is_ascii() || header.set_link_name_literal(target).is_err())
        {
            beyond.extend(record("linkpath", target));
        }
        if self.size > LARGEST {
            beyond.extend(record("size", &self.size.to_string()));
        } else {
            header.set_size(self.size);
        }
        header.set_cksum();
        if !beyond.is_empty() {
            let mut extension = blank(EntryType::XHeader, 0o644);
            extension.set_path("pax")?;
            extension.set_size(beyond.len() as u64);
            extension.set_cksum();
            to.write_all(extension.as_bytes())?;
            to.write_all(&beyond)?;
            fill(beyond.len() as u64, to)?;
        }
        to.write_all(header.as_bytes())
    }
}

fn blank(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MTIME);
    header.set_size(0);
    header
}

/// A record of a PAX header, which begins with its own length.
fn record(name: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {name}={value}\n");
    let mut length = rest.len();
    loop {
        let whole = rest.len() + length.to_string().len();
        if whole == length {
            return format!("{length}{rest}").into_bytes();
        }
        length = whole;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The archive of a layer, unpacked again: path, kind, mode, size, target.
    fn listed(layer: &Layer<'_>) -> Vec<(String, char, u32, u64, String)> {
        let mut bytes = Vec::new();
        layer.pack(&mut bytes).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&*bytes));
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap(), MTIME);
            let target = entry.link_name().unwrap();
            let target = target.map(|target| target.display().to_string()).unwrap_or_default();
            let kind = match header.entry_type() {
                EntryType::Directory => 'd',
                EntryType::Symlink => 'l',
                EntryType::Regular => 'f',
                other => panic!("{other:?}"),
            };
            let path = entry.path().unwrap().display().to_string();
            (path, kind, header.mode().unwrap(), entry.size(), target)
        });
        entries.collect()
    }

    fn sample<'a>() -> Layer<'a> {
        let mut layer = Layer::default();
        layer.put("b/run", Node::text("#!/bin/sh\n", true)).unwrap();
        layer.put("a-b/x", Node::text("", false)).unwrap();
        layer.put("a/long", Node::Link("../b/run".to_owned())).unwrap();
        layer.put("b", Node::Directory).unwrap();
        layer.put(&format!("a/{}/é", "n".repeat(120)), Node::text("12345", false)).unwrap();
        layer
    }

    #[test]
    fn everything_is_sorted_and_parents_come_first() {
        let long = "n".repeat(120);
        let entry = |path: &str, kind, mode, size, target: &str| {
            (path.to_owned(), kind, mode, size, target.to_owned())
        };
        let expected = [
            entry("a/", 'd', 0o755, 0, ""),
            entry("a-b/", 'd', 0o755, 0, ""),
            entry("a-b/x", 'f', 0o444, 0, ""),
            entry("a/long", 'l', 0o777, 0, "../b/run"),
            entry(&format!("a/{long}/"), 'd', 0o755, 0, ""),
            entry(&format!("a/{long}/é"), 'f', 0o444, 5, ""),
            entry("b/", 'd', 0o755, 0, ""),
            entry("b/run", 'f', 0o555, 10, ""),
        ];
        assert_eq!(listed(&sample()), expected);
    }

    /// Whoever changes how layers are written raises [`LAYER_FORMAT`] and this digest: images of before are others then.
    #[test]
    fn the_digest_of_a_layer_is_promised() {
        let packed = sample().pack(io::sink()).unwrap();
        assert_eq!(LAYER_FORMAT, 1);
        assert_eq!(packed.diff_id.to_string(), GOLDEN);
        assert_eq!(packed, sample().pack(io::sink()).unwrap());
    }

    const GOLDEN: &str = "sha256:44d168bedc0219f2ce7bb313393e08ce52eda027045a7c7cdf2b31122fba3bba";

    #[test]
    fn long_targets_and_names_that_are_not_ascii_come_back() {
        let (target, name) = (format!("../{}", "t".repeat(300)), "ä".repeat(60));
        let mut layer = Layer::default();
        layer.put(&name, Node::Link(target.clone())).unwrap();
        layer.put("z", Node::Link("ü".to_owned())).unwrap();
        let listed = listed(&layer);
        assert_eq!((&*listed[1].0, &*listed[1].4), (&*name, &*target));
        assert_eq!((&*listed[0].0, &*listed[0].4), ("z", "ü"));
    }

    #[test]
    fn what_would_remove_a_file_below_is_refused() {
        let mut layer = Layer::default();
        for path in [".wh.a", "pkg/.wh..wh..opq", "a/.wh.b/c"] {
            let error = layer.put(path, Node::Directory).unwrap_err();
            assert!(matches!(&error, Error::Whiteout { path: found } if found == path), "{error}");
        }
        layer.put("a/x.wh.y", Node::Directory).unwrap();
    }

    #[test]
    fn what_is_no_path_or_is_taken_is_refused() {
        let mut layer = Layer::default();
        layer.put("a", Node::text("", false)).unwrap();
        layer.put("d/e", Node::text("", false)).unwrap();
        for path in ["", "/a", "b/", "../b", "b/./c", "b\0", "a/b", "a", "d"] {
            assert!(layer.put(path, Node::text("", false)).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_as_long_as_it_was_is_an_error() {
        for size in [2, 4] {
            let open = || Ok(Box::new(&b"123"[..]) as Box<dyn Read>);
            let source = Source::Opened { open: Box::new(open), digest: None };
            let mut layer = Layer::default();
            layer.put("x", Node::File { source, size, executable: false }).unwrap();
            let error = layer.pack(io::sink()).unwrap_err();
            assert!(matches!(&error, Error::Read { path, .. } if path == "x"), "{error}");
        }
    }

    #[test]
    fn a_file_of_other_bytes_than_it_had_is_an_error() {
        for (known, is_right) in [(&b"123"[..], true), (b"124", false)] {
            let open = || Ok(Box::new(&b"123"[..]) as Box<dyn Read>);
            let source = Source::Opened { open: Box::new(open), digest: Some(Digest::of(known)) };
            let mut layer = Layer::default();
            layer.put("x", Node::File { source, size: 3, executable: false }).unwrap();
            assert_eq!(layer.pack(io::sink()).is_ok(), is_right);
        }
    }

    #[test]
    fn an_archive_is_read_by_the_systems_own_program() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("layer.tar.gz");
        sample().pack(fs_err::File::create(&path).unwrap()).unwrap();
        let mut tar = std::process::Command::new("tar");
        let ran = tar.arg("-xzf").arg(&path).arg("-C").arg(directory.path()).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        let text = |name: &str| fs_err::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(text("a/long"), "#!/bin/sh\n");
        assert_eq!(text(&format!("a/{}/é", "n".repeat(120))), "12345");
        assert!(directory.path().join(Path::new("a-b/x")).is_file());
    }
}
