//! What an archive would write, looked at before anything is unpacked: names and links that lead elsewhere, things that are
//! neither files nor links, more than there is room for. Whoever unpacks and links passes over some of that in silence, and
//! has no limit.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use bzip2::read::MultiBzDecoder;
use serde::Deserialize;
use tar::{Entry, EntryType, PaxExtensions};
use zip::ZipArchive;

use crate::error::Error;

/// The most that one package may write, in bytes.
const LARGEST: u64 = 16 << 30;
/// The most that it may make.
const MOST: usize = 1_000_000;
/// The most that says what the next file is called, in bytes.
const LONGEST: u64 = 64 << 10;
/// The most that lists a package's files, in bytes.
const LIST: u64 = 256 << 20;

/// The list of a package's files, by which they are linked, as JSON.
const PATHS: &str = "info/paths.json";
/// What a package says of itself, as JSON.
const INDEX: &str = "info/index.json";
/// That of old packages: a line a file.
const FILES: &str = "info/files";

/// Refuses what would not become what it says; what it says of itself, as JSON.
pub(crate) fn audit(name: &str, mut file: File) -> Result<String, Error> {
    file.rewind().map_err(|error| Error::archive(name, error.to_string()))?;
    let read = BufReader::with_capacity(256 << 10, file);
    let mut seen = Seen::default();
    let done = if has_extension(name, "conda") {
        members(read, &mut seen)
    } else if name.ends_with(".tar.bz2") {
        seen.take(MultiBzDecoder::new(read))
    } else {
        Err("its name ends neither in .conda nor in .tar.bz2".to_owned())
    };
    done.and_then(|()| seen.judge()).map_err(|reason| Error::archive(name, reason))?;
    seen.index.ok_or_else(|| Error::archive(name, format!("it has no `{INDEX}`")))
}

/// The two archives in one of the newer kind.
fn members(read: BufReader<File>, seen: &mut Seen) -> Result<(), String> {
    let text = |error: zip::result::ZipError| error.to_string();
    let mut archive = ZipArchive::new(read).map_err(text)?;
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(text)?;
        if member.name().map_err(text)?.ends_with(".tar.zst") {
            let decoder = zstd::Decoder::new(member).map_err(|error| error.to_string())?;
            seen.take(decoder)?;
        }
    }
    Ok(())
}

/// What was seen of one package.
#[derive(Default)]
struct Seen {
    bytes: u64,
    entries: usize,
    /// Directories that something is in.
    parents: BTreeSet<PathBuf>,
    links: BTreeSet<PathBuf>,
    /// What the package says of itself.
    index: Option<String>,
}

/// What stands before an entry of a name or a target that its own header has no room for.
#[derive(Default)]
struct Before {
    path: Option<PathBuf>,
    target: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Listed {
    paths: Vec<ListedFile>,
}

#[derive(Deserialize)]
struct ListedFile {
    #[serde(rename = "_path")]
    path: PathBuf,
}

impl Seen {
    fn take(&mut self, read: impl Read) -> Result<(), String> {
        let mut archive = tar::Archive::new(read);
        let mut before = Before::default();
        // What names the next entry is read here: a library would take it into memory, however much it is.
        for entry in archive.entries().map_err(|error| unreadable(&error))?.raw(true) {
            let mut entry = entry.map_err(|error| unreadable(&error))?;
            if !before.takes(&mut entry)? {
                self.entry(&mut entry, std::mem::take(&mut before))?;
            }
        }
        Ok(())
    }

    fn entry<R: Read>(&mut self, entry: &mut Entry<'_, R>, before: Before) -> Result<(), String> {
        let path = match before.path {
            Some(path) => path,
            None => entry.path().map_err(|error| unreadable(&error))?.into_owned(),
        };
        self.bytes = self.bytes.saturating_add(entry.size());
        self.entries += 1;
        let shown = path.display();
        self.put(&path)?;
        let target = match before.target {
            Some(target) => target,
            None => entry
                .link_name()
                .map_err(|error| unreadable(&error))?
                .unwrap_or_default()
                .into_owned(),
        };
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Directory => {}
            EntryType::Symlink => {
                if !leads_within(&path, &target) {
                    let target = target.display();
                    return Err(format!(
                        "the link `{shown}` would lead outside of it, to `{target}`"
                    ));
                }
                self.links.insert(path.components().collect());
            }
            EntryType::Link if stays_within(&target) => {}
            EntryType::Link => return Err(format!("`{shown}` would be a file outside of it")),
            _ => return Err(format!("`{shown}` is neither a file nor a directory nor a link")),
        }
        if self.bytes > LARGEST || self.entries > MOST {
            let (bytes, most) = (LARGEST >> 30, MOST);
            return Err(format!("it would write more than {bytes} GiB, or {most} files"));
        }
        let is_at = |list: &&str| path.components().eq(Path::new(list).components());
        [PATHS, FILES, INDEX].into_iter().find(is_at).map_or(Ok(()), |list| self.list(list, entry))
    }

    /// The files that will be linked are those of a list, whatever is in the archive; of a package counts what it says of
    /// itself.
    fn list<R: Read>(&mut self, list: &str, entry: &mut Entry<'_, R>) -> Result<(), String> {
        if entry.size() > LIST {
            return Err(format!("its `{list}` has more than {} MiB", LIST >> 20));
        }
        let mut text = String::new();
        entry.read_to_string(&mut text).map_err(|error| unreadable(&error))?;
        if list == INDEX {
            self.index = Some(text);
            return Ok(());
        }
        if list == PATHS {
            let listed: Listed = serde_json::from_str(&text)
                .map_err(|error| format!("its `{list}` cannot be read: {error}"))?;
            return listed.paths.iter().try_for_each(|file| self.put(&file.path));
        }
        text.lines().try_for_each(|line| self.put(Path::new(line)))
    }

    /// Something is to be at this path.
    fn put(&mut self, path: &Path) -> Result<(), String> {
        if !stays_within(path) {
            return Err(format!("`{}` would be outside of it", path.display()));
        }
        let path: PathBuf = path.components().collect();
        let parents = path.ancestors().skip(1);
        for parent in parents.take_while(|parent| !parent.as_os_str().is_empty()) {
            if !self.parents.insert(parent.to_owned()) {
                break;
            }
        }
        Ok(())
    }

    /// Refuses what would be put through a link, where nobody knows what is meant.
    fn judge(&self) -> Result<(), String> {
        match self.links.intersection(&self.parents).next() {
            None => Ok(()),
            Some(link) => Err(format!("`{}` is a link and a directory", link.display())),
        }
    }
}

impl Before {
    /// Whether an entry says how the next one is called, which is kept.
    fn takes<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<bool, String> {
        let kind = entry.header().entry_type();
        let is_name =
            matches!(kind, EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader);
        if !is_name {
            return Ok(false);
        }
        if entry.size() > LONGEST {
            return Err(format!("it has a name of more than {} KiB", LONGEST >> 10));
        }
        let mut text = Vec::new();
        entry.read_to_end(&mut text).map_err(|error| unreadable(&error))?;
        match kind {
            EntryType::GNULongName => self.path = Some(path_of(&text)),
            EntryType::GNULongLink => self.target = Some(path_of(&text)),
            _ => {
                for extension in PaxExtensions::new(&text) {
                    let extension = extension.map_err(|error| unreadable(&error))?;
                    match extension.key_bytes() {
                        b"path" => self.path = Some(path_of(extension.value_bytes())),
                        b"linkpath" => self.target = Some(path_of(extension.value_bytes())),
                        // The next header would be elsewhere than the one before it says.
                        b"size" => return Err("it gives the size of a file twice".to_owned()),
                        _ => {}
                    }
                }
            }
        }
        Ok(true)
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension() == Some(OsStr::new(extension))
}

fn unreadable(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}

fn path_of(text: &[u8]) -> PathBuf {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    OsStr::from_bytes(text).into()
}

fn stays_within(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Whether a link at `path` leads to something of the same package. It may go up only at first: what is above a link that
/// it goes through is another matter.
fn leads_within(path: &Path, target: &Path) -> bool {
    let is_up = |part: &Component<'_>| matches!(part, Component::ParentDir);
    let depth = path.components().filter(|part| matches!(part, Component::Normal(_))).count();
    let ups = target.components().take_while(is_up).count();
    let below: PathBuf = target.components().skip_while(is_up).collect();
    ups < depth && stays_within(&below)
}
