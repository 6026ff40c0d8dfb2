//! A Python that is brought from channels for an environment of this machine, with native libraries. Owns whether this
//! program can do that at all.

#[cfg(feature = "native")]
mod bringing;

#[cfg(feature = "native")]
pub(crate) use bringing::bring;

/// Of a program that was built without those who read channels.
#[cfg(not(feature = "native"))]
pub(crate) fn bring(
    _task: crate::task::Task<'_>,
    version: &str,
    _written: &std::path::Path,
) -> Result<(), crate::error::Error> {
    Err(crate::error::Error::NotBuiltIn { version: version.to_owned() })
}
