//! The named volume that holds store and environments. Owns its labels, its marker file and the decision whether this
//! process may write it directly; must not know what is stored in it.
//!
//! An engine may live in a virtual machine or on another host, where the mountpoint it names is not a directory of
//! this machine, or is a different directory of the same name. So a directory counts as the volume's only after a
//! random marker, put into the volume through the engine, has been seen in it. The marker stays, and later runs
//! compare it with the volume's label: one request and one small file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pyfast_root::Dir;
use pyfast_root::layout::VOLUME_MARKER as MARKER;
use serde::{Deserialize, Serialize};

use super::archive::{Put, pack};
use super::scratch::Scratch;
use crate::engine::{ContainerSpec, Engine, Mount, Parcel, Volume};
use crate::error::Error;

/// Where containers mount the volume.
pub const MOUNT_POINT: &str = "/pyfast";
/// Version of the layout inside the volume.
pub const SCHEMA: &str = "1";
/// Label of every volume made here, value `1`.
pub const STORE_LABEL: &str = "io.pyfast.store";
/// Label with the layout's version.
pub const SCHEMA_LABEL: &str = "io.pyfast.schema";
/// Label with the random identity that the marker repeats.
pub const ID_LABEL: &str = "io.pyfast.id";
/// Label with the project for which the volume was made.
pub const PROJECT_LABEL: &str = "io.pyfast.project";

/// The most that it has, in bytes.
const MARKER_LIMIT: u64 = 4096;

/// How often, and how far apart, the marker is looked for.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// How this process gets at a volume's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// The directory is the volume, and this process may write it.
    Direct(PathBuf),
    /// Only containers get at it.
    Container,
}

/// A volume ready to be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreVolume {
    /// Its name.
    pub name: String,
    /// How to get at its files.
    pub access: Access,
    /// Whether it was created just now.
    pub created: bool,
}

/// What [`MARKER`], the file that identifies a volume, says: `{"schema":"1","id":"<32 hex digits>"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    schema: String,
    id: String,
}

/// What can be seen of the volume's directory on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Contents {
    /// No such directory, or this process may not write it.
    Unseen,
    Empty,
    Marked(Marker),
    Other,
}

/// What has to be done before a volume can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Plan {
    /// Create it.
    Create,
    /// Put this marker into it, then look whether the directory shows it.
    Mark(Marker),
    /// Nothing; write its directory.
    Direct,
    /// Nothing; use containers.
    Container,
    /// Ask the engine whether it holds a marker: it has no labels and cannot be seen.
    Ask,
}

/// Finds or creates a volume and decides how its files are reached. The image is any that is present: a container
/// is created from it, never started, where a marker has to be put into the volume.
///
/// # Errors
/// [`Error::VolumeName`], [`Error::VolumeLayout`], [`Error::VolumeForeign`] when it holds something else,
/// [`Error::ImageMissing`], and the engine's own failures.
pub async fn open_volume<E: Engine>(
    engine: &E,
    name: &str,
    image: &str,
    project: Option<&str>,
) -> Result<StoreVolume, Error> {
    check_name(name)?;
    let mut volume = engine.inspect_volume(name).await?;
    let mut plan = plan(name, volume.as_ref(), &look(engine, volume.as_ref()))?;
    let created = plan == Plan::Create;
    if created {
        // Before anything is made: a volume without a usable image would be left behind.
        engine.inspect_image(image).await?;
        volume = Some(engine.create_volume(name, &labels(project)?).await?);
        plan = self::plan(name, volume.as_ref(), &look(engine, volume.as_ref()))?;
    }
    let mountpoint = volume.map(|volume| volume.mountpoint).unwrap_or_default();
    let access = match plan {
        Plan::Direct => Access::Direct(mountpoint),
        Plan::Container | Plan::Create => Access::Container,
        Plan::Mark(marker) => mark(engine, name, image, &mountpoint, &marker).await?,
        Plan::Ask => ask(engine, name, image).await?,
    };
    Ok(StoreVolume { name: name.into(), access, created })
}

/// Looks at a volume without changing anything; `None` when it does not exist. Where only a marker could tell that its
/// directory can be written, containers are named.
///
/// # Errors
/// As [`open_volume`], except that nothing is missing.
pub async fn find_volume<E: Engine>(engine: &E, name: &str) -> Result<Option<StoreVolume>, Error> {
    check_name(name)?;
    let Some(volume) = engine.inspect_volume(name).await? else { return Ok(None) };
    let access = match plan(name, Some(&volume), &look(engine, Some(&volume)))? {
        Plan::Direct => Access::Direct(volume.mountpoint),
        _ => Access::Container,
    };
    Ok(Some(StoreVolume { name: name.into(), access, created: false }))
}

/// Whether a volume may be used, where neither its labels nor its directory say so: a container of the first image that
/// is there looks, and is never started. `false` where there is none.
///
/// # Errors
/// [`Error::VolumeForeign`], and as [`find_volume`].
pub async fn ask_volume<E: Engine>(engine: &E, name: &str, images: &[&str]) -> Result<bool, Error> {
    let volume = engine.inspect_volume(name).await?;
    if plan(name, volume.as_ref(), &look(engine, volume.as_ref()))? != Plan::Ask {
        return Ok(true);
    }
    for image in images {
        let container = match Scratch::create(engine, &never_started(name, image)).await {
            Err(Error::ImageMissing { .. }) => continue,
            container => container?,
        };
        let known = holds(engine, container.id()).await;
        container.remove().await?;
        return match known? {
            Holds::Others => Err(Error::VolumeForeign { volume: name.into() }),
            Holds::Environments | Holds::Nothing => Ok(true),
        };
    }
    Ok(false)
}

/// The pure decision.
fn plan(name: &str, volume: Option<&Volume>, contents: &Contents) -> Result<Plan, Error> {
    let Some(volume) = volume else { return Ok(Plan::Create) };
    let layout = |found: &str| Error::VolumeLayout {
        volume: name.into(),
        found: found.into(),
        expected: SCHEMA.into(),
    };
    if let Contents::Marked(marker) = contents
        && marker.schema != SCHEMA
    {
        return Err(layout(&marker.schema));
    }
    if volume.labels.contains_key(STORE_LABEL) {
        let schema = volume.labels.get(SCHEMA_LABEL).map_or("unknown", String::as_str);
        if schema != SCHEMA {
            return Err(layout(schema));
        }
        let id = volume.labels.get(ID_LABEL);
        return Ok(match (contents, id) {
            (Contents::Unseen, _) | (_, None) => Plan::Container,
            (Contents::Marked(marker), Some(id)) if marker.id == *id => Plan::Direct,
            (_, Some(id)) => Plan::Mark(Marker { schema: SCHEMA.into(), id: id.clone() }),
        });
    }
    // Made by hand or by Compose: labels cannot be added later, so the proof is made anew each time.
    match contents {
        Contents::Empty | Contents::Marked(_) => {
            Ok(Plan::Mark(Marker { schema: SCHEMA.into(), id: random_id()? }))
        }
        Contents::Unseen => Ok(Plan::Ask),
        Contents::Other => Err(Error::VolumeForeign { volume: name.into() }),
    }
}

fn labels(project: Option<&str>) -> Result<BTreeMap<String, String>, Error> {
    let mut labels = BTreeMap::from([
        (STORE_LABEL.to_owned(), "1".to_owned()),
        (SCHEMA_LABEL.to_owned(), SCHEMA.to_owned()),
        (ID_LABEL.to_owned(), random_id()?),
    ]);
    labels.extend(project.map(|project| (PROJECT_LABEL.to_owned(), project.to_owned())));
    Ok(labels)
}

fn look<E: Engine>(engine: &E, volume: Option<&Volume>) -> Contents {
    match volume {
        Some(volume) if engine.is_local() && volume.driver == "local" => {
            contents(&volume.mountpoint)
        }
        _ => Contents::Unseen,
    }
}

/// Reads what is in a mountpoint. Anything that stands in the way means that this process cannot use it.
fn contents(mountpoint: &Path) -> Contents {
    use rustix::fs::Access as Mode;
    if rustix::fs::access(mountpoint, Mode::READ_OK | Mode::WRITE_OK | Mode::EXEC_OK).is_err() {
        return Contents::Unseen;
    }
    if let Some(marker) = read_marker(mountpoint) {
        return Contents::Marked(marker);
    }
    let Ok(entries) = fs_err::read_dir(mountpoint) else { return Contents::Unseen };
    let used = entries.flatten().any(|entry| entry.file_name() != "lost+found");
    if used { Contents::Other } else { Contents::Empty }
}

fn read_marker(mountpoint: &Path) -> Option<Marker> {
    // Containers may have put anything there.
    let text = Dir::open_named(mountpoint).ok()?.read(MARKER, MARKER_LIMIT).ok()??;
    serde_json::from_slice(&text).ok()
}

async fn mark<E: Engine>(
    engine: &E,
    name: &str,
    image: &str,
    mountpoint: &Path,
    marker: &Marker,
) -> Result<Access, Error> {
    let parcels = pack_marker(marker)?;
    let container = Scratch::create(engine, &never_started(name, image)).await?;
    let put = put_repeatedly(engine, container.id(), &parcels).await;
    container.remove().await?;
    put?;
    // Another process may be putting the same marker there: for a moment the engine has removed it.
    for _ in 0..LOOKS {
        if read_marker(mountpoint).as_ref() == Some(marker) {
            return Ok(Access::Direct(mountpoint.into()));
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Ok(Access::Container)
}

/// Puts files into a volume. Unpacking, the engine removes what is there first, so that two who put the same files there
/// at the same time trip over each other.
pub(crate) async fn put_repeatedly<E: Engine>(
    engine: &E,
    id: &str,
    parcels: &[Parcel],
) -> Result<(), Error> {
    for parcel in parcels {
        let mut left = LOOKS - 1;
        while let Err(error) = engine.put_archive(id, parcel).await {
            left = left.checked_sub(1).ok_or(error)?;
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
    Ok(())
}

async fn ask<E: Engine>(engine: &E, name: &str, image: &str) -> Result<Access, Error> {
    let container = Scratch::create(engine, &never_started(name, image)).await?;
    let usable = is_usable(engine, container.id()).await;
    container.remove().await?;
    if usable? { Ok(Access::Container) } else { Err(Error::VolumeForeign { volume: name.into() }) }
}

async fn is_usable<E: Engine>(engine: &E, id: &str) -> Result<bool, Error> {
    let known = holds(engine, id).await?;
    if known == Holds::Nothing {
        // Marked at once, or the next run would find it in use by somebody.
        let marker = Marker { schema: SCHEMA.into(), id: random_id()? };
        put_repeatedly(engine, id, &pack_marker(&marker)?).await?;
    }
    Ok(known != Holds::Others)
}

/// What a volume holds, as a container sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Environments,
    Nothing,
    Others,
}

async fn holds<E: Engine>(engine: &E, id: &str) -> Result<Holds, Error> {
    if engine.stat(id, &format!("{MOUNT_POINT}/{MARKER}")).await?.is_some() {
        return Ok(Holds::Environments);
    }
    let empty = engine.is_empty_directory(id, MOUNT_POINT).await?;
    Ok(if empty { Holds::Nothing } else { Holds::Others })
}

fn pack_marker(marker: &Marker) -> Result<Vec<Parcel>, Error> {
    let text = serde_json::to_vec(marker).expect("two strings always serialize");
    let path = format!("{MOUNT_POINT}/{MARKER}");
    pack(&[Put::File { path: &path, content: &text.into(), mode: 0o644 }], MOUNT_POINT)
        .map_err(Error::io("pack the marker of a volume"))
}

/// A container that only lends its mount.
pub(crate) fn never_started(volume: &str, image: &str) -> ContainerSpec {
    ContainerSpec {
        image: image.into(),
        argv: vec!["/never-started".into()],
        user: Some("0:0".into()),
        network: "none".into(),
        mount: Some(Mount { volume: volume.into(), target: MOUNT_POINT.into(), writable: true }),
        ..ContainerSpec::default()
    }
}

/// Whether an engine takes a text as the name of a volume. It is its own rule, checked first: a name with `/` or `:`
/// would be read as a path or as mount options.
pub fn is_volume_name(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = chars.all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    first && rest && name.len() > 1
}

fn check_name(name: &str) -> Result<(), Error> {
    if is_volume_name(name) { Ok(()) } else { Err(Error::VolumeName { name: name.into() }) }
}

/// 128 random bits in hexadecimal.
pub(crate) fn random_id() -> Result<String, Error> {
    pyfast_root::random_name().map_err(|source| Error::Io { act: "get random bytes", source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Image, Recorded};

    fn volume(labels: &[(&str, &str)], mountpoint: &Path) -> Volume {
        Volume {
            name: "v1".into(),
            driver: "local".into(),
            mountpoint: mountpoint.into(),
            labels: labels.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
            ..Volume::default()
        }
    }

    const OURS: [(&str, &str); 3] = [(STORE_LABEL, "1"), (SCHEMA_LABEL, "1"), (ID_LABEL, "abc")];

    fn marked(schema: &str, id: &str) -> Contents {
        Contents::Marked(Marker { schema: schema.into(), id: id.into() })
    }

    #[test]
    fn plans_follow_from_labels_and_contents() {
        let none = Path::new("/nowhere");
        let check = |labels: &[(&str, &str)], contents: &Contents| {
            plan("v1", Some(&volume(labels, none)), contents)
        };
        assert_eq!(plan("v1", None, &Contents::Unseen).unwrap(), Plan::Create);
        assert_eq!(check(&OURS, &marked("1", "abc")).unwrap(), Plan::Direct);
        assert_eq!(check(&OURS, &Contents::Unseen).unwrap(), Plan::Container);
        let mark = Plan::Mark(Marker { schema: "1".into(), id: "abc".into() });
        // A directory of the same name that belongs to another volume, and a run that died before marking.
        assert_eq!(check(&OURS, &marked("1", "other")).unwrap(), mark);
        assert_eq!(check(&OURS, &Contents::Empty).unwrap(), mark);
        assert!(matches!(check(&[], &Contents::Empty).unwrap(), Plan::Mark(_)));
        assert_eq!(check(&[], &Contents::Unseen).unwrap(), Plan::Ask);
    }

    #[test]
    fn volumes_of_another_layout_or_owner_are_refused() {
        let none = Path::new("/nowhere");
        let check = |labels: &[(&str, &str)], contents: &Contents| {
            plan("v1", Some(&volume(labels, none)), contents).unwrap_err()
        };
        let newer = [(STORE_LABEL, "1"), (SCHEMA_LABEL, "2")];
        insta::assert_snapshot!(
            check(&newer, &Contents::Unseen),
            @"the volume v1 has the layout version 2, this program reads and writes 1"
        );
        assert!(
            matches!(check(&OURS, &marked("7", "abc")), Error::VolumeLayout { found, .. } if found == "7")
        );
        assert!(matches!(check(&[], &marked("7", "abc")), Error::VolumeLayout { .. }));
        insta::assert_snapshot!(
            check(&[], &Contents::Other),
            @"the volume v1 was not made for environments and is not empty"
        );
    }

    fn engine() -> Recorded {
        Recorded::new().with_image("slim", Image::default())
    }

    #[tokio::test]
    async fn a_directory_counts_only_after_the_marker_was_seen_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let known = engine().with_volume(volume(&OURS, dir.path()));
        // The engine puts the marker elsewhere: a virtual machine with the same mountpoint.
        let opened = open_volume(&known, "v1", "slim", None).await.unwrap();
        assert_eq!(opened.access, Access::Container);
        let known = engine().with_volume(volume(&OURS, dir.path())).mirrored();
        let opened = open_volume(&known, "v1", "slim", None).await.unwrap();
        assert_eq!(opened.access, Access::Direct(dir.path().into()));
        let calls = known.calls().len();
        let again = open_volume(&known, "v1", "slim", None).await.unwrap();
        assert_eq!(again.access, Access::Direct(dir.path().into()));
        assert_eq!(known.calls().len(), calls, "a marked volume needs no container");
        assert!(known.containers().is_empty());
    }

    #[tokio::test]
    async fn a_put_that_another_one_disturbs_is_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let known = || engine().with_volume(volume(&OURS, dir.path())).mirrored();
        let opened = open_volume(&known().failing_puts(LOOKS - 1), "v1", "slim", None).await;
        assert_eq!(opened.unwrap().access, Access::Direct(dir.path().into()));
        fs_err::remove_file(dir.path().join(MARKER)).unwrap();
        let broken = known().failing_puts(LOOKS);
        assert!(open_volume(&broken, "v1", "slim", None).await.is_err());
        assert!(broken.containers().is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn an_engine_of_another_machine_is_reached_through_containers() {
        let dir = tempfile::tempdir().unwrap();
        let remote = engine().with_volume(volume(&OURS, dir.path())).mirrored().remote();
        let opened = open_volume(&remote, "v1", "slim", None).await.unwrap();
        assert_eq!(opened.access, Access::Container);
    }

    #[tokio::test]
    async fn a_new_volume_carries_layout_identity_and_project() {
        let engine = engine();
        let opened = open_volume(&engine, "v1", "slim", Some("shop")).await.unwrap();
        assert!(opened.created);
        let labels = engine.inspect_volume("v1").await.unwrap().unwrap().labels;
        assert_eq!(labels[STORE_LABEL], "1");
        assert_eq!(labels[SCHEMA_LABEL], "1");
        assert_eq!(labels[PROJECT_LABEL], "shop");
        assert_eq!(labels[ID_LABEL].len(), 32);
    }

    #[tokio::test]
    async fn a_missing_image_leaves_no_new_volume() {
        let engine = Recorded::new();
        let error = open_volume(&engine, "v1", "gone", None).await.unwrap_err();
        assert!(matches!(error, Error::ImageMissing { .. }));
        assert_eq!(engine.inspect_volume("v1").await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_unlabelled_volume_out_of_sight_is_taken_when_empty_or_marked() {
        let bare = || engine().with_volume(volume(&[], Path::new("/nowhere")));
        let engine = bare();
        let opened = open_volume(&engine, "v1", "slim", None).await.unwrap();
        assert_eq!(opened.access, Access::Container);
        assert_eq!(engine.files("v1"), [(MARKER.to_owned(), String::new())]);
        let again = open_volume(&engine, "v1", "slim", None).await.unwrap();
        assert_eq!(again.access, Access::Container);
        let engine = bare().with_file("v1", "PG_VERSION");
        let error = open_volume(&engine, "v1", "slim", None).await.unwrap_err();
        assert!(matches!(error, Error::VolumeForeign { .. }));
        assert!(engine.containers().is_empty());
    }

    #[tokio::test]
    async fn a_volume_out_of_sight_is_asked_what_it_holds_and_left_as_it_is() {
        let bare = || engine().with_volume(volume(&[], Path::new("/nowhere")));
        let images = ["gone", "slim"];
        let empty = bare();
        assert!(ask_volume(&empty, "v1", &images).await.unwrap());
        assert_eq!(empty.files("v1"), [], "it is no more marked than before");
        assert!(ask_volume(&bare().with_file("v1", MARKER), "v1", &images).await.unwrap());
        let foreign = bare().with_file("v1", "PG_VERSION");
        let error = ask_volume(&foreign, "v1", &images).await.unwrap_err();
        assert!(matches!(error, Error::VolumeForeign { .. }), "{error}");
        assert!(foreign.containers().is_empty(), "nothing is left behind");
        assert!(!ask_volume(&foreign, "v1", &images[..1]).await.unwrap(), "nobody could look");
        // Its labels say it.
        let labelled = engine().with_volume(volume(&OURS, Path::new("/nowhere")));
        assert!(ask_volume(&labelled, "v1", &[]).await.unwrap());
    }

    #[test]
    fn names_that_would_be_paths_or_options_are_refused() {
        for wrong in ["", "a", "/etc", "a:b", "../x", "-x", "a b"] {
            assert!(matches!(check_name(wrong), Err(Error::VolumeName { .. })), "{wrong}");
        }
        assert!(check_name("pyfast-trading_1.0").is_ok());
    }
}
