//! Which files of a context a build sees, and which of them come where in the image. Owns how sources and destinations
//! mean files; must not know Dockerfiles' text, nor what the files hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::places::{Place, is_within, join};
use super::reading::{Step, is_pattern};
use crate::build_context::{Entry, Kind, matches};

/// Entries of a context by what a build makes of them, as numbers in its list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Those of which something may be built.
    pub(crate) read: BTreeSet<usize>,
    /// Those that are only copied, by their places in the image.
    pub(crate) copied: BTreeMap<String, Copied>,
}

impl Layout {
    /// Something may be built from all of a context.
    pub(crate) fn all(entries: &[Entry]) -> Self {
        Self { read: (0..entries.len()).collect(), copied: BTreeMap::new() }
    }
}

/// An entry that is only copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) entry: usize,
    pub(crate) owner: Option<String>,
    pub(crate) mode: Option<u32>,
    /// Whether something else lies below it.
    pub(crate) covers: bool,
}

/// What comes last to a place.
enum Last {
    Copied(Copied),
    Other,
}

/// Lays out what a build does with the entries of a context; `None` where that is not certain.
pub(crate) fn lay_out(steps: &[Step], entries: &[Entry], context: &Path) -> Option<Layout> {
    let mut laying =
        Laying { entries, read: BTreeSet::new(), last: BTreeMap::new(), foreign: Vec::new() };
    for step in steps {
        let (Step::Read { sources, .. } | Step::Copied { sources, .. }) = step else { continue };
        if sources.iter().any(|source| leads_through_link(context, source)) {
            return None;
        }
        if let Step::Read { sources, .. } = step {
            for source in sources {
                laying.read.extend(found(source, entries)?.map(|found| found.entry));
            }
        }
    }
    for step in steps {
        laying.step(step)?;
    }
    let Laying { read, last, .. } = laying;
    let copied = last.into_iter().filter_map(|(place, last)| match last {
        // An entry that another step turned out to read is no longer only copied.
        Last::Copied(copied) => (!read.contains(&copied.entry)).then_some((place, copied)),
        Last::Other => None,
    });
    Some(Layout { copied: copied.collect(), read })
}

/// Where entries come to in an image, by place, whatever is made of them afterwards; what comes last to a place counts.
/// `None` where a source is not understood.
pub(crate) fn placed(steps: &[Step], entries: &[Entry]) -> Option<BTreeMap<String, usize>> {
    let mut placed = BTreeMap::new();
    for step in steps {
        let (sources, place) = match step {
            Step::Read { sources, place: Some(place) } | Step::Copied { sources, place, .. } => {
                (sources, place)
            }
            Step::Read { place: None, .. } => continue,
            Step::Foreign { path } => {
                placed.retain(|at: &String, _| !is_within(at, path));
                continue;
            }
        };
        for source in sources {
            let found = found(source, entries)?;
            placed.extend(
                found.filter_map(|one| Some((destination(&one, place, entries)?, one.entry))),
            );
        }
    }
    Some(placed)
}

/// A layout while it is made.
struct Laying<'a> {
    entries: &'a [Entry],
    read: BTreeSet<usize>,
    /// What came last to each place.
    last: BTreeMap<String, Last>,
    /// Where something is that is not of the context.
    foreign: Vec<&'a str>,
}

impl<'a> Laying<'a> {
    fn step(&mut self, step: &'a Step) -> Option<()> {
        match step {
            Step::Foreign { path } => self.foreign(path),
            Step::Read { place: None, .. } => {}
            Step::Read { sources, place: Some(place) } => {
                for source in sources {
                    found(source, self.entries)?.for_each(|found| self.hide(&found, place));
                }
            }
            Step::Copied { sources, place, owner, mode, covers } => {
                let copy = |found: &Found<'_>| Copied {
                    entry: found.entry,
                    owner: owner.clone(),
                    mode: *mode,
                    covers: *covers,
                };
                for source in sources {
                    found(source, self.entries)?
                        .for_each(|found| self.copy(&found, place, copy(&found)));
                }
            }
        }
        Some(())
    }

    /// Something comes to a path or below it that is not of the context.
    fn foreign(&mut self, path: &'a str) {
        for (_, last) in self.last.iter_mut().filter(|(place, _)| is_within(place, path)) {
            cover(&mut self.read, last);
        }
        self.foreign.push(path);
    }

    /// Something comes where an entry may come to, of which nothing more is known.
    fn hide(&mut self, found: &Found<'_>, place: &'a Place) {
        let at = destination(found, place, self.entries);
        if at.is_none() && place.archives {
            self.foreign(&place.path);
        }
        for at in at.map_or_else(|| candidates(found, place), |at| vec![at]) {
            cover(&mut self.read, self.last.entry(at).or_insert(Last::Other));
        }
    }

    fn copy(&mut self, found: &Found<'_>, place: &'a Place, copied: Copied) {
        let entry = &self.entries[found.entry];
        let at = destination(found, place, self.entries);
        let Some(at) = at.filter(|_| !self.read.contains(&found.entry) && is_text(entry)) else {
            self.read.insert(found.entry);
            return self.hide(found, place);
        };
        let covers = copied.covers
            || self.last.contains_key(&at)
            || self.foreign.iter().any(|path| is_within(&at, path));
        self.last.insert(at, Last::Copied(Copied { covers, ..copied }));
    }
}

/// Something may come over what came last to a place. Whether that still shows is not known, so something may be built
/// from it.
fn cover(read: &mut BTreeSet<usize>, last: &mut Last) {
    if let Last::Copied(copied) = std::mem::replace(last, Last::Other) {
        read.insert(copied.entry);
    }
}

/// Whether an entry's name and what it points to can be written as text, as a container's code is.
fn is_text(entry: &Entry) -> bool {
    let target = match &entry.kind {
        Kind::Link(target) => Some(target),
        Kind::Directory | Kind::File => None,
    };
    std::iter::once(&entry.path).chain(target).all(|path| path.to_str().is_some())
}

/// An entry that a source means.
struct Found<'a> {
    entry: usize,
    /// The name of what the source matches.
    name: &'a str,
    /// The entry's path below that; empty for itself.
    below: &'a str,
}

/// The entries that a source means; `None` where it means a link, which is followed.
fn found<'a>(source: &str, entries: &'a [Entry]) -> Option<impl Iterator<Item = Found<'a>>> {
    if source.contains("**") {
        return None;
    }
    let pattern: Vec<&str> = source.split('/').filter(|part| !part.is_empty()).collect();
    let meant = |(index, entry): (usize, &'a Entry)| {
        let mut at = 0;
        for (number, part) in pattern.iter().enumerate() {
            let rest = entry.name.get(at..)?;
            let name = rest.split('/').next().filter(|name| !name.is_empty())?;
            if !matches(part, name) {
                return None;
            }
            at += name.len();
            if number + 1 < pattern.len() || at < entry.name.len() {
                at += 1;
            }
        }
        let below = entry.name.get(at..).unwrap_or_default();
        let name = entry.name.get(..at).unwrap_or(&entry.name).trim_end_matches('/');
        Some(Found { entry: index, name, below })
    };
    let found: Vec<Found<'a>> = entries.iter().enumerate().filter_map(meant).collect();
    let link =
        |one: &Found<'_>| one.below.is_empty() && matches!(entries[one.entry].kind, Kind::Link(_));
    (pattern.is_empty() || !found.iter().any(link)).then(|| found.into_iter())
}

/// Where an entry comes to; `None` where that is not certain.
fn destination(found: &Found<'_>, place: &Place, entries: &[Entry]) -> Option<String> {
    let is_directory = !found.below.is_empty() || entries[found.entry].kind == Kind::Directory;
    if is_directory || found.name.is_empty() {
        return Some(join(&place.path, found.below));
    }
    if place.archives {
        return None;
    }
    let name = found.name.rsplit('/').next().unwrap_or_default();
    if place.directory {
        return Some(join(&place.path, name));
    }
    // Where the image has a directory of this name, the file comes into it.
    let last = place.path.rsplit('/').next().unwrap_or_default();
    let ending = |name: &str| name.rsplit_once('.').map(|(_, ending)| ending.to_owned());
    let file = last == name || ending(last).is_some() && ending(last) == ending(name);
    file.then(|| place.path.clone())
}

/// Every path that an entry may come to whose destination is not certain.
fn candidates(found: &Found<'_>, place: &Place) -> Vec<String> {
    let name = found.name.rsplit('/').next().unwrap_or_default();
    vec![place.path.clone(), join(&place.path, name)]
}

/// Whether a link stands in a source's way, as far as it is no pattern.
fn leads_through_link(context: &Path, source: &str) -> bool {
    let mut path = context.to_owned();
    for part in source.split('/').take_while(|part| !is_pattern(part)) {
        path.push(part);
        if path.is_symlink() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
