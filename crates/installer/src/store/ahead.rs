//! Unpacks large members of a wheel while it still comes, by what their local headers say, into files that only this
//! process knows. Decides nothing and believes nothing: what was unpacked is taken if all bytes came as they were read
//! here, and the audit of the whole wheel finds the same member, of which RECORD gives the digest that was found here. It
//! is thrown away otherwise. Until then it costs no more memory and disk than an audited archive may.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyfast_elf::is_elf;
use pyfast_index::Arrival;
use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, random_name};
use rustc_hash::FxHashMap;
use sha2::Digest as _;

use crate::error::{Error, Refusal};
use crate::wheel::record::RecordHash;
use crate::zip_audit::{Entry, Inflater, LocalHeader, entry_ahead, may_expand};

/// Smaller members are unpacked when all has come: giving them their names would cost as much as unpacking them.
const LEAST: usize = 64 << 10;

/// So many bytes are waited for where none are left, so that not each piece that comes wakes somebody.
const STEP: u64 = 512 << 10;

/// Members that were unpacked, by where their packed content begins.
pub(crate) type Members = FxHashMap<usize, Unpacked>;

/// A wheel that is coming.
pub(crate) struct Ahead {
    file: File,
    arrival: Arc<Arrival>,
    /// Where the files are made.
    workspace: Dir,
    /// How many bytes the file has at most when it is whole.
    most: u64,
    /// Where the next local header is; `None` where there is none that can be used.
    next: Mutex<Option<u64>>,
    members: Mutex<Members>,
    spent: Spent,
    stopped: AtomicBool,
}

/// What all members took together; headers say little of it that is true.
#[derive(Default)]
struct Spent {
    /// Bytes of packed content that came and were read.
    read: AtomicU64,
    /// Bytes of content that were written.
    written: AtomicU64,
}

/// A member that was unpacked.
pub(crate) struct Unpacked {
    place: Place,
    entry: Entry,
    sha256: Sha256,
    elf: bool,
}

/// A file of this process, removed unless somebody takes it.
struct Place {
    workspace: Dir,
    name: String,
    taken: AtomicBool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !*self.taken.get_mut() {
            // It goes with the workspace at the latest.
            let _ = self.workspace.remove_file(&self.name);
        }
    }
}

/// A member could not be unpacked; what is wrong is told when all has come.
struct GivenUp;

impl From<Refusal> for GivenUp {
    fn from(_: Refusal) -> Self {
        Self
    }
}

impl From<io::Error> for GivenUp {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Ahead {
    /// One of a file that has no more bytes than `most` when it is whole.
    pub(crate) fn new(file: File, arrival: Arc<Arrival>, workspace: Dir, most: u64) -> Self {
        let (next, members) = (Mutex::new(Some(0)), Mutex::default());
        let (spent, stopped) = (Spent::default(), AtomicBool::new(false));
        Self { file, arrival, workspace, most, next, members, spent, stopped }
    }

    /// Unpacks one member after another until there are no more; several threads may do so.
    pub(crate) fn work(&self) {
        let mut inflater = Inflater::new();
        while let Some(entry) = self.next() {
            let begin = entry.data.start;
            let Ok(unpacked) = self.unpack(&mut inflater, entry) else { return };
            self.members().insert(begin, unpacked);
        }
    }

    /// Has everybody end soon.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// What was unpacked of a file that is whole; nothing where other bytes were in it before, of which some may have
    /// been unpacked. Nobody is to be at work any more.
    pub(crate) fn take(&self) -> Members {
        let members = std::mem::take(&mut *self.members());
        if self.arrival.is_whole() { members } else { Members::default() }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next member that is worth it, as soon as its header is there.
    fn next(&self) -> Option<Entry> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // Unless all goes well there is none after it.
            let at = next.take()?;
            let begin = self.read(at, LocalHeader::LEAST)?;
            let header = self.read(at, LocalHeader::length(&begin)?)?;
            let entry = entry_ahead(&header, at, self.most)?;
            *next = Some(u64::try_from(entry.data.end).ok()?);
            if entry.data.len() >= LEAST {
                return Some(entry);
            }
        }
    }

    /// Waits until there are so many bytes, and says how many there are; `None` if there never will be, or nobody wants
    /// them any more.
    fn wait_for(&self, bytes: u64) -> Option<u64> {
        self.arrival.wait_for(bytes).filter(|_| !self.stopped.load(Ordering::Relaxed))
    }

    /// So many bytes, when they are there.
    fn read(&self, at: u64, length: usize) -> Option<Vec<u8>> {
        self.wait_for(at.checked_add(u64::try_from(length).ok()?)?)?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }

    fn unpack(&self, inflater: &mut Inflater, entry: Entry) -> Result<Unpacked, GivenUp> {
        let name = random_name()?;
        let mut file = self.workspace.create(&name, 0o444).map_err(|_told_later| GivenUp)?;
        let (workspace, taken) = (self.workspace.clone(), AtomicBool::new(false));
        let place = Place { workspace, name, taken };
        let (mut digest, mut elf, mut given) = (sha2::Sha256::new(), false, 0);
        let (at, end) = (entry.data.start as u64, entry.data.end as u64);
        let packed = Packed { ahead: self, at, end, come: 0 };
        inflater.extract_from(packed, &entry, &mut |piece| {
            digest.update(piece);
            elf |= given == 0 && is_elf(piece);
            given += piece.len();
            self.spend(piece.len() as u64)?;
            Ok::<_, GivenUp>(file.write_all(piece)?)
        })?;
        Ok(Unpacked { place, entry, sha256: Sha256(digest.finalize().into()), elf })
    }

    /// Counts bytes that are to be written, unless they are more than an archive of the bytes that were read may have.
    fn spend(&self, bytes: u64) -> Result<(), GivenUp> {
        let written = self.spent.written.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let read = self.spent.read.load(Ordering::Relaxed);
        may_expand(read, written).then_some(()).ok_or(GivenUp)
    }
}

impl Unpacked {
    /// Whether it is this member of the audited wheel, and has the digest that RECORD gives it there. A member of which
    /// RECORD gives none, or one of a kind that was not computed here, is not known to be the same.
    pub(crate) fn is(&self, entry: &Entry, told: Option<&RecordHash>) -> bool {
        let Entry { method, crc, size, data, .. } = &self.entry;
        let recorded = match told {
            Some(RecordHash::Sha256(digest)) => digest[..] == self.sha256.0,
            _ => false,
        };
        recorded
            && (*method, *crc, *size) == (entry.method, entry.crc, entry.size)
            && *data == entry.data
    }

    /// Gives it its place.
    pub(crate) fn move_to(&self, staging: &Dir, path: &str) -> Result<(), Error> {
        self.place.workspace.rename(&self.place.name, staging, path)?;
        self.place.taken.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The digest of its content.
    pub(crate) fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// Whether it is an ELF file.
    pub(crate) fn is_elf(&self) -> bool {
        self.elf
    }
}

/// The packed content of a member, read as it comes.
struct Packed<'a> {
    ahead: &'a Ahead,
    at: u64,
    end: u64,
    /// Bytes of the file that are known to be there.
    come: u64,
}

impl Read for Packed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.end {
            return Ok(0);
        }
        if self.at >= self.come {
            let wanted = self.end.min(self.at + STEP);
            self.come = self.ahead.wait_for(wanted).ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        let most = self.come.min(self.end) - self.at;
        let most = buffer.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        let count = self.ahead.file.read_at(&mut buffer[..most], self.at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        self.ahead.spent.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
