//! The solver: `PubGrub` over [`Packages`], for one target or for all of a region.
//!
//! A project is one `PubGrub` package; each extra of it is another that depends on the same version
//! of the project. Only decisions shape the result, never the order in which answers arrive (rule 38).

mod gathered;
mod guards;
mod order;
mod problem;
mod provider;
mod report;
mod rules;
mod search;

use pep440_rs::Version;
use pep508_rs::MarkerTree;
use pubgrub::PubGrubError;

use crate::error::Error;
use crate::packages::Packages;
use provider::Provider;

pub(crate) use guards::is_partial;
pub(crate) use problem::{Node, Problem, Solution, Solved, Unsolved};
pub(crate) use rules::{Limits, limits, range_of, replacements};

/// Finds a version for every project that is needed; in a region everything counts that counts for
/// some of it.
///
/// # Errors
/// [`Error::NoSolution`], [`Error::UnknownPackage`], or whatever `packages` fails with. Only regions
/// are split.
pub(crate) fn solve(problem: &Problem<'_>, packages: &dyn Packages) -> Result<Solution, Unsolved> {
    let provider = Provider::new(problem, packages);
    for (node, _) in provider.root_dependencies() {
        if let Node::Project(name) = &node {
            packages.prefetch(name, None);
        }
    }
    loop {
        match pubgrub::resolve(&provider, Node::Root, Version::new([0])) {
            Ok(solution) => {
                let packages = provider.collect(solution.iter())?;
                return Ok(Solution { packages, decisions: provider.search.borrow().decisions() });
            }
            Err(PubGrubError::NoSolution(tree)) => {
                if let Some(on) = provider.guards.cause(&tree) {
                    return Err(Unsolved::Split(on));
                }
                let no_solution = report::explain(&provider, &tree);
                return Err(Error::NoSolution(Box::new(no_solution)).into());
            }
            Err(
                PubGrubError::ErrorRetrievingDependencies { source, .. }
                | PubGrubError::ErrorChoosingVersion { source, .. }
                | PubGrubError::ErrorInShouldCancel(source),
            ) => match source {
                Stop::Failed(error) => return Err(error.into()),
                Stop::Split(on) => return Err(Unsolved::Split(on)),
                Stop::Again => provider.seen.borrow_mut().clear(),
            },
        }
    }
}

/// Why the solver stops before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// Something could not be fetched.
    #[error(transparent)]
    Failed(#[from] Error),
    /// The search is better begun again in another order.
    #[error("the search begins again")]
    Again,
    /// What was met has another meaning for one part of the region than for the other.
    #[error("the region is split")]
    Split(MarkerTree),
}
