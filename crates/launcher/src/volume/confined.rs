//! Runs the binary where foreign code runs with it: in a container that sees no volume, as a user who owns one work
//! directory and nothing else. Owns that container, and the audit of what comes out of it; must not know what the
//! command does.
//!
//! ```text
//! /run/pyfast/            root's: the binary and the files that it is given, which the command cannot change
//! /run/pyfast/work/       the command's own: its home and the directory in which it starts
//! /run/pyfast/work/out/   what it leaves for its caller
//! ```

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;

use bytes::Bytes;

use super::archive::{Owner, Put, ROOT, pack};
use super::binary::Binary;
use super::helper::HelperFile;
use super::scratch::Scratch;
use super::store::MOUNT_POINT;
use crate::archive::Content;
use crate::engine::{ContainerSpec, Engine, Output, Parcel};
use crate::error::Error;

/// Where the files that a command is given lie.
pub const CONFINED_FILES: &str = "/run/pyfast";
/// The only directory that a command may write.
pub const CONFINED_WORK: &str = "/run/pyfast/work";
/// Where a command leaves what is taken out of its container.
pub const CONFINED_OUT: &str = "/run/pyfast/work/out";

const PROGRAM: &str = "/run/pyfast/pyfast";

/// `nobody`, by number: images need not have that name.
const NOBODY: u32 = 65534;

/// How often, and how far apart, the directory is looked for that a command leaves. A busy machine takes its time.
const LOOKS: usize = 60;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// How much of an output is kept: the beginning of what is printed, the end of what is said on standard error.
const PRINTED: usize = 16 << 20;
const SAID: usize = 64 << 10;

/// One run of the binary.
#[derive(Debug, Clone)]
pub struct ConfinedRun<'a> {
    /// Image in which it runs.
    pub image: &'a str,
    /// The binary.
    pub binary: &'a Binary,
    /// Arguments after the program's name.
    pub arguments: &'a [String],
    /// Files to be there before it starts, all below [`CONFINED_FILES`].
    pub files: &'a [HelperFile],
    /// Network mode (`none`, `host`, `bridge`, a network's name).
    pub network: &'a str,
    /// Variables added to the image's. The command can read them: no credentials.
    pub environment: &'a [(String, String)],
    /// How many bytes it may leave.
    pub largest: u64,
    /// Whether it left something, by what it printed.
    pub leaves: fn(&[u8]) -> bool,
}

/// What a run left. Nothing of it is to be believed: foreign code may have written all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The exit code.
    pub code: i64,
    /// The beginning of its standard output.
    pub printed: Vec<u8>,
    /// The end of its error output.
    pub said: Vec<u8>,
    /// Names and contents of the files in [`CONFINED_OUT`], where it ended well and says that it left some.
    pub files: Vec<(String, Bytes)>,
}

/// Runs the binary in a container of its own, without any volume, capability or way to get one.
///
/// The container is removed on every way out; dropping the future kills and removes it as well.
///
/// # Errors
/// [`Error::ImageMissing`], [`Error::Architecture`], [`Error::NotStarted`], [`Error::TooLarge`] and [`Error::Left`]
/// where it left too much or something else than files, and the engine's own failures.
pub async fn run_confined<E: Engine>(engine: &E, run: &ConfinedRun<'_>) -> Result<Left, Error> {
    run.binary.check_engine(&engine.version().await?)?;
    let user = user(&engine.inspect_image(run.image).await?.user);
    let binary = run.binary.read().await?;
    let parcels = given(&binary.into(), run.files, user)
        .map_err(Error::io("pack files for the container of a build"))?;
    let argv = std::iter::once(PROGRAM.to_owned()).chain(run.arguments.iter().cloned());
    let home = ("HOME".to_owned(), CONFINED_WORK.to_owned());
    let spec = ContainerSpec {
        image: run.image.into(),
        argv: argv.collect(),
        user: Some(format!("{}:{}", user.0, user.1)),
        network: run.network.into(),
        environment: run.environment.iter().cloned().chain([home]).collect(),
        // The image's own may be closed to this user.
        directory: Some(CONFINED_WORK.into()),
        confined: true,
        ..ContainerSpec::default()
    };
    let (mut printed, mut said) = (Vec::new(), Vec::new());
    let mut collect = |piece: Output<'_>| match piece {
        Output::Stdout(bytes) => {
            let room = PRINTED.saturating_sub(printed.len());
            printed.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Output::Stderr(bytes) => {
            said.extend_from_slice(bytes);
            let surplus = said.len().saturating_sub(SAID);
            said.drain(..surplus);
        }
    };
    let (container, code) = Scratch::run(engine, &spec, &parcels, &mut collect).await?;
    let left = code == 0 && (run.leaves)(&printed);
    let files = if left { take(engine, container.id(), run).await } else { Ok(Vec::new()) };
    let removed = container.remove().await;
    let files = files?;
    removed?;
    Ok(Left { code, printed, said, files })
}

/// Who a command runs as: the image's own user where that is a number other than root's, because an interpreter may lie
/// where only that user gets; else nobody. A name would have to be believed to be no other name of root.
fn user(configured: &str) -> Owner {
    let number = |text: &str| text.parse::<u32>().ok().filter(|&number| number != 0);
    let (user, group) = configured.split_once(':').unwrap_or((configured, ""));
    number(user).map_or((NOBODY, NOBODY), |user| (user, number(group).unwrap_or(user)))
}

/// The archive of everything that is there before the start.
fn given(binary: &Content, files: &[HelperFile], user: Owner) -> std::io::Result<Vec<Parcel>> {
    // Named one by one, so that none gets the mode or the owner that an engine gives to missing directories.
    let mut directories = BTreeSet::from([CONFINED_FILES]);
    for file in files {
        let above = file.path.rmatch_indices('/').map(|(at, _)| &file.path[..at]);
        directories.extend(above.filter(|path| path.starts_with(CONFINED_FILES)));
    }
    let directories = directories.into_iter();
    let mut entries: Vec<_> =
        directories.map(|path| Put::Dir { path, mode: 0o755, owner: ROOT }).collect();
    entries.push(Put::File { path: PROGRAM, content: binary, mode: 0o755 });
    let files = files.iter();
    entries.extend(files.map(|file| Put::File {
        path: &file.path,
        content: &file.content,
        mode: file.mode,
    }));
    entries.extend([CONFINED_WORK, CONFINED_OUT].map(|path| Put::Dir {
        path,
        mode: 0o700,
        owner: user,
    }));
    // It has no volume: all of it goes into the container itself.
    pack(&entries, MOUNT_POINT)
}

/// What the command left. It has ended, so nobody changes it meanwhile.
async fn take<E: Engine>(
    engine: &E,
    id: &str,
    run: &ConfinedRun<'_>,
) -> Result<Vec<(String, Bytes)>, Error> {
    let left = |reason| Error::Left { image: run.image.into(), path: CONFINED_OUT.into(), reason };
    for look in 0..LOOKS {
        if look > 0 {
            // Podman takes an ended container's file system away, and for that moment nothing is in it: a look may come
            // before that, and the next one meanwhile.
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        // Engines pack what is at a link's end where the path itself is the link, and not the link.
        let Some(found) = engine.stat(id, CONFINED_OUT).await? else { continue };
        if !found.directory {
            return Err(left("it is no plain file or directory".to_owned()));
        }
        let tar = engine.get_archive(id, CONFINED_OUT, run.largest).await?;
        let found = tar.map(|tar| files(&tar)).transpose().map_err(left)?.unwrap_or_default();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    // It left nothing, whatever it says.
    Ok(Vec::new())
}

/// The files of an archive that whoever wrote the directory has shaped: plain files right below it, and nothing else.
fn files(tar: &[u8]) -> Result<Vec<(String, Bytes)>, String> {
    let broken = |error: std::io::Error| format!("its archive cannot be read: {error}");
    let mut files = Vec::new();
    for (at, entry) in tar::Archive::new(tar).entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(broken)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if at == 0 && kind.is_dir() && path.trim_end_matches('/') == "out" {
            continue;
        }
        let name = path.strip_prefix("out/").filter(|name| !name.contains('/'));
        let usual = |name: &&str| !name.is_empty() && !name.starts_with('.');
        let Some(name) = name.filter(usual).filter(|_| kind.is_file()) else {
            return Err(format!("`{}` is no plain file in it", path.escape_debug()));
        };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(broken)?;
        files.push((name.to_owned(), bytes.into()));
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
