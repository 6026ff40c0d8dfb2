//! What a root holds, as far as a collection asks. Reads only; decides nothing.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fs_err as fs;

use crate::error::Error;
use crate::layout::{Layout, ProjectEnv};

/// Every environment of every project, sorted.
pub(super) fn project_envs(layout: &Layout) -> Result<Vec<ProjectEnv>, Error> {
    let mut found = Vec::new();
    for project in entries(&layout.projects())? {
        for env in entries(&project)? {
            let text = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
            let (Some(project), Some(env)) = (text(&project), text(&env)) else { continue };
            // What has no such name was not made here.
            found.extend(ProjectEnv::new(&project, &env));
        }
    }
    found.sort_unstable_by(|one: &ProjectEnv, other| {
        (one.project(), one.env()).cmp(&(other.project(), other.env()))
    });
    Ok(found)
}

/// What is in a directory, sorted; one that is not there has nothing.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let listing = match fs::read_dir(directory) {
        Ok(listing) => listing,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(Error::io("read", directory)(error)),
    };
    let paths = listing.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(Error::io("read", directory))?;
    paths.sort_unstable();
    Ok(paths)
}

/// A file below a directory, its size, and when its content was last written.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
}

/// Every file below a directory, links not followed. What vanishes meanwhile does not count.
pub(super) fn files(directory: &Path) -> Result<Vec<File>, Error> {
    let mut found = Vec::new();
    for path in entries(directory)? {
        let Ok(facts) = fs::symlink_metadata(&path) else { continue };
        if facts.is_dir() {
            found.extend(files(&path)?);
        } else {
            let modified = facts.modified().unwrap_or(UNIX_EPOCH);
            found.push(File { path, bytes: facts.len(), modified });
        }
    }
    Ok(found)
}

/// When a file got its place: a copy may carry the time of its original.
pub(super) fn placed(facts: &std::fs::Metadata) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(facts.ctime().try_into().unwrap_or_default())
}

/// When the content of a file was last written; long ago for one that is not there.
pub(super) fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|facts| facts.modified()).unwrap_or(UNIX_EPOCH)
}

/// Whether something is younger than that; what comes from the future is.
pub(super) fn is_recent(then: SystemTime, now: SystemTime, recent: Duration) -> bool {
    now.duration_since(then).is_ok_and(|age| age < recent) || then > now
}
