//! Files of a rule on their way into a container, and the command after them. Owns whose they are there; must not know
//! why they are synced.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::code::{Owners, not_put, remove_within, time_of_files};
use crate::compose_file::Hook;
use crate::engine::{Container, ExecOutcome, ExecWanted, Parcel, Services};
use crate::error::Error;

/// Bytes of an archive from which on another one is begun: they are in memory.
const ENOUGH: u64 = 16 << 20;
/// Bytes of a file that are synced at most.
const LARGEST: u64 = 256 << 20;
/// How long what is removed and what is run after a sync may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// A file, link or directory, and its place in containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Here.
    pub path: PathBuf,
    /// There.
    pub place: String,
}

/// What is synced into a container that runs.
#[derive(Debug, Clone, Copy)]
pub struct Syncing<'a> {
    /// The container.
    pub container: &'a Container,
    /// What is put, each directory before what is in it.
    pub put: &'a [Mapped],
    /// Places of what is removed, those in directories one by one.
    pub gone: &'a BTreeSet<String>,
    /// Whether this program is in it, which removes what is gone.
    pub remover: bool,
    /// What time it is.
    pub at: SystemTime,
}

/// Syncs files. They belong to the container's own user.
///
/// # Errors
/// [`Error::CodeNotPut`] with what the engine or the container says.
pub async fn sync<E: Services>(engine: &E, syncing: &Syncing<'_>) -> Result<(), Error> {
    let Syncing { container, put, gone, remover, at } = *syncing;
    if !gone.is_empty() {
        remove_within(engine, container, gone, remover).await?;
    }
    let user = container.user.as_str();
    // Whose name means several is left to root, who owns what images copy.
    let owners = Owners::of(engine, &container.id, &BTreeSet::from([user])).await;
    let (owner, group) = owners.unwrap_or_default().find(Some(user));
    let of_all = Entry { owner, group, time: time_of_files(container, at) };
    let mut rest = put;
    while !rest.is_empty() {
        let files = rest.to_vec();
        let packed = tokio::task::spawn_blocking(move || pack(&files, of_all));
        let packed = packed.await.map_err(|error| Error::io("read files")(error.into()))?;
        let packed = packed.map_err(|error| not_put(container, error))?;
        rest = &rest[packed.count..];
        let parcel = Parcel { at: "/".to_owned(), tar: packed.tar };
        let put = engine.put_archive(&container.id, &parcel).await;
        put.map_err(|error| not_put(container, error))?;
    }
    Ok(())
}

/// Runs a command after a sync.
///
/// # Errors
/// [`Error::HookFailed`] with what it printed, where it does not end well.
pub async fn run<E: Services>(engine: &E, container: &Container, hook: &Hook) -> Result<(), Error> {
    let set =
        |(name, value): (&String, &Option<String>)| Some(format!("{name}={}", value.as_ref()?));
    let wanted = ExecWanted {
        argv: hook.command.clone(),
        user: hook.user.clone(),
        privileged: hook.privileged,
        working_dir: hook.working_dir.clone(),
        environment: hook.environment.iter().filter_map(set).collect(),
    };
    let ended = engine.exec_as(&container.id, &wanted, PATIENCE).await;
    let said = match ended.map_err(|error| not_put(container, error))? {
        ExecOutcome::Ended { code: 0, .. } => return Ok(()),
        ExecOutcome::Ended { code, output } => format!("ended with {code}: {output}"),
        ExecOutcome::TimedOut => format!("goes on for more than {} s", PATIENCE.as_secs()),
    };
    let reason = format!("`{}` {said}", hook.command.join(" "));
    Err(Error::HookFailed { container: container.name.clone(), reason })
}

/// An archive of the first so many files.
struct Packed {
    tar: Bytes,
    count: usize,
}

/// What all files of an archive have.
#[derive(Clone, Copy)]
struct Entry {
    owner: u32,
    group: u32,
    /// In seconds since 1970.
    time: u64,
}

fn pack(files: &[Mapped], of_all: Entry) -> Result<Packed, Error> {
    let failed = Error::io("pack files");
    let mut builder = tar::Builder::new(Vec::new());
    let (mut total, mut count) = (0, 0);
    for Mapped { path, place } in files {
        if total > ENOUGH {
            break;
        }
        count += 1;
        // What is gone again shows at the next look.
        let Ok(facts) = fs_err::symlink_metadata(path) else { continue };
        let mut header = tar::Header::new_gnu();
        header.set_mode(facts.mode() & 0o7777);
        header.set_mtime(of_all.time);
        header.set_uid(u64::from(of_all.owner));
        header.set_gid(u64::from(of_all.group));
        header.set_size(0);
        let name = place.trim_start_matches('/');
        let appended = if facts.is_dir() {
            header.set_entry_type(tar::EntryType::Directory);
            builder.append_data(&mut header, format!("{name}/"), std::io::empty())
        } else if facts.is_symlink() {
            header.set_entry_type(tar::EntryType::Symlink);
            let target = fs_err::read_link(path).map_err(Error::io("read a link"))?;
            builder.append_link(&mut header, name, target)
        } else {
            if facts.len() > LARGEST {
                return Err(Error::TooLarge { path: path.display().to_string(), limit: LARGEST });
            }
            let Ok(bytes) = pyfast_root::regular_file::read(path) else { continue };
            total += bytes.len() as u64;
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, name, bytes.as_slice())
        };
        appended.map_err(Error::io("pack files"))?;
    }
    let tar = builder.into_inner().map(Bytes::from).map_err(failed)?;
    Ok(Packed { tar, count })
}
