//! The quality of a search: which decision keeps standing in the way of others, and so is better taken
//! after them. Knows nothing of the solver's inner life; it sees decisions and what they need.
//!
//! A project named early takes its newest version, and another may then have to go back to an ancient
//! one, version by version, although one step back of the first would have done. Whoever is to blame
//! for [`PATIENCE`] versions of others that were looked at in vain is decided late, and the search
//! begins again. That happens once for each project, so a search ends. Only decisions count, never
//! the order in which answers arrive.

use pep440_rs::Version;
use pep508_rs::PackageName;
use rustc_hash::{FxHashMap, FxHashSet};
use version_ranges::Ranges;

/// How many versions are looked at in vain before the search begins again.
const PATIENCE: u32 = 5;

/// What is known of a search over all its runs.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Projects that are decided after all others.
    late: FxHashSet<PackageName>,
    /// Versions that were decided on, over all runs.
    decisions: usize,
    run: Run,
}

/// What is known since the search last began.
#[derive(Debug, Default)]
struct Run {
    /// The version last decided on; a decision may have been taken back since.
    decided: FxHashMap<PackageName, Version>,
    /// How many versions of a project were decided on.
    tries: FxHashMap<PackageName, usize>,
    /// By project, what is wanted of it.
    wishes: FxHashMap<PackageName, Vec<Wish>>,
    /// How many versions of others a project's decision ruled out.
    blame: FxHashMap<PackageName, u32>,
    /// Whether the search is better begun again.
    again: bool,
}

/// A project and the version that was decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The project.
    pub(crate) name: PackageName,
    /// Its version.
    pub(crate) version: Version,
}

/// What a version of a project, or the user, wants of another project.
#[derive(Debug)]
struct Wish {
    by: Option<Decision>,
    range: Ranges<Version>,
}

impl Search {
    /// Takes note of a decision, and tells how many there were for this project.
    pub(crate) fn decided(&mut self, name: &PackageName, version: &Version) -> usize {
        self.decisions += 1;
        self.run.decided.insert(name.clone(), version.clone());
        let tries = self.run.tries.entry(name.clone()).or_default();
        *tries += 1;
        *tries
    }

    /// The version last decided on.
    pub(crate) fn decision(&self, name: &PackageName) -> Option<&Version> {
        self.run.decided.get(name)
    }

    /// How many versions were decided on, final or not.
    pub(crate) fn decisions(&self) -> usize {
        self.decisions
    }

    /// Whether a project is better decided after all others.
    pub(crate) fn is_late(&self, name: &PackageName) -> bool {
        self.late.contains(name)
    }

    /// Whether the search is to begin again; it forgets the run then.
    pub(crate) fn begins_again(&mut self) -> bool {
        let again = self.run.again;
        if again {
            self.run = Run::default();
        }
        again
    }

    /// Takes note of what the user wants of a project: nobody is to blame for that.
    pub(crate) fn asked(&mut self, needed: &PackageName, range: &Ranges<Version>) {
        self.wish(needed, Wish { by: None, range: range.clone() });
    }

    /// Takes note of what a version needs. `fixed` tells of decisions that are the user's own.
    pub(crate) fn needs(
        &mut self,
        parent: &Decision,
        needed: &PackageName,
        range: &Ranges<Version>,
        fixed: impl Fn(&Decision) -> bool,
    ) {
        if parent.name == *needed {
            return;
        }
        // Who is decided late is the one to give way, and blames nobody for it. A decision that is the
        // user's own pin is not to blame either: decided later it would be the same.
        if !self.is_late(&parent.name)
            && let Some(culprit) = self.culprit(needed, range)
            && culprit.name != parent.name
            && !fixed(&culprit)
        {
            let blame = self.run.blame.entry(culprit.name.clone()).or_default();
            *blame += 1;
            // Once late, always late: else two that blame each other would take turns for ever.
            if *blame >= PATIENCE && self.late.insert(culprit.name) {
                self.run.again = true;
            }
        }
        self.wish(needed, Wish { by: Some(parent.clone()), range: range.clone() });
    }

    fn wish(&mut self, needed: &PackageName, wish: Wish) {
        let wishes = self.run.wishes.entry(needed.clone()).or_default();
        // Versions of the same project that were given up want nothing any more.
        if let Some(Decision { name, version }) = &wish.by {
            wishes.retain(|known| {
                known.by.as_ref().is_none_or(|by| by.name != *name || by.version == *version)
            });
        }
        wishes.push(wish);
    }

    /// Whose decision keeps `needed` out of `range`: its own, or that of another who wants it elsewhere.
    fn culprit(&self, needed: &PackageName, range: &Ranges<Version>) -> Option<Decision> {
        let wishes = || self.run.wishes.get(needed).into_iter().flatten();
        // Wishes that have versions in common with the range leave a choice, and nobody is to blame yet.
        let mut against = wishes().filter(|wish| wish.range.is_disjoint(range));
        // What the user wants no other order of decisions will change.
        if against.clone().any(|wish| wish.by.is_none()) {
            return None;
        }
        // Who gives way already was made to take its version by somebody else.
        if !self.is_late(needed)
            && let Some(decided) = self.decision(needed).filter(|decided| !range.contains(decided))
        {
            return Some(Decision { name: needed.clone(), version: decided.clone() });
        }
        let stands = |by: &&Decision| self.decision(&by.name) == Some(&by.version);
        against.find_map(|wish| wish.by.as_ref().filter(stands).cloned())
    }
}

#[cfg(test)]
mod tests;
