//! What a root holds, as far as a collection asks. Reads only; decides nothing.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyfast_root::{Dir, Facts};

use crate::error::Error;

/// Levels below a directory that are looked at; nothing that was made here is deeper.
const DEPTH: usize = 64;

/// A file below a directory, its size, and when its content was last written.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
}

/// Everything below a directory that is no directory itself, links not followed. What vanishes meanwhile
/// does not count.
pub(super) fn files(directory: &Dir) -> Result<Vec<File>, Error> {
    let mut found = Vec::new();
    add(directory, &mut found, DEPTH)?;
    Ok(found)
}

fn add(directory: &Dir, found: &mut Vec<File>, depth: usize) -> Result<(), Error> {
    for entry in directory.entries()? {
        if entry.kind.is_dir() {
            if let Some(below) = directory.find_dir(&entry.name)?.filter(|_| depth > 0) {
                add(&below, found, depth - 1)?;
            }
        } else if let Some(facts) = directory.facts(&entry.name)? {
            let path = directory.path().join(&entry.name);
            found.push(File { path, bytes: facts.size, modified: modified(&facts) });
        }
    }
    Ok(())
}

/// Bytes of everything below a directory.
pub(super) fn size(directory: &Dir) -> Result<u64, Error> {
    Ok(files(directory)?.iter().map(|file| file.bytes).sum())
}

/// When a file got its place: a copy may carry the time of its original.
pub(super) fn placed(facts: &Facts) -> SystemTime {
    time(facts.changed_ns)
}

/// When the content of a file was last written.
pub(super) fn modified(facts: &Facts) -> SystemTime {
    time(facts.modified_ns)
}

/// The same of a file by its name; long ago for one that is not there.
pub(super) fn modified_at(directory: &Dir, path: impl AsRef<Path>) -> Result<SystemTime, Error> {
    Ok(directory.facts(path)?.map_or(UNIX_EPOCH, |facts| modified(&facts)))
}

fn time(nanoseconds: i128) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default())
}

/// How far clocks of machines that share a root may differ.
const SKEW: Duration = Duration::from_hours(24);

/// Whether something is younger than that. What comes from the near future is; from farther away only a clock
/// comes that was wrong, and that must not keep things for ever.
pub(super) fn is_recent(then: SystemTime, now: SystemTime, recent: Duration) -> bool {
    match now.duration_since(then) {
        Ok(age) => age < recent,
        Err(ahead) => ahead.duration() < SKEW,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_wrong_keeps_nothing_for_ever() {
        let now = UNIX_EPOCH + Duration::from_hours(100_000);
        let hour = Duration::from_hours(1);
        let is_recent = |then| is_recent(then, now, hour);
        assert!(is_recent(now) && is_recent(now - hour / 2) && !is_recent(now - hour));
        assert!(is_recent(now + hour) && !is_recent(now + 400 * 24 * hour));
    }
}
