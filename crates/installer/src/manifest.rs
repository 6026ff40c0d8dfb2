//! What the store knows of an unpacked wheel: a file whose first line is a JSON header, and then a line
//! for each file. Knows nothing of archives.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use pyfast_resolver::Sha256;
use serde::{Deserialize, Serialize};

use crate::entry_points::EntryPoint;
use crate::error::Error;

/// The header of a wheel's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Directories outside this wheel that its libraries look into, relative to site-packages. If another
    /// wheel of the environment provides one, neither can be linked as a directory.
    pub looks_into: Vec<String>,
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
    /// Reads the header alone.
    pub(crate) fn read_header(path: &Path) -> Result<Self, Error> {
        let mut line = String::new();
        let file = fs_err::File::open(path).map_err(Error::io("open", path))?;
        BufReader::new(file).read_line(&mut line).map_err(Error::io("read", path))?;
        Self::parse_header(path, &line)
    }

    /// Reads the header and every file.
    pub(crate) fn read(path: &Path) -> Result<(Self, Vec<StoredFile>), Error> {
        let text = fs_err::read_to_string(path).map_err(Error::io("read", path))?;
        let (header, rows) = text.split_once('\n').unwrap_or((&text, ""));
        let header = Self::parse_header(path, header)?;
        let files = rows.lines().map(|row| {
            parse_row(row).ok_or_else(|| Error::Damaged {
                path: path.to_owned(),
                reason: format!("`{}` does not describe a file", row.escape_debug()),
            })
        });
        let files = files.collect::<Result<Vec<_>, _>>()?;
        if files.len() as u64 != header.files {
            let reason = format!("it lists {} of {} files", files.len(), header.files);
            return Err(Error::Damaged { path: path.to_owned(), reason });
        }
        Ok((header, files))
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

fn parse_row(row: &str) -> Option<StoredFile> {
    let mut fields = row.splitn(4, ' ');
    let (sha256, size) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let executable = match fields.next()? {
        "0555" => true,
        "0444" => false,
        _ => return None,
    };
    Some(StoredFile { path: fields.next()?.to_owned(), sha256, size, executable })
}
