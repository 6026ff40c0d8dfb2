//! Puts the static binary into the volume, at `bin/pyfast`. Owns its name by content and the replacement of the link;
//! must not know what the binary does, nor where it comes from.
//!
//! ```text
//! bin/pyfast-<first 12 hex digits of its sha256>   0755
//! bin/pyfast → pyfast-<…>                          replaced by rename(2)
//! ```
//! Containers that run an older binary keep it: nothing is overwritten, nothing removed.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use pyfast_root::layout::BIN;
use pyfast_root::{Dir, Kind, Root};
use sha2::{Digest, Sha256};

use super::archive::{Put, ROOT, pack};
use super::binary::{Binary, blocking};
use super::scratch::Scratch;
use super::store::{Access, MOUNT_POINT, StoreVolume, never_started, put_repeatedly, random_id};
use crate::engine::Engine;
use crate::engine::host::hex;
use crate::error::Error;

/// Name of the link that entrypoints use.
const LINK: &str = "pyfast";

/// Where the binary is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// Name of the file that the link points to (`pyfast-0123456789ab`).
    pub file: String,
    /// Whether anything was written.
    pub changed: bool,
}

/// Makes `bin/pyfast` in the volume the given binary, by the volume's directory where that is possible, else through
/// a container that is created from the image and never started. An unchanged binary costs a look.
///
/// # Errors
/// [`Error::Architecture`] when the engine's containers could not run it, [`Error::ImageMissing`], [`Error::Io`],
/// and the engine's own failures.
pub async fn inject<E: Engine>(
    engine: &E,
    volume: &StoreVolume,
    image: &str,
    binary: &Binary,
) -> Result<Injected, Error> {
    binary.check_engine(&engine.version().await?)?;
    let binary = binary.clone();
    match &volume.access {
        Access::Direct(root) => {
            let root = root.clone();
            blocking(move || write_direct(&root, &binary)).await?
        }
        Access::Container => {
            let bytes = binary.read().await?;
            put(engine, &volume.name, image, bytes.into()).await
        }
    }
}

fn hashed_name(digest: &[u8]) -> String {
    format!("{LINK}-{}", &hex(digest)[..12])
}

fn write_direct(root: &Path, binary: &Binary) -> Result<Injected, Error> {
    // Containers may write there too: a link that one of them planted is not followed.
    let root = Root::create(root, Path::new(MOUNT_POINT))?;
    let bin = root.top().dir(BIN)?;
    if let Some(file) = present(&bin, binary)? {
        return Ok(Injected { file, changed: false });
    }
    bin.set_mode(0o755)?;
    let temporary = format!(".{LINK}-{}", random_id()?);
    let file = bin.create(&temporary, 0o755)?;
    let written = copy(binary, &file)
        .map_err(Error::io("put the launcher's binary into the volume"))
        .and_then(|file| Ok(bin.rename(&temporary, &bin, &file).map(|()| file)?));
    let file = written.inspect_err(|_| drop(bin.remove_file(&temporary)))?;
    bin.replace_link(LINK, &file)?;
    Ok(Injected { file, changed: true })
}

/// The file that the link points to, when size and time say that it is this binary. The copy keeps its time, so that
/// an unchanged binary need not be read.
fn present(bin: &Dir, binary: &Binary) -> Result<Option<String>, Error> {
    let Ok(Some(target)) = bin.read_link(LINK) else { return Ok(None) };
    let Some(name) = target.to_str().filter(|name| !name.contains('/')) else { return Ok(None) };
    let Some(facts) = bin.facts(name)? else { return Ok(None) };
    let modified = binary.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let same = facts.kind == Kind::File
        && facts.size == binary.size
        && u128::try_from(facts.modified_ns).ok() == Some(modified.as_nanos())
        && facts.mode == 0o755;
    Ok(same.then(|| name.to_owned()))
}

/// Copies and hashes in one pass; returns the name by content.
fn copy(binary: &Binary, mut target: &File) -> std::io::Result<String> {
    let mut source = fs_err::File::open(&binary.path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        target.write_all(&buffer[..read])?;
    }
    target.set_permissions(std::fs::Permissions::from_mode(0o755))?;
    target.set_modified(binary.modified)?;
    // On disk before a name points to it.
    target.sync_all()?;
    Ok(hashed_name(&hash.finalize()))
}

async fn put<E: Engine>(
    engine: &E,
    volume: &str,
    image: &str,
    bytes: Bytes,
) -> Result<Injected, Error> {
    let file = hashed_name(&Sha256::digest(&bytes));
    let container = Scratch::create(engine, &never_started(volume, image)).await?;
    let done = put_missing(engine, container.id(), &file, bytes).await;
    container.remove().await?;
    Ok(Injected { file, changed: done? })
}

/// Sends only what is missing: the engine replaces files by removing them first, so a good one is left alone. The link
/// comes after the file it points to, in the archive as on disk.
async fn put_missing<E: Engine>(
    engine: &E,
    id: &str,
    file: &str,
    bytes: Bytes,
) -> Result<bool, Error> {
    let bin = format!("{MOUNT_POINT}/{BIN}");
    let (path, link) = (format!("{bin}/{file}"), format!("{bin}/{LINK}"));
    let (size, content) = (bytes.len() as u64, bytes.into());
    let mut entries = vec![Put::Dir { path: &bin, mode: 0o755, owner: ROOT }];
    if engine.stat(id, &path).await?.is_none_or(|found| found.size != size) {
        entries.push(Put::File { path: &path, content: &content, mode: 0o755 });
    }
    let linked = engine.stat(id, &link).await?.is_some_and(|found| {
        Path::new(&found.link_target)
            .file_name()
            .is_some_and(|name| name == std::ffi::OsStr::new(file))
    });
    if !linked {
        entries.push(Put::Link { path: &link, target: file });
    }
    if entries.len() == 1 {
        return Ok(false);
    }
    let parcels = pack(&entries, MOUNT_POINT).map_err(Error::io("pack the launcher's binary"))?;
    put_repeatedly(engine, id, &parcels).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::engine::{Image, Recorded};
    use crate::volume::binary::tests::elf;

    fn binary(dir: &Path, text: &[u8]) -> Binary {
        let path = dir.join("source");
        fs_err::write(&path, [elf(62, 1), text.to_vec()].concat()).unwrap();
        Binary::open(&path).unwrap()
    }

    fn volume(access: Access) -> StoreVolume {
        StoreVolume { name: "v1".into(), access, created: false }
    }

    fn engine() -> Recorded {
        Recorded::new().with_image("slim", Image::default())
    }

    #[tokio::test]
    async fn the_directory_gets_a_hashed_file_and_a_relative_link() {
        let dir = tempfile::tempdir().unwrap();
        let root = tempfile::tempdir().unwrap();
        let volume = volume(Access::Direct(root.path().into()));
        let first = inject(&engine(), &volume, "slim", &binary(dir.path(), b"one")).await.unwrap();
        assert!(first.changed);
        let link = root.path().join("bin/pyfast");
        assert_eq!(fs_err::read_link(&link).unwrap(), Path::new(&first.file));
        assert!(fs_err::read(&link).unwrap().ends_with(b"one"));
        assert_eq!(fs_err::metadata(&link).unwrap().mode() & 0o777, 0o755);
        let again =
            inject(&engine(), &volume, "slim", &Binary::open(&dir.path().join("source")).unwrap())
                .await;
        assert_eq!(again.unwrap(), Injected { file: first.file.clone(), changed: false });
        let second =
            inject(&engine(), &volume, "slim", &binary(dir.path(), b"two!")).await.unwrap();
        assert!(fs_err::read(&link).unwrap().ends_with(b"two!"));
        assert_ne!(first.file, second.file);
        let mut names: Vec<_> = fs_err::read_dir(root.path().join("bin"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let mut expected = vec!["pyfast".to_owned(), first.file, second.file];
        expected.sort();
        assert_eq!(names, expected, "an older binary stays, nothing temporary is left");
    }

    #[tokio::test]
    async fn a_container_carries_it_where_the_directory_is_out_of_reach() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine();
        let first = inject(&engine, &volume(Access::Container), "slim", &binary(dir.path(), b"x"))
            .await
            .unwrap();
        assert!(first.changed);
        let files = engine.files("v1");
        assert_eq!(
            files,
            [
                ("bin/pyfast".into(), first.file.clone()),
                (format!("bin/{}", first.file), String::new())
            ]
        );
        let again = inject(&engine, &volume(Access::Container), "slim", &binary(dir.path(), b"x"))
            .await
            .unwrap();
        assert!(!again.changed);
        assert_eq!(engine.calls().iter().filter(|call| call.starts_with("put")).count(), 1);
        assert!(!engine.calls().iter().any(|call| call.starts_with("run")));
        assert!(engine.containers().is_empty());
    }

    #[tokio::test]
    async fn an_engine_of_another_architecture_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine().with_architecture("arm64");
        let error = inject(&engine, &volume(Access::Container), "slim", &binary(dir.path(), b"x"))
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("is for linux/amd64, the container engine runs linux/arm64"),
            "{error}"
        );
        assert!(engine.calls().is_empty());
    }
}
