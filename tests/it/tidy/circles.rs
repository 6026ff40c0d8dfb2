//! Files that take something from each other, round in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::modules::Module;

/// The circles among these arrows, largest first, each with the modules that are in it.
pub(crate) fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reach: BTreeMap<&Module, BTreeSet<&Module>> =
        arrows.keys().map(|module| (module, reached(module, arrows))).collect();
    let mut circles = BTreeSet::new();
    for (module, reached) in &reach {
        let mutual = reached.iter().filter(|other| reach[**other].contains(module));
        let circle: BTreeSet<Module> = mutual.map(|other| (*other).clone()).collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    let mut circles: Vec<_> = circles.into_iter().collect();
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

/// How many rooms a circle goes through: a parent and its own children are one.
pub(crate) fn rooms(circle: &BTreeSet<Module>) -> usize {
    let parent = |module: &Module| module[..module.len() - 1].to_vec();
    circle.iter().filter(|module| !circle.contains(&parent(module))).count()
}

/// What can be reached from a module by one arrow or more.
fn reached<'a>(
    from: &Module,
    arrows: &'a BTreeMap<Module, BTreeSet<Module>>,
) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = arrows[from].iter().collect();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(&arrows[module]);
        }
    }
    reached
}

/// A circle in words: each arrow in it.
pub(crate) fn in_words(
    circle: &BTreeSet<Module>,
    arrows: &BTreeMap<Module, BTreeSet<Module>>,
) -> String {
    let mut words = format!("{} files:\n", circle.len());
    for module in circle {
        for target in arrows[module].intersection(circle) {
            writeln!(words, "  {} -> {}", module.join("::"), target.join("::")).unwrap();
        }
    }
    words
}
