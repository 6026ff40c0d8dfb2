//! That there is no solution, as data. Made by the solver, which alone knows why.

use std::collections::BTreeMap;
use std::fmt;

use pep440_rs::Version;
use pep508_rs::PackageName;
use url::Url;

use crate::candidate::Unusable;

/// Why there is no solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSolution {
    /// The reasoning, one step each, from facts to the conclusion.
    pub steps: Vec<String>,
    /// Projects that no index has.
    pub missing: Vec<PackageName>,
    /// Whether there are indexes that were not searched, because an earlier one has the project.
    pub unsearched: bool,
    /// Projects of which versions were looked for in vain, each in the one index it is pinned to.
    pub pinned: Vec<(PackageName, Url)>,
    /// All projects of which versions were looked for in vain.
    pub sought: Vec<PackageName>,
    /// Why cached index pages were used as they are, which may lack what is newer.
    pub unsettled: Option<String>,
    /// The part of a region for which there is none, as a marker.
    pub region: Option<String>,
    /// What keeps existing versions from being used, by project.
    pub unusable: BTreeMap<PackageName, Vec<(Unusable, Vec<Version>)>>,
}

impl fmt::Display for NoSolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(region) = &self.region {
            writeln!(f, "  For `{region}`:")?;
        }
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "  {step}")?;
        }
        Ok(())
    }
}
