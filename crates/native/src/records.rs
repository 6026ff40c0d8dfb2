//! What other programs of conda's world read of a prefix: `conda-meta`, a file a package. Owns that it names nothing of the
//! machine that it was made on, and that what it says of files is what is there.

use std::path::Path;

use pyfast_installer::prefix::{NativePackage, Part, Parts};
use pyfast_root::{Dir, Durability};
use serde_json::Value;

use crate::error::Error;

/// Where it is in a prefix.
const FOLDER: &str = "conda-meta";
/// The most that one file of it has, in bytes.
const LIMIT: u64 = 64 << 20;
/// Keys that name places of the machine.
const OWN: [&str; 3] = ["extracted_package_dir", "package_tarball_full_path", "link"];

/// Takes what is of the machine out of a prefix that is not sealed yet, and says where packages really came from.
pub(crate) fn clean(prefix: &Dir, packages: &[NativePackage]) -> Result<(), Error> {
    each(prefix, |folder, name, mut record| {
        let Some(keys) = record.as_object_mut() else { return Ok(()) };
        for key in OWN {
            keys.remove(key);
        }
        let file = keys.get("fn").and_then(Value::as_str).unwrap_or_default();
        if let Some(package) = packages.iter().find(|package| package.file == file) {
            keys.insert("url".to_owned(), package.url.clone().into());
        }
        let text = record.to_string();
        Ok(folder.replace(name, text.as_bytes(), 0o644, Durability::Eventual)?)
    })
}

/// Refuses a prefix in which files are others than their packages say.
pub(crate) fn compare(prefix: &Dir, parts: &Parts) -> Result<(), Error> {
    each(prefix, |_, name, record| {
        let paths = record.pointer("/paths_data/paths").and_then(Value::as_array);
        for entry in paths.into_iter().flatten() {
            let text = |key: &str| entry.get(key).and_then(Value::as_str);
            let Some(path) = text("_path") else { continue };
            let wrong = |reason: &str| Error::archive(name, format!("`{path}` {reason}"));
            let found = parts.get(path).ok_or_else(|| wrong("is not there"))?;
            let expected = text("sha256_in_prefix").or_else(|| text("sha256"));
            let (Part::File(digest) | Part::Program(digest), Some(expected)) = (found, expected)
            else {
                continue;
            };
            if digest.to_string() != expected {
                return Err(wrong("is another file than it says"));
            }
        }
        Ok(())
    })
}

fn each(
    prefix: &Dir,
    mut act: impl FnMut(&Dir, &str, Value) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(folder) = prefix.find_dir(FOLDER)? else { return Ok(()) };
    for entry in folder.entries()? {
        let Some(name) =
            entry.name.to_str().filter(|name| Path::new(name).extension() == Some("json".as_ref()))
        else {
            continue;
        };
        let text = folder.read(name, LIMIT)?.unwrap_or_default();
        let record = serde_json::from_slice(&text).map_err(|error| Error::Damaged {
            path: folder.path().join(name),
            reason: error.to_string(),
        })?;
        act(&folder, name, record)?;
    }
    Ok(())
}
