//! What a sync is lent: the requirements, the interpreter, and whoever resolves, fetches and builds. Owns
//! what is asked of them; the command line makes them of its settings, and only when they are needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pyfast_installer::build::BuiltWheel;
use pyfast_installer::interpreter::Interpreter;
use pyfast_packaging::PackageName;
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::target::Target;
use pyfast_resolver::{Lock, LockRequest, Locked, Pin, Targets};

use crate::error::Error;
use crate::site::Site;

/// Wheels built from source, by package.
pub type BuiltWheels = BTreeMap<PackageName, BuiltWheel>;

/// What the requirements files say, and all the files that this depends on.
#[derive(Debug)]
pub struct Requirements {
    /// What they say.
    pub set: RequirementSet,
    /// The files, absolute.
    pub paths: Vec<PathBuf>,
    /// Directories that are installed, all files of which count.
    pub trees: Vec<PathBuf>,
}

/// What came of having the files of a lock.
#[derive(Debug, Clone, Default)]
pub struct Brought {
    /// Wheels that were built from the lock's sources.
    pub built: BuiltWheels,
    /// The digest of everything that shaped a build, for builds that the root is to remember.
    pub keys: BTreeMap<PackageName, Sha256>,
    /// Wheels that were unpacked just now.
    pub admitted: Vec<Sha256>,
}

/// A wheel that lies on this machine, in the place of a package's own file.
#[derive(Debug, Clone)]
pub struct Given {
    /// Its file name.
    pub filename: WheelFilename,
    /// Its digest.
    pub sha256: Sha256,
    /// Where it lies.
    pub path: PathBuf,
}

/// What is to be brought into a store.
#[derive(Debug, Clone, Copy)]
pub struct ToBring<'a> {
    /// The lock.
    pub lock: &'a Lock,
    /// Wheels that somebody else made, of which nothing is fetched or built.
    pub given: &'a BTreeMap<PackageName, Given>,
    /// The interpreter that it is for.
    pub interpreter: &'a Interpreter,
    /// Whether it is compiled.
    pub compile: bool,
}

/// Whoever has every wheel of a lock in a store.
pub trait Means {
    /// Fetches, builds and compiles what is missing. Without a site it is built for one that only others
    /// reach, who get the wheels with the plan.
    ///
    /// # Errors
    /// What fetching and building fail with.
    fn bring(&self, what: &ToBring<'_>, site: Option<&Site>) -> Result<Brought, Error>;

    /// Writes the user's own lock.
    ///
    /// # Errors
    /// If that is refused.
    fn write_lock(&self, path: &Path, text: &str) -> Result<(), Error>;
}

/// Whoever knows what is wanted, and resolves it.
pub trait Crew: Means {
    /// Reads the requirements.
    ///
    /// # Errors
    /// What is wrong with them.
    fn requirements(&self) -> Result<Requirements, Error>;

    /// The interpreter that the environment is for; asked only where something has moved.
    ///
    /// # Errors
    /// If there is none.
    fn interpreter(&self) -> Result<Interpreter, Error>;

    /// Every place where the user's own lock may be; the first is where it would be made.
    fn lock_places(&self, set: Option<&RequirementSet>) -> Vec<PathBuf>;

    /// Which of them has it for a target, or would have it.
    fn own_lock(&self, set: Option<&RequirementSet>, target: &Target) -> PathBuf;

    /// The text of the user's own lock with what it says besides of the environment.
    fn complete(&self, text: String, path: &Path) -> String;

    /// What the user's own lock is for, where that is more than one target: what the configuration says,
    /// else what the lock was made for.
    ///
    /// # Errors
    /// If no such targets are known.
    fn several(
        &self,
        lock: Option<&Lock>,
        set: &RequirementSet,
        target: &Target,
    ) -> Result<Option<Targets>, Error>;

    /// The request for a lock.
    ///
    /// # Errors
    /// If what is wanted cannot be.
    fn request<'a>(
        &self,
        set: &'a RequirementSet,
        targets: Targets,
        kept: Vec<Pin>,
    ) -> Result<LockRequest<'a>, Error>;

    /// Makes a lock. With a site, wheels are fetched as soon as they are decided on.
    ///
    /// # Errors
    /// What resolving fails with.
    fn lock(&self, request: &LockRequest<'_>, site: Option<&Site>) -> Result<Locked, Error>;

    /// Finds the SHA-256 of every file of a lock that another tool knows by other digests alone, all of which are
    /// compared. What comes on the way is not fetched once more. A dry run has what is remembered.
    ///
    /// # Errors
    /// What fetching fails with, and bytes that are not the lock's.
    fn identify(&self, lock: &mut Lock, site: Option<&Site>) -> Result<(), Error>;

    /// Tells the user what they should know, now: what follows may fail.
    fn tell(&self, warning: &str);

    /// The digest of a file of this machine, if it can be read.
    fn digest(&self, file: &Path) -> Option<Sha256>;

    /// Forgets metadata of a wheel that turned out not to be its own.
    fn forget(&self, filename: &str);
}
