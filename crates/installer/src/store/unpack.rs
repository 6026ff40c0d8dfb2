//! Unpacks one audited wheel into a directory that nobody else sees: inflate, check, hash and write on
//! all cores, one open, write and close for each file. Does not decide whether the wheel is welcome.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use pyfast_elf::{is_elf, of_bytes, of_file, search_path};
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_root::Dir;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{ahead, settled};
use crate::error::{Error, Refusal};
use crate::store::manifest::{self, Manifest, StoredFile, TopLevel};
use crate::wheel::record::{self, Checker, Content};
use crate::wheel::searched::searched;
use crate::wheel::{Member, Wheel};
use crate::zip_audit::{Archive, Entry, Inflater};

/// What we write into INSTALLER.
pub(crate) const INSTALLER: &[u8] = b"pyfast\n";

/// A file that is made to see what becomes of its mode.
const PROBE: &str = "mode";

/// Files are dealt to threads in portions of about this many bytes of content.
const PORTION: u64 = 1 << 20;

/// Whether the process's umask takes permissions from new files that everybody must have.
pub(super) fn umask_narrows(directory: &Dir) -> Result<bool, Error> {
    let file = directory.create(PROBE, 0o555)?;
    let metadata = file.metadata().map_err(Error::io("read", &directory.path().join(PROBE)))?;
    directory.remove_file(PROBE)?;
    Ok(metadata.permissions().mode() & 0o555 != 0o555)
}

thread_local! {
    /// One for each thread of the pool: what it allocates is used again for the next wheel.
    static INFLATER: RefCell<Inflater> = RefCell::new(Inflater::new());
}

fn inflate(
    archive: &Archive<'_>,
    entry: &Entry,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    // Nothing inside gives the thread back to the pool, so nobody else borrows it meanwhile.
    INFLATER.with_borrow_mut(|inflater| inflater.extract(archive, entry, sink))
}

/// A wheel to unpack.
pub(super) struct Unpack<'a> {
    pub(super) archive: &'a Archive<'a>,
    pub(super) wheel: &'a Wheel,
    pub(super) filename: &'a WheelFilename,
    /// An empty directory.
    pub(super) staging: &'a Dir,
    /// Whether modes must be set after creation, because of the umask.
    pub(super) set_modes: bool,
    /// What was unpacked while the wheel came.
    pub(super) ahead: &'a ahead::Members,
}

/// A fault of the wheel or of the disk.
enum Fault {
    Wheel(Refusal),
    Disk(Error),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Wheel(refusal)
    }
}

/// A written file, and where it looks for libraries if it is an ELF file.
type Unpacked = (StoredFile, Option<Vec<String>>);

impl Unpack<'_> {
    /// Writes `root/`, `data/` and `manifest`.
    pub(super) fn run(&self) -> Result<Manifest, Error> {
        let directories = self.directories()?;
        let portions = self.portions();
        let unpacked: Result<Vec<Vec<Unpacked>>, Fault> = portions
            .par_iter()
            .map(|portion| {
                let unpack = |member| self.member(member).transpose();
                let unpacked = portion.iter().filter_map(unpack).collect();
                self.spent(portion);
                unpacked
            })
            .collect();
        let unpacked = unpacked.map_err(|fault| match fault {
            Fault::Wheel(refusal) => Error::wheel(self.filename.as_str())(refusal),
            Fault::Disk(error) => error,
        })?;
        let (mut files, libraries) = split(unpacked.into_iter().flatten().collect());
        self.finish_dist_info(&mut files)?;
        files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let manifest = self.describe(&files, &libraries);
        self.write(manifest::FILE, manifest.to_text(&files).as_bytes())?;
        self.seal(&directories)?;
        Ok(manifest)
    }

    /// Creates every directory once, parents first; the result is sorted.
    fn directories(&self) -> Result<Vec<String>, Error> {
        let mut seen: FxHashSet<&str> = FxHashSet::default();
        for path in self.wheel.members.iter().filter_map(|member| member.path.as_deref()) {
            let mut path = path;
            while let Some((parent, _)) = path.rsplit_once('/').filter(|(p, _)| seen.insert(p)) {
                path = parent;
            }
        }
        let dist_info = format!("root/{}", self.wheel.dist_info);
        for ours in ["root", "data", &dist_info] {
            seen.insert(ours);
        }
        let mut directories: Vec<String> = seen.into_iter().map(str::to_owned).collect();
        directories.sort_unstable();
        for directory in &directories {
            self.staging.create_dir(directory, 0o755)?;
        }
        Ok(directories)
    }

    /// The members in portions of similar size, so that threads share a large wheel.
    fn portions(&self) -> Vec<&[Member]> {
        let members = self.wheel.members.as_slice();
        let entries = self.archive.entries();
        let mut portions = Vec::new();
        let (mut begin, mut size) = (0, 0);
        for (index, member) in members.iter().enumerate() {
            // Creating a file costs about as much as inflating 16 kB.
            size += entries[member.entry].size + (16 << 10);
            if size >= PORTION {
                portions.push(&members[begin..=index]);
                (begin, size) = (index + 1, 0);
            }
        }
        portions.push(&members[begin..]);
        portions
    }

    /// Lets go of the packed content of a portion, which lies together as a rule.
    fn spent(&self, portion: &[Member]) {
        let data = |member: &Member| self.archive.entries()[member.entry].data.clone();
        let begin = portion.iter().map(|member| data(member).start).min();
        let end = portion.iter().map(|member| data(member).end).max();
        if let (Some(begin), Some(end)) = (begin, end) {
            self.archive.spent(begin..end);
        }
    }

    fn member(&self, member: &Member) -> Result<Option<Unpacked>, Fault> {
        let entry = &self.archive.entries()[member.entry];
        let mut checker = Checker::new(member.hash.as_ref());
        let Some(path) = &member.path else {
            // RECORD has been read whole, and what nothing is said of and we write ourselves needs no look.
            if member.hash.is_none() {
                return Ok(None);
            }
            inflate(self.archive, entry, &mut |piece| {
                checker.update(piece);
                Ok::<_, Fault>(())
            })?;
            return checked(checker, &entry.path).map(|_| None);
        };
        let executable = entry.executable || path.starts_with("data/scripts/");
        let mode = if executable { 0o555 } else { 0o444 };
        let ahead = self.ahead.get(&entry.data.start);
        if let Some(ahead) = ahead.filter(|ahead| ahead.is(entry, member.hash.as_ref())) {
            return self.take(ahead, path, mode).map_err(Fault::Disk).map(Some);
        }
        let place = || self.staging.path().join(path);
        let disk = |error| Fault::Disk(Error::io("write", &place())(error));
        let mut file =
            self.staging.create(path, mode).map_err(|error| Fault::Disk(error.into()))?;
        let (mut library, mut given) = (Library::No, 0);
        inflate(self.archive, entry, &mut |piece| {
            checker.update(piece);
            if given == 0 && is_elf(piece) {
                let whole = piece.len() as u64 == entry.size;
                library = if whole {
                    Library::Read(search_path(&of_bytes(piece)))
                } else {
                    Library::Large
                };
            }
            given += piece.len() as u64;
            file.write_all(piece).map_err(disk)
        })?;
        if self.set_modes {
            file.set_permissions(Permissions::from_mode(mode)).map_err(disk)?;
        }
        drop(file);
        let sha256 = checked(checker, &entry.path)?;
        let searches = match library {
            Library::No => None,
            Library::Read(searches) => Some(searches),
            Library::Large => Some(self.searches(path).map_err(Fault::Disk)?),
        };
        let file = StoredFile { path: path.clone(), sha256, size: entry.size, executable };
        Ok(Some((file, searches)))
    }

    /// Takes a member that was unpacked while the wheel came.
    fn take(&self, ahead: &ahead::Unpacked, path: &str, mode: u32) -> Result<Unpacked, Error> {
        ahead.move_to(self.staging, path)?;
        let (file, facts) = self.staging.open(path)?.ok_or_else(|| {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            Error::io("read", &self.staging.path().join(path))(missing)
        })?;
        if facts.mode != mode {
            file.set_permissions(Permissions::from_mode(mode))
                .map_err(Error::io("set the mode of", &self.staging.path().join(path)))?;
        }
        let searches = if ahead.is_elf() { Some(self.searches(path)?) } else { None };
        let (sha256, size, executable) = (ahead.sha256(), facts.size, mode == 0o555);
        Ok((StoredFile { path: path.to_owned(), sha256, size, executable }, searches))
    }

    /// Where an ELF file that was written looks for libraries.
    fn searches(&self, path: &str) -> Result<Vec<String>, Error> {
        let Some((file, _)) = self.staging.open(path)? else { return Ok(Vec::new()) };
        Ok(search_path(&of_file(&file)))
    }

    /// Adds INSTALLER and a complete RECORD.
    fn finish_dist_info(&self, files: &mut Vec<StoredFile>) -> Result<(), Error> {
        let dist_info = &self.wheel.dist_info;
        let add = |name: &str, content: &[u8], files: &mut Vec<StoredFile>| {
            let path = format!("root/{dist_info}/{name}");
            self.write(&path, content)?;
            let Content { sha256, size } = Content::of(content);
            files.push(StoredFile { path, sha256, size, executable: false });
            Ok(())
        };
        add("INSTALLER", INSTALLER, files)?;
        let mut rows: Vec<record::Written> = files
            .iter()
            .filter_map(|file| {
                let path = file.path.strip_prefix("root/")?;
                let content = Content { sha256: file.sha256, size: file.size };
                Some(record::Written { path: path.to_owned(), content: Some(content) })
            })
            .collect();
        rows.push(record::Written { path: format!("{dist_info}/RECORD"), content: None });
        add("RECORD", &record::write(rows), files)
    }

    fn describe(&self, files: &[StoredFile], libraries: &[(String, Vec<String>)]) -> Manifest {
        let mut top_level: FxHashMap<&str, bool> = FxHashMap::default();
        for path in files.iter().filter_map(|file| file.path.strip_prefix("root/")) {
            let (name, directory) = path.split_once('/').map_or((path, false), |(n, _)| (n, true));
            top_level.insert(name, directory);
        }
        let mut top_level: Vec<TopLevel> = top_level
            .into_iter()
            .map(|(name, directory)| TopLevel { name: name.to_owned(), directory })
            .collect();
        top_level.sort_unstable();
        let scripts = files.iter().filter_map(|file| file.path.strip_prefix("data/scripts/"));
        let is_data = |file: &StoredFile| {
            file.path.starts_with("data/") && !file.path.starts_with("data/scripts/")
        };
        Manifest {
            name: self.filename.name.to_string(),
            version: self.filename.version.to_string(),
            filename: self.filename.to_string(),
            dist_info: self.wheel.dist_info.clone(),
            top_level,
            scripts: scripts.map(str::to_owned).collect(),
            has_data: files.iter().any(is_data),
            boot: settled::boot_id(),
            entry_points: self.wheel.entry_points.clone(),
            libraries: sorted(libraries.iter().map(|(path, _)| parent(path).to_owned())),
            searches: sorted(libraries.iter().flat_map(|(path, searches)| {
                searches.iter().filter_map(|search| searched(parent(path), search))
            })),
            flaws: (!self.wheel.flaws.is_empty()).then(|| self.wheel.flaws.to_string()),
            files: files.len() as u64,
            size: files.iter().map(|file| file.size).sum(),
        }
    }

    /// Takes the write permission from the directories. The topmost keeps it: a directory that may not be
    /// written cannot be moved.
    fn seal(&self, directories: &[String]) -> Result<(), Error> {
        for directory in directories {
            self.staging.dir(directory)?.set_mode(0o555)?;
        }
        if self.set_modes {
            self.staging.set_mode(0o755)?;
        }
        Ok(())
    }

    /// Writes a file of our own.
    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        let file = self.staging.write_new(path, content, 0o444)?;
        if self.set_modes {
            file.set_permissions(Permissions::from_mode(0o444))
                .map_err(Error::io("set the mode of", &self.staging.path().join(path)))?;
        }
        Ok(())
    }
}

/// The digest of content that RECORD agrees with.
fn checked(checker: Checker<'_>, path: &str) -> Result<Sha256, Fault> {
    let refusal = || Refusal::entry(path, "has another content than RECORD says");
    checker.finish().ok_or_else(|| Fault::Wheel(refusal()))
}

/// The files, and of those that are ELF files where they look for libraries.
fn split(unpacked: Vec<Unpacked>) -> (Vec<StoredFile>, Vec<(String, Vec<String>)>) {
    let mut files = Vec::with_capacity(unpacked.len() + 2);
    let mut libraries = Vec::new();
    for (file, searches) in unpacked {
        if let Some(searches) = searches {
            libraries.push((file.path.clone(), searches));
        }
        files.push(file);
    }
    (files, libraries)
}

/// What has been found out of a file while it was written.
enum Library {
    /// It is no ELF file.
    No,
    /// It is one, with these search paths.
    Read(Vec<String>),
    /// It is one that comes in pieces.
    Large,
}

/// The directory of a file.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    texts.collect::<BTreeSet<_>>().into_iter().collect()
}
