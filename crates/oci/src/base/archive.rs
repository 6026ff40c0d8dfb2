//! Archives that engines give of an image: Docker's list of a configuration and layers, whose bytes are found in the
//! archive and stay there. Must not know which engine it was.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path};
use std::sync::Arc;

use serde::Deserialize;

use super::{Base, LIMIT};
use crate::blob::{Blob, Content};
use crate::config::Config;
use crate::digest::Hashing;
use crate::error::Error;
use crate::layout::DOCKER;
use crate::manifest::{Descriptor, media, read};

/// How a file begins that gzip has written.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How many links may lead to one another.
const LINKS: usize = 4;

/// An image of Docker's list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    layers: Vec<String>,
}

/// Where a file of the archive is.
#[derive(Debug, Clone, Copy)]
struct Place {
    begin: u64,
    size: u64,
}

/// What is in an archive.
struct Members {
    file: Arc<File>,
    places: BTreeMap<String, Place>,
    links: BTreeMap<String, String>,
}

pub(super) fn read_archive(file: Arc<File>) -> Result<Base, Error> {
    let members = Members::of(file)?;
    let list: Vec<Listed> = read("the list of an archive", &members.text(DOCKER)?)?;
    let [listed] = &*list else {
        let reason = format!("it has {} images", list.len());
        return Err(Error::Document { what: "the list of an archive".to_owned(), reason });
    };
    let config = Config::read(&members.text(&listed.config)?)?;
    let layers = listed.layers.iter().map(|layer| members.layer(layer));
    let layers = layers.collect::<Result<Vec<_>, _>>()?;
    Base { config, layers, digest: None }.checked()
}

impl Members {
    fn of(file: Arc<File>) -> Result<Self, Error> {
        let (mut places, mut links) = (BTreeMap::new(), BTreeMap::new());
        let unreadable = |error: io::Error| Error::Document {
            what: "an archive".to_owned(),
            reason: error.to_string(),
        };
        let mut archive = tar::Archive::new(Seen { file: &file, at: 0 });
        for entry in archive.entries_with_seek().map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Some(name) = entry.path().ok().and_then(|path| plain(&path, Path::new(""))) else {
                continue;
            };
            let (begin, size) = (entry.raw_file_position(), entry.size());
            match entry.header().entry_type() {
                kind if kind.is_file() => drop(places.insert(name, Place { begin, size })),
                kind if kind.is_symlink() || kind.is_hard_link() => {
                    let above = if kind.is_symlink() { Path::new(&name).parent() } else { None };
                    let target = entry.link_name().ok().flatten();
                    let target = target.and_then(|to| plain(&to, above.unwrap_or(Path::new(""))));
                    links.extend(target.map(|target| (name, target)));
                }
                _ => {}
            }
        }
        Ok(Self { file, places, links })
    }

    fn place(&self, name: &str) -> Result<Place, Error> {
        let mut name = name;
        for _ in 0..=LINKS {
            if let Some(place) = self.places.get(name) {
                return Ok(*place);
            }
            let Some(target) = self.links.get(name) else { break };
            name = target;
        }
        let reason = format!("`{name}` is not in it");
        Err(Error::Document { what: "an archive".to_owned(), reason })
    }

    fn text(&self, name: &str) -> Result<Vec<u8>, Error> {
        let Place { begin, size } = self.place(name)?;
        let what = || format!("`{name}` of an archive");
        if size > LIMIT {
            return Err(Error::Document { what: what(), reason: "it is too large".to_owned() });
        }
        let mut text = vec![0; usize::try_from(size).unwrap_or_default()];
        let read = self.file.read_exact_at(&mut text, begin);
        read.map_err(|error| Error::Document { what: what(), reason: error.to_string() })?;
        Ok(text)
    }

    /// A layer as it is there, by the digest of its bytes.
    fn layer(&self, name: &str) -> Result<Blob, Error> {
        let Place { begin, size } = self.place(name)?;
        let content = Content::Part { file: Arc::clone(&self.file), begin, size };
        let mut head = [0; 2];
        let compressed = self.file.read_exact_at(&mut head, begin).is_ok() && head == GZIP;
        let mut hashing = Hashing::new(io::sink());
        content.copy_to(&mut hashing)?;
        let (_, digest, _) = hashing.finish();
        let media_type = if compressed { media::LAYER_GZIP } else { media::LAYER };
        Ok(Blob { descriptor: Descriptor::new(media_type, digest, size), content })
    }
}

/// A path in the archive without detours; `None` for one that leads out of it.
fn plain(path: &Path, above: &Path) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for part in above.components().chain(path.components()) {
        match part {
            Component::Normal(name) => names.push(name.to_str()?),
            Component::ParentDir => drop(names.pop()?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(names.join("/"))
}

/// A file that is read from its beginning, whoever else reads it.
struct Seen<'a> {
    file: &'a File,
    at: u64,
}

impl io::Read for Seen<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl io::Seek for Seen<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let beyond = || io::Error::from(io::ErrorKind::InvalidInput);
        self.at = match to {
            io::SeekFrom::Start(at) => at,
            io::SeekFrom::Current(by) => self.at.checked_add_signed(by).ok_or_else(beyond)?,
            io::SeekFrom::End(by) => {
                self.file.metadata()?.len().checked_add_signed(by).ok_or_else(beyond)?
            }
        };
        Ok(self.at)
    }
}
