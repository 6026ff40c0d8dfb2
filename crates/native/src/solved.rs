//! What was chosen of channels: which packages, by which digests, from where. Owns how that is kept and what a prefix of
//! it is called; must not know how it was chosen.

use std::path::Path;

use pyfast_installer::prefix::NativePackage;
use pyfast_packaging::hash::Sha256;
use pyfast_root::{Fingerprint, Root, layout};
use rattler_conda_types::RepoDataRecord;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::error::Error;

/// Raised where a prefix of equal packages would be another, or what is kept is written otherwise.
const FORMAT: u32 = 1;
/// So many digits of a digest name a prefix: its path is written into programs, which have little room for it.
const DIGITS: usize = 24;

/// The packages of one prefix.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Solved {
    format: u32,
    /// What is linked, in the channels' own words, sorted by name.
    pub(crate) records: Vec<RepoDataRecord>,
}

/// What every version of this program can read.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Solved {
    /// Of what was chosen, where everything is known of it that has to be.
    pub(crate) fn new(mut records: Vec<RepoDataRecord>) -> Result<Self, Error> {
        records.sort_by(|one, other| one.package_record.name.cmp(&other.package_record.name));
        let solved = Self { format: FORMAT, records };
        solved.packages()?;
        Ok(solved)
    }

    /// What was kept; `None` for what was written by another version of this program.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::NoDigest`].
    pub fn read(text: &str, path: &Path) -> Result<Option<Self>, Error> {
        let damaged = |error: serde_json::Error| Error::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let head: Head = serde_json::from_str(text).map_err(damaged)?;
        if head.format != FORMAT {
            return Ok(None);
        }
        let solved: Self = serde_json::from_str(text).map_err(damaged)?;
        solved.packages()?;
        Ok(Some(solved))
    }

    /// As it is kept.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it cannot be written as JSON.
    pub fn kept(&self, path: &Path) -> Result<Box<RawValue>, Error> {
        to_raw_value(self)
            .map_err(|error| Error::Damaged { path: path.to_owned(), reason: error.to_string() })
    }

    /// What a prefix of these packages is called in a root. The path that is written into its files is part of it.
    pub fn id(&self, root: &Root) -> String {
        let record = |record: &RepoDataRecord| {
            let digest = record.package_record.sha256.map(|digest| Sha256(digest.into()));
            let digest = digest.map(|digest| digest.to_string()).unwrap_or_default();
            format!("{}:{digest}", record.identifier)
        };
        let print = Fingerprint::new("prefix", FORMAT)
            .field("seen", layout::prefix_path(root.seen(), "").display())
            .fields("packages", self.records.iter().map(record))
            .finish();
        let (_, digest) = print.rsplit_once(':').unwrap_or_default();
        digest.chars().take(DIGITS).collect()
    }

    /// The packages, sorted by name.
    ///
    /// # Errors
    /// [`Error::NoDigest`].
    pub fn packages(&self) -> Result<Vec<NativePackage>, Error> {
        self.records.iter().map(package).collect()
    }

    /// The version of its Python, `3.12.4`.
    pub fn python(&self) -> Option<String> {
        let mut records = self.records.iter().map(|record| &record.package_record);
        let python = records.find(|record| record.name.as_normalized() == "python")?;
        Some(python.version.to_string())
    }
}

fn package(record: &RepoDataRecord) -> Result<NativePackage, Error> {
    let file = record.identifier.to_string();
    let known = &record.package_record;
    let Some(sha256) = known.sha256 else { return Err(Error::NoDigest { file }) };
    Ok(NativePackage {
        name: known.name.as_normalized().to_owned(),
        version: known.version.to_string(),
        build: known.build.to_string(),
        file,
        sha256: Sha256(sha256.into()),
        size: known.size,
        license: known.license.clone(),
        url: record.url.to_string(),
    })
}
