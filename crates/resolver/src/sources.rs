//! Where packages are looked for. Knows nothing of how anything is fetched.

use std::collections::BTreeMap;
use std::ops::Range;

use pep508_rs::PackageName;
use url::Url;

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
    /// Packages that are looked for in one index alone, by its place in the list.
    pub pins: BTreeMap<PackageName, usize>,
    /// How they are searched.
    pub strategy: IndexStrategy,
    /// Directories and pages of files.
    pub find_links: Vec<String>,
}

impl Sources {
    /// The indexes that a project is looked for in, by their places in the list.
    pub(crate) fn searched(&self, name: &PackageName) -> Range<usize> {
        match self.pins.get(name) {
            Some(place) => *place..place + 1,
            None => 0..self.indexes.len().saturating_sub(self.reserved),
        }
    }

    /// The same, and the locations of files, for people.
    pub(crate) fn searched_places(&self, name: &PackageName) -> Vec<String> {
        let indexes = self.indexes[self.searched(name)].iter();
        if self.pins.contains_key(name) {
            return indexes.map(|index| format!("{index}, which it is pinned to")).collect();
        }
        let flat =
            self.find_links.iter().map(|location| pyfast_packaging::safe_url::shown(location));
        indexes.map(ToString::to_string).chain(flat).collect()
    }
}
