//! Builds wheels in memory, right ones and wrong ones.
//! Knows the wheel format; knows nothing of indexes.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::zip::{Entry, archive};

/// How RECORD departs from the truth.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Record {
    Right,
    /// The first file's hash is another's.
    WrongHash,
    /// The first file has no row.
    MissingRow,
    /// A row names a file that is not there.
    ExtraRow,
    /// Paths begin with `/`, and digests are in hexadecimal digits.
    Careless,
}

/// A wheel to be built.
#[derive(Clone)]
pub(crate) struct Wheel {
    name: String,
    version: String,
    tag: String,
    metadata: Vec<(String, String)>,
    files: Vec<Entry>,
    raw: Vec<Entry>,
    console: Vec<String>,
    gui: Vec<String>,
    record: Record,
    dist_info: Option<String>,
    around: (Vec<u8>, Vec<u8>),
    metadata_version: Option<String>,
}

/// A built wheel.
#[derive(Clone)]
pub(crate) struct Built {
    pub(crate) project: String,
    pub(crate) filename: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) sha256: String,
    pub(crate) metadata: String,
    pub(crate) requires_python: Option<String>,
}

impl Built {
    /// Writes the wheel into `directory`, under its own name.
    pub(crate) fn write_to(&self, directory: &Path) -> PathBuf {
        let path = directory.join(&self.filename);
        fs_err::create_dir_all(directory).unwrap();
        fs_err::write(&path, &self.bytes).unwrap();
        path
    }
}

impl Wheel {
    /// A pure wheel with one package `<name>/__init__.py` that holds `__version__`.
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let package = name.replace(['-', '.'], "_");
        let init = Entry::file(
            &format!("{package}/__init__.py"),
            format!("__version__ = \"{version}\"\n"),
        );
        Self { files: vec![init], ..Self::empty(name, version) }
    }

    /// A pure wheel without any file of its own.
    pub(crate) fn empty(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            tag: "py3-none-any".to_owned(),
            metadata: Vec::new(),
            files: Vec::new(),
            raw: Vec::new(),
            console: Vec::new(),
            gui: Vec::new(),
            record: Record::Right,
            dist_info: None,
            around: (Vec::new(), Vec::new()),
            metadata_version: None,
        }
    }

    pub(crate) fn field(mut self, key: &str, value: &str) -> Self {
        self.metadata.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn requires(self, requirement: &str) -> Self {
        self.field("Requires-Dist", requirement)
    }

    pub(crate) fn extra(self, name: &str) -> Self {
        self.field("Provides-Extra", name)
    }

    pub(crate) fn requires_python(self, specifiers: &str) -> Self {
        self.field("Requires-Python", specifiers)
    }

    /// The tag triple in the file name and in WHEEL.
    pub(crate) fn tag(self, tag: &str) -> Self {
        Self { tag: tag.to_owned(), ..self }
    }

    pub(crate) fn file(mut self, path: &str, data: impl Into<Vec<u8>>) -> Self {
        self.files.push(Entry::file(path, data));
        self
    }

    /// Makes the wheel at least `bytes` long: the filler does not compress.
    pub(crate) fn padded(self, bytes: usize) -> Self {
        let mut state = 0x9e37_79b9_u32;
        let filler: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        })
        .take(bytes)
        .collect();
        let path = format!("{}/filler.bin", self.name.replace(['-', '.'], "_"));
        self.file(&path, filler)
    }

    /// A file below `<name>-<version>.data/`, for example `scripts/tool`.
    pub(crate) fn data(self, path: &str, data: &str) -> Self {
        let path = format!("{}.data/{path}", self.stem());
        self.file(&path, data)
    }

    /// `name = module:function` under `[console_scripts]`.
    pub(crate) fn console(mut self, line: &str) -> Self {
        self.console.push(line.to_owned());
        self
    }

    /// `name = module:function` under `[gui_scripts]`.
    pub(crate) fn gui(mut self, line: &str) -> Self {
        self.gui.push(line.to_owned());
        self
    }

    pub(crate) fn record(self, record: Record) -> Self {
        Self { record, ..self }
    }

    /// A member that is written as it is; RECORD has a row for it where its name is text.
    pub(crate) fn raw(mut self, entry: Entry) -> Self {
        self.raw.push(entry);
        self
    }

    /// Another name for the `.dist-info` directory, without the suffix.
    pub(crate) fn dist_info(self, stem: &str) -> Self {
        Self { dist_info: Some(stem.to_owned()), ..self }
    }

    /// The version that METADATA says, where it differs from the file name's.
    pub(crate) fn metadata_version(self, version: &str) -> Self {
        Self { metadata_version: Some(version.to_owned()), ..self }
    }

    /// Bytes before and after the archive.
    pub(crate) fn around(self, before: &[u8], after: &[u8]) -> Self {
        Self { around: (before.to_vec(), after.to_vec()), ..self }
    }

    fn stem(&self) -> String {
        format!("{}-{}", self.name.replace(['-', '.'], "_"), self.version)
    }

    fn metadata_text(&self) -> String {
        let version = self.metadata_version.as_ref().unwrap_or(&self.version);
        let mut text = format!("Metadata-Version: 2.1\nName: {}\nVersion: {version}\n", self.name);
        for (key, value) in &self.metadata {
            writeln!(text, "{key}: {value}").unwrap();
        }
        text
    }

    fn entry_points(&self) -> Option<String> {
        let mut text = String::new();
        for (group, lines) in [("console_scripts", &self.console), ("gui_scripts", &self.gui)] {
            if !lines.is_empty() {
                writeln!(text, "[{group}]\n{}\n", lines.join("\n")).unwrap();
            }
        }
        (!text.is_empty()).then_some(text)
    }

    fn members(&self) -> Vec<Entry> {
        let dist_info =
            format!("{}.dist-info", self.dist_info.clone().unwrap_or_else(|| self.stem()));
        let pure = self.tag.ends_with("-none-any");
        let wheel = format!(
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {pure}\nTag: {}\n",
            self.tag
        );
        let mut members = self.files.clone();
        members.extend(self.raw.iter().cloned());
        members.push(Entry::file(&format!("{dist_info}/METADATA"), self.metadata_text()));
        members.push(Entry::file(&format!("{dist_info}/WHEEL"), wheel));
        if let Some(text) = self.entry_points() {
            members.push(Entry::file(&format!("{dist_info}/entry_points.txt"), text));
        }
        let record = record(&members, self.record, &dist_info);
        members.push(Entry::file(&format!("{dist_info}/RECORD"), record));
        members
    }

    pub(crate) fn build(&self) -> Built {
        let mut bytes = self.around.0.clone();
        bytes.extend(archive(&self.members()));
        bytes.extend(&self.around.1);
        let requires_python = self
            .metadata
            .iter()
            .find(|(key, _)| key == "Requires-Python")
            .map(|(_, value)| value.clone());
        Built {
            project: self.name.to_lowercase().replace(['_', '.'], "-"),
            filename: format!("{}-{}.whl", self.stem(), self.tag),
            sha256: hex(&Sha256::digest(&bytes)),
            bytes,
            metadata: self.metadata_text(),
            requires_python,
        }
    }
}

fn record(members: &[Entry], record: Record, dist_info: &str) -> String {
    let mut text = String::new();
    for (place, member) in members.iter().enumerate() {
        let first = place == 0;
        if first && record == Record::MissingRow {
            continue;
        }
        let digest = if first && record == Record::WrongHash {
            Sha256::digest(b"something else")
        } else {
            Sha256::digest(&member.data)
        };
        let name = String::from_utf8_lossy(&member.name);
        let (slash, hash) = match record {
            Record::Careless => ("/", hex(&digest)),
            _ => ("", base64_url(&digest)),
        };
        writeln!(text, "\"{slash}{name}\",sha256={hash},{}", member.data.len()).unwrap();
    }
    if record == Record::ExtraRow {
        let hash = base64_url(&Sha256::digest(b""));
        writeln!(text, "ghost.py,sha256={hash},0").unwrap();
    }
    writeln!(text, "{dist_info}/RECORD,,").unwrap();
    text
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The sha256 of `bytes` in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// URL-safe base64 without padding, as RECORD wants it.
pub(crate) fn base64_url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[(group >> (18 - 6 * digit)) & 63]));
        }
    }
    text
}
