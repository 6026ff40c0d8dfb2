//! Which objects of wheels want a native library that only a prefix has. Each becomes a private copy that has just these at
//! their paths there: no variable is needed, so that no child of a process sees anything of it, and all else is found as
//! before. What has its libraries stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use pyfast_elf::bound;
use pyfast_root::Root;
use rayon::prelude::*;

use super::libraries::Places;
use super::loader::{Objects, Placed};
use super::sources::Source;
use crate::error::Error;
use crate::link::{EnvironmentSpec, Native};

/// Where a prefix has libraries.
const LIBRARIES: &str = "lib";

/// Gives each source the copies that it needs, and marks it as real; what could not be done is said.
pub(super) fn mark(
    root: &Root,
    sources: &mut [Source<'_>],
    spec: &EnvironmentSpec,
    native: &Native,
) -> Result<Vec<String>, Error> {
    let objects = Objects::read(sources, &Places::of(&spec.interpreter))?;
    let search = Search {
        lacking: native.libraries.iter().map(String::as_str).collect(),
        directory: root.seen_prefix_path(&native.prefix).join(LIBRARIES).display().to_string(),
        objects: &objects,
        sources,
    };
    let all = (0..objects.all.len()).into_par_iter();
    let copies: Vec<Copy> =
        all.filter_map(|one| search.copy(one).transpose()).collect::<Result<_, _>>()?;
    let mut warnings = Vec::new();
    for Copy { source, inside, content } in copies {
        match content {
            Ok(content) => {
                sources[source].real = true;
                sources[source].rewritten.insert(inside, content);
            }
            Err(warning) => warnings.push(warning),
        }
    }
    Ok(warnings)
}

/// Where libraries are looked for.
struct Search<'a> {
    lacking: BTreeSet<&'a str>,
    directory: String,
    objects: &'a Objects,
    sources: &'a [Source<'a>],
}

/// A file of a wheel as it has to be, or why it cannot be so, in words.
struct Copy {
    source: usize,
    inside: String,
    content: Result<Vec<u8>, String>,
}

impl Search<'_> {
    /// That of an object which lacks something.
    fn copy(&self, one: usize) -> Result<Option<Copy>, Error> {
        let Placed { source: index, inside, object, .. } = &self.objects.all[one];
        // What was built against the prefix finds it.
        if object.searched.contains(&self.directory) {
            return Ok(None);
        }
        let needed = object.needed.iter().map(String::as_str);
        let lacks =
            needed.filter(|name| self.lacking.contains(name) && !self.objects.has(one, name));
        let paths: BTreeMap<&str, String> =
            lacks.map(|name| (name, format!("{}/{name}", self.directory))).collect();
        let Some(library) = paths.keys().next() else { return Ok(None) };
        let source = &self.sources[*index];
        let content = bound(&source.content(inside)?, &paths).map_err(|reason| {
            let path = inside.trim_start_matches("root/");
            let name = &source.package.name;
            format!("`{path}` of {name} cannot find `{library}`: it cannot be told where that is: {reason}")
        });
        Ok(Some(Copy { source: *index, inside: inside.clone(), content }))
    }
}
