//! The store of unpacked wheels: what is in it, and how a wheel gets in. No byte is admitted whose
//! digest was not checked; nothing changes a wheel once it is in. Knows nothing of environments.

pub(crate) mod ahead;
pub(crate) mod layers;
pub(crate) mod listing;
pub(crate) mod manifest;
mod pack;
pub(crate) mod settled;
mod unpack;
pub(crate) mod verify;

pub use crate::wheel::entry_points::EntryPoint;
pub use layers::KeptLayer;
pub use manifest::{Manifest, StoredFile, TopLevel};
pub use verify::{repair, verify};

pub use pack::pack;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_root::{
    Dir, Lock, LockName, Root, Share, Waiting, Workspace, random_name, regular_file,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::error::{Error, Refusal};
use crate::wheel::{Wheel, record};
use crate::zip_audit::Archive;
use crate::zip_audit::mapped::Mapped;

pub(crate) use unpack::INSTALLER;

/// Where Python keeps bytecode, beside modules.
pub(crate) const CACHE: &str = "__pycache__";

/// The wheels of a root. Cheap to share between threads; keep one for a process, because it owns the
/// directory that wheels are unpacked in.
#[derive(Debug)]
pub struct Store {
    root: Root,
    workspace: Workspace,
    set_modes: bool,
    /// Headers of manifests that this process has read or written: a wheel's never changes.
    headers: Mutex<FxHashMap<Sha256, Arc<Manifest>>>,
    /// Shared by all who use the store, so that nothing is collected that one of them has found there.
    _lock: Lock,
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

/// A wheel in a file that only processes of the same user could change, and nobody does who heeds locks, before it is
/// admitted.
pub(crate) struct WheelInFile<'a> {
    pub(crate) filename: &'a WheelFilename,
    pub(crate) expected: Sha256,
    /// The digest of the file, where that is known already.
    pub(crate) found: Option<Sha256>,
    pub(crate) file: &'a File,
    /// What was unpacked of it already.
    pub(crate) ahead: ahead::Members,
}

/// How an admission ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// The wheel was unpacked.
    Unpacked(Arc<Manifest>),
    /// The wheel was in the store already, or another process was faster.
    Present,
}

impl Store {
    /// Opens the store of a root that is writable, and removes what killed processes left. `waiting` is
    /// called once if a collection has it.
    ///
    /// # Errors
    /// If the working directory cannot be created, or a collection does not end: see [`Root::lock`].
    pub fn open(root: &Root, waiting: &dyn Fn(&Waiting)) -> Result<Self, Error> {
        Self::locked(root, root.lock(&LockName::store(), Share::Shared, waiting)?)
    }

    /// Opens the store while nobody else does. `waiting` is called once if somebody has it.
    pub(crate) fn open_alone(root: &Root, waiting: &dyn Fn(&Waiting)) -> Result<Self, Error> {
        Self::locked(root, root.lock(&LockName::store(), Share::Alone, waiting)?)
    }

    fn locked(root: &Root, lock: Lock) -> Result<Self, Error> {
        let workspace = Workspace::create(root)?;
        let set_modes = unpack::umask_narrows(workspace.dir())?;
        let headers = Mutex::default();
        Ok(Self { root: root.clone(), workspace, set_modes, headers, _lock: lock })
    }

    /// The root that this store is in.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// This process's own directory, as deep in the root as a generation.
    pub(crate) fn workspace(&self) -> &Dir {
        self.workspace.dir()
    }

    /// A name for something new in the process's own directory.
    pub(crate) fn fresh_name(&self) -> Result<String, Error> {
        random_name().map_err(Error::io("create", self.workspace().path()))
    }

    /// Whether a wheel is in the store, and was not found to be damaged.
    pub fn contains(&self, wheel: &Sha256) -> bool {
        is_sound(&self.root, wheel)
    }

    /// Those of the wheels that must be fetched, in the order given: that are not in the store, or were
    /// unpacked before the machine was started anew and have not survived that. The first use after a
    /// start re-hashes a wheel, because files are not synced one by one; damaged ones are marked.
    ///
    /// # Errors
    /// If a wheel cannot be read, or a damaged one cannot be marked.
    pub fn missing(&self, wheels: &[Sha256]) -> Result<Vec<Sha256>, Error> {
        let present: Vec<bool> =
            wheels.par_iter().map(|wheel| self.survived(wheel)).collect::<Result<_, Error>>()?;
        let missing = wheels.iter().zip(present).filter(|(_, present)| !present);
        Ok(missing.map(|(wheel, _)| *wheel).collect())
    }

    /// The header of a wheel's manifest.
    ///
    /// # Errors
    /// If the wheel is not in the store, or its manifest is damaged.
    pub fn manifest(&self, wheel: &Sha256) -> Result<Arc<Manifest>, Error> {
        let known = self.headers().get(wheel).map(Arc::clone);
        match known {
            Some(manifest) => Ok(manifest),
            None => self.read_manifest(wheel, &directory(&self.root, wheel)?),
        }
    }

    /// Reads the header of a wheel's manifest, and remembers it.
    fn read_manifest(&self, wheel: &Sha256, directory: &Dir) -> Result<Arc<Manifest>, Error> {
        let manifest = Arc::new(Manifest::read_header(directory)?);
        self.headers().insert(*wheel, Arc::clone(&manifest));
        Ok(manifest)
    }

    fn headers(&self) -> MutexGuard<'_, FxHashMap<Sha256, Arc<Manifest>>> {
        self.headers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every file of a wheel.
    ///
    /// # Errors
    /// If the wheel is not in the store, or its manifest is damaged.
    pub fn files(&self, wheel: &Sha256) -> Result<Vec<StoredFile>, Error> {
        files(&self.root, wheel)
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
        let found = wheel.found.unwrap_or_else(|| Sha256::of(wheel.bytes));
        check_digest(wheel.filename, wheel.expected, found)?;
        let archive = Archive::open(wheel.bytes);
        self.admit_archive(wheel.filename, &wheel.expected, archive, &ahead::Members::default())
    }

    /// Admits a wheel whose digest was checked.
    fn admit_archive(
        &self,
        filename: &WheelFilename,
        expected: &Sha256,
        archive: Result<Archive<'_>, Refusal>,
        ahead: &ahead::Members,
    ) -> Result<Admission, Error> {
        if self.contains(expected) {
            return Ok(Admission::Present);
        }
        let refused = |fault: Refusal| Error::wheel(filename.as_str())(fault);
        let archive = archive.map_err(refused)?;
        let format = Wheel::open(&archive, filename).map_err(refused)?;
        let name = self.fresh_name()?;
        let unpack = || {
            self.workspace().create_dir(&name, 0o755)?;
            let (staging, set_modes) = (&self.workspace().dir(&name)?, self.set_modes);
            let (archive, wheel) = (&archive, &format);
            unpack::Unpack { archive, wheel, filename, staging, set_modes, ahead }.run()
        };
        let unpacked = unpack().and_then(|manifest| Ok((manifest, self.appear(&name, expected)?)));
        match unpacked {
            Ok((manifest, true)) => {
                let manifest = Arc::new(manifest);
                self.headers().insert(*expected, Arc::clone(&manifest));
                Ok(Admission::Unpacked(manifest))
            }
            Ok((_, false)) => Ok(Admission::Present),
            Err(error) => {
                // The first error is the one to report; leavings are swept later.
                let _ = self.workspace().remove_tree(&name);
                Err(error)
            }
        }
    }

    /// As [`Store::admit`] for a wheel in a file, which is mapped instead of read: the caller sees to it that nobody
    /// changes it meanwhile.
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
        let file = regular_file::open(path).map_err(Error::io("open", path))?;
        let ahead = ahead::Members::default();
        self.admit_open(&WheelInFile { filename, expected, found, file: &file, ahead })
    }

    /// The same for a wheel that was just made; gives its digest.
    ///
    /// # Errors
    /// As [`Self::admit_file`].
    pub(crate) fn admit_made(
        &self,
        filename: &WheelFilename,
        path: &Path,
    ) -> Result<Sha256, Error> {
        let file = regular_file::open(path).map_err(Error::io("open", path))?;
        let mapped = Mapped::open(&file).map_err(Error::io("map", path))?;
        let sha256 = mapped.digest();
        let archive = Archive::open_mapped(&mapped);
        self.admit_archive(filename, &sha256, archive, &ahead::Members::default())?;
        Ok(sha256)
    }

    /// The same for a file that is open.
    pub(crate) fn admit_open(&self, wheel: &WheelInFile<'_>) -> Result<Admission, Error> {
        let WheelInFile { filename, expected, found, file, ahead } = wheel;
        let mapped = Mapped::open(file).map_err(Error::io("map", Path::new(filename.as_str())))?;
        let found = found.unwrap_or_else(|| mapped.digest());
        check_digest(filename, *expected, found)?;
        self.admit_archive(filename, expected, Archive::open_mapped(&mapped), ahead)
    }

    /// Renames an unpacked wheel to its place; false if another process was faster. A damaged one that is
    /// there is exchanged for it, so that environments with links into it never lead nowhere.
    fn appear(&self, staging: &str, wheel: &Sha256) -> Result<bool, Error> {
        let digest = wheel.to_string();
        let shelf = self.root.make_wheel_shelf(&digest)?;
        if shelf.has_dir(&digest) && !self.contains(wheel) {
            if self.workspace().exchange(staging, &shelf, &digest).is_ok() {
                self.workspace().remove_tree(staging)?;
                return Ok(true);
            }
            // A file system without exchange: between the two renames there is nothing.
            self.remove(wheel)?;
        }
        match self.workspace().rename(staging, &shelf, &digest) {
            Ok(()) => Ok(true),
            Err(_) if shelf.has_dir(&digest) => {
                self.workspace().remove_tree(staging)?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a wheel, so that the next sync fetches it again. Environments that link into it break
    /// until then.
    ///
    /// # Errors
    /// If it cannot be moved away or removed.
    pub fn remove(&self, wheel: &Sha256) -> Result<(), Error> {
        let digest = wheel.to_string();
        let shelf = self.root.make_wheel_shelf(&digest)?;
        // Whatever has its name goes.
        if shelf.facts(&digest)?.is_none() {
            return Ok(());
        }
        self.headers().remove(wheel);
        let away = self.fresh_name()?;
        shelf.rename(&digest, self.workspace(), &away)?;
        Ok(self.workspace().remove_tree(&away)?)
    }

    /// The digests of all wheels in the store, sorted.
    ///
    /// # Errors
    /// If the store's directories cannot be read.
    pub fn wheels(&self) -> Result<Vec<Sha256>, Error> {
        wheels(&self.root)
    }
}

/// The digests of all wheels in a root's store, sorted.
///
/// # Errors
/// If a directory cannot be read.
pub fn wheels(root: &Root) -> Result<Vec<Sha256>, Error> {
    let Some(shelves) = root.wheels()? else { return Ok(Vec::new()) };
    let mut wheels = Vec::new();
    for shelf in shelves.entries()?.into_iter().filter(|entry| entry.kind.is_dir()) {
        let Some(shelf) = shelves.find_dir(&shelf.name)? else { continue };
        let names = shelf.entries()?.into_iter().filter(|entry| entry.kind.is_dir());
        wheels.extend(names.filter_map(|entry| entry.name.to_str()?.parse::<Sha256>().ok()));
    }
    wheels.sort_unstable();
    Ok(wheels)
}

/// Refuses a wheel whose bytes have another digest.
fn check_digest(filename: &WheelFilename, expected: Sha256, found: Sha256) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::HashMismatch { wheel: filename.to_string(), expected, found })
}

/// Whether a wheel is in a root's store, and was not found to be damaged.
pub(crate) fn is_sound(root: &Root, wheel: &Sha256) -> bool {
    sound(root, wheel).is_some()
}

/// The directory of a wheel that is in a root's store, and was not found to be damaged.
fn sound(root: &Root, wheel: &Sha256) -> Option<Dir> {
    root.wheel(&wheel.to_string()).ok()?.filter(|wheel| !wheel.has_file(DAMAGED))
}

/// Every file of a stored wheel.
pub(crate) fn files(root: &Root, wheel: &Sha256) -> Result<Vec<StoredFile>, Error> {
    Manifest::read(&directory(root, wheel)?).map(|(_, files)| files)
}

/// The directory of a stored wheel.
pub(crate) fn directory(root: &Root, wheel: &Sha256) -> Result<Dir, Error> {
    root.wheel(&wheel.to_string())?.ok_or(Error::NotInStore { wheel: *wheel })
}

/// The text of a file of a stored wheel's dist-info, which must be there.
///
/// # Errors
/// If the wheel is not in the store, or the file cannot be read.
pub fn stored_text(root: &Root, wheel: &Sha256, file: &str) -> Result<String, Error> {
    let directory = directory(root, wheel)?;
    let inside = format!("root/{}/{file}", Manifest::read_header(&directory)?.dist_info);
    let text = directory.read(&inside, TEXT_LIMIT)?.ok_or_else(|| {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        Error::io("read", &directory.path().join(&inside))(missing)
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The scripts that a stored wheel has made for it.
///
/// # Errors
/// As [`stored_text`], and that the wheel's manifest cannot be read.
pub fn entry_points(root: &Root, wheel: &Sha256) -> Result<Vec<EntryPoint>, Error> {
    Ok(Manifest::read_header(&directory(root, wheel)?)?.entry_points)
}

/// The files that a stored wheel's RECORD lists, relative to the directory that packages are imported from.
///
/// # Errors
/// As [`stored_text`], and [`Error::Wheel`] for a RECORD that nobody can read.
pub fn recorded_files(root: &Root, wheel: &Sha256) -> Result<Vec<String>, Error> {
    let text = stored_text(root, wheel, "RECORD")?;
    let rows = record::parse(text.as_bytes()).map_err(Error::wheel(&wheel.to_string()))?;
    Ok(rows.into_iter().map(|row| row.path).collect())
}

/// A file in a wheel's directory: it was found to be damaged, and is to be put in its place again.
const DAMAGED: &str = "damaged";

/// The most that a text of a dist-info has, in bytes.
const TEXT_LIMIT: u64 = 64 << 20;

#[cfg(test)]
pub(crate) mod tests;
