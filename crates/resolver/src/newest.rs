//! The newest version of projects, whatever anything requires of them.

use pyfast_packaging::target::Target;
use std::collections::BTreeMap;
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::PackageName;
use version_ranges::Ranges;

use crate::candidate::{Policy, Selector};
use crate::error::Error;
use crate::packages::Packages;
use crate::registry::Registry;
use crate::resolution::ROUNDS;
use crate::tools::LockTools;

/// The newest version of each project that the policy allows for a target; projects without one are left
/// out. All pages are asked for at once.
///
/// Waits, so it must be called outside of the tools' runtime.
///
/// # Errors
/// What fetching a page fails with.
pub fn newest(
    names: &[PackageName],
    target: &Target,
    policy: &Policy,
    tools: &LockTools,
) -> Result<BTreeMap<PackageName, Version>, Error> {
    let selector = Selector::new(target.clone(), policy.clone());
    let registry = &Registry::new(tools, Arc::new(selector));
    for name in names {
        registry.prefetch(name, None);
    }
    for name in names {
        registry.page(name)?;
    }
    // Pages that were stale are news here, so all have to be settled before any is looked at; and one that
    // is found damaged then is another one afterwards.
    registry.settle()?;
    let mut newest = best_of(registry, names)?;
    for _ in 1..ROUNDS {
        if registry.settle()?.is_empty() {
            break;
        }
        newest = best_of(registry, names)?;
    }
    Ok(newest)
}

fn best_of(
    registry: &Registry<'_>,
    names: &[PackageName],
) -> Result<BTreeMap<PackageName, Version>, Error> {
    let mut newest = BTreeMap::new();
    for name in names {
        let Some(page) = registry.page(name)? else { continue };
        let best = registry.selector().select(name, &page, &Ranges::full());
        if let Some(Ok(candidate)) = best.as_deref() {
            newest.insert(name.clone(), candidate.version.clone());
        }
    }
    Ok(newest)
}
