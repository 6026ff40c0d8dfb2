//! What is known of each file, read once for all services of a check. Must not know what is looked for in it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Finding, Place};
use crate::outline::{Name, Offset, Outline, Step, Use};
use crate::sources::Files;
use crate::steps::{each, each_step};
use crate::syntax::{self, Read};
use crate::version::PythonVersion;

/// Bytes of stack for whoever reads: a sum of ten thousand terms is a tree as deep, and Python runs others that are deep.
/// What is not touched costs nothing.
const STACK: usize = 256 << 20;

/// What was read of files of this machine, for whoever sees them by whatever paths; and the threads that read.
#[derive(Default)]
pub struct ReadFiles {
    /// By origins.
    known: Mutex<Shelf>,
    /// Threads that have room for deep trees, from the first file on; none where the system gives none.
    threads: OnceLock<Option<ThreadPool>>,
}

impl ReadFiles {
    /// Bytes of the largest source that is looked at: larger ones are no sources that somebody wrote, and nothing is said
    /// of them.
    pub const LARGEST: u64 = 8 << 20;
}

impl Drop for ReadFiles {
    /// To free what was read of a thousand files takes a tenth of the time that reading them takes, and nobody has to wait for
    /// it: a program that ends needs it not at all.
    fn drop(&mut self) {
        if let Some(Some(threads)) = self.threads.get()
            && let Ok(known) = self.known.get_mut()
        {
            let known = std::mem::take(known);
            threads.spawn(move || drop(known));
        }
    }
}

/// The files that were read, as one service sees them.
pub struct Library<'a> {
    pub(crate) files: &'a dyn Files,
    read: &'a ReadFiles,
    known: Mutex<Shelf>,
    /// Names that functions of any of them set on what they import.
    set: Mutex<FxHashSet<Name>>,
    /// Files that are still being read, and count for that.
    due: Mutex<Option<Due>>,
}

type Due = Arc<(BTreeSet<PathBuf>, PythonVersion)>;

/// What was read, for which Python, by paths as they are written: taking them apart costs more than anything else.
type Shelf = FxHashMap<OsString, Vec<Known>>;

/// A file as one Python reads it.
struct Known {
    version: PythonVersion,
    read: Slot,
}

/// What is known of a file, from when the first one has read it, for whom all others wait; `None` if it cannot be read.
type Slot = Arc<OnceLock<Option<Arc<Read>>>>;

fn slot(shelf: &Mutex<Shelf>, path: &OsStr, version: PythonVersion) -> Slot {
    let mut shelf = shelf.lock().expect("nobody panics with it");
    let is_wanted = |known: &&Known| known.version == version;
    if let Some(known) = shelf.get(path).and_then(|all| all.iter().find(is_wanted)) {
        return Slot::clone(&known.read);
    }
    let read = Slot::default();
    shelf.entry(path.to_owned()).or_default().push(Known { version, read: Slot::clone(&read) });
    read
}

impl<'a> Library<'a> {
    /// Knows nothing of these files but what is known of their origins.
    pub fn new(files: &'a dyn Files, read: &'a ReadFiles) -> Self {
        Self { files, read, known: Mutex::default(), set: Mutex::default(), due: Mutex::default() }
    }

    /// Has both done at the same time where trees and imports may be deep; one after the other where no threads can be made
    /// that have room for that.
    pub(crate) fn both<T: Send>(
        &self,
        act: impl FnOnce() -> T + Send,
        reading: impl FnOnce() + Send,
    ) -> T {
        self.with_room(|| {
            if rayon::current_thread_index().is_some() {
                return rayon::join(act, reading).0;
            }
            reading();
            act()
        })
    }

    /// Has this done where trees and imports may be deep.
    pub(crate) fn with_room<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let threads = || ThreadPoolBuilder::new().stack_size(STACK).build().ok();
        match self.read.threads.get_or_init(threads) {
            Some(threads) => threads.install(act),
            None => act(),
        }
    }

    /// A file; `None` if it cannot be read.
    pub(crate) fn read(&self, path: &Path, version: PythonVersion) -> Option<Arc<Read>> {
        let read = || {
            let read = self.read_once(path, version);
            if let Some(outline) = read.as_ref().and_then(|read| read.outline.as_ref()) {
                let set = set_by_functions(outline);
                self.set.lock().expect("nobody panics with it").extend(set);
            }
            read
        };
        slot(&self.known, path.as_os_str(), version).get_or_init(read).clone()
    }

    /// A file, unless another service has it already.
    fn read_once(&self, path: &Path, version: PythonVersion) -> Option<Arc<Read>> {
        let read = || {
            let bytes = self.files.read(path).ok()?;
            Some(Arc::new(syntax::read(&bytes, version)))
        };
        match self.files.origin(path) {
            Some(origin) => {
                let slot = slot(&self.read.known, origin.as_os_str(), version);
                slot.get_or_init(read).clone()
            }
            None => read(),
        }
    }

    /// Where something stands in a file; its beginning where that has no text.
    pub(crate) fn place(&self, path: &Path, at: Offset, version: PythonVersion) -> Place {
        let read = self.read(path, version);
        let text = read.as_ref().and_then(|read| read.text.as_ref());
        let (line, column) = text.map_or((1, 1), |text| {
            let place = text.line_column(at);
            (place.line, place.column)
        });
        Place { file: path.to_path_buf(), line, column }
    }

    /// The findings whose lines do not say themselves that they are meant so.
    pub fn without_meant(&self, findings: Vec<Finding>, version: PythonVersion) -> Vec<Finding> {
        let is_meant = |finding: &Finding| {
            let Some(place) = &finding.place else { return false };
            let read = self.read(&place.file, version);
            let text = read.as_ref().and_then(|read| read.text.as_ref());
            let line = text.and_then(|text| text.numbered(place.line));
            line.is_some_and(|line| finding.is_meant(line))
        };
        findings.into_iter().filter(|finding| !is_meant(finding)).collect()
    }

    /// Reads files, and has something done meanwhile, which sees no difference to when all of them were read before.
    pub fn while_reading<T: Send>(
        &self,
        paths: &BTreeSet<PathBuf>,
        version: PythonVersion,
        act: impl FnOnce() -> T + Send,
    ) -> T {
        *self.due() = Some(Arc::new((paths.clone(), version)));
        self.both(act, || self.read_due())
    }

    fn due(&self) -> MutexGuard<'_, Option<Due>> {
        self.due.lock().expect("nobody panics with it")
    }

    /// Reads what is due, and waits for what others are just reading.
    fn read_due(&self) {
        let due = self.due().clone();
        if let Some(due) = due {
            self.read_all(&due.0, due.1);
            *self.due() = None;
        }
    }

    /// Whether a function of a file that was read sets this on what it imports: nobody knows when it is called.
    pub(crate) fn sets(&self, attribute: &str) -> bool {
        self.read_due();
        self.set.lock().expect("nobody panics with it").contains(attribute)
    }

    /// Reads many files at once.
    pub(crate) fn read_all(&self, paths: &BTreeSet<PathBuf>, version: PythonVersion) {
        paths.par_iter().for_each(|path| drop(self.read(path, version)));
    }
}

fn set_by_functions(outline: &Outline) -> BTreeSet<Name> {
    let mut set: Vec<(Name, Name)> = Vec::new();
    for function in &outline.functions {
        each(&function.body, &mut |step| {
            if let Step::SetAttribute(Use { path, .. }) = step
                && let Some((_, last)) = path.split_last()
                && !matches!(path.first(), "self" | "cls")
            {
                set.push((path.first().into(), last.into()));
            }
        });
    }
    if set.is_empty() {
        return BTreeSet::new();
    }
    let mut imported: BTreeSet<Name> = BTreeSet::new();
    each_step(outline, &mut |step| match step {
        Step::Import(import) => drop(imported.insert(import.bound().into())),
        Step::From(from) => imported.extend(from.names.iter().map(|name| name.bound().clone())),
        _ => {}
    });
    set.into_iter().filter(|(first, _)| imported.contains(first)).map(|(_, name)| name).collect()
}
