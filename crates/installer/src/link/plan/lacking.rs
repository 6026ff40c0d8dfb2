//! Which objects of wheels want a native library that only a prefix has. Each becomes a private copy that has it looked for
//! there too: no variable is needed, so that no child of a process sees anything of it. What has its libraries stays as it is.

use std::collections::BTreeSet;

use pyfast_elf::{Object, is_object_name, with_search_path};
use pyfast_root::Root;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::sources::Source;
use crate::error::Error;
use crate::link::Native;

/// Where a prefix has libraries.
const LIBRARIES: &str = "lib";

/// Gives each source the copies that it needs, and marks it as real; what could not be done is said.
pub(super) fn mark(
    root: &Root,
    sources: &mut [Source<'_>],
    native: &Native,
) -> Result<Vec<String>, Error> {
    let objects: Vec<Vec<String>> =
        sources.par_iter().map(objects).collect::<Result<_, Error>>()?;
    let own: BTreeSet<&str> = objects.iter().flatten().map(|path| name(path)).collect();
    let lacking = native.libraries.iter().map(String::as_str);
    let search = Search {
        lacking: lacking.filter(|library| !own.contains(library)).collect(),
        directory: root.seen_prefix_path(&native.prefix).join(LIBRARIES).display().to_string(),
    };
    let found =
        sources.par_iter().zip(&objects).map(|(source, paths)| search.copies(source, paths));
    let found = found.collect::<Result<Vec<Copies>, Error>>()?;
    let mut warnings = Vec::new();
    for (source, copies) in sources.iter_mut().zip(found) {
        source.real |= !copies.files.is_empty();
        source.rewritten = copies.files;
        warnings.extend(copies.warnings);
    }
    Ok(warnings)
}

/// Where libraries are looked for.
struct Search<'a> {
    lacking: BTreeSet<&'a str>,
    directory: String,
}

/// What comes of one wheel.
#[derive(Default)]
struct Copies {
    files: FxHashMap<String, Vec<u8>>,
    warnings: Vec<String>,
}

impl Search<'_> {
    fn copies(&self, source: &Source<'_>, paths: &[String]) -> Result<Copies, Error> {
        let mut copies = Copies::default();
        let wheel = source.wheel()?;
        for path in paths {
            let Some((file, _)) = wheel.open(path)? else { return Err(source.missing(path)) };
            let Some(object) = Object::of_open(&file) else { continue };
            let Some(library) = object.needed.iter().find(|name| self.lacking.contains(&***name))
            else {
                continue;
            };
            match with_search_path(&source.content(path)?, &self.directory) {
                Ok(content) => drop(copies.files.insert(path.clone(), content)),
                Err(reason) => copies.warnings.push(format!(
                    "`{}` of {} cannot find `{library}`: it cannot be told where that is: {reason}",
                    path.trim_start_matches("root/"),
                    source.package.name
                )),
            }
        }
        Ok(copies)
    }
}

/// The files of a wheel that may be libraries or extension modules, as the store has them.
fn objects(source: &Source<'_>) -> Result<Vec<String>, Error> {
    let files = source.files_below("root")?.into_iter().map(|file| file.path);
    Ok(files.filter(|path| is_object_name(name(path))).collect())
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
