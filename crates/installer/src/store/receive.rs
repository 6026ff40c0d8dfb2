//! A wheel that comes piece by piece: hashed as it comes, kept in memory while it is small and in a file of this
//! process beyond that. Does not know where the pieces come from.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use sha2::Digest as _;

use super::{Admission, Store, check_digest};
use crate::error::Error;
use crate::zip_audit::Archive;
use crate::zip_audit::mapped::Mapped;

/// A wheel on its way into the store.
#[derive(Debug)]
pub(crate) struct Receiver {
    store: Arc<Store>,
    filename: WheelFilename,
    expected: Sha256,
    /// So many bytes may be kept in memory.
    room: usize,
    digest: sha2::Sha256,
    memory: Vec<u8>,
    spool: Option<(String, File)>,
}

impl Store {
    /// Begins to take a wheel of which `room` bytes may be held in memory.
    pub(crate) fn receive(
        self: &Arc<Self>,
        filename: &WheelFilename,
        expected: Sha256,
        room: usize,
    ) -> Receiver {
        Receiver {
            store: Arc::clone(self),
            filename: filename.clone(),
            expected,
            room,
            digest: sha2::Sha256::new(),
            memory: Vec::new(),
            spool: None,
        }
    }
}

impl Receiver {
    /// Forgets what came: it comes again from its beginning.
    pub(crate) fn begin(&mut self) {
        self.digest = sha2::Sha256::new();
        self.memory.clear();
        self.unspool();
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.digest.update(piece);
        if self.spool.is_none() {
            if self.memory.len() + piece.len() <= self.room {
                self.memory.extend_from_slice(piece);
                return Ok(());
            }
            let name = self.store.fresh_name()?;
            let file = self.store.workspace().create(&name, 0o600)?;
            self.spool = Some((name, file));
            let held = std::mem::take(&mut self.memory);
            self.write(&held)?;
        }
        self.write(piece)
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Error> {
        let Some((name, file)) = &mut self.spool else { return Ok(()) };
        let path = self.store.workspace().path().join(name);
        file.write_all(piece).map_err(Error::io("write", &path))
    }

    /// Checks and unpacks what came, as [`Store::admit`] does.
    ///
    /// # Errors
    /// As [`Store::admit`].
    pub(crate) fn admit(self) -> Result<Admission, Error> {
        let found = Sha256(self.digest.clone().finalize().into());
        check_digest(&self.filename, self.expected, found)?;
        let Some((name, _)) = &self.spool else {
            let archive = Archive::open(&self.memory);
            return self.store.admit_archive(&self.filename, &self.expected, archive);
        };
        let path = self.store.workspace().path().join(name);
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let opened = self.store.workspace().open(name)?;
        let (file, _) = opened.ok_or_else(missing).map_err(Error::io("open", &path))?;
        let mapped = Mapped::open(&file).map_err(Error::io("map", &path))?;
        let archive = Archive::open_mapped(&mapped);
        self.store.admit_archive(&self.filename, &self.expected, archive)
    }

    fn unspool(&mut self) {
        if let Some((name, _)) = self.spool.take() {
            // What cannot be removed goes with the working directory.
            let _ = self.store.workspace().remove_file(name);
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.unspool();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Sandbox, WheelFile};
    use crate::wheel::record::sha256;

    /// What becomes of a wheel that comes in pieces of `size` bytes, after an attempt that broke off.
    fn check(room: usize, size: usize, spooled: bool) {
        let Sandbox { store, root, directory } = Sandbox::new();
        let store = Arc::new(store);
        let wheel = WheelFile::new("pkg", "1.0").file("pkg/a.py", "a = 1\n".repeat(50_000));
        let bytes = wheel.bytes();
        let expected = sha256(&bytes);
        let mut receiver = store.receive(&wheel.filename, expected, room);
        receiver.begin();
        receiver.take(&bytes[..bytes.len() / 2]).unwrap();
        receiver.begin();
        assert!(store.workspace().entries().unwrap().is_empty(), "nothing of the first attempt");
        for piece in bytes.chunks(size) {
            receiver.take(piece).unwrap();
        }
        assert_eq!(store.workspace().entries().unwrap().len(), usize::from(spooled));
        assert!(receiver.memory.len() <= room, "{} of {room}", receiver.memory.len());
        assert!(matches!(receiver.admit().unwrap(), Admission::Unpacked(_)));
        assert!(store.contains(&expected));
        assert!(crate::store::verify::verify(&root, &[expected]).unwrap().is_empty());
        assert!(store.workspace().entries().unwrap().is_empty());
        drop(directory);
    }

    #[test]
    fn a_small_wheel_stays_in_memory_and_a_large_one_goes_to_a_file() {
        check(1 << 20, 1000, false);
        check(100, 64, true);
        check(0, 1 << 20, true);
    }

    #[test]
    fn other_bytes_are_refused_and_leave_nothing() {
        for room in [0, 1 << 20] {
            let sandbox = Sandbox::new();
            let store = Arc::new(sandbox.store);
            let wheel = WheelFile::new("pkg", "1.0");
            let mut bytes = wheel.bytes();
            let expected = sha256(&bytes);
            bytes[40] ^= 1;
            let mut receiver = store.receive(&wheel.filename, expected, room);
            receiver.take(&bytes).unwrap();
            let error = receiver.admit().unwrap_err();
            assert!(matches!(error, Error::HashMismatch { .. }), "{error}");
            assert!(store.workspace().entries().unwrap().is_empty());
            assert!(!store.contains(&expected));
        }
    }
}
