//! What the loader finds for the objects of an environment's wheels, by its own rules: in the directories that an object
//! names; for one that names none as `RUNPATH`, in those that whoever loads it names as `RPATH`; and what was loaded before it.
//! Must not know what is made of it, nor what the system has.
//!
//! What a wheel brings in a place where no rule leads counts for its own objects: it knows how it loads it. For others it does
//! not.

use pyfast_elf::{Object, is_object_name};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::libraries::{Places, normal};
use super::sources::Source;
use crate::error::Error;
use crate::wheel::searched::searched;

/// An object, and where it is in the environment.
pub(super) struct Placed {
    /// Whose it is: an index.
    pub(super) source: usize,
    /// Its path in the wheel's directory in the store.
    pub(super) inside: String,
    pub(super) object: Object,
    /// Its directory in the environment.
    directory: String,
}

/// The objects of an environment.
pub(super) struct Objects {
    pub(super) all: Vec<Placed>,
    /// Each by its path in the environment: an index.
    at: FxHashMap<String, usize>,
    /// Of each, who needs it and finds it by a path of its own.
    loaders: Vec<Vec<usize>>,
    /// Whose a name is, wherever it lies there.
    carried: FxHashMap<String, Vec<usize>>,
}

impl Objects {
    pub(super) fn read(sources: &[Source<'_>], places: &Places) -> Result<Self, Error> {
        let each = sources.par_iter().enumerate();
        let found: Vec<Vec<(String, Placed)>> = each
            .map(|(index, source)| of_wheel(index, source, places))
            .collect::<Result<_, _>>()?;
        let mut objects = Self {
            all: Vec::new(),
            at: FxHashMap::default(),
            loaders: Vec::new(),
            carried: FxHashMap::default(),
        };
        for (path, placed) in found.into_iter().flatten() {
            let own = objects.carried.entry(name(&path).to_owned()).or_default();
            own.push(placed.source);
            objects.at.insert(path, objects.all.len());
            objects.all.push(placed);
        }
        objects.loaders = vec![Vec::new(); objects.all.len()];
        for one in 0..objects.all.len() {
            for library in &objects.all[one].object.needed {
                if let Some(found) = objects.named(one, library) {
                    objects.loaders[found].push(one);
                }
            }
        }
        Ok(objects)
    }

    /// Whether an object has a library among those of the wheels.
    pub(super) fn has(&self, one: usize, library: &str) -> bool {
        let Placed { source, object, .. } = &self.all[one];
        let inherits = object.for_loaded || object.searched.is_empty();
        self.carried.get(library).is_some_and(|wheels| wheels.contains(source))
            || self.named(one, library).is_some()
            || self.given(one, library, inherits, &mut Vec::new())
    }

    /// The library of that name in a directory that an object names.
    fn named(&self, one: usize, library: &str) -> Option<usize> {
        let Placed { object, directory, .. } = &self.all[one];
        let directories = object.searched.iter().filter_map(|entry| searched(directory, entry));
        let mut paths = directories.filter_map(|place| normal(&format!("{place}/{library}")));
        paths.find_map(|path| self.at.get(&path).copied())
    }

    /// Whether all who load an object have loaded the library already, or hand on where it is.
    fn given(&self, one: usize, library: &str, inherits: bool, below: &mut Vec<usize>) -> bool {
        if below.contains(&one) {
            return false;
        }
        below.push(one);
        let gives = |loader: &usize, below: &mut Vec<usize>| {
            let Placed { object, .. } = &self.all[*loader];
            let needs = object.needed.iter().any(|name| name == library);
            let is_there = self.named(*loader, library).is_some();
            (is_there && (needs || inherits && object.for_loaded))
                || self.given(*loader, library, inherits, below)
        };
        let loaders = &self.loaders[one];
        let given = !loaders.is_empty() && loaders.iter().all(|loader| gives(loader, below));
        below.pop();
        given
    }
}

/// The objects of a wheel that an environment has, each with its path there.
fn of_wheel(
    index: usize,
    source: &Source<'_>,
    places: &Places,
) -> Result<Vec<(String, Placed)>, Error> {
    let mut objects = Vec::new();
    let wheel = source.wheel()?;
    for part in ["root", "data"] {
        for file in source.files_below(part)? {
            let inside = file.path;
            if !is_object_name(name(&inside)) {
                continue;
            }
            let Some(path) = places.seen(&inside) else { continue };
            let (file, _) = wheel.open(&inside)?.ok_or_else(|| source.missing(&inside))?;
            let Some(object) = Object::of_open(&file) else { continue };
            let directory = path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
            objects.push((path, Placed { source: index, inside, object, directory }));
        }
    }
    Ok(objects)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
