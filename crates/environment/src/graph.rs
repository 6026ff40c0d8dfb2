//! Which package of a lock needs which. Must not know how that is drawn.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pyfast_installer::prefix::NativePackage;
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

/// Who needs a package of a lock: for each that does the shortest way there from a requirement of the user's, and the
/// package alone where it is one itself.
pub fn chains(lock: &Lock, name: &PackageName) -> Vec<Vec<String>> {
    let mut needs = Needs::default();
    for package in &lock.packages {
        let of = needs.of.entry(package.name.as_ref()).or_default();
        of.extend(package.dependencies.iter().map(AsRef::<str>::as_ref));
        needs.asked.extend(package.requested.then(|| package.name.as_ref()));
    }
    needs.chains(name.as_ref())
}

/// The same of packages of channels, of which Python is asked for, and what is wanted besides.
pub fn native_chains(
    packages: &[NativePackage],
    wanted: &[String],
    name: &str,
) -> Vec<Vec<String>> {
    let wanted = wanted.iter().map(|wanted| NativePackage::name_in(wanted));
    let asked: BTreeSet<&str> = wanted.chain(["python"]).collect();
    let mut needs = Needs::default();
    for package in packages {
        let of = package.depends.iter().map(|need| NativePackage::name_in(need));
        needs.of.insert(&package.name, of.collect());
        needs.asked.extend(asked.contains(&*package.name).then_some(&*package.name));
    }
    needs.chains(name)
}

/// Which packages need which, by their names.
#[derive(Default)]
struct Needs<'a> {
    /// Those that somebody asked for.
    asked: BTreeSet<&'a str>,
    of: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Needs<'a> {
    fn chains(&self, name: &str) -> Vec<Vec<String>> {
        let ways = self.ways();
        let mut chains = Vec::new();
        if self.asked.contains(name) {
            chains.push(vec![name.to_owned()]);
        }
        let parents = self.of.iter().filter(|(parent, of)| **parent != name && of.contains(&name));
        for (parent, _) in parents {
            let Some(mut chain) = way(&ways, parent) else { continue };
            // What the package needs itself is no reason for it.
            if !chain.iter().any(|one| one == name) {
                chain.push(name.to_owned());
                chains.push(chain);
            }
        }
        chains
    }

    /// By whom each package is reached first from those that are asked for; `None` for those themselves.
    fn ways(&self) -> BTreeMap<&'a str, Option<&'a str>> {
        let mut ways: BTreeMap<_, _> = self.asked.iter().map(|&root| (root, None)).collect();
        let mut open: VecDeque<&str> = ways.keys().copied().collect();
        while let Some(name) = open.pop_front() {
            for &next in self.of.get(name).into_iter().flatten() {
                ways.entry(next).or_insert_with(|| {
                    open.push_back(next);
                    Some(name)
                });
            }
        }
        ways
    }
}

/// The way to a package, from what is asked for on.
fn way(ways: &BTreeMap<&str, Option<&str>>, to: &str) -> Option<Vec<String>> {
    let mut chain = vec![to.to_owned()];
    let mut before = *ways.get(to)?;
    while let Some(name) = before {
        chain.insert(0, name.to_owned());
        before = *ways.get(name)?;
    }
    Some(chain)
}
