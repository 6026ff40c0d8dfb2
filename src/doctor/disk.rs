//! What a file system can do, tried in a directory that is made for it and removed again.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fs_err::os::unix::fs::symlink;
use pyfast_root::{LockName, Root, Share};
use rustix::fs::{
    CWD, RenameFlags, StatVfsMountFlags, Timespec, Timestamps, futimens, renameat_with,
};

use super::report::{Finding, Level};

const ROOT: &str = "root";
const ABILITIES: &str = "file-system";
const SPACE: &str = "space";

/// Below this there is no room for a usual environment.
const LITTLE: u64 = 1 << 30;

/// Tries the file system of an existing directory, which is called `place` for people.
pub(super) fn look(directory: &Path, place: &str) -> Vec<Finding> {
    // Before anything is tried: no time of what stays is to tell of it.
    let times = Times::of(directory);
    let mut builder = tempfile::Builder::new();
    let trial = match builder.prefix(".pyfast-doctor-").tempdir_in(directory) {
        Ok(trial) => trial,
        Err(error) => return vec![unwritable(place, &error)],
    };
    let mut findings = vec![Finding::ok(ROOT, format!("{place}: writable"))];
    findings.push(abilities(trial.path(), place));
    findings.extend(facts(directory, place));
    if let Err(error) = trial.close() {
        let message = format!("{place}: what was tried cannot be removed: {error}");
        findings.push(Finding::new(Level::Failed, ROOT, message));
    }
    if let Some(times) = times {
        times.restore();
    }
    findings
}

/// A directory with the times that it had.
struct Times {
    directory: File,
    had: Timestamps,
}

impl Times {
    /// `None` where nobody may ask for them, and so nobody can change them either.
    fn of(directory: &Path) -> Option<Self> {
        let directory: File = fs_err::File::open(directory).ok()?.into();
        let facts = directory.metadata().ok()?;
        let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
        let had = Timestamps {
            last_access: time(facts.atime(), facts.atime_nsec()),
            last_modification: time(facts.mtime(), facts.mtime_nsec()),
        };
        Some(Self { directory, had })
    }

    /// Where it is somebody else's, its times stay as they are.
    fn restore(self) {
        let _ = futimens(&self.directory, &self.had);
    }
}

fn unwritable(place: &str, error: &io::Error) -> Finding {
    let cause = error
        .raw_os_error()
        .map_or_else(|| error.to_string(), |code| io::Error::from_raw_os_error(code).to_string());
    let finding = |level| Finding::new(level, ROOT, format!("{place}: cannot be written: {cause}"));
    if error.kind() == io::ErrorKind::ReadOnlyFilesystem {
        return finding(Level::Warning)
            .hint("`pyfast run` works on it, `pyfast sync` needs it writable");
    }
    finding(Level::Failed).hint("mend its permissions, or give another directory with --root DIR")
}

/// One act on the file system: what it is called, how bad its absence is, what then happens. What costs nothing
/// to be without is only named.
struct Ability {
    name: &'static str,
    level: Level,
    otherwise: &'static str,
    attempt: fn(&Path) -> io::Result<()>,
}

const TRIED: [Ability; 5] = [
    Ability {
        name: "symbolic links",
        level: Level::Failed,
        otherwise: "environments are made of them; give another directory with --root DIR",
        attempt: symbolic_links,
    },
    Ability {
        name: "locks",
        level: Level::Failed,
        otherwise: "two syncs at once would disturb each other; give another directory with --root DIR",
        attempt: locks,
    },
    Ability {
        name: "hard links",
        level: Level::Warning,
        otherwise: "files that must be real are copied, which takes time and space",
        attempt: hard_links,
    },
    Ability {
        name: "exchanging renames",
        level: Level::Warning,
        otherwise: "--reinstall takes an environment away for a moment while it is replaced",
        attempt: exchanging_renames,
    },
    Ability { name: "reflinks", level: Level::Ok, otherwise: "", attempt: reflinks },
];

fn abilities(trial: &Path, place: &str) -> Finding {
    let (mut can, mut cannot, mut hints) = (Vec::new(), Vec::new(), Vec::new());
    let mut level = Level::Ok;
    for (number, ability) in TRIED.iter().enumerate() {
        let room = trial.join(number.to_string());
        match fs_err::create_dir(&room).and_then(|()| (ability.attempt)(&room)) {
            Ok(()) => can.push(ability.name),
            Err(_refused) => {
                cannot.push(ability.name);
                if ability.level != Level::Ok {
                    hints.push(format!("without {}: {}", ability.name, ability.otherwise));
                }
                if ability.level == Level::Failed || level == Level::Ok {
                    level = ability.level;
                }
            }
        }
    }
    let mut message = format!("{place}: has {}", can.join(", "));
    if !cannot.is_empty() {
        message = format!("{message}; lacks {}", cannot.join(", "));
    }
    let finding = Finding::new(level, ABILITIES, message);
    hints.iter().fold(finding, Finding::hint)
}

fn symbolic_links(room: &Path) -> io::Result<()> {
    fs_err::write(room.join("file"), "x")?;
    symlink("file", room.join("link"))?;
    fs_err::read(room.join("link")).map(drop)
}

/// A lock of a root, in the way in which syncs take it: nobody else gets it before it is given back.
fn locks(room: &Path) -> io::Result<()> {
    let other = |error: pyfast_root::Error| io::Error::other(error);
    let root = Root::create(room, room).map_err(other)?;
    let first = root.queue(&LockName::store(), Share::Alone).map_err(other)?;
    let second = root.queue(&LockName::store(), Share::Alone).map_err(other)?;
    if !first.is_held().map_err(other)? || second.is_held().map_err(other)? {
        return Err(io::Error::other("two hold the lock, or nobody gets it"));
    }
    drop(first);
    if second.is_held().map_err(other)? {
        return Ok(());
    }
    Err(io::Error::other("nobody gets the lock that was given back"))
}

fn hard_links(room: &Path) -> io::Result<()> {
    fs_err::write(room.join("file"), "x")?;
    fs_err::hard_link(room.join("file"), room.join("link"))
}

fn exchanging_renames(room: &Path) -> io::Result<()> {
    let (one, other) = (room.join("one"), room.join("other"));
    fs_err::create_dir(&one)?;
    fs_err::create_dir(&other)?;
    #[expect(clippy::disallowed_methods, reason = "it is tried in a directory of its own")]
    Ok(renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE)?)
}

fn reflinks(room: &Path) -> io::Result<()> {
    fs_err::write(room.join("file"), "x")?;
    let from: File = fs_err::File::open(room.join("file"))?.into();
    let to: File = fs_err::File::create(room.join("clone"))?.into();
    Ok(rustix::fs::ioctl_ficlone(&to, &from)?)
}

/// How much room there is, and whether programs may be started from it.
fn facts(directory: &Path, place: &str) -> Vec<Finding> {
    let Ok(facts) = rustix::fs::statvfs(directory) else { return Vec::new() };
    let mut findings = Vec::new();
    if facts.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        let message = format!("{place}: mounted noexec, no program of an environment can start");
        let finding = Finding::new(Level::Failed, ABILITIES, message);
        findings.push(finding.hint("mount it without noexec, or give another with --root DIR"));
    }
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    let told = format!("{place}: {} MB free", free / 1_000_000);
    findings.push(if free < LITTLE {
        Finding::new(Level::Warning, SPACE, told).hint("`pyfast gc` removes what nobody needs")
    } else {
        Finding::ok(SPACE, told)
    });
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_is_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let time = || fs_err::metadata(directory.path()).and_then(|facts| facts.modified());
        let before = time().expect("a time");
        std::thread::sleep(std::time::Duration::from_millis(20));
        let findings = look(directory.path(), "here");
        assert_eq!(time().expect("a time"), before);
        assert!(findings.iter().all(|finding| finding.level != Level::Failed), "{findings:?}");
        assert!(findings.iter().any(|finding| finding.check == ABILITIES), "{findings:?}");
        assert_eq!(fs_err::read_dir(directory.path()).expect("readable").count(), 0);
    }

    #[test]
    fn the_locks_that_are_tried_are_those_of_syncs() {
        let room = tempfile::tempdir().expect("a directory");
        locks(room.path()).expect("locks");
        // Whatever the file system can: where a sync would wait, nothing is said to work.
        let root = Root::create(room.path(), room.path()).expect("a root");
        let first = root.queue(&LockName::store(), Share::Alone).expect("a ticket");
        assert!(locks(room.path()).is_err(), "somebody else has the lock");
        drop(first);
        locks(room.path()).expect("locks");
    }

    #[test]
    fn a_read_only_file_system_is_a_warning_and_a_forbidden_directory_a_failure() {
        let of = |code| unwritable("here", &io::Error::from_raw_os_error(code)).level;
        assert_eq!(of(libc::EROFS), Level::Warning);
        assert_eq!(of(libc::EACCES), Level::Failed);
    }
}
