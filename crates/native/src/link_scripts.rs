//! Programs that packages would have run when they are linked. They are not: what no installer runs must be told, because
//! a package may not work without it.

use pyfast_root::{Dir, Error};

/// A program that is not run.
pub(crate) struct Script {
    pub(crate) package: String,
    pub(crate) path: String,
}

/// What conda runs, by the ends of the names.
const KINDS: [&str; 2] = ["-pre-link.sh", "-post-link.sh"];

/// Those of a prefix.
pub(crate) fn scripts(prefix: &Dir) -> Result<Vec<Script>, Error> {
    let Some(bin) = prefix.find_dir("bin")? else { return Ok(Vec::new()) };
    let entries = bin.entries()?.into_iter();
    let names = entries.filter_map(|entry| entry.name.into_string().ok());
    Ok(names
        .filter_map(|name| {
            let inner = name.strip_prefix('.')?;
            let package = KINDS.iter().find_map(|kind| inner.strip_suffix(kind))?.to_owned();
            Some(Script { package, path: format!("bin/{name}") })
        })
        .collect())
}
