//! Builds whose outcome goes to somebody else, who has the store: nothing is admitted here, and nothing
//! remembered.

use std::path::Path;

use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::source_dist::SourceDist;

use super::Builder;
use crate::error::Error;

/// What a source gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// The text of `METADATA`.
    Metadata(String),
    /// The wheel, which lies in the directory that was given.
    Wheel(WheelFilename),
}

impl Builder {
    /// The metadata of a source, where its backend gives it without building and not the `whole` wheel is
    /// wanted; else its wheel, in the directory `place`.
    ///
    /// # Errors
    /// As [`Builder::wheel`].
    pub fn hand_over(
        &self,
        source: &SourceDist,
        whole: bool,
        place: &Path,
    ) -> Result<Handed, Error> {
        self.with_ready(source, |ready| {
            if !whole && let Some(text) = self.prepare(source, ready)? {
                return Ok(Handed::Metadata(text));
            }
            let (filename, path) = self.build(source, ready)?;
            self.check(source, &filename)?;
            let to = place.join(filename.as_str());
            fs_err::rename(&path, &to).map_err(Error::io("move", &path))?;
            Ok(Handed::Wheel(filename))
        })
    }
}
