//! Wheels that were built elsewhere, in the place of the sources that they were built of: under which
//! names they come, and how they are found. Believes nothing of them: they are admitted as any other.

use std::path::PathBuf;

use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::source_dist::{SourceDist, SourceTree};

use super::{Builder, carried};
use crate::build::carried::Carried;
use crate::error::{Error, Refusal};
use crate::wheel::Wheel;
use crate::wheel::record;
use crate::zip_audit::{Archive, Inflater};

/// Why a source is refused whose wheel did not come.
pub(super) const MISSING: &str = "its wheel did not come along, and nothing is built here";

/// The largest METADATA that is read.
const MAX_METADATA: u64 = 32 << 20;

/// The file name of the settings of one source's own build, beside a packed source of this name.
pub fn carried_settings(source: &str) -> String {
    format!("{source}.settings")
}

/// The file name of a packed source's digest, which comes where the source itself does not.
pub(super) fn carried_digest(source: &str) -> String {
    format!("{source}.digest")
}

/// The path of a wheel that was built of a packed source of this name.
pub fn carried_wheel(source: &str, wheel: &WheelFilename) -> String {
    format!("{source}.wheel/{wheel}")
}

/// A wheel that somebody built, checked against its format and file name without unpacking it.
///
/// # Errors
/// [`Error::Wheel`] for one that the store would refuse for its format.
pub fn built_wheel(filename: WheelFilename, bytes: &[u8]) -> Result<super::BuiltWheel, Error> {
    let refused = |fault| Error::wheel(filename.as_str())(fault);
    let archive = Archive::open(bytes).map_err(refused)?;
    let wheel = Wheel::open(&archive, &filename).map_err(refused)?;
    let path = format!("{}/METADATA", wheel.dist_info);
    let entry = archive.entries().iter().find(|entry| entry.path == path);
    let missing = || refused(Refusal::archive("has no METADATA".to_owned()));
    let entry = entry.ok_or_else(missing)?;
    let text = Inflater::new().read(&archive, entry, MAX_METADATA).map_err(refused)?;
    let metadata = String::from_utf8_lossy(&text).into_owned();
    Ok(super::BuiltWheel { sha256: record::sha256(bytes), filename, metadata })
}

impl Builder {
    /// Whether the wheel of a source came from elsewhere.
    pub fn is_brought(&self, source: &SourceDist) -> bool {
        self.brought(source).is_ok_and(|found| found.is_some())
    }

    /// The wheel that came in the place of a source.
    pub(super) fn brought(
        &self,
        source: &SourceDist,
    ) -> Result<Option<(WheelFilename, PathBuf)>, Error> {
        let Some(Carried::Wheels(place)) = &self.world.options.carried else { return Ok(None) };
        let shelf = place.join(format!("{}.wheel", carried::name(&source.tree)));
        let Ok(entries) = fs_err::read_dir(&shelf) else { return Ok(None) };
        for entry in entries {
            let path = entry.map_err(Error::io("read", &shelf))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).map(str::parse);
            if let Some(Ok(filename)) = name {
                return Ok(Some((filename, path)));
            }
        }
        Ok(None)
    }

    /// The digest of a source as another machine packed it.
    pub(super) fn carried_digest(&self, source: &SourceDist) -> Result<Option<Sha256>, Error> {
        let Some(Carried::Wheels(place)) = &self.world.options.carried else {
            return Ok(self.carried(source)?.map(|packed| record::sha256(&packed)));
        };
        let path = place.join(carried_digest(&carried::name(&source.tree)));
        let digest = fs_err::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
        match (digest, &source.tree) {
            // A directory that is not there has no digest of its own.
            (None, SourceTree::Directory(_)) => {
                Err(self.failure(source, pyfast_packaging::build::BuildStage::Allowed, MISSING))
            }
            (digest, _) => Ok(digest),
        }
    }
}

#[cfg(test)]
mod tests;
