//! The newest version of projects, whatever anything requires of them.

use std::collections::BTreeMap;

use pep440_rs::Version;
use pep508_rs::PackageName;
use version_ranges::Ranges;

use crate::error::Error;
use crate::packages::Packages;
use crate::registry::Registry;
use crate::resolution::ROUNDS;

/// The newest version of each project that the registry's selector finds usable; projects without one
/// are left out. All pages are asked for at once.
///
/// Must be called outside the registry's runtime, because it waits.
///
/// # Errors
/// What fetching a page fails with.
pub fn newest(
    registry: &Registry,
    names: &[PackageName],
) -> Result<BTreeMap<PackageName, Version>, Error> {
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
    registry: &Registry,
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
