//! What makes a directory a root, and the way to everything in it from the open directory. Knows the file that says
//! whose layout it has, and the content of no other.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dir::{Dir, Entry};
use crate::error::Error;
use crate::layout::{
    BIN, BUILT, ENVS, LAYERS, LAYOUT, LAYOUT_FILE, LAYOUT_TEXT, LOCKS, OLD_CACHE, PROJECTS,
    PYTHONS, REMEMBERED, TMP, VOLUME_MARKER, WHEELS, env_path, prefix_path, project_env_path,
    project_env_place, shelf, wheel_place,
};
use crate::lock_name::LockName;
use crate::moves::Durability;
use crate::name::ProjectEnv;
use crate::ticket::{Lock, Share, Waiting};

/// The most that a `layout` says, in bytes.
const LIMIT: u64 = 80;

/// One root, one mount point, one file system; what is in it is drawn in [`layout`](crate::layout).
///
/// Everything is reached from the open directory, and no link is followed: others may write here, from
/// containers, while this process runs. Symbolic links inside the root are relative; absolute paths
/// written into files (shebangs, `pyvenv.cfg`) are *seen* paths. Clones share the open directory.
#[derive(Debug, Clone)]
pub struct Root {
    places: Arc<Places>,
}

#[derive(Debug)]
struct Places {
    top: Dir,
    written: PathBuf,
    seen: PathBuf,
}

impl Root {
    /// Opens the root at `written`, which Python will see at `seen`, and creates what is missing. Both
    /// paths must be absolute. Only a directory that is new or empty becomes a root.
    ///
    /// # Errors
    /// [`Error::NotARoot`], [`Error::LayoutVersion`], [`Error::NotText`], [`Error::Kind`] where something else is in the
    /// place of one of its directories; if the disk refuses.
    pub fn create(written: &Path, seen: &Path) -> Result<Self, Error> {
        Error::check_text("a root", written)?;
        let mut builder = std::fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o755).create(written);
        made.map_err(Error::io("create", written))?;
        let root = Self::at(written, seen)?;
        if !root.is_filled()? {
            let text = LAYOUT_TEXT.as_bytes();
            root.top().replace(LAYOUT_FILE, text, 0o644, Durability::Synced)?;
        }
        for place in [BIN, WHEELS, BUILT, ENVS, PROJECTS] {
            root.top().ensure_dir(place)?;
        }
        for place in [LOCKS, TMP] {
            root.private(place)?;
        }
        Ok(root)
    }

    /// Opens the root at `written` to be looked at, and changes nothing; `None` if there is none yet.
    ///
    /// # Errors
    /// As [`Root::create`].
    pub fn find(written: &Path, seen: &Path) -> Result<Option<Self>, Error> {
        match Self::at(written, seen) {
            Ok(root) => Ok(root.is_filled()?.then_some(root)),
            Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn at(written: &Path, seen: &Path) -> Result<Self, Error> {
        for path in [written, seen] {
            Error::check_text("a root", path)?;
        }
        let top = Dir::open_named(written).map_err(Error::io("open", written))?;
        let places = Places { top, written: written.to_owned(), seen: seen.to_owned() };
        Ok(Self { places: Arc::new(places) })
    }

    /// Whether it was filled by this program. What is empty may become a root; anything else is
    /// somebody's directory, and stays as it is.
    fn is_filled(&self) -> Result<bool, Error> {
        if self.has_layout()? {
            return Ok(true);
        }
        let entries = self.top().entries()?;
        let holds = |name: &str| entries.iter().any(|entry| entry.name == name);
        let launcher = holds(VOLUME_MARKER) || self.has_launcher_only()?;
        let ours = |entry: &Entry| {
            let name = &*entry.name.to_string_lossy();
            // What a new file system has, what is put into a volume before anything else, and what another
            // process that makes this root at the same moment has begun.
            let temporary = crate::moves::is_unfinished(name);
            let tried = name.starts_with(".pyfast-");
            let new_disk = name == "lost+found" && entry.kind.is_dir();
            // What is remembered for the user, whose data directory is a root where no other is named.
            let remembered = REMEMBERED.contains(&name) && entry.kind.is_dir();
            new_disk || tried || temporary || remembered || (name == BIN && launcher)
        };
        match entries.iter().find(|entry| !ours(entry)) {
            None => Ok(false),
            // Another process may have made it between the two looks.
            Some(_) if self.has_layout()? => Ok(true),
            Some(entry) => {
                let holds = entry.name.to_string_lossy().into_owned();
                Err(Error::NotARoot { path: self.written().to_owned(), holds })
            }
        }
    }

    /// Whether its file says that this program filled it.
    fn has_layout(&self) -> Result<bool, Error> {
        let Some(found) = self.top().read(LAYOUT_FILE, LIMIT)? else { return Ok(false) };
        if found.strip_suffix(b"\n").unwrap_or(&found) == LAYOUT.as_bytes() {
            return Ok(true);
        }
        let found = String::from_utf8_lossy(&found).trim_end().to_owned();
        Err(Error::LayoutVersion { root: self.written().to_owned(), found, expected: LAYOUT })
    }

    /// Whether `bin/` has the launcher and nothing else.
    fn has_launcher_only(&self) -> Result<bool, Error> {
        // What else has the name is somebody's.
        let Some(bin) = self.top().find_dir(BIN).unwrap_or_default() else { return Ok(false) };
        let launcher = |name: &str| name == "pyfast" || name.starts_with("pyfast-");
        let entries = bin.entries()?;
        Ok(entries.iter().all(|entry| launcher(&entry.name.to_string_lossy())))
    }

    /// A directory that is nobody else's business.
    fn private(&self, place: &str) -> Result<Dir, Error> {
        if self.top().facts(place)?.is_none() {
            let made = self.top().create_dir(place, 0o700);
            // Another process may have been faster.
            if made.is_err() && self.top().facts(place)?.is_none() {
                made?;
            }
        }
        let dir = self.top().dir(place)?;
        let facts = dir.own_facts()?;
        if facts.mode & 0o777 != 0o700 && facts.owner == rustix::process::geteuid().as_raw() {
            dir.set_mode(0o700)?;
        }
        Ok(dir)
    }

    /// The open directory itself.
    pub fn top(&self) -> &Dir {
        &self.places.top
    }

    /// The root as this process writes it.
    pub fn written(&self) -> &Path {
        &self.places.written
    }

    /// The root as Python will see it.
    pub fn seen(&self) -> &Path {
        &self.places.seen
    }

    /// The directory of all unpacked wheels.
    ///
    /// # Errors
    /// If something else is there.
    pub fn wheels(&self) -> Result<Option<Dir>, Error> {
        self.top().find_dir(WHEELS)
    }

    /// The directory of one unpacked wheel; `None` if it is not in the store.
    ///
    /// # Errors
    /// If something else is there.
    pub fn wheel(&self, digest: &str) -> Result<Option<Dir>, Error> {
        self.top().find_dir(wheel_place(digest))
    }

    /// A directory of an unpacked wheel, which must be there.
    ///
    /// # Errors
    /// If it is not, or something else is.
    pub fn wheel_dir(&self, digest: &str, inside: &str) -> Result<Dir, Error> {
        self.top().dir(Path::new(&wheel_place(digest)).join(inside))
    }

    /// Whether a wheel is in the store.
    pub fn has_wheel(&self, digest: &str) -> bool {
        self.top().has_dir(wheel_place(digest))
    }

    /// The directory that a wheel's own is in, made where it is missing.
    ///
    /// # Errors
    /// If something else is there, or the disk refuses.
    pub fn make_wheel_shelf(&self, digest: &str) -> Result<Dir, Error> {
        self.top().ensure_dir(format!("{WHEELS}/{}", shelf(digest)))
    }

    /// The index of wheels built from source.
    ///
    /// # Errors
    /// If something else is there.
    pub fn built(&self) -> Result<Option<Dir>, Error> {
        self.top().find_dir(BUILT)
    }

    /// The directory of packed layers.
    ///
    /// # Errors
    /// If something else is there.
    pub fn layers(&self) -> Result<Option<Dir>, Error> {
        self.top().find_dir(LAYERS)
    }

    /// The same, made where it is missing.
    ///
    /// # Errors
    /// If something else is there, or the disk refuses.
    pub fn make_layers(&self) -> Result<Dir, Error> {
        self.top().ensure_dir(LAYERS)
    }

    /// The directory of all generations.
    ///
    /// # Errors
    /// If something else is there.
    pub fn envs(&self) -> Result<Option<Dir>, Error> {
        self.top().find_dir(ENVS)
    }

    /// The directory of all generations, made where it is missing.
    ///
    /// # Errors
    /// If something else is there, or the disk refuses.
    pub fn make_envs(&self) -> Result<Dir, Error> {
        self.top().ensure_dir(ENVS)
    }

    /// The directory of one generation; `None` if there is none.
    ///
    /// # Errors
    /// If something else is there.
    pub fn env(&self, id: &str) -> Result<Option<Dir>, Error> {
        self.top().find_dir(format!("{ENVS}/{id}"))
    }

    /// Where a generation is written.
    pub fn env_path(&self, id: &str) -> PathBuf {
        env_path(self.written(), id)
    }

    /// Where Python sees a generation.
    pub fn seen_env_path(&self, id: &str) -> PathBuf {
        env_path(self.seen(), id)
    }

    /// The directory of all Pythons that were made here, with their native libraries.
    ///
    /// # Errors
    /// If something else is there.
    pub fn prefixes(&self) -> Result<Option<Dir>, Error> {
        self.top().find_dir(PYTHONS)
    }

    /// The same, made where it is missing.
    ///
    /// # Errors
    /// If something else is there, or the disk refuses.
    pub fn make_prefixes(&self) -> Result<Dir, Error> {
        self.top().ensure_dir(PYTHONS)
    }

    /// The directory of one of them; `None` if there is none.
    ///
    /// # Errors
    /// If something else is there.
    pub fn prefix(&self, id: &str) -> Result<Option<Dir>, Error> {
        self.top().find_dir(format!("{PYTHONS}/{id}"))
    }

    /// Where one of them is written.
    pub fn prefix_path(&self, id: &str) -> PathBuf {
        prefix_path(self.written(), id)
    }

    /// Where Python sees it.
    pub fn seen_prefix_path(&self, id: &str) -> PathBuf {
        prefix_path(self.seen(), id)
    }

    /// The launcher's directory; `None` if there is none.
    ///
    /// # Errors
    /// If something else is there.
    pub fn bin(&self) -> Result<Option<Dir>, Error> {
        self.top().find_dir(BIN)
    }

    /// Where an earlier version kept index pages and metadata; nothing is read there any more.
    ///
    /// # Errors
    /// If something else is there.
    pub fn old_cache(&self) -> Result<Option<Dir>, Error> {
        self.top().find_dir(OLD_CACHE)
    }

    /// Removes that.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn remove_old_cache(&self) -> Result<(), Error> {
        self.top().remove_tree(OLD_CACHE)
    }

    /// The directory of all projects.
    ///
    /// # Errors
    /// If something else is there.
    pub fn projects(&self) -> Result<Option<Dir>, Error> {
        self.top().find_dir(PROJECTS)
    }

    /// Every environment of every project, sorted. What has another kind of name was not made here.
    ///
    /// # Errors
    /// If a directory cannot be read.
    pub fn project_envs(&self) -> Result<Vec<ProjectEnv>, Error> {
        let Some(projects) = self.projects()? else { return Ok(Vec::new()) };
        let directories = |dir: &Dir| -> Result<Vec<String>, Error> {
            let entries = dir.entries()?.into_iter().filter(|entry| entry.kind.is_dir());
            Ok(entries.filter_map(|entry| entry.name.into_string().ok()).collect())
        };
        let mut found = Vec::new();
        for project in directories(&projects)? {
            let Some(envs) = projects.find_dir(&project)? else { continue };
            let envs = directories(&envs)?;
            found.extend(envs.iter().filter_map(|env| ProjectEnv::new(&project, env).ok()));
        }
        Ok(found)
    }

    /// The directory of a project's environment; `None` if there is none.
    ///
    /// # Errors
    /// If something else is there.
    pub fn project_env(&self, name: &ProjectEnv) -> Result<Option<Dir>, Error> {
        self.top().find_dir(project_env_place(name))
    }

    /// The same, made where it is missing.
    ///
    /// # Errors
    /// If something else is there, or the disk refuses.
    pub fn make_project_env(&self, name: &ProjectEnv) -> Result<Dir, Error> {
        self.top().ensure_dir(project_env_place(name))
    }

    /// Where a project's environment is written, for people and links.
    pub fn project_env_path(&self, name: &ProjectEnv) -> PathBuf {
        project_env_path(self.written(), name)
    }

    /// The directory of working directories.
    pub(crate) fn tmp(&self) -> Result<Dir, Error> {
        self.private(TMP)
    }

    /// The same, where it is there.
    pub(crate) fn find_tmp(&self) -> Result<Option<Dir>, Error> {
        self.top().find_dir(TMP)
    }

    /// The directory of locks.
    pub(crate) fn locks(&self) -> Result<Dir, Error> {
        self.private(LOCKS)
    }

    /// Waits for a lock; `waiting` is called once if another process has it.
    ///
    /// # Errors
    /// [`Error::LockTimeout`] if whoever has it lives and keeps it for two hours, or cannot be asked and
    /// keeps it for five minutes; if the disk refuses.
    pub fn lock(
        &self,
        name: &LockName,
        share: Share,
        waiting: &dyn Fn(&Waiting),
    ) -> Result<Lock, Error> {
        Lock::wait(self.locks()?, name.as_str(), share, waiting)
    }

    /// Takes a place in the queue for a lock, and waits for nothing.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn queue(&self, name: &LockName, share: Share) -> Result<Lock, Error> {
        Lock::queue(self.locks()?, name.as_str(), share)
    }
}

#[cfg(test)]
mod tests;
