//! The bare clone of a repository in the cache, as a directory: whose it is, what may lie in it, its
//! settings and its lock. A clone may have been planted, and git runs programs that a clone's settings
//! name, so nothing of it is believed but objects and references. Knows no git command.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

use crate::cache::{Cache, private};

/// How long another process may work on a clone.
const PATIENCE: Duration = Duration::from_mins(5);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// The whole of a clone's settings.
const SETTINGS: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
/// The same for object names of SHA-256.
const SETTINGS_OF_SHA256: &str = "[core]\n\trepositoryformatversion = 1\n\tfilemode = true\n\
                                  \tbare = true\n[extensions]\n\tobjectformat = sha256\n";

/// Files that git makes in a clone that was begun without a template and is only fetched into.
const FILES: [&str; 6] = ["HEAD", "FETCH_HEAD", "ORIG_HEAD", "config", "packed-refs", "shallow"];
/// And directories.
const DIRECTORIES: [&str; 2] = ["objects", "refs"];

/// Where a clone is, or is to be.
pub(super) struct BareClone {
    pub(super) path: PathBuf,
    cache: Cache,
}

/// What is wrong with the place of a clone, in words.
pub(super) type Unusable = String;

impl BareClone {
    pub(super) fn new(path: PathBuf, cache: &Cache) -> Self {
        Self { path, cache: cache.clone() }
    }

    /// The directory of all clones.
    pub(super) fn parent(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Keeps other processes from the clone, and says whether there is one. What is there and is none
    /// of ours is removed, because it can be had again.
    pub(super) fn claim(&self) -> Result<(File, bool), Unusable> {
        let fail = |error: io::Error| error.to_string();
        self.cache.make_repositories().map_err(fail)?;
        private::own(self.parent()).map_err(|error| refused(self.parent(), &error))?;
        let lock = lock(&self.path.with_extension("lock"), PATIENCE)?;
        let found = match fs_err::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((lock, false)),
            Err(error) => return Err(fail(error)),
            Ok(found) => found,
        };
        if !found.is_dir() {
            fs_err::remove_file(&self.path).map_err(fail)?;
            return Ok((lock, false));
        }
        private::own(&self.path).map_err(|error| refused(&self.path, &error))?;
        let sound = is_sound(&self.path).map_err(fail)?;
        if !sound {
            fs_err::remove_dir_all(&self.path).map_err(fail)?;
        }
        Ok((lock, sound))
    }

    /// Writes the settings anew where they are not ours to the letter. Called before each run of git.
    pub(super) fn settle(&self) -> Result<(), Unusable> {
        let path = self.path.join("config");
        let found = private::read(&path).unwrap_or_default();
        if [SETTINGS, SETTINGS_OF_SHA256].iter().any(|ours| ours.as_bytes() == found) {
            return Ok(());
        }
        // The one fact that is taken over; where it is a lie, git finds no objects.
        let sha256 =
            String::from_utf8_lossy(&found).to_lowercase().contains("objectformat = sha256");
        let ours = if sha256 { SETTINGS_OF_SHA256 } else { SETTINGS };
        self.replace(&path, ours).map_err(|error| error.to_string())
    }

    /// Replaces a file, or the link in its place. What is left of a failed attempt lies beside the
    /// clone, where it is not taken for a part of it.
    fn replace(&self, path: &Path, text: &str) -> io::Result<()> {
        let temporary = self.parent().join(format!(".tmp-{}", pyfast_root::random_name()?));
        let written = private::create(&temporary)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs_err::rename(&temporary, path));
        written.inspect_err(|_| {
            // The first error is the one to report.
            let _ = fs_err::remove_file(&temporary);
        })
    }
}

fn refused(path: &Path, error: &io::Error) -> Unusable {
    let path = path.display();
    format!("`{path}` {error}; nothing in it is believed: remove it, or name another cache")
}

/// Whether a directory is a clone that nothing was added to: git lets other files lead to settings and
/// objects elsewhere, and would write through links and wait for FIFOs.
fn is_sound(path: &Path) -> io::Result<bool> {
    let mut whole = false;
    for entry in fs_err::read_dir(path)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let Some(name) = name.to_str() else { return Ok(false) };
        // Locks are left over where git was killed.
        let file = FILES.contains(&name.strip_suffix(".lock").unwrap_or(name)) && kind.is_file();
        let directory = DIRECTORIES.contains(&name) && kind.is_dir();
        if !(file || directory && is_plain(&entry.path())?) {
            return Ok(false);
        }
        whole |= name == "HEAD";
    }
    // It names directories with further objects; all that are needed are here.
    let alternates = fs_err::symlink_metadata(path.join("objects/info/alternates"));
    Ok(whole && alternates.is_err())
}

/// Whether there are only files and directories in a directory, however deep.
fn is_plain(path: &Path) -> io::Result<bool> {
    for entry in fs_err::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if !(kind.is_file() || kind.is_dir() && is_plain(&entry.path())?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Waits for a lock, but not without end.
fn lock(path: &Path, patience: Duration) -> Result<File, Unusable> {
    let shown = path.display();
    let flags =
        OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(io::Error::from);
    let file = File::from(opened.map_err(|error| format!("cannot lock `{shown}`: {error}"))?);
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return Err(format!("cannot lock `{shown}`: it is no regular file; remove it"));
    }
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < patience => {
                std::thread::sleep(LOOK);
            }
            Err(TryLockError::WouldBlock) => {
                let waited = patience.as_secs();
                return Err(format!(
                    "another process has had `{shown}` locked for {waited} s; end that process"
                ));
            }
            Err(TryLockError::Error(error)) => {
                return Err(format!("cannot lock `{shown}`: {error}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A clone that has everything that git makes, in a cache that goes away with the first one.
    fn clone() -> (tempfile::TempDir, BareClone) {
        let cache = tempfile::tempdir().unwrap();
        let path = cache.path().join("git-1/0123");
        for directory in ["objects/info", "objects/ab", "refs/heads"] {
            fs_err::create_dir_all(path.join(directory)).unwrap();
        }
        for file in FILES.into_iter().chain(["objects/ab/cd", "refs/heads/main"]) {
            fs_err::write(path.join(file), "x").unwrap();
        }
        let clone = BareClone::new(path, &Cache::new(Some(cache.path().to_owned())));
        (cache, clone)
    }

    #[track_caller]
    fn check(plant: impl Fn(&Path), kept: bool) {
        let (_cache, clone) = clone();
        plant(&clone.path);
        let (_lock, found) = clone.claim().expect("it is ours");
        assert_eq!((found, clone.path.exists()), (kept, kept));
    }

    #[test]
    fn a_clone_that_something_was_added_to_is_made_anew() {
        check(|_| (), true);
        check(|path| fs_err::write(path.join("packed-refs.lock"), "").unwrap(), true);
        for name in ["commondir", "config.worktree", "gitdir", "objects/info/alternates"] {
            check(|path| fs_err::write(path.join(name), "/evil").unwrap(), false);
        }
        for name in ["hooks", "info", "reftable"] {
            check(|path| fs_err::create_dir(path.join(name)).unwrap(), false);
        }
        check(|path| symlink("/evil", path.join("objects/info/alternates")).unwrap(), false);
        check(|path| symlink("/tmp", path.join("objects/ff")).unwrap(), false);
        check(|path| fs_err::remove_file(path.join("HEAD")).unwrap(), false);
        let fifo = |path: &Path| {
            let (path, kind) = (path.join("refs/heads/x"), rustix::fs::FileType::Fifo);
            rustix::fs::mknodat(rustix::fs::CWD, path, kind, Mode::RUSR, 0).unwrap();
        };
        check(fifo, false);
    }

    #[test]
    fn a_clone_that_is_a_link_is_made_anew_and_what_it_leads_to_stays() {
        let (other, _) = clone();
        let elsewhere = other.path().join("git-1/0123");
        let plant = |path: &Path| {
            fs_err::remove_dir_all(path).unwrap();
            symlink(&elsewhere, path).unwrap();
        };
        check(plant, false);
        assert!(elsewhere.join("HEAD").is_file());
    }

    #[test]
    fn a_directory_of_another_user_is_refused() {
        let (_cache, clone) = clone();
        for path in [clone.path.clone(), clone.parent().to_owned()] {
            // Only root can give directories away.
            if std::os::unix::fs::chown(&path, Some(65534), None).is_err() {
                return;
            }
            let error = clone.claim().expect_err("it is another user's");
            let expected = format!("`{}` belongs to another user", path.display());
            assert!(error.starts_with(&expected) && error.contains("remove it"), "{error}");
            std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        }
        assert!(clone.path.join("HEAD").is_file(), "nothing of it was touched");
    }

    #[test]
    fn settings_are_ours_to_the_letter() {
        let check = |text: &str, expected: &str| {
            let (_cache, clone) = clone();
            fs_err::write(clone.path.join("config"), text).unwrap();
            clone.settle().unwrap();
            assert_eq!(fs_err::read_to_string(clone.path.join("config")).unwrap(), expected);
            assert!(is_sound(&clone.path).unwrap(), "nothing is left over");
        };
        check("[core]\n\tbare = true\n\tsshCommand = evil\n", SETTINGS);
        check(&format!("{SETTINGS}[include]\n\tpath = /evil\n"), SETTINGS);
        check("", SETTINGS);
        check("[extensions]\n\tobjectFormat = sha256\n[core]\n\tfsmonitor = x", SETTINGS_OF_SHA256);
        check(SETTINGS_OF_SHA256, SETTINGS_OF_SHA256);
        let (_cache, clone) = clone();
        let victim = clone.parent().join("victim");
        fs_err::write(&victim, "kept").unwrap();
        fs_err::remove_file(clone.path.join("config")).unwrap();
        symlink(&victim, clone.path.join("config")).unwrap();
        clone.settle().unwrap();
        assert_eq!(fs_err::read_to_string(&victim).unwrap(), "kept");
        assert!(is_sound(&clone.path).unwrap());
    }

    #[test]
    fn the_wait_for_a_lock_ends() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.lock");
        let held = lock(&path, Duration::ZERO).unwrap();
        let error = lock(&path, Duration::from_millis(80)).expect_err("it is held");
        assert!(error.contains("x.lock` locked for") && error.contains("end that"), "{error}");
        drop(held);
        // A process that another test starts has it too until its program runs.
        assert!(lock(&path, Duration::from_mins(2)).is_ok());
    }

    #[test]
    fn a_lock_is_a_regular_file() {
        let place = tempfile::tempdir().unwrap();
        let (fifo, link) = (place.path().join("fifo.lock"), place.path().join("link.lock"));
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, Mode::RUSR, 0).unwrap();
        symlink(place.path().join("made"), &link).unwrap();
        for path in [&fifo, &link] {
            let error = lock(path, Duration::ZERO).expect_err("it is none");
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
        assert!(!place.path().join("made").exists());
    }
}
