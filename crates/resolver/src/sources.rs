//! Where packages are looked for. Knows nothing of how anything is fetched.

use std::collections::BTreeMap;
use std::ops::Range;

use pep508_rs::{MarkerTree, PackageName};
use pyfast_packaging::target::Target;
use url::Url;

use crate::error::Error;

/// How several indexes are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexStrategy {
    /// The first index that has the project has all its versions.
    #[default]
    FirstIndex,
    /// An earlier index' versions are preferred, a later one's are used where none fits.
    UnsafeFirstMatch,
    /// The best version of any index.
    UnsafeBestMatch,
}

/// Where packages are looked for.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Indexes without credentials: those that are searched for everything, in the order of
    /// preference, and then those that only have what is pinned to them.
    pub indexes: Vec<Url>,
    /// How many indexes at the end of the list are only for what is pinned to them.
    pub reserved: usize,
    /// Packages that are looked for in one index alone, by its place in the list, each with where that counts.
    pub pins: BTreeMap<PackageName, Vec<(MarkerTree, usize)>>,
    /// How they are searched.
    pub strategy: IndexStrategy,
    /// Directories and pages of files.
    pub find_links: Vec<String>,
}

impl Sources {
    /// The indexes that a project is looked for in, by their places in the list.
    pub(crate) fn searched(&self, name: &PackageName) -> Range<usize> {
        match self.pinned(name) {
            Some(place) => place..place + 1,
            None => 0..self.indexes.len().saturating_sub(self.reserved),
        }
    }

    /// The one index that a project is looked for in. Of several that count in different places the first is, until
    /// [`Sources::settled`] has decided.
    pub(crate) fn pinned(&self, name: &PackageName) -> Option<usize> {
        Some(self.pins.get(name)?.first()?.1)
    }

    /// Where a package is looked for in one index alone.
    pub fn pinned_where(&self, name: &PackageName) -> MarkerTree {
        let pins = self.pins.get(name).into_iter().flatten();
        pins.fold(MarkerTree::FALSE, |mut known, (marker, _)| {
            known.or(marker.clone());
            known
        })
    }

    /// The same with one index at most for each package: the one that counts for the targets, or everywhere where
    /// there are none.
    ///
    /// # Errors
    /// [`Error::PinsDiffer`] where not one can stand for all of them: packages are fetched once for all.
    pub(crate) fn settled(&self, targets: &[&Target]) -> Result<Self, Error> {
        let mut settled = Self { pins: BTreeMap::new(), ..self.clone() };
        for (name, pins) in &self.pins {
            let counting = |target: &&Target| {
                let pin = pins.iter().find(|(marker, _)| marker.evaluate(&target.markers, &[]));
                pin.map(|(_, place)| *place)
            };
            let mut places: Vec<Option<usize>> = targets.iter().map(counting).collect();
            if targets.is_empty()
                && let [(marker, place)] = &pins[..]
                && marker.is_true()
            {
                places.push(Some(*place));
            }
            places.dedup();
            let [place] = places[..] else {
                return Err(Error::PinsDiffer { name: name.clone() });
            };
            let pin = place.map(|place| (name.clone(), vec![(MarkerTree::TRUE, place)]));
            settled.pins.extend(pin);
        }
        Ok(settled)
    }

    /// The same, and the locations of files, for people.
    pub(crate) fn searched_places(&self, name: &PackageName) -> Vec<String> {
        let indexes = self.indexes[self.searched(name)].iter();
        if self.pinned(name).is_some() {
            return indexes.map(|index| format!("{index}, which it is pinned to")).collect();
        }
        let flat =
            self.find_links.iter().map(|location| pyfast_packaging::safe_url::shown(location));
        indexes.map(ToString::to_string).chain(flat).collect()
    }
}
