//! Building as the resolver sees it: who makes metadata of a source that does not state its own. Knows
//! nothing of how anything is built.

use crate::error::Error;
use pyfast_packaging::source_dist::SourceDist;

/// Makes metadata of sources. Calls block, and run the source's own code.
pub trait BuildSource: Send + Sync {
    /// The text of `METADATA` that a wheel of this source would have.
    ///
    /// # Errors
    /// [`Error::Build`] where the source cannot be built; what fetching fails with otherwise.
    fn metadata(&self, source: &SourceDist) -> Result<String, Error>;
}
