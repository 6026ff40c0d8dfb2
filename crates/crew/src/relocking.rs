//! A lock that takes the place of another. Owns what is a change of one, and what of it may be upgraded; must not know how
//! a lock is made.

use std::collections::BTreeMap;
use std::path::Path;

use pyfast_environment::report::{Changes, Listed};
use pyfast_packaging::PackageName;
use pyfast_resolver::{Lock, Pin};
use pyfast_settings::ResolveFlags;

use crate::error::Error;
use crate::nearest::nearest;

/// What a new lock has that the one before has not.
pub(crate) fn changes(before: &[Pin], after: &Lock) -> Changes {
    Changes::between(&listed(before), &listed(&after.pins()))
}

/// Each package once, with all of its versions: a lock for several targets may have several.
fn listed(pins: &[Pin]) -> Vec<Listed> {
    let mut versions: BTreeMap<&PackageName, Vec<String>> = BTreeMap::new();
    for pin in pins {
        let known = versions.entry(&pin.name).or_default();
        let version = pin.version.to_string();
        if !known.contains(&version) {
            known.push(version);
        }
    }
    let one = |(name, mut versions): (&PackageName, Vec<String>)| {
        versions.sort();
        Listed { name: name.to_string(), version: versions.join(", ") }
    };
    versions.into_iter().map(one).collect()
}

/// Whether all that is to be upgraded is in the lock.
///
/// # Errors
/// [`Error::NotLocked`].
pub(crate) fn check_upgrades(
    resolve: &ResolveFlags,
    kept: &[Pin],
    lock: &Path,
) -> Result<(), Error> {
    let is_locked = |name: &PackageName| kept.iter().any(|pin| pin.name == *name);
    let Some(name) = resolve.upgraded().find(|name| !is_locked(name)) else { return Ok(()) };
    let near = nearest(name.as_ref(), kept.iter().map(|pin| &pin.name)).cloned();
    let lock = format!("the lock `{}`", lock.display());
    Err(Error::NotLocked { name: name.clone(), near, lock })
}

#[cfg(test)]
mod tests {
    use pyfast_packaging::{MarkerTree, Version};

    use super::*;

    #[test]
    fn versions_of_several_targets_are_one_package() {
        let pin = |name: &str, version: &str| Pin {
            name: name.parse().unwrap(),
            version: version.parse::<Version>().unwrap(),
            marker: MarkerTree::TRUE,
            tree: None,
        };
        let before = listed(&[pin("a", "2"), pin("a", "1"), pin("a", "2"), pin("b", "1")]);
        assert_eq!(before[0].version, "1, 2");
        let after = listed(&[pin("a", "1"), pin("a", "2")]);
        let changes = Changes::between(&before, &after);
        assert_eq!((changes.updated.len(), changes.removed.len()), (0, 1));
    }
}
