//! What a lock says of a Python that comes out of channels, with the libraries beside it: `[tool.pyfast.native]`. Owns how
//! that is written into the text of a lock and read from it; must not know how archives of channels are chosen or made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, value};
use url::Url;

use pyfast_packaging::dist_file::{FileFacts, Location};
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::safe_url::SafeUrl;

use super::artifact::Artifact;
use super::write::{artifact, hashes};
use crate::error::Error;

/// The archives of channels that a lock has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeLock {
    /// What was asked for, in the words of whoever chose.
    pub request: String,
    /// The channels, as they were given.
    pub channels: Vec<String>,
    /// The archives, by the architecture of the machines that they are for.
    pub archives: BTreeMap<String, Vec<LockedArchive>>,
    /// The architectures whose archives are those that a channel's own list gave together, and no others.
    pub whole: BTreeSet<String>,
}

/// An archive of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedArchive {
    /// Where it is; its file name says what it has.
    pub location: Location,
    /// Its digest.
    pub sha256: Sha256,
    /// Its size in bytes, where the channel says it.
    pub size: Option<u64>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    tool: Tools,
}

#[derive(Default, Deserialize)]
struct Tools {
    #[serde(default)]
    pyfast: Own,
}

#[derive(Default, Deserialize)]
struct Own {
    inputs: Option<String>,
    native: Option<Native>,
}

#[derive(Deserialize)]
struct Native {
    request: String,
    #[serde(default)]
    channels: Vec<String>,
    archives: BTreeMap<String, Vec<Artifact>>,
    /// By the architecture, what tells that nobody changed which archives those are.
    #[serde(default)]
    whole: BTreeMap<String, String>,
}

/// What a lock says of these archives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Another tool made it, which knows nothing of them.
    Foreign,
    /// It is pyfast's own, and has none.
    Nothing,
    /// These are they.
    Archives(NativeLock),
}

impl Said {
    /// Reads what the text of a lock says.
    ///
    /// # Errors
    /// [`Error::Lock`] if that cannot be read.
    pub fn read(text: &str, path: &Path) -> Result<Self, Error> {
        let fail = |reason: String| Error::Lock { path: path.to_owned(), reason };
        let document: Document = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
        let own = document.tool.pyfast;
        let Some(native) = own.native else {
            return Ok(if own.inputs.is_some() { Self::Nothing } else { Self::Foreign });
        };
        let directory = path.parent().unwrap_or(Path::new(""));
        let archive = |file: Artifact| -> Result<LockedArchive, String> {
            let location = file.location(directory).ok_or("an archive of it is nowhere")?;
            let name = || location.to_url();
            let login = |url: &Url| SafeUrl::new(url.clone()).login();
            if matches!(&location, Location::Url(url) if login(url).is_some()) {
                return Err("the URL of an archive of it has a password".to_owned());
            }
            let (sha256, _) = file.hashes.read()?;
            let sha256 = sha256.ok_or_else(|| format!("`{}` has no SHA-256", name()))?;
            Ok(LockedArchive { sha256, size: file.facts().size, location })
        };
        let (mut archives, mut whole) = (BTreeMap::new(), BTreeSet::new());
        for (machine, files) in native.archives {
            let files = files.into_iter().map(archive).collect::<Result<_, _>>();
            let files: Vec<LockedArchive> =
                files.map_err(|why| fail(format!("[tool.pyfast.native]: {why}")))?;
            if native.whole.get(&machine) == Some(&together(&files)) {
                whole.insert(machine.clone());
            }
            archives.insert(machine, files);
        }
        let Native { request, channels, .. } = native;
        Ok(Self::Archives(NativeLock { request, channels, archives, whole }))
    }
}

/// What is the same for the same archives alone, wherever they are.
fn together(archives: &[LockedArchive]) -> String {
    let digests: BTreeSet<String> = archives.iter().map(|one| one.sha256.to_string()).collect();
    let digests: Vec<String> = digests.into_iter().collect();
    Sha256::of(digests.join("\n").as_bytes()).to_string()
}

/// The text of a lock at `path` with these archives; everything else in it stays.
pub fn written(native: &NativeLock, text: &str, path: &Path) -> String {
    let Ok(mut document) = text.parse::<DocumentMut>() else { return text.to_owned() };
    let Some(own) = document
        .get_mut("tool")
        .and_then(|tool| tool.get_mut("pyfast"))
        .and_then(Item::as_table_like_mut)
    else {
        return text.to_owned();
    };
    own.insert(TABLE, Item::Table(native.table(path)));
    document.to_string()
}

/// The table below pyfast's own.
const TABLE: &str = "native";

impl NativeLock {
    fn table(&self, path: &Path) -> Table {
        let directory = path.parent().unwrap_or(Path::new("/"));
        let mut table = Table::new();
        table["request"] = value(self.request.as_str());
        table["channels"] = value(self.channels.iter().collect::<Array>());
        let mut archives = Table::new();
        for (machine, files) in &self.archives {
            let mut array = files.iter().map(|file| file.entry(directory)).collect::<Array>();
            // A line each: a change of one archive is a change of one line.
            for entry in array.iter_mut() {
                entry.decor_mut().set_prefix("\n    ");
            }
            array.set_trailing_comma(true);
            array.set_trailing("\n");
            archives[machine] = value(array);
        }
        table["archives"] = Item::Table(archives);
        let known = self.archives.iter().filter(|(machine, _)| self.whole.contains(*machine));
        let mut whole = Table::new();
        for (machine, files) in known {
            whole[machine] = value(together(files));
        }
        if !whole.is_empty() {
            table["whole"] = Item::Table(whole);
        }
        table
    }
}

impl LockedArchive {
    fn entry(&self, directory: &Path) -> Value {
        let mut entry = InlineTable::new();
        let facts = FileFacts { size: self.size, upload_time: None };
        artifact(&mut entry, &self.location, &facts, directory);
        entry.insert("hashes", hashes(Some(self.sha256), &[]));
        entry.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "lock-version = \"1.0\"\ncreated-by = \"pyfast\"\npackages = []\n\n\
                        [tool.pyfast]\nrequested = []\ninputs = \"x\"\n";

    fn native() -> NativeLock {
        let file = |location| LockedArchive { location, sha256: Sha256([7; 32]), size: Some(9) };
        let url = "https://h.test/c/linux-64/libpq-16.4-h0.conda".parse().expect("a URL");
        let beside = Location::Path("/p/channel/linux-64/python-3.12.4-0.conda".into());
        let files = vec![file(Location::Url(url)), file(beside)];
        NativeLock {
            request: "native:x".to_owned(),
            channels: vec!["conda-forge".to_owned()],
            archives: BTreeMap::from([
                ("x86_64".to_owned(), files.clone()),
                ("aarch64".to_owned(), files),
            ]),
            whole: BTreeSet::from(["x86_64".to_owned()]),
        }
    }

    fn read(text: &str) -> Result<Said, Error> {
        Said::read(text, Path::new("/p/pylock.toml"))
    }

    #[test]
    fn archives_survive_the_way_through_the_text_of_a_lock_that_stays_as_it_is() {
        let path = Path::new("/p/pylock.toml");
        let text = written(&native(), LOCK, path);
        assert!(text.starts_with(LOCK), "{text}");
        assert!(text.contains("path = \"channel/linux-64/python-3.12.4-0.conda\""), "{text}");
        assert_eq!(read(&text).expect("read"), Said::Archives(native()));
        assert_eq!(written(&native(), &text, path), text);
    }

    #[test]
    fn archives_that_were_changed_are_no_whole_any_more() {
        let text = written(&native(), LOCK, Path::new("/p/pylock.toml"));
        let whole = |text: &str| match read(text).expect("read") {
            Said::Archives(native) => native.whole.into_iter().collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(whole(&text), ["x86_64"]);
        // Another place of the same archive.
        assert_eq!(whole(&text.replace("https://h.test", "https://mirror.test")), ["x86_64"]);
        assert!(whole(&text.replacen("sha256 = \"07", "sha256 = \"08", 4)).is_empty());
    }

    #[test]
    fn a_lock_of_pyfast_is_told_from_one_of_another_tool() {
        assert_eq!(read(LOCK).expect("read"), Said::Nothing);
        assert_eq!(read("lock-version = \"1.0\"\npackages = []\n").expect("read"), Said::Foreign);
    }

    #[test]
    fn an_archive_without_its_digest_or_with_a_password_is_refused() {
        let refused = |from: &str, to: &str, reason: &str| {
            let text = written(&native(), LOCK, Path::new("/p/pylock.toml"));
            let error = read(&text.replacen(from, to, 1)).expect_err("refused").to_string();
            assert!(error.contains(reason), "{error}");
        };
        refused("sha256 = \"07", "sha512 = \"07", "digest");
        refused("https://h", "https://me:secret@h", "has a password");
    }
}
