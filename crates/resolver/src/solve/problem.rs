//! What is to be solved, and what comes out of it: data alone, which the parts of the solver share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use pep508_rs::{ExtraName, MarkerTree, PackageName};
use pyfast_packaging::metadata::Metadata;
use pyfast_packaging::requirement::Requirement;
use pyfast_packaging::scope::Scope;

use crate::candidate::{Candidate, Selector};
use crate::error::Error;

/// A node of the solver.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Node {
    /// What the user asked for.
    Root,
    /// A project.
    Project(PackageName),
    /// An extra of a project.
    Extra(PackageName, ExtraName),
}

impl Node {
    /// A project, or an extra of it.
    pub(crate) fn of(name: &PackageName, extra: Option<&ExtraName>) -> Self {
        match extra {
            None => Self::Project(name.clone()),
            Some(extra) => Self::Extra(name.clone(), extra.clone()),
        }
    }

    pub(crate) fn name(&self) -> Option<&PackageName> {
        match self {
            Self::Root => None,
            Self::Project(name) | Self::Extra(name, _) => Some(name),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("your requirements"),
            Self::Project(name) => write!(f, "{name}"),
            Self::Extra(name, extra) => write!(f, "{name}[{extra}]"),
        }
    }
}

/// What was found, and what it took.
#[derive(Debug, Default)]
pub(crate) struct Solution {
    pub(crate) packages: BTreeMap<PackageName, Solved>,
    /// How many versions were decided on, final or not: the measure of a search.
    pub(crate) decisions: usize,
}

/// A package of the solution.
#[derive(Debug, Clone)]
pub(crate) struct Solved {
    pub(crate) candidate: Candidate,
    pub(crate) extras: Vec<ExtraName>,
    pub(crate) metadata: Arc<Metadata>,
}

/// What is to be solved.
pub(crate) struct Problem<'a> {
    pub(crate) requirements: &'a [Requirement],
    pub(crate) constraints: &'a [Requirement],
    pub(crate) overrides: &'a [Requirement],
    /// Projects that are left out wherever they are asked for.
    pub(crate) excludes: &'a BTreeSet<PackageName>,
    pub(crate) selector: &'a Selector,
    pub(crate) no_deps: bool,
}

/// Why a search has no solution.
#[derive(Debug)]
pub(crate) enum Unsolved {
    /// There is none, or something failed.
    Failed(Error),
    /// There is none for the whole region, but perhaps one for each of the two parts that this marker
    /// divides it into.
    Split(MarkerTree),
}

impl Unsolved {
    /// Why there is no solution for a target.
    pub(crate) fn of_target(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Split(_) => unreachable!("only regions are split"),
        }
    }
}

impl From<Error> for Unsolved {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Problem<'_> {
    pub(crate) fn scope(&self) -> &Scope {
        self.selector.scope()
    }

    /// Whether a line of the user's counts.
    pub(crate) fn applies(&self, marker: &MarkerTree) -> bool {
        self.scope().applies(marker, &[])
    }
}
