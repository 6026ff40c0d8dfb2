//! A Python that is brought from channels for an environment, with native libraries. Owns whether this program can do that
//! at all.

#[cfg(feature = "native")]
mod before;
#[cfg(feature = "native")]
mod bringing;

#[cfg(feature = "native")]
pub(crate) use bringing::{bring, locked};

use pyfast_installer::prefix::Prefix;
use pyfast_resolver::native::NativeLock;

/// A Python that is there.
pub(crate) struct Managed {
    /// Where it lies, and what it is made of.
    pub(crate) prefix: Prefix,
    /// The same for a lock.
    pub(crate) native: NativeLock,
}

/// Of a program that was built without those who read channels.
#[cfg(not(feature = "native"))]
mod nobody {
    use std::path::Path;

    use super::{Managed, NativeLock};
    use crate::error::Error;
    use crate::task::Task;

    pub(crate) fn bring(_: Task<'_>, version: &str, _: &Path) -> Result<Managed, Error> {
        Err(Error::NotBuiltIn { version: version.to_owned() })
    }

    pub(crate) fn locked(
        _: Task<'_>,
        version: &str,
        _: Option<(&Path, &str)>,
    ) -> Result<NativeLock, Error> {
        Err(Error::NotBuiltIn { version: version.to_owned() })
    }
}

#[cfg(not(feature = "native"))]
pub(crate) use nobody::{bring, locked};
