//! What a wheel is compiled to as one file, for machines that need not compile it once more. Owns what such a pack holds,
//! and refuses one that holds anything else: whoever made it is not trusted to name a file. That its code is the wheel's,
//! nothing here can know; who may write where it lies is believed that.

use std::collections::BTreeMap;
use std::io::{self, Read};

use pyfast_packaging::hash::Sha256;
use pyfast_remote::PackName;
use pyfast_root::{Dir, Durability, Fingerprint, Root};
use tar::{Archive, Builder, EntryType, Header};

use super::caches::{modules, split};
use super::worker::{Compiled, ROOT};
use super::{Invalidation, LIMIT, fill, has_marker, listed, marker};
use crate::error::{Error, Refusal};
use crate::interpreter::Interpreter;
use crate::store::{self, CACHE};

/// Raised whenever a pack of equal bytecode would have other bytes.
const VERSION: u32 = 1;
/// How hard packs are compressed: more costs many times the time and saves a tenth.
const LEVEL: i32 = 3;
/// The most that a pack has, in bytes.
pub const LARGEST_PACK: u64 = 64 << 20;
/// So many times as large as its source bytecode may be, with some room for each module and its place in the pack.
const GROWTH: u64 = 16;
const ROOM: u64 = 64 << 10;
/// The most that a pack has unpacked, whatever its wheel has: it is in memory then.
const UNPACKED: u64 = 512 << 20;
/// The largest window, as a power of two, that a pack is unpacked with: a level's own is far below.
const WINDOW: u32 = 24;
/// What stands before the code of a bytecode file: magic number, flags, hash of the source.
const HEADER: usize = 16;

/// Which bytecode a pack holds: that of one Python, and of modules that nobody edits (PEP 552).
#[derive(Debug, Clone)]
pub struct Form {
    tag: String,
    magic: u32,
    options: Sha256,
}

/// A file of bytecode out of a pack.
struct Member {
    /// The directory of its module.
    parent: String,
    /// Its name.
    name: String,
    content: Vec<u8>,
}

impl Form {
    /// What this interpreter compiles to; `None` where it caches nothing, or never the same twice.
    pub fn of(python: &Interpreter) -> Option<Self> {
        // Of a free-threaded build each run has other bytes (CPython issue 156862).
        let tag = python.cache_tag.clone().filter(|_| !python.tags.free_threaded)?;
        let options = Fingerprint::new("bytecode-pack", VERSION)
            .field("implementation", &python.implementation)
            .field("version", python.version())
            .field("machine", &python.tags.machine)
            .field("debug", python.tags.debug)
            .field("magic", python.magic)
            .field("optimisation", 0)
            .field("invalidation", Invalidation::UncheckedHash.flags())
            .field("compiled", marker(""))
            .finish();
        Some(Self { tag, magic: python.magic, options: Sha256::of(options.as_bytes()) })
    }

    /// The name of a wheel's pack.
    pub fn name(&self, wheel: &Sha256) -> PackName {
        PackName { wheel: *wheel, tag: self.tag.clone(), options: self.options }
    }

    /// Whether a stored wheel is to be compiled yet. One without a module is not, from then on.
    ///
    /// # Errors
    /// If it is not in the store, or the disk refuses.
    pub fn lacks(&self, root: &Root, wheel: &Sha256) -> Result<bool, Error> {
        if has_marker(&store::directory(root, wheel)?, &self.tag) {
            return Ok(false);
        }
        if modules(root, wheel)?.is_empty() {
            fill(root, wheel, &self.tag, |_, _| Ok(Vec::new()))?;
            return Ok(false);
        }
        Ok(true)
    }

    /// By what the pack of a stored wheel is known before it is made: what it would hold, and who would write it. `None` where
    /// there is nothing to pack.
    ///
    /// # Errors
    /// If the wheel is not in the store, or the disk refuses.
    pub fn mark(&self, root: &Root, wheel: &Sha256) -> Result<Option<Sha256>, Error> {
        let directory = store::directory(root, wheel)?;
        if !has_marker(&directory, &self.tag) {
            return Ok(None);
        }
        let mut text = format!("{VERSION} {LEVEL} {} {}", env!("CARGO_PKG_VERSION"), self.options);
        let compiled = listed(&directory, &self.tag)?;
        for Compiled { path, sha256, .. } in &compiled {
            text.extend(["\n", &sha256.to_string(), " ", path]);
        }
        Ok((!compiled.is_empty()).then(|| Sha256::of(text.as_bytes())))
    }

    /// The pack of a stored wheel: equal bytecode gives equal bytes. `None` where the wheel has no module, was not compiled,
    /// or to something else, or to more than a pack has.
    ///
    /// # Errors
    /// If the wheel is not in the store, or its bytecode is not what it was compiled to.
    pub fn pack(&self, root: &Root, wheel: &Sha256) -> Result<Option<Vec<u8>>, Error> {
        let directory = store::directory(root, wheel)?;
        let modules = modules(root, wheel)?;
        if modules.is_empty() || !has_marker(&directory, &self.tag) {
            return Ok(None);
        }
        let mut archive = Builder::new(Vec::new());
        for Compiled { path, sha256, .. } in listed(&directory, &self.tag)? {
            let content = directory.read(&path, LIMIT)?.unwrap_or_default();
            let at = || directory.path().join(&path);
            if Sha256::of(&content) != sha256 {
                let reason = "it is not what its module was compiled to".to_owned();
                return Err(Error::Damaged { path: at(), reason });
            }
            if self.header(&content).is_err() {
                return Ok(None);
            }
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o444);
            header.set_size(content.len() as u64);
            let inside = path.strip_prefix(ROOT).unwrap_or(&path);
            let added = archive.append_data(&mut header, inside, &*content);
            added.map_err(Error::io("pack", &at()))?;
        }
        let packed = archive.into_inner().and_then(|archive| zstd::encode_all(&archive[..], LEVEL));
        let packed = packed.map_err(Error::io("pack the bytecode of", directory.path()))?;
        Ok(self.members(&packed, &modules).is_ok().then_some(packed))
    }

    /// Whether a pack holds what a stored wheel was compiled to here.
    ///
    /// # Errors
    /// If the wheel is not in the store, or was not compiled.
    pub fn is_same(&self, root: &Root, wheel: &Sha256, pack: &[u8]) -> Result<bool, Error> {
        let here = listed(&store::directory(root, wheel)?, &self.tag)?;
        let members = self.members(pack, &modules(root, wheel)?);
        let there = |members: Vec<Member>| members.iter().map(Member::compiled).collect::<Vec<_>>();
        Ok(members.is_ok_and(|members| there(members) == here))
    }

    /// Gives a stored wheel its bytecode out of a pack, as compiling it would; says how many modules have some. All of the
    /// pack is looked at before anything of it is written.
    ///
    /// # Errors
    /// [`Error::Pack`] for one that holds something else; if the wheel is not in the store, or the disk refuses.
    pub fn restore(&self, root: &Root, wheel: &Sha256, pack: &[u8]) -> Result<usize, Error> {
        let members = self.members(pack, &modules(root, wheel)?).map_err(Error::Pack)?;
        fill(root, wheel, &self.tag, |wheel, _| {
            let mut last: Option<(&str, Dir)> = None;
            for Member { parent, name, content } in &members {
                let cache = match last.take() {
                    Some((known, cache)) if known == parent => cache,
                    _ => wheel.dir(format!("{parent}/{CACHE}"))?,
                };
                let (_, cache) = last.insert((parent, cache));
                cache.replace(name, content, 0o444, Durability::Eventual)?;
            }
            Ok(members.iter().map(Member::compiled).collect())
        })
    }

    /// Everything that is in a pack, which is nothing but bytecode of these modules, each at most once and in order.
    fn members(&self, pack: &[u8], modules: &[(String, u64)]) -> Result<Vec<Member>, Refusal> {
        let unreadable = |error: io::Error| Refusal::archive(format!("it cannot be read: {error}"));
        if pack.len() as u64 > LARGEST_PACK {
            return Err(Refusal::archive(format!("it has more than {} MiB", LARGEST_PACK >> 20)));
        }
        let places = self.places(modules);
        let mut decoder = zstd::Decoder::new(pack).map_err(unreadable)?;
        decoder.window_log_max(WINDOW).map_err(unreadable)?;
        let mut archive = Archive::new(Bounded { from: decoder, left: bound(modules) });
        let mut members: Vec<Member> = Vec::new();
        let mut last = String::new();
        for entry in archive.entries().map_err(unreadable)? {
            let mut entry = entry.map_err(unreadable)?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let refused = |reason: &str| Refusal::entry(path.clone(), reason);
            if entry.header().entry_type() != EntryType::Regular {
                return Err(refused("is no file"));
            }
            let Some((parent, name)) = places.get(&path) else {
                return Err(refused("is not the bytecode of a module that the wheel has"));
            };
            if path <= last {
                return Err(refused("is there twice, or not in its place"));
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(unreadable)?;
            self.header(&content).map_err(|reason| refused(&reason))?;
            members.push(Member { parent: parent.clone(), name: name.clone(), content });
            last = path;
        }
        Ok(members)
    }

    /// The places that bytecode of these modules has in a pack, each with the directory and the name that it has in a wheel.
    fn places(&self, modules: &[(String, u64)]) -> BTreeMap<String, (String, String)> {
        let place = |(module, _): &(String, u64)| {
            let (parent, stem) = split(module);
            let name = format!("{stem}.{}.pyc", self.tag);
            let path = format!("{parent}/{CACHE}/{name}");
            let inside = path.strip_prefix(ROOT).unwrap_or(&path).to_owned();
            (inside, (parent.to_owned(), name))
        };
        modules.iter().map(place).collect()
    }

    /// Refuses what another Python wrote, or what Python would compare with a source before it takes it.
    fn header(&self, bytecode: &[u8]) -> Result<(), String> {
        let word = |at: usize| {
            let bytes = bytecode.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        if bytecode.len() < HEADER {
            return Err("is no bytecode".to_owned());
        }
        if word(0) != Some(self.magic) {
            return Err("is the bytecode of another Python".to_owned());
        }
        let flags = word(4).map(|flags| flags.to_string());
        if flags.as_deref() != Some(Invalidation::UncheckedHash.flags()) {
            return Err("would be compared with its source".to_owned());
        }
        Ok(())
    }
}

impl Member {
    fn compiled(&self) -> Compiled {
        let Self { parent, name, content } = self;
        Compiled {
            path: format!("{parent}/{CACHE}/{name}"),
            sha256: Sha256::of(content),
            size: content.len() as u64,
        }
    }
}

/// The most that the bytecode of these modules has, unpacked.
fn bound(modules: &[(String, u64)]) -> u64 {
    let bound = modules.iter().fold(ROOM, |sum, (_, size)| {
        sum.saturating_add(size.saturating_mul(GROWTH)).saturating_add(ROOM)
    });
    bound.min(UNPACKED)
}

/// Gives so many bytes, and then an error.
struct Bounded<R> {
    from: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::other("it has more in it than bytecode of its wheel could have")
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
