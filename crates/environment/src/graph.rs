//! Which package of a lock needs which. Must not know how that is drawn.

use std::collections::{BTreeMap, BTreeSet};

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

/// For each requirement of the user's that leads to `name`, the shortest way there.
pub fn chains(lock: &Lock, name: &PackageName) -> Vec<Vec<String>> {
    let roots = lock.packages.iter().filter(|package| package.requested);
    roots.filter_map(|root| shortest(lock, &root.name, name)).collect()
}

fn shortest(lock: &Lock, from: &PackageName, to: &PackageName) -> Option<Vec<String>> {
    let mut seen = BTreeSet::from([from.clone()]);
    let mut ways = vec![vec![from.clone()]];
    while !ways.is_empty() {
        if let Some(way) = ways.iter().find(|way| way.last() == Some(to)) {
            return Some(way.iter().map(ToString::to_string).collect());
        }
        let mut longer = Vec::new();
        for way in &ways {
            let package = lock.packages.iter().find(|package| Some(&package.name) == way.last());
            for next in package.into_iter().flat_map(|package| &package.dependencies) {
                if seen.insert(next.clone()) {
                    longer.push(way.iter().chain([next]).cloned().collect());
                }
            }
        }
        ways = longer;
    }
    None
}
