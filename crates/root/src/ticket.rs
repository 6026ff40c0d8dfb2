//! Locks between processes and containers: whoever wants one takes a ticket, and has the lock when nobody
//! with a lower one is left that is in the way. Knows nothing of what is locked.
//!
//! ```text
//! locks/<name>.<number>.x     a ticket for the lock alone
//! locks/<name>.<number>.s     one for a share of it
//! ```
//! A ticket is a file that its owner holds locked for writing before it gets its name, so it is alive as
//! long as its process, however that ends, and a dead one never comes back to life. Nobody can hold
//! up others by locking files that he can only read: whether a ticket is alive is asked in a way that sees
//! locks of writers alone, and no one ever waits for a lock of the kernel.
//!
//! Why no two have the lock: a process looks around once more after its ticket has its name, and gives it
//! back for a new one if it sees a higher number. So whoever has the lock already was there with a lower
//! number than all who come later, and they see it.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::RenameFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::dir::{Dir, Kind};
use crate::error::Error;
use crate::random::random_name;
use crate::record_lock::{Taken, exclusive, is_held_exclusively};

/// How long to wait for others.
const PATIENCE: Patience =
    Patience { living: Duration::from_hours(2), unknown: Duration::from_mins(5) };
/// How often to look whether it is one's turn: at first, and after a while.
const POLL: Duration = Duration::from_millis(10);
const SLOW_POLL: Duration = Duration::from_millis(100);
const A_WHILE: Duration = Duration::from_secs(10);
/// A ticket without a name that is older than this was left by a killed process.
const UNNAMED_NS: i128 = 60_000_000_000;
/// The most that a ticket says, in bytes.
const LIMIT: u64 = 4096;
/// Numbers beyond this were not given here.
const HIGHEST: u64 = 1 << 60;

/// How long others are waited for. A first install or a build may take an hour, and whoever waits needs
/// what comes of it; but who may write a root could hold its locks for ever.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Those who are known to live.
    living: Duration,
    /// Those who cannot be asked.
    unknown: Duration,
}

/// Whether a ticket's process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Living,
    /// It is another user's, who lets nobody ask.
    Unknown,
    Dead,
}

/// Whether others may have it at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Nobody else has it.
    Alone,
    /// Others may have a share too.
    Shared,
}

/// Who has a lock, as he says himself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process, by the number that it has where it runs.
    process: u32,
    /// The name of its machine or container.
    host: String,
    /// What it does.
    command: String,
}

impl Holder {
    fn of_process() -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let mut words = std::env::args_os();
        let program = words.next().unwrap_or_default();
        let program = Path::new(&program).file_name().unwrap_or_default().to_string_lossy();
        // Options may have passwords; a command's name has none.
        let name = words.next().map(|word| word.to_string_lossy().into_owned());
        let name = name.filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase()));
        let command = name.map_or_else(|| program.to_string(), |name| format!("{program} {name}"));
        Self { process: std::process::id(), host, command }
    }
}

impl Holder {
    fn to_bytes(&self) -> Vec<u8> {
        // A number and two texts always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, host, command } = self;
        write!(f, "process {process} (`{}`) on {}", command.escape_debug(), host.escape_debug())
    }
}

/// A lock that another process has.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The lock.
    pub path: PathBuf,
    /// Who has it, where that can be told.
    pub holder: Option<Holder>,
    /// Since when: that long ago.
    pub since: Option<Duration>,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.holder {
            Some(holder) => write!(f, "{holder}, which has {}", self.path.display())?,
            None => write!(f, "whoever has {}", self.path.display())?,
        }
        match self.since.map(|since| since.as_secs()) {
            None | Some(0) => Ok(()),
            Some(seconds @ ..120) => write!(f, " for {seconds} s"),
            Some(seconds) => write!(f, " for {} min", seconds / 60),
        }
    }
}

/// What a lock's name means on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ticket {
    file: String,
    number: u64,
    share: Share,
}

impl Ticket {
    /// What decides who comes first; no two tickets of a lock have the same.
    fn turn(&self) -> (u64, bool) {
        (self.number, self.share == Share::Shared)
    }
}

impl Ticket {
    /// The ticket of the lock `name` that a file is.
    fn parse(name: &str, file: &str) -> Option<Self> {
        let rest = file.strip_prefix(name)?.strip_prefix('.')?;
        let (number, share) = rest.split_once('.')?;
        let share = match share {
            "x" => Share::Alone,
            "s" => Share::Shared,
            _ => return None,
        };
        let number = number.parse().ok().filter(|number| *number < HIGHEST)?;
        Some(Self { file: file.to_owned(), number, share })
    }

    fn is_in_the_way_of(&self, share: Share) -> bool {
        self.share == Share::Alone || share == Share::Alone
    }
}

/// A place in the queue for a lock, and the lock when it is one's turn. Given back when dropped.
#[derive(Debug)]
pub struct Lock {
    locks: Dir,
    name: String,
    share: Share,
    patience: Patience,
    /// The own ticket; `None` on a file system without locks, where it is better to work without one than
    /// not at all.
    own: Option<(Ticket, File)>,
}

impl Lock {
    /// Takes a ticket, and waits for nothing yet.
    pub(crate) fn queue(locks: Dir, name: &str, share: Share) -> Result<Self, Error> {
        let name = name.to_owned();
        let mut lock = Self { locks, name, share, patience: PATIENCE, own: None };
        lock.enter()?;
        Ok(lock)
    }

    /// Waits for the lock; `waiting` is called once if another process has it.
    pub(crate) fn wait(
        locks: Dir,
        name: &str,
        share: Share,
        waiting: &dyn Fn(&Waiting),
    ) -> Result<Self, Error> {
        Self::queue(locks, name, share)?.await_turn(waiting)
    }

    fn await_turn(self, waiting: &dyn Fn(&Waiting)) -> Result<Self, Error> {
        let begun = Instant::now();
        let mut told = false;
        while !self.is_held()? {
            self.check_patience(begun.elapsed())?;
            if !std::mem::replace(&mut told, true) {
                waiting(&self.waits_for());
            }
            std::thread::sleep(if begun.elapsed() < A_WHILE { POLL } else { SLOW_POLL });
        }
        Ok(self)
    }

    /// Takes the lock if nobody has it.
    pub(crate) fn try_now(locks: Dir, name: &str, share: Share) -> Result<Option<Self>, Error> {
        let lock = Self::queue(locks, name, share)?;
        Ok(lock.is_held()?.then_some(lock))
    }

    /// Whether the file system has locks at all.
    pub(crate) fn is_supported(&self) -> bool {
        self.own.is_some()
    }

    /// Whether it is this ticket's turn. Once true it stays so.
    ///
    /// # Errors
    /// If the directory of locks cannot be read.
    pub fn is_held(&self) -> Result<bool, Error> {
        let Some((own, _)) = &self.own else { return Ok(true) };
        let mut others = self.others(own)?.into_iter();
        Ok(!others.any(|other| other.turn() < own.turn()))
    }

    /// Whom it waits for.
    pub fn waits_for(&self) -> Waiting {
        let first = self.first();
        let holder = first.as_ref().and_then(|first| {
            let text = self.locks.read(&first.file, LIMIT).ok()??;
            serde_json::from_slice(&text).ok()
        });
        let since = first.and_then(|first| {
            let facts = self.locks.facts(&first.file).ok()??;
            u64::try_from(now_ns() - facts.changed_ns).ok()
        });
        let path = self.locks.path().join(&self.name);
        Waiting { path, holder, since: since.map(Duration::from_nanos) }
    }

    /// Whose turn it is.
    fn first(&self) -> Option<Ticket> {
        let (own, _) = self.own.as_ref()?;
        let others = self.others(own).ok()?.into_iter();
        others.filter(|other| other.turn() < own.turn()).min_by_key(Ticket::turn)
    }

    /// Whether it may be waited for any longer.
    ///
    /// # Errors
    /// [`Error::LockTimeout`] if not: who lives is waited for much longer than who cannot be asked.
    pub fn check_patience(&self, waited: Duration) -> Result<(), Error> {
        let Patience { living, unknown } = self.patience;
        if waited < unknown {
            return Ok(());
        }
        let lives =
            |first: Ticket| life(&self.locks, &first.file).is_ok_and(|life| life != Life::Unknown);
        if waited < living && self.first().is_none_or(lives) {
            return Ok(());
        }
        let Waiting { path, holder, .. } = self.waits_for();
        Err(Error::LockTimeout { path, seconds: waited.as_secs(), holder })
    }

    /// Makes a ticket that comes after all others.
    fn enter(&mut self) -> Result<(), Error> {
        loop {
            let Some((ticket, file)) = self.make()? else { return Ok(()) };
            let others = self.others(&ticket)?;
            let overtaken = others.iter().any(|other| other.turn() > ticket.turn());
            self.own = Some((ticket, file));
            if !overtaken {
                return Ok(());
            }
            self.leave();
        }
    }

    /// Makes a locked file, and gives it the next number; `None` where there are no locks.
    fn make(&self) -> Result<Option<(Ticket, File)>, Error> {
        let failed = |error: std::io::Error| Error::io("lock", self.locks.path())(error);
        loop {
            let unnamed = format!(".new-{}", random_name().map_err(failed)?);
            let mut file = self.locks.create(&unnamed, 0o600)?;
            let named = match exclusive(&file).map_err(failed)? {
                // Told to people only.
                Taken::Held => file
                    .write_all(&Holder::of_process().to_bytes())
                    .map_err(failed)
                    .and_then(|()| self.name(&unnamed)),
                refused => {
                    self.locks.remove_file(&unnamed)?;
                    if refused == Taken::Unsupported {
                        return Ok(None);
                    }
                    // A reader has locked the new file meanwhile, and does not know the next one's name.
                    continue;
                }
            };
            if named.is_err() {
                // The first error is the one to report.
                let _ = self.locks.remove_file(&unnamed);
            }
            return Ok(Some((named?, file)));
        }
    }

    /// Gives a ticket the first number that is free.
    fn name(&self, unnamed: &str) -> Result<Ticket, Error> {
        let kind = if self.share == Share::Alone { "x" } else { "s" };
        loop {
            let highest = self.tickets()?.iter().map(|ticket| ticket.number).max();
            let number = highest.map_or(1, |highest| highest + 1);
            let file = format!("{}.{number}.{kind}", self.name);
            match rename_new(&self.locks, unnamed, &file) {
                Ok(()) => return Ok(Ticket { file, number, share: self.share }),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(Error::io("lock", &self.locks.path().join(file))(error)),
            }
        }
    }

    /// Every ticket of this lock that has a name.
    fn tickets(&self) -> Result<Vec<Ticket>, Error> {
        let entries = self.locks.entries()?;
        let names = entries.iter().filter_map(|entry| entry.name.to_str());
        Ok(names.filter_map(|file| Ticket::parse(&self.name, file)).collect())
    }

    /// The tickets that are alive and in the way of `own`. Those of killed processes are removed.
    fn others(&self, own: &Ticket) -> Result<Vec<Ticket>, Error> {
        let mut alive = Vec::new();
        for ticket in self.tickets()? {
            let in_the_way = ticket.is_in_the_way_of(self.share) && ticket.file != own.file;
            if in_the_way && life(&self.locks, &ticket.file)? != Life::Dead {
                alive.push(ticket);
            }
        }
        Ok(alive)
    }

    fn leave(&mut self) {
        if let Some((ticket, _file)) = self.own.take() {
            // By its name, not by closing it: a child that another thread has just forked has the file too.
            let _ = self.locks.remove_file(&ticket.file);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Gives a file another name that nothing has.
fn rename_new(locks: &Dir, from: &str, to: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(locks, from, locks, to, RenameFlags::NOREPLACE) {
        // A file system that cannot do that: two names for a moment, and then one.
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(locks, from, locks, to, rustix::fs::AtFlags::empty())?;
            rustix::fs::unlinkat(locks, from, rustix::fs::AtFlags::empty())
        }
        other => other,
    }
}

/// Whether a ticket's process lives; what a killed one left is removed. What is no file of this user's is
/// nobody's ticket.
fn life(locks: &Dir, file: &str) -> Result<Life, Error> {
    let path = locks.path().join(file);
    let opened = match locks.open(file) {
        Ok(Some((opened, _))) => opened,
        // Given back meanwhile, or never a ticket.
        Ok(None) | Err(Error::Kind { .. }) => return Ok(Life::Dead),
        // It cannot be asked, so it counts.
        Err(error) if error.io_kind() == Some(std::io::ErrorKind::PermissionDenied) => {
            return Ok(Life::Unknown);
        }
        Err(error) => return Err(error),
    };
    if is_held_exclusively(&opened).map_err(Error::io("lock", &path))? {
        return Ok(Life::Living);
    }
    // Another may remove it at the same time.
    let _ = locks.remove_file(file);
    Ok(Life::Dead)
}

/// Removes tickets of killed processes that never got a name; those with one go when the lock is asked for.
pub(crate) fn sweep(locks: &Dir) -> Result<(), Error> {
    let own = rustix::process::geteuid().as_raw();
    for entry in locks.entries()? {
        let Some(name) = entry.name.to_str() else { continue };
        let ours = name.strip_prefix(".new-").is_some_and(crate::random::is_random_name);
        if !ours {
            continue;
        }
        let Some(facts) = locks.facts(name)? else { continue };
        if facts.kind == Kind::File
            && facts.owner == own
            && facts.changed_ns < now_ns() - UNNAMED_NS
        {
            locks.remove_file(name)?;
        }
    }
    Ok(())
}

fn now_ns() -> i128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i128::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests;
