//! What the store knows of an unpacked wheel: a file whose first line is a JSON header, and then a line
//! for each file. Knows nothing of archives.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use pyfast_packaging::hash::Sha256;
use pyfast_root::Dir;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::wheel::entry_points::EntryPoint;

/// The file's name in a wheel's directory.
pub(crate) const FILE: &str = "manifest";
/// The most that a header has, in bytes: wheels with ten thousand top-level names exist.
const HEADER_LIMIT: u64 = 16 << 20;
/// The most that a manifest has, in bytes: 200,000 rows.
const LIMIT: u64 = 128 << 20;

/// The digits of a digest, with which a row begins.
const DIGITS: usize = 64;
/// No row has fewer bytes.
const LEAST_ROW: usize = DIGITS + " 0 0444 root/x".len();

/// The header of a wheel's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Default))]
pub struct Manifest {
    /// The normalised project name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The wheel's file name when it was admitted.
    pub filename: String,
    /// The dist-info directory in `root/`.
    pub dist_info: String,
    /// What `root/` holds, sorted by name.
    pub top_level: Vec<TopLevel>,
    /// Files in `data/scripts/`.
    pub scripts: Vec<String>,
    /// Whether `data/` has anything but scripts.
    pub has_data: bool,
    /// Scripts to generate.
    pub entry_points: Vec<EntryPoint>,
    /// The directories that hold ELF files, relative to the wheel's directory in the store.
    pub libraries: Vec<String>,
    /// Where its ELF files look for libraries, as `<directory of the file>/<search path>`: not normalised, because
    /// an environment has the parts of a wheel in other places.
    pub searches: Vec<String>,
    /// The boot of the machine that unpacked it; its files may be lost if that boot ended in a power cut.
    pub boot: Option<String>,
    /// How the wheel's own RECORD fell short, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaws: Option<String>,
    /// Number of files.
    pub files: u64,
    /// Bytes of all files.
    pub size: u64,
}

/// A name in a wheel's `root/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TopLevel {
    /// The file name.
    pub name: String,
    /// Whether it is a directory.
    pub directory: bool,
}

/// A file of an unpacked wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Relative to the wheel's directory, below `root/` or `data/`.
    pub path: String,
    /// Digest of the content.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
    /// Whether it may be executed (mode 0555, else 0444).
    pub executable: bool,
}

impl Manifest {
    /// Reads the header alone of a wheel's manifest.
    pub(crate) fn read_header(wheel: &Dir) -> Result<Self, Error> {
        let path = wheel.path().join(FILE);
        let (file, _) = wheel.open(FILE)?.ok_or_else(|| missing(&path))?;
        let mut line = String::new();
        // A longer line is no header.
        BufReader::new(file.take(HEADER_LIMIT))
            .read_line(&mut line)
            .map_err(Error::io("read", &path))?;
        Self::parse_header(&path, &line)
    }

    /// Reads the header and every file of a wheel's manifest.
    pub(crate) fn read(wheel: &Dir) -> Result<(Self, Vec<StoredFile>), Error> {
        let (path, text) = read_text(wheel)?;
        let (header, rows) = text.split_once('\n').unwrap_or((&text, ""));
        let header = Self::parse_header(&path, header)?;
        let files = header.parse_rows(&path, rows)?;
        Ok((header, files))
    }

    fn parse_rows(&self, path: &Path, rows: &str) -> Result<Vec<StoredFile>, Error> {
        let damaged = |reason| Error::Damaged { path: path.to_owned(), reason };
        let mut files = Vec::with_capacity(rows.len() / LEAST_ROW);
        for row in rows.lines() {
            let unread = || damaged(format!("`{}` does not describe a file", row.escape_debug()));
            files.push(parse_row(row).ok_or_else(unread)?);
        }
        if files.len() as u64 != self.files {
            return Err(damaged(format!("it lists {} of {} files", files.len(), self.files)));
        }
        Ok(files)
    }

    fn parse_header(path: &Path, line: &str) -> Result<Self, Error> {
        serde_json::from_str(line).map_err(|error| Error::Damaged {
            path: path.to_owned(),
            reason: format!("its first line is not a manifest header: {error}"),
        })
    }

    /// The whole manifest as it is written.
    pub(crate) fn to_text(&self, files: &[StoredFile]) -> String {
        // Strings, numbers and lists of them always have a JSON form.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        for file in files {
            let mode = if file.executable { "0555" } else { "0444" };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{} {} {mode} {}", file.sha256, file.size, file.path);
        }
        text
    }
}

/// The whole text of a wheel's manifest, and where it is.
pub(super) fn read_text(wheel: &Dir) -> Result<(PathBuf, String), Error> {
    let path = wheel.path().join(FILE);
    let text = wheel.read_text(FILE, LIMIT)?.ok_or_else(|| missing(&path))?;
    Ok((path, text))
}

fn missing(path: &Path) -> Error {
    Error::io("open", path)(std::io::Error::from(std::io::ErrorKind::NotFound))
}

/// The path of the file that a row describes.
pub(super) fn path_of(row: &str) -> Option<&str> {
    row.get(DIGITS..)?.strip_prefix(' ')?.splitn(3, ' ').nth(2)
}

/// The file that a row describes.
pub(super) fn parse_row(row: &str) -> Option<StoredFile> {
    let mut fields = row.splitn(4, ' ');
    let (sha256, size) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let executable = match fields.next()? {
        "0555" => true,
        "0444" => false,
        _ => return None,
    };
    Some(StoredFile { path: fields.next()?.to_owned(), sha256, size, executable })
}
