//! The store of unpacked wheels: what is in it, and how a wheel gets in. No byte is admitted whose
//! digest was not checked; nothing changes a wheel once it is in. Knows nothing of environments.

mod settled;
mod unpack;

use std::path::{Path, PathBuf};

use pyfast_resolver::{Sha256, WheelFilename};
use rayon::prelude::*;

use crate::archive::Archive;
use crate::disk::{FileLock, Workspace, fresh_name, remove_tree};
use crate::error::{Error, Refusal};
use crate::layout::Layout;
use crate::manifest::{Manifest, StoredFile};
use crate::record;
use crate::wheel::Wheel;

pub(crate) use unpack::INSTALLER;

/// The wheels of a root. Cheap to share between threads; keep one for a process, because it owns the
/// directory that wheels are unpacked in.
#[derive(Debug)]
pub struct Store {
    layout: Layout,
    workspace: Workspace,
    set_modes: bool,
    /// Shared by all who use the store, so that nothing is collected that one of them has found there.
    _lock: FileLock,
}

/// A wheel at hand, before it is admitted.
#[derive(Debug, Clone, Copy)]
pub struct WheelBytes<'a> {
    /// Its file name, which says what it must contain.
    pub filename: &'a WheelFilename,
    /// The digest it must have.
    pub expected: Sha256,
    /// The digest that `bytes` has, if the caller computed it while receiving them.
    pub found: Option<Sha256>,
    /// The whole archive.
    pub bytes: &'a [u8],
}

/// How an admission ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// The wheel was unpacked.
    Unpacked(Box<Manifest>),
    /// The wheel was in the store already, or another process was faster.
    Present,
}

impl Store {
    /// Opens the store of a root that is writable, and removes what killed processes left.
    ///
    /// # Errors
    /// If the working directory cannot be created.
    pub fn open(layout: &Layout) -> Result<Self, Error> {
        let path = Self::lock_file(layout)?;
        Self::locked(layout, FileLock::shared(&path, &|_| ())?)
    }

    /// Opens the store while nobody else does. `waiting` is called once if somebody has it.
    pub(crate) fn open_alone(layout: &Layout, waiting: &dyn Fn(&Path)) -> Result<Self, Error> {
        let path = Self::lock_file(layout)?;
        Self::locked(layout, FileLock::exclusive(&path, waiting)?)
    }

    fn lock_file(layout: &Layout) -> Result<PathBuf, Error> {
        let path = layout.locks().join("store");
        if !path.exists() {
            // Whoever comes first makes it; the lock on it is another matter.
            FileLock::try_create(&path)?;
        }
        Ok(path)
    }

    fn locked(layout: &Layout, lock: FileLock) -> Result<Self, Error> {
        let workspace = Workspace::create(&layout.tmp())?;
        let set_modes = unpack::umask_narrows(workspace.path())?;
        Ok(Self { layout: layout.clone(), workspace, set_modes, _lock: lock })
    }

    /// The root that this store is in.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// This process's own directory, as deep in the root as a generation.
    pub(crate) fn workspace(&self) -> &Path {
        self.workspace.path()
    }

    /// Whether a wheel is in the store.
    pub fn contains(&self, wheel: &Sha256) -> bool {
        self.layout.wheel(wheel).is_dir()
    }

    /// Those of the wheels that must be fetched, in the order given: that are not in the store, or were
    /// unpacked before the machine was started anew and have not survived that. The first use after a
    /// start re-hashes a wheel, because files are not synced one by one; damaged ones are removed.
    ///
    /// # Errors
    /// If a wheel cannot be read, or a damaged one cannot be removed.
    pub fn missing(&self, wheels: &[Sha256]) -> Result<Vec<Sha256>, Error> {
        let present: Vec<bool> = wheels
            .par_iter()
            .map(|wheel| Ok(self.contains(wheel) && self.survived(wheel)?))
            .collect::<Result<_, Error>>()?;
        let missing = wheels.iter().zip(present).filter(|(_, present)| !present);
        Ok(missing.map(|(wheel, _)| *wheel).collect())
    }

    /// The header of a wheel's manifest.
    ///
    /// # Errors
    /// If the wheel is not in the store, or its manifest is damaged.
    pub fn manifest(&self, wheel: &Sha256) -> Result<Manifest, Error> {
        manifest(&self.layout, wheel)
    }

    /// Every file of a wheel.
    ///
    /// # Errors
    /// If the wheel is not in the store, or its manifest is damaged.
    pub fn files(&self, wheel: &Sha256) -> Result<Vec<StoredFile>, Error> {
        files(&self.layout, wheel)
    }

    /// Checks a wheel's digest, format and content, unpacks it, and lets it appear in the store in one
    /// rename. Sync code for a worker thread; large wheels use rayon's pool.
    ///
    /// # Errors
    /// [`Error::HashMismatch`], [`Error::Wheel`] for a wheel that is refused, [`Error::Io`] if the disk is
    /// full or the like. Nothing of the wheel is visible then.
    pub fn admit(&self, wheel: &WheelBytes<'_>) -> Result<Admission, Error> {
        if self.contains(&wheel.expected) {
            return Ok(Admission::Present);
        }
        let found = wheel.found.unwrap_or_else(|| record::sha256(wheel.bytes));
        if found != wheel.expected {
            return Err(Error::HashMismatch {
                wheel: wheel.filename.to_string(),
                expected: wheel.expected,
                found,
            });
        }
        let refused = |fault: Refusal| Error::wheel(wheel.filename.as_str())(fault);
        let archive = Archive::open(wheel.bytes).map_err(refused)?;
        let format = Wheel::open(&archive, wheel.filename).map_err(refused)?;
        let staging = self.workspace.path().join(fresh_name());
        let unpacked = unpack::Unpack {
            archive: &archive,
            wheel: &format,
            filename: wheel.filename,
            staging: &staging,
            set_modes: self.set_modes,
        }
        .run()
        .and_then(|manifest| Ok((manifest, self.appear(&staging, &wheel.expected)?)));
        match unpacked {
            Ok((manifest, true)) => Ok(Admission::Unpacked(Box::new(manifest))),
            Ok((_, false)) => Ok(Admission::Present),
            Err(error) => {
                // The first error is the one to report; leavings are swept later.
                let _ = remove_tree(&staging);
                Err(error)
            }
        }
    }

    /// As [`Store::admit`] for a wheel in a file that nobody changes, which is mapped instead of read.
    ///
    /// # Errors
    /// As [`Store::admit`], and if the file cannot be mapped.
    pub fn admit_file(
        &self,
        filename: &WheelFilename,
        expected: Sha256,
        found: Option<Sha256>,
        path: &Path,
    ) -> Result<Admission, Error> {
        let file = fs_err::File::open(path).map_err(Error::io("open", path))?;
        #[expect(unsafe_code, reason = "a wheel of gigabytes must not be read into memory")]
        // SAFETY: the map is only read, and dropped before this returns. Whoever changes the file meanwhile
        // breaks the contract of this method; the bytes are checked against digests in any case.
        let bytes = unsafe { memmap2::Mmap::map(file.file()) }.map_err(Error::io("map", path))?;
        self.admit(&WheelBytes { filename, expected, found, bytes: &bytes })
    }

    /// Renames an unpacked wheel to its place; false if another process was faster.
    fn appear(&self, staging: &Path, wheel: &Sha256) -> Result<bool, Error> {
        let place = self.layout.wheel(wheel);
        if let Some(shelf) = place.parent() {
            fs_err::create_dir_all(shelf).map_err(Error::io("create", shelf))?;
        }
        match fs_err::rename(staging, &place) {
            Ok(()) => Ok(true),
            Err(_) if place.is_dir() => {
                remove_tree(staging)?;
                Ok(false)
            }
            Err(error) => Err(Error::io("admit", &place)(error)),
        }
    }

    /// Removes a wheel, so that the next sync fetches it again. Environments that link into it break
    /// until then.
    ///
    /// # Errors
    /// If it cannot be moved away or removed.
    pub fn remove(&self, wheel: &Sha256) -> Result<(), Error> {
        let away: PathBuf = self.workspace.path().join(fresh_name());
        let place = self.layout.wheel(wheel);
        match fs_err::rename(&place, &away) {
            Ok(()) => remove_tree(&away),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("remove", &place)(error)),
        }
    }

    /// The digests of all wheels in the store, sorted.
    ///
    /// # Errors
    /// If the store's directories cannot be read.
    pub fn wheels(&self) -> Result<Vec<Sha256>, Error> {
        let mut wheels = Vec::new();
        let root = self.layout.wheels();
        for shelf in fs_err::read_dir(&root).map_err(Error::io("read", &root))? {
            let shelf = shelf.map_err(Error::io("read", &root))?.path();
            for wheel in fs_err::read_dir(&shelf).map_err(Error::io("read", &shelf))? {
                let name = wheel.map_err(Error::io("read", &shelf))?.file_name();
                wheels.extend(name.to_str().and_then(|name| name.parse::<Sha256>().ok()));
            }
        }
        wheels.sort_unstable();
        Ok(wheels)
    }
}

/// The header of a stored wheel's manifest.
pub(crate) fn manifest(layout: &Layout, wheel: &Sha256) -> Result<Manifest, Error> {
    Manifest::read_header(&manifest_path(layout, wheel)?)
}

/// Every file of a stored wheel.
pub(crate) fn files(layout: &Layout, wheel: &Sha256) -> Result<Vec<StoredFile>, Error> {
    Manifest::read(&manifest_path(layout, wheel)?).map(|(_, files)| files)
}

fn manifest_path(layout: &Layout, wheel: &Sha256) -> Result<PathBuf, Error> {
    let directory = layout.wheel(wheel);
    if directory.is_dir() {
        Ok(directory.join("manifest"))
    } else {
        Err(Error::NotInStore { wheel: *wheel })
    }
}

#[cfg(test)]
pub(crate) mod tests;
