//! Which projects earlier resolutions needed: lets a resolution with an empty page cache ask for the
//! whole graph at once instead of one wave per depth. Hints never change a result.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::PackageName;
use url::Url;

use pyfast_index::cache::Cache;

/// Projects with the projects they depended on.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    known: BTreeMap<PackageName, BTreeSet<PackageName>>,
}

impl Hints {
    pub(crate) fn load(cache: &Cache, index: &Url) -> Self {
        let known = cache.hints(index).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { known: known.unwrap_or_default() }
    }

    pub(crate) fn store(&self, cache: &Cache, index: &Url) {
        if let Ok(bytes) = serde_json::to_vec(&self.known) {
            cache.store_hints(index, &bytes);
        }
    }

    /// Takes in a resolution; says whether it brought anything new.
    pub(crate) fn learn(
        &mut self,
        resolution: impl Iterator<Item = (PackageName, Vec<PackageName>)>,
    ) -> bool {
        let mut new = false;
        for (name, dependencies) in resolution {
            let dependencies: BTreeSet<PackageName> = dependencies.into_iter().collect();
            if self.known.get(&name) != Some(&dependencies) {
                self.known.insert(name, dependencies);
                new = true;
            }
        }
        new
    }

    /// All projects that are known.
    pub(crate) fn names(self) -> BTreeSet<PackageName> {
        let (parents, children): (Vec<_>, Vec<_>) = self.known.into_iter().unzip();
        parents.into_iter().chain(children.into_iter().flatten()).collect()
    }

    /// The projects and all that they needed, directly or not.
    pub(crate) fn closure(
        &self,
        names: impl Iterator<Item = PackageName>,
    ) -> BTreeSet<PackageName> {
        let mut closure = BTreeSet::new();
        let mut pending: Vec<PackageName> =
            names.filter(|name| self.known.contains_key(name)).collect();
        while let Some(name) = pending.pop() {
            let dependencies = self.known.get(&name).into_iter().flatten();
            pending.extend(dependencies.filter(|name| !closure.contains(*name)).cloned());
            closure.insert(name);
        }
        closure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PackageName {
        text.parse().expect("a name")
    }

    #[test]
    fn the_closure_follows_what_was_learnt() {
        let mut hints = Hints::default();
        let lesson = [("a", vec!["b"]), ("b", vec!["a", "c"]), ("c", vec![]), ("d", vec!["e"])];
        let lesson: Vec<_> = lesson
            .into_iter()
            .map(|(parent, children)| (name(parent), children.into_iter().map(name).collect()))
            .collect();
        assert!(hints.learn(lesson.clone().into_iter()));
        assert!(!hints.learn(lesson.into_iter()));
        let closure: Vec<String> = hints
            .closure([name("a"), name("x")].into_iter())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(closure, ["a", "b", "c"]);
    }
}
