//! Why there is no solution, in words: each step names the packages, the versions, and where a
//! requirement was written.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Version;
use pep508_rs::PackageName;
use pubgrub::{DerivationTree, Derived, External, Map, Term};
use version_ranges::Ranges;

use super::problem::Node;
use super::provider::Provider;
use crate::candidate::Unusable;
use crate::no_solution::NoSolution;
use pyfast_packaging::requirement::Source;
use pyfast_packaging::version_range::{describe, is_locals};

type Tree = DerivationTree<Node, Ranges<Version>, String>;
type Fact = External<Node, Ranges<Version>, String>;

/// Why there is no solution (rule 39).
pub(super) fn explain(provider: &Provider<'_>, tree: &Tree) -> NoSolution {
    let mut missing: Vec<PackageName> = provider.missing.borrow().iter().cloned().collect();
    missing.sort();
    // Only versions that were looked for are worth a word.
    let mut sought = BTreeMap::new();
    no_versions(tree, &mut sought, &mut BTreeSet::new());
    let names: BTreeSet<_> = missing.iter().chain(sought.keys()).cloned().collect();
    let unusable = sought.into_iter().filter_map(|(name, range)| {
        let reasons = unusable(provider, &name, &range);
        (!reasons.is_empty()).then_some((name, reasons))
    });
    let unusable = unusable.collect();
    let mut writer = Writer { provider, steps: Vec::new(), explained: BTreeMap::new() };
    let conclusion = writer.tree(tree);
    if writer.steps.is_empty() {
        writer.steps.push(capitalise(&conclusion));
    }
    let (pinned, sought) = (Vec::new(), names.into_iter().collect());
    let (unsearched, region) = (false, None);
    let (steps, unsettled) = (writer.steps, None);
    NoSolution { steps, missing, unsearched, pinned, sought, unsettled, region, unusable }
}

/// The ranges in which no usable version was found, by project.
fn no_versions(
    tree: &Tree,
    found: &mut BTreeMap<PackageName, Ranges<Version>>,
    seen: &mut BTreeSet<usize>,
) {
    match tree {
        DerivationTree::External(External::NoVersions(node, range)) => {
            if let Some(name) = node.name() {
                let known = found.entry(name.clone()).or_insert_with(Ranges::empty);
                *known = known.union(range);
            }
        }
        // A shared part is walked once: the tree may be far larger than what it is made of.
        DerivationTree::Derived(derived) if derived.shared_id.is_none_or(|id| seen.insert(id)) => {
            no_versions(&derived.cause1, found, seen);
            no_versions(&derived.cause2, found, seen);
        }
        _ => {}
    }
}

/// Versions of a project in a range that exist but cannot be used, grouped by reason.
fn unusable(
    provider: &Provider<'_>,
    name: &PackageName,
    range: &Ranges<Version>,
) -> Vec<(Unusable, Vec<Version>)> {
    let Some(page) = provider.page(name) else { return Vec::new() };
    let mut groups: BTreeMap<Unusable, Vec<Version>> = BTreeMap::new();
    for version in page.versions().iter().filter(|version| range.contains(&version.version)) {
        let candidate = provider.problem.selector.candidate(name, version);
        let disallowed = !provider.problem.selector.allows_prereleases(name);
        let mut reason = match candidate.as_ref() {
            Err(reason) => reason.clone(),
            Ok(_) if disallowed && version.version.any_prerelease() => Unusable::Prerelease,
            Ok(_) => continue,
        };
        // Each version has tags of its own; those of the newest are told.
        if let Unusable::Tags(_) = reason
            && let Some(known) = groups.keys().find(|known| matches!(known, Unusable::Tags(_)))
        {
            reason = known.clone();
        }
        groups.entry(reason).or_default().push(version.version.clone());
    }
    groups.into_iter().collect()
}

struct Writer<'a> {
    provider: &'a Provider<'a>,
    steps: Vec<String>,
    /// Conclusions that several steps use.
    explained: BTreeMap<usize, String>,
}

impl Writer<'_> {
    /// Writes the steps that lead to a tree's statement, and gives the statement.
    fn tree(&mut self, tree: &Tree) -> String {
        match tree {
            DerivationTree::External(fact) => self.fact(fact),
            DerivationTree::Derived(derived) => self.derived(derived),
        }
    }

    fn derived(&mut self, derived: &Derived<Node, Ranges<Version>, String>) -> String {
        if let Some(statement) = derived.shared_id.and_then(|id| self.explained.get(&id)) {
            return statement.clone();
        }
        // A chain of derivations is explained from its far end; its facts are gathered in one step.
        let mut facts = Vec::new();
        self.gather(derived, &mut facts);
        facts.dedup();
        let mut statement = self.statement(&derived.terms);
        match &facts[..] {
            // What follows from the last step alone is the same in other words.
            [only] if self.steps.last().is_some_and(|s| s.ends_with(&format!(", {only}."))) => {
                statement.clone_from(only);
            }
            facts => {
                let step = format!("Because {}, {statement}.", join(facts));
                if !self.steps.contains(&step) {
                    self.steps.push(step);
                }
            }
        }
        if let Some(id) = derived.shared_id {
            self.explained.insert(id, statement.clone());
        }
        statement
    }

    fn gather(
        &mut self,
        derived: &Derived<Node, Ranges<Version>, String>,
        facts: &mut Vec<String>,
    ) {
        for (cause, other) in
            [(&derived.cause1, &derived.cause2), (&derived.cause2, &derived.cause1)]
        {
            self.gather_one(cause, other, facts);
        }
    }

    fn gather_one(&mut self, cause: &Tree, other: &Tree, facts: &mut Vec<String>) {
        match cause {
            // That the root is wanted needs no saying.
            DerivationTree::External(External::NotRoot(..)) => {}
            DerivationTree::External(External::NoVersions(_, range)) if is_locals(range) => {}
            // Nor that there are no versions besides those that the other cause is about.
            DerivationTree::External(External::NoVersions(node, range))
                if is_about(other, node) && !self.has_version(node, range) => {}
            DerivationTree::External(fact) => {
                let fact = self.fact(fact);
                if !facts.contains(&fact) {
                    facts.push(fact);
                }
            }
            DerivationTree::Derived(derived) => {
                let small = derived.shared_id.is_none()
                    && is_external(&derived.cause1)
                    && is_external(&derived.cause2);
                if small && facts.len() < 2 {
                    self.gather(derived, facts);
                } else {
                    let statement = self.derived(derived);
                    facts.push(statement);
                }
            }
        }
    }

    fn fact(&self, fact: &Fact) -> String {
        match fact {
            External::NotRoot(..) => "your requirements are what is asked for".to_owned(),
            External::NoVersions(node, range) => self.no_versions(node, range),
            External::Custom(node, range, reason) => {
                format!("{} {reason}", self.shown(node, range))
            }
            External::FromDependencyOf(Node::Root, _, node, range) => self.required(node, range),
            External::FromDependencyOf(Node::Extra(a, extra), range, Node::Project(b), _)
                if a == b =>
            {
                format!("{a}[{extra}]{} is part of {a}", describe(range))
            }
            External::FromDependencyOf(parent, parents, node, range) => {
                let parent = self.shown(parent, parents);
                let mut text = format!("{parent} depends on {}", shown(node, range));
                text.push_str(&self.constrained(node));
                text
            }
        }
    }

    /// `you require a>=1 (requirements.txt:3)`, for each place that requires it.
    fn required(&self, node: &Node, range: &Ranges<Version>) -> String {
        let name = node.name();
        let replaced: Vec<_> =
            name.into_iter().flat_map(|name| self.provider.replaced(name)).collect();
        let places: Vec<String> = self
            .provider
            .active()
            .filter(|requirement| Some(&requirement.name) == name)
            .filter(|_| replaced.is_empty())
            .chain(replaced.iter().copied())
            .filter(|requirement| match node {
                Node::Extra(_, extra) => requirement.extras.contains(extra),
                _ => true,
            })
            .map(|requirement| {
                let text = match &requirement.source {
                    Source::Registry(_) => requirement.to_string(),
                    Source::Wheel(wheel) => wheel.filename.to_string(),
                    Source::Tree(source) => format!("{} @ {}", requirement.name, source.text),
                };
                format!("{text} ({})", requirement.origin)
            })
            .collect();
        let what = if places.is_empty() { shown(node, range) } else { places.join(" and ") };
        format!("you require {what}{}", self.constrained(node))
    }

    fn constrained(&self, node: &Node) -> String {
        let Some((_, constraints)) =
            node.name().and_then(|name| self.provider.constraints.get(name))
        else {
            return String::new();
        };
        let places: Vec<String> = constraints
            .iter()
            .map(|constraint| format!("{constraint} ({})", constraint.origin))
            .collect();
        format!(", constrained to {}", places.join(" and "))
    }

    fn no_versions(&self, node: &Node, range: &Ranges<Version>) -> String {
        let Some(name) = node.name() else { return "nothing is required".to_owned() };
        if self.provider.missing.borrow().contains(name) {
            return format!("{name} was not found on any index");
        }
        if range.is_empty() {
            return format!("no version of {name} satisfies all of that at once");
        }
        let mut reasons = Vec::new();
        for (reason, versions) in unusable(self.provider, name, range) {
            let versions: Vec<&Version> = versions.iter().collect();
            let Some(list) = list(&versions) else { continue };
            reasons.push(match versions[..] {
                [_] => format!("{list} {reason}"),
                _ => format!("{list} {}", reason.of_several()),
            });
        }
        let matching = if *range == Ranges::full() { String::new() } else { describe(range) };
        if reasons.is_empty() {
            let available = self.available(name);
            return format!("there is no version of {name}{matching}{available}");
        }
        format!("no version of {name}{matching} can be used here ({})", reasons.join("; "))
    }

    /// Whether a project has any version in a range.
    fn has_version(&self, node: &Node, range: &Ranges<Version>) -> bool {
        let page = node.name().and_then(|name| self.provider.page(name));
        page.is_some_and(|page| page.versions().iter().any(|known| range.contains(&known.version)))
    }

    /// Versions of a node: the node alone where these are all that there are.
    fn shown(&self, node: &Node, range: &Ranges<Version>) -> String {
        if self.has_version(node, range) && !self.has_version(node, &range.complement()) {
            return node.to_string();
        }
        shown(node, range)
    }

    /// The statement of an incompatibility.
    fn statement(&self, terms: &Map<Node, Term<Ranges<Version>>>) -> String {
        let mut terms: Vec<(&Node, &Term<Ranges<Version>>)> =
            terms.iter().filter(|(node, _)| **node != Node::Root).collect();
        terms.sort_by(|a, b| a.0.cmp(b.0));
        match terms[..] {
            [] => "your requirements cannot be satisfied".to_owned(),
            [(node, Term::Positive(range))] => {
                format!("{} cannot be used", self.shown(node, range))
            }
            [(node, Term::Negative(range))] => format!("{} is needed", shown(node, range)),
            [(a, Term::Positive(range)), (b, Term::Negative(needed))]
            | [(b, Term::Negative(needed)), (a, Term::Positive(range))] => {
                format!("{} needs {}", self.shown(a, range), shown(b, needed))
            }
            _ => {
                let parts: Vec<String> = terms
                    .iter()
                    .map(|(node, term)| match term {
                        Term::Positive(range) => self.shown(node, range),
                        Term::Negative(range) => format!("anything but {}", shown(node, range)),
                    })
                    .collect();
                format!("{} cannot be used together", join(&parts))
            }
        }
    }

    /// The newest versions there are, for a range that matches none.
    fn available(&self, name: &PackageName) -> String {
        let Some(page) = self.provider.page(name) else { return String::new() };
        let versions: Vec<&Version> =
            page.versions().iter().map(|version| &version.version).collect();
        match list(&versions) {
            Some(list) if versions.len() == 1 => format!(" (there is {list})"),
            Some(list) => format!(" (there are {list})"),
            None => " (it has no releases)".to_owned(),
        }
    }
}

/// Whether a cause says something of versions of a node that are chosen.
fn is_about(cause: &Tree, node: &Node) -> bool {
    match cause {
        DerivationTree::External(External::FromDependencyOf(parent, ..)) => parent == node,
        DerivationTree::External(External::Custom(about, ..)) => about == node,
        DerivationTree::External(_) => false,
        DerivationTree::Derived(derived) => {
            matches!(derived.terms.get(node), Some(Term::Positive(_)))
        }
    }
}

fn is_external(tree: &Tree) -> bool {
    matches!(tree, DerivationTree::External(_))
}

/// `a>=1`, `every version of a`.
fn shown(node: &Node, range: &Ranges<Version>) -> String {
    if *range == Ranges::full() { node.to_string() } else { format!("{node}{}", describe(range)) }
}

/// `1.0`, `1.0 and 2.0`, `12 versions from 0.1 to 3.0`; `versions` are newest first.
fn list(versions: &[&Version]) -> Option<String> {
    match versions {
        [] => None,
        [one] => Some(one.to_string()),
        [newer, older] => Some(format!("{older} and {newer}")),
        [newest, .., oldest] => {
            Some(format!("{} versions from {oldest} to {newest}", versions.len()))
        }
    }
}

fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn capitalise(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().collect::<String>() + characters.as_str() + ".",
        None => String::new(),
    }
}
