//! What the modules of a wheel were compiled to, as the file says that a compilation writes last. Owns its form.

use pyfast_root::Dir;

use super::marker;
use super::worker::Compiled;
use crate::error::Error;

/// More than any wheel's list has.
const LIMIT: u64 = 64 << 20;

/// The list of what was compiled: a line each, its digest, its size and its path.
pub(crate) fn text(compiled: &[Compiled]) -> String {
    compiled
        .iter()
        .map(|Compiled { path, sha256, size }| format!("{sha256} {size} {path}\n"))
        .collect()
}

/// What the wheel in a directory was compiled to for a cache tag, sorted by path.
///
/// # Errors
/// If it was not compiled for that, or the list is damaged.
pub(crate) fn listed(wheel: &Dir, tag: &str) -> Result<Vec<Compiled>, Error> {
    let name = marker(tag);
    let damaged =
        |reason: &str| Error::Damaged { path: wheel.path().join(&name), reason: reason.to_owned() };
    let text = wheel.read_text(&name, LIMIT)?.ok_or_else(|| damaged("it is not there"))?;
    let listed = text.lines().map(|line| {
        let (sha256, rest) = line.split_once(' ')?;
        let (size, path) = rest.split_once(' ')?;
        Some(Compiled {
            sha256: sha256.parse().ok()?,
            size: size.parse().ok()?,
            path: path.to_owned(),
        })
    });
    listed.collect::<Option<Vec<_>>>().ok_or_else(|| damaged("it is not what was written"))
}
