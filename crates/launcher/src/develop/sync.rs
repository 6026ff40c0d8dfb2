//! Files of a rule on their way into a container. Owns whose they are there; must not know why they are synced.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::archive::{Archive, Entries, Facts};
use crate::code::{Owners, not_put, remove_within, time_of_files};
use crate::engine::{Container, ExecOutcome, Parcel, Services, Status};
use crate::error::Error;

/// Bytes of an archive from which on another one is begun: they are in memory.
const ENOUGH: u64 = 16 << 20;
/// Bytes of a file that are synced at most.
const LARGEST: u64 = 256 << 20;
/// Who removes, whoever the container's own user is.
const ROOT: &str = "0:0";
/// Places of a container that are looked at before anything is put there; more are left to the engine, which refuses to
/// put a file over a directory.
const LOOKED: usize = 256;
/// How long what is removed may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// A file, link or directory, and its place in containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Here.
    pub path: PathBuf,
    /// There.
    pub place: String,
}

/// Places of what is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone {
    /// Of files and links.
    pub files: BTreeSet<String>,
    /// Of directories, which go where nothing else is left in them.
    pub directories: BTreeSet<String>,
}

/// What is synced into a container.
#[derive(Debug, Clone, Copy)]
pub struct Syncing<'a> {
    /// The container.
    pub container: &'a Container,
    /// What is put, each directory before what is in it.
    pub put: &'a [Mapped],
    /// What is removed, where it was synced as what it is; what is among `put` too makes place for that.
    pub gone: &'a Gone,
    /// Whether this program is in it, which removes what is gone.
    pub remover: bool,
    /// What time it is.
    pub at: SystemTime,
}

/// What could not be synced into a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refused {
    /// The places.
    pub places: BTreeSet<String>,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// Syncs files; each for itself, so that one that is refused keeps none out. They belong to the container's own user.
/// In a container that does not run nothing is removed.
///
/// # Errors
/// [`Error::EngineUnreachable`].
pub async fn sync<E: Services>(engine: &E, syncing: &Syncing<'_>) -> Result<Refused, Error> {
    let mut refused = Refused::default();
    look(engine, syncing, &mut refused).await?;
    let put: BTreeSet<&String> = syncing.put.iter().map(|one| &one.place).collect();
    let (first, last) = syncing.gone.split(&put);
    remove(engine, syncing, first, &mut refused).await?;
    put_all(engine, syncing, &mut refused).await?;
    remove(engine, syncing, last, &mut refused).await?;
    Ok(refused)
}

/// Refuses what would put a file over a directory, or a directory over a file, that were not synced as what they are.
async fn look<E: Services>(
    engine: &E,
    syncing: &Syncing<'_>,
    refused: &mut Refused,
) -> Result<(), Error> {
    let Syncing { container, put, gone, .. } = *syncing;
    let put = put.iter().map(|one| (&one.place, one.path.is_dir() && !one.path.is_symlink()));
    let gone_files = gone.files.iter().map(|place| (place, false));
    for (place, directory) in put.chain(gone_files).take(LOOKED) {
        let stat = match engine.stat(&container.id, place).await {
            Err(error @ Error::EngineUnreachable { .. }) => return Err(error),
            // Whoever puts it is told why that does not go.
            stat => stat.ok().flatten(),
        };
        let Some(stat) = stat else { continue };
        if stat.directory && !directory && !gone.directories.contains(place) {
            refused.add([place], format!("`{place}` is a directory there, and a file here"));
        } else if !stat.directory && directory && !gone.files.contains(place) {
            refused.add([place], format!("`{place}` is a directory here, and none there"));
        }
    }
    Ok(())
}

async fn put_all<E: Services>(
    engine: &E,
    syncing: &Syncing<'_>,
    refused: &mut Refused,
) -> Result<(), Error> {
    let Syncing { container, put, at, .. } = *syncing;
    let put: Vec<_> = put.iter().filter(|one| !refused.concerns(&one.place)).cloned().collect();
    let mut rest = &put[..];
    if rest.is_empty() {
        return Ok(());
    }
    let user = container.user.as_str();
    // Whose name means several is left to root, who owns what images copy.
    let owners = Owners::of(engine, &container.id, &BTreeSet::from([user])).await;
    let owner = owners.unwrap_or_default().find(Some(user));
    let time = time_of_files(container, at);
    let of_all = Facts { mode: 0, owner, time };
    while !rest.is_empty() {
        let files = rest.to_vec();
        let packed = tokio::task::spawn_blocking(move || pack(&files, of_all));
        let packed = packed.await.map_err(|error| Error::io("read files")(error.into()))?;
        let packed = packed.map_err(|error| not_put(container, error))?;
        let (batch, left) = rest.split_at(packed.count);
        rest = left;
        for (place, why) in packed.refused {
            refused.add([&place], why);
        }
        let parcel = Parcel { at: "/".to_owned(), tar: packed.tar, keeps_kinds: true };
        if let Err(error) = engine.put_archive(&container.id, &parcel).await {
            let places = batch.iter().map(|one| &one.place);
            refused.add(places, reason(not_put(container, error))?);
        }
    }
    Ok(())
}

/// Removes what is gone. Directories go after what is in them, and stay where others wrote into them.
async fn remove<E: Services>(
    engine: &E,
    syncing: &Syncing<'_>,
    gone: Gone,
    refused: &mut Refused,
) -> Result<(), Error> {
    let Syncing { container, remover, .. } = *syncing;
    let meant = |places: BTreeSet<String>| -> BTreeSet<String> {
        places.into_iter().filter(|place| !refused.places.contains(place)).collect()
    };
    let (files, directories) = (meant(gone.files), meant(gone.directories));
    let all: BTreeSet<String> = files.union(&directories).cloned().collect();
    if all.is_empty() {
        return Ok(());
    }
    if container.status != Status::Running {
        refused.places.extend(all);
        return Ok(());
    }
    let removed = if remover {
        remove_within(engine, container, &all).await
    } else {
        let files = remove_by(engine, container, &["rm", "-f", "--"], files.iter()).await;
        // Code 1 is that of a directory that is not empty, too.
        let directories = directories.iter().rev();
        let emptied = remove_by(engine, container, &["rmdir", "--"], directories).await;
        match (files, emptied) {
            (Ok(0), Ok(0 | 1)) => Ok(()),
            (Ok(code), Ok(0 | 1)) | (Ok(_), Ok(code)) => {
                let reason = format!("removing files ended with {code}");
                Err(Error::CodeNotPut { container: container.name.clone(), reason })
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    };
    if let Err(error) = removed {
        refused.add(&all, reason(error)?);
    }
    Ok(())
}

/// Removes files by a program of the container: the code with which it ended.
async fn remove_by<E: Services>(
    engine: &E,
    container: &Container,
    program: &[&str],
    places: impl Iterator<Item = &String>,
) -> Result<i64, Error> {
    let program = program.iter().map(|&word| word.to_owned());
    let (words, argv) = (program.len(), program.chain(places.cloned()).collect::<Vec<_>>());
    if argv.len() == words {
        return Ok(0);
    }
    let ended = engine.exec(&container.id, &argv, Some(ROOT), PATIENCE).await;
    match ended.map_err(|error| not_put(container, error))? {
        ExecOutcome::Ended { code, .. } => Ok(code),
        ExecOutcome::TimedOut => {
            let reason = "removing files takes too long".to_owned();
            Err(Error::CodeNotPut { container: container.name.clone(), reason })
        }
    }
}

/// Why one container does not take something; what concerns all of them goes on.
fn reason(error: Error) -> Result<String, Error> {
    match error {
        Error::CodeNotPut { reason, .. } => Ok(reason),
        error => Err(error),
    }
}

impl Gone {
    /// Whether a place is among them.
    pub fn contains(&self, place: &String) -> bool {
        self.files.contains(place) || self.directories.contains(place)
    }

    /// What makes place for one of these or for what is to be there, and all else.
    fn split(&self, put: &BTreeSet<&String>) -> (Self, Self) {
        let made = |places: &BTreeSet<String>| -> BTreeSet<String> {
            places.iter().filter(|one| put.contains(one)).cloned().collect()
        };
        let mut first = Self { files: made(&self.files), directories: made(&self.directories) };
        let within = |place: &String| {
            let mut above = Path::new(place).ancestors().filter_map(Path::to_str);
            above.any(|one| first.directories.contains(one))
        };
        let moved = |places: &BTreeSet<String>| -> BTreeSet<String> {
            places.iter().filter(|place| within(place)).cloned().collect()
        };
        let (files, directories) = (moved(&self.files), moved(&self.directories));
        first.files.extend(files);
        first.directories.extend(directories);
        let last = Self {
            files: self.files.difference(&first.files).cloned().collect(),
            directories: self.directories.difference(&first.directories).cloned().collect(),
        };
        (first, last)
    }
}

impl Refused {
    fn add<'a>(&mut self, places: impl IntoIterator<Item = &'a String>, reason: String) {
        self.places.extend(places.into_iter().cloned());
        self.reasons.push(reason);
    }

    /// Whether a place, or a directory that it is in, is among them.
    pub fn concerns(&self, place: &str) -> bool {
        let above = Path::new(place).ancestors().filter_map(Path::to_str);
        above.into_iter().any(|one| self.places.contains(one))
    }

    /// What is said of it, where anything is.
    pub fn error(&self, container: &Container) -> Option<Error> {
        let reason = self.reasons.join("; ");
        let container = container.name.clone();
        (!reason.is_empty()).then_some(Error::CodeNotPut { container, reason })
    }
}

/// An archive of the first so many files.
struct Packed {
    tar: Archive,
    count: usize,
    /// Those that are not in it, and why.
    refused: Vec<(String, String)>,
}

/// An archive of files that have owner and time of all.
fn pack(files: &[Mapped], of_all: Facts) -> Result<Packed, Error> {
    let failed = || Error::io("pack files");
    let mut archive = Entries::kept();
    let (mut total, mut count, mut refused) = (0, 0, Vec::new());
    for Mapped { path, place } in files {
        if total > ENOUGH {
            break;
        }
        count += 1;
        // What is gone again shows at the next look.
        let Ok(metadata) = fs_err::symlink_metadata(path) else { continue };
        let facts = Facts { mode: metadata.mode() & 0o7777, ..of_all };
        let appended = if metadata.is_dir() {
            archive.directory(place, facts)
        } else if metadata.is_symlink() {
            let target = fs_err::read_link(path).map_err(Error::io("read a link"))?;
            archive.link(place, facts, &target)
        } else {
            if metadata.len() > LARGEST {
                let error = Error::TooLarge { path: path.display().to_string(), limit: LARGEST };
                refused.push((place.clone(), error.to_string()));
                continue;
            }
            let bytes = match pyfast_root::regular_file::read(path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => {
                    refused.push((place.clone(), error.to_string()));
                    continue;
                }
            };
            total += bytes.len() as u64;
            archive.content(place, facts, &bytes.into())
        };
        appended.map_err(failed())?;
    }
    let tar = archive.archive().map_err(failed())?;
    Ok(Packed { tar, count, refused })
}

#[cfg(test)]
mod tests;
