//! Which package of a lock needs which. Must not know how that is drawn.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pyfast_packaging::PackageName;
use pyfast_resolver::{Lock, LockedPackage};

/// Packages with those that stand below them.
pub struct Graph<'a> {
    packages: BTreeMap<&'a PackageName, &'a LockedPackage>,
    below: BTreeMap<&'a PackageName, Vec<&'a PackageName>>,
    /// Whether what is below needs what is above.
    inverted: bool,
}

impl<'a> Graph<'a> {
    /// Of each package the ones that it needs; inverted, the ones that need it.
    pub fn new(lock: &'a Lock, inverted: bool) -> Self {
        let packages: BTreeMap<_, _> =
            lock.packages.iter().map(|package| (&package.name, package)).collect();
        let mut below: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for package in &lock.packages {
            for dependency in package.dependencies.iter().filter(|name| packages.contains_key(name))
            {
                let (upper, lower) = if inverted {
                    (dependency, &package.name)
                } else {
                    (&package.name, dependency)
                };
                below.entry(upper).or_default().push(lower);
            }
        }
        Self { packages, below, inverted }
    }

    /// What stands below a package.
    pub fn below(&self, name: &PackageName) -> &[&'a PackageName] {
        self.below.get(name).map_or(&[], Vec::as_slice)
    }

    /// Where the tree begins: what the user asked for and whatever nothing leads to, so that every
    /// package is shown. A circle that nothing leads to is entered at its first package.
    pub fn roots(&self) -> Vec<PackageName> {
        let led_to: BTreeSet<_> = self.below.values().flatten().copied().collect();
        let requested = |package: &LockedPackage| package.requested && !self.inverted;
        let first =
            |package: &&LockedPackage| requested(package) || !led_to.contains(&package.name);
        let mut roots: Vec<&PackageName> =
            self.packages.values().copied().filter(first).map(|package| &package.name).collect();
        let mut reached = BTreeSet::new();
        for root in &roots {
            self.reach(root, &mut reached);
        }
        let mut circles: Vec<&PackageName> = Vec::new();
        for name in self.packages.keys() {
            if !reached.contains(name) {
                let mut own = BTreeSet::new();
                self.reach(name, &mut own);
                // An earlier circle that this one leads to needs no entry of its own.
                circles.retain(|entry| !own.contains(entry));
                circles.push(name);
                reached.append(&mut own);
            }
        }
        roots.extend(circles);
        roots.into_iter().cloned().collect()
    }

    fn reach(&self, from: &'a PackageName, reached: &mut BTreeSet<&'a PackageName>) {
        let mut pending = vec![from];
        while let Some(name) = pending.pop() {
            if reached.insert(name) {
                pending.extend(self.below(name));
            }
        }
    }

    /// A package.
    pub fn package(&self, name: &PackageName) -> Option<&'a LockedPackage> {
        self.packages.get(name).copied()
    }

    /// All packages, by their names.
    pub fn packages(&self) -> impl Iterator<Item = &'a LockedPackage> {
        self.packages.values().copied()
    }
}

/// Who needs a package: for each that does the shortest way there from a requirement of the user's, and the package
/// alone where it is one itself.
pub fn chains(lock: &Lock, name: &PackageName) -> Vec<Vec<String>> {
    let ways = ways(lock);
    let mut chains = Vec::new();
    if lock.packages.iter().any(|package| package.requested && package.name == *name) {
        chains.push(vec![name.to_string()]);
    }
    let parents = lock.packages.iter().filter(|package| package.dependencies.contains(name));
    let mut parents: Vec<&PackageName> = parents.map(|package| &package.name).collect();
    parents.dedup();
    for parent in parents.into_iter().filter(|parent| *parent != name) {
        let Some(mut chain) = way(&ways, parent) else { continue };
        // What the package needs itself is no reason for it.
        if !chain.contains(&name.to_string()) {
            chain.push(name.to_string());
            chains.push(chain);
        }
    }
    chains
}

/// By whom each package is reached first from the requirements; `None` for those themselves.
fn ways(lock: &Lock) -> BTreeMap<&PackageName, Option<&PackageName>> {
    let roots = lock.packages.iter().filter(|package| package.requested);
    let mut ways: BTreeMap<_, _> = roots.map(|root| (&root.name, None)).collect();
    let mut open: VecDeque<&PackageName> = ways.keys().copied().collect();
    while let Some(name) = open.pop_front() {
        let same = lock.packages.iter().filter(|package| package.name == *name);
        for next in same.flat_map(|package| &package.dependencies) {
            ways.entry(next).or_insert_with(|| {
                open.push_back(next);
                Some(name)
            });
        }
    }
    ways
}

/// The way to a package, from a requirement on.
fn way(
    ways: &BTreeMap<&PackageName, Option<&PackageName>>,
    to: &PackageName,
) -> Option<Vec<String>> {
    let mut chain = vec![to.to_string()];
    let mut before = *ways.get(to)?;
    while let Some(name) = before {
        chain.insert(0, name.to_string());
        before = *ways.get(name)?;
    }
    Some(chain)
}
