//! Putting code into a container. Owns the order, which leaves a container either with the new code or with the word
//! that it has neither; must not know when that is due.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pyfast_root::layout::LAUNCHER;
use sha2::{Digest as _, Sha256};

use super::owners::Owners;
use super::{Changes, Code, Held, Item, ItemKind};
use crate::archive::{Archive, Entries, Facts, Pieces};
use crate::engine::rfc3339::nanoseconds;
use crate::engine::{Container, ExecOutcome, Parcel, Services};
use crate::error::Error;
use crate::volume::MOUNT_POINT;

/// The hidden command that removes what is named behind it.
const REMOVE: &str = "remove-code";
/// Who runs it, whoever the container's own user is.
const ROOT: &str = "0:0";
/// How long that may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Bytes of files that are put at once. They are in memory; an image takes more.
const LARGEST: u64 = 64 << 20;

/// What is put into a container.
#[derive(Debug, Clone, Copy)]
pub struct Putting<'a> {
    /// The container.
    pub container: &'a Container,
    /// The directory of the image's context.
    pub context: &'a Path,
    /// The code that it is to have.
    pub now: &'a Code,
    /// What has to be done for that.
    pub changes: &'a Changes,
    /// Whether it has to be restarted to have it, which a container does not that had it before by other means.
    pub restart: bool,
    /// What time it is.
    pub at: SystemTime,
}

/// The time in seconds since 1970 that files get which come into a container. That of the file here may be the time of
/// another edition (`rsync -t`, an unpacked archive), and Python takes the bytecode that it has stored for any source of
/// the same second and length: so it is later than the last start of what may have stored some.
pub(crate) fn time_of_files(container: &Container, at: SystemTime) -> u64 {
    let now = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let started = nanoseconds(&container.started_at).map(|nanos| nanos.div_euclid(1_000_000_000));
    let started = started.and_then(|seconds| u64::try_from(seconds).ok());
    started.map_or(now, |started| now.max(started + 1))
}

/// Puts code into a container, running or not. It is not restarted.
///
/// # Errors
/// [`Error::CodeNotPut`] when the container is not such that code can be put into it, [`Error::CodeChanged`] when a file
/// changed meanwhile, and what the engine fails with. Unless nothing was done, the container says that it is unsettled.
pub async fn put<E: Services>(engine: &E, putting: &Putting<'_>) -> Result<(), Error> {
    let Putting { container, context, now, changes, restart, at } = *putting;
    let time = time_of_files(container, at);
    let id = &container.id;
    let code = now.digest();
    // A start that never was calls for no other one.
    let since = if restart { container.started_at.clone() } else { String::new() };
    let wanted: BTreeSet<_> =
        changes.put.iter().filter_map(|place| now.items.get(place)?.owner.as_deref()).collect();
    let owners =
        Owners::of(engine, id, &wanted).await.map_err(|error| not_put(container, error))?;
    // Read whole before anything is touched.
    let (context, items) = (context.to_owned(), changes.put.iter());
    let items: Vec<(String, Item)> =
        items.filter_map(|place| Some((place.clone(), now.items.get(place)?.clone()))).collect();
    let end = Held::Put { code, since };
    let begin_first = changes.remove.is_empty();
    let packed = tokio::task::spawn_blocking(move || {
        let first = begin_first.then_some(Held::Unsettled);
        pack(&Packing { context, items, owners, time }, [first, Some(end)])
    });
    let packed =
        packed.await.map_err(|error| Error::io("read code")(std::io::Error::other(error)))?;
    let packed = packed.map_err(|error| not_put(container, error))?;
    if !changes.remove.is_empty() {
        let begun = pack(&Packing::default(), [Some(Held::Unsettled), None])?;
        engine.put_archive(id, &whole(begun)).await.map_err(|error| not_put(container, error))?;
        remove_within(engine, container, &changes.remove).await?;
    }
    engine.put_archive(id, &whole(packed)).await.map_err(|error| not_put(container, error))
}

/// An archive with the names that files have in the container.
fn whole(tar: Archive) -> Parcel {
    Parcel { at: "/".to_owned(), tar, keeps_kinds: false }
}

/// A refusal of the engine is one of this container; an engine that is gone is gone for all.
pub(crate) fn not_put(container: &Container, error: Error) -> Error {
    match error {
        error @ (Error::EngineUnreachable { .. } | Error::CodeChanged { .. }) => error,
        error => {
            let mut reason = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                reason = format!("{reason}: {source}");
            }
            Error::CodeNotPut { container: container.name.clone(), reason }
        }
    }
}

/// Removes files in a container that runs, by this program, which has to be in it.
pub(crate) async fn remove_within<E: Services>(
    engine: &E,
    container: &Container,
    places: &BTreeSet<String>,
) -> Result<(), Error> {
    let own = format!("{MOUNT_POINT}/{LAUNCHER}");
    let program = [&own, REMOVE, "--"].map(str::to_owned).into_iter();
    let argv: Vec<_> = program.chain(places.iter().cloned()).collect();
    let ended = engine.exec(&container.id, &argv, Some(ROOT), PATIENCE).await;
    let reason = match ended.map_err(|error| not_put(container, error))? {
        ExecOutcome::Ended { code: 0, .. } => return Ok(()),
        ExecOutcome::Ended { code, output } => {
            format!("removing files ended with {code}: {output}")
        }
        ExecOutcome::TimedOut => "removing files takes too long".to_owned(),
    };
    Err(Error::CodeNotPut { container: container.name.clone(), reason })
}

/// What is packed.
#[derive(Default)]
struct Packing {
    context: PathBuf,
    /// By their places.
    items: Vec<(String, Item)>,
    owners: Owners,
    time: u64,
}

/// An archive of items between the words about them.
fn pack(packing: &Packing, [first, last]: [Option<Held>; 2]) -> Result<Archive, Error> {
    let Packing { context, items, owners, time } = packing;
    let failed = || Error::io("pack code");
    let mut archive = Entries::kept();
    let mut total = 0;
    append_held(&mut archive, first).map_err(failed())?;
    for (place, item) in items {
        let path = context.join(&item.source);
        let changed = || Error::CodeChanged { path: path.clone() };
        let metadata = fs_err::symlink_metadata(&path).map_err(|_gone| changed())?;
        let facts = Facts {
            mode: item.mode.unwrap_or(metadata.mode() & 0o7777),
            owner: owners.find(item.owner.as_deref()),
            time: *time,
        };
        let appended = match &item.kind {
            ItemKind::Directory => archive.directory(place, facts),
            ItemKind::Link { target } => archive.link(place, facts, Path::new(target)),
            ItemKind::File { sha256, .. } => {
                total += metadata.len();
                if total > LARGEST {
                    return Err(Error::TooLarge { path: item.source.clone(), limit: LARGEST });
                }
                let bytes = read(&path).map_err(|_gone| changed())?;
                if Sha256::digest(&bytes)[..] != sha256[..] {
                    return Err(changed());
                }
                archive.content(place, facts, &bytes.into())
            }
        };
        appended.map_err(failed())?;
    }
    append_held(&mut archive, last).map_err(failed())?;
    archive.archive().map_err(failed())
}

/// No more than may be put, whatever becomes of the file while it is read.
fn read(path: &PathBuf) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn append_held(archive: &mut Entries<Pieces>, held: Option<Held>) -> std::io::Result<()> {
    let Some(held) = held else { return Ok(()) };
    let (place, text) = held.file();
    archive.content(place, Facts::of_root(0o444), &text.into_bytes().into())
}

#[cfg(test)]
mod tests;
