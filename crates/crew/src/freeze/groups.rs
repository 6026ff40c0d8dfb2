//! Which wheels share a layer of an image. Owns the rule, by which a changed wheel moves no other one: large ones are
//! alone, the others are in a fixed number of groups by their names. Touches nothing.

use std::fmt;

use pyfast_installer::link::Package;
use pyfast_packaging::hash::Sha256;

use crate::error::Error;

/// So many of the largest wheels have layers of their own.
const ALONE: usize = 20;
/// None that is smaller has one, in bytes as it is unpacked.
const LEAST: u64 = 2 << 20;
/// Groups of all others.
const GROUPS: u64 = 12;

/// Wheels of one layer, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) packages: Vec<&'a Package>,
}

impl fmt::Display for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, package) in self.packages.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{} {}", package.name, package.version)?;
        }
        Ok(())
    }
}

/// The pieces of an environment: the large ones by name, then the groups by number.
pub(super) fn pieces(
    packages: &[Package],
    size: impl Fn(&Sha256) -> Result<u64, Error>,
) -> Result<Vec<Piece<'_>>, Error> {
    let mut sized = Vec::with_capacity(packages.len());
    for package in packages {
        sized.push((size(&package.sha256)?, package));
    }
    sized.sort_by(|(size, one), (other_size, other)| {
        other_size.cmp(size).then_with(|| one.name.cmp(&other.name))
    });
    let large = sized.iter().take(ALONE).take_while(|(size, _)| *size >= LEAST).count();
    let mut small: Vec<&Package> = sized.split_off(large).into_iter().map(|(_, one)| one).collect();
    let mut alone: Vec<&Package> = sized.into_iter().map(|(_, one)| one).collect();
    for list in [&mut small, &mut alone] {
        list.sort_by(|one, other| one.name.cmp(&other.name));
    }
    let mut pieces: Vec<Piece<'_>> =
        alone.into_iter().map(|package| Piece { packages: vec![package] }).collect();
    for group in 0..GROUPS {
        let of_group = |package: &&&Package| number(package) == group;
        let packages: Vec<&Package> = small.iter().filter(of_group).copied().collect();
        if !packages.is_empty() {
            pieces.push(Piece { packages });
        }
    }
    Ok(pieces)
}

/// The group of a package, by its normalised name.
fn number(package: &Package) -> u64 {
    let Sha256(digest) = Sha256::of(package.name.as_ref().as_bytes());
    digest.iter().fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % GROUPS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn package(name: &str) -> Package {
        Package {
            name: name.parse().unwrap(),
            version: "1.0".parse().unwrap(),
            filename: format!("{name}-1.0-py3-none-any.whl"),
            sha256: Sha256::of(name.as_bytes()),
            requested: false,
            direct_url: None,
        }
    }

    /// The layers of packages of these sizes in MiB, each by its names.
    fn check(sizes: &[(String, u64)]) -> Vec<String> {
        let packages: Vec<Package> = sizes.iter().map(|(name, _)| package(name)).collect();
        let known: BTreeMap<Sha256, u64> =
            sizes.iter().map(|(name, size)| (Sha256::of(name.as_bytes()), size << 20)).collect();
        let pieces = pieces(&packages, |wheel| Ok(known[wheel])).unwrap();
        pieces.iter().map(ToString::to_string).collect()
    }

    fn named(size: u64, names: std::ops::Range<u64>) -> Vec<(String, u64)> {
        names.map(|number| (format!("p{size}-{number:03}"), size)).collect()
    }

    #[test]
    fn the_largest_are_alone_and_there_are_never_more_than_their_number_and_the_groups() {
        let sizes = [named(1, 0..200), named(2, 0..30), named(9, 0..5)].concat();
        let made = check(&sizes);
        assert_eq!(made.len(), 32);
        assert_eq!(made[..5].iter().filter(|name| name.starts_with("p2-")).count(), 5, "{made:?}");
        assert!(made[..20].iter().all(|piece| !piece.contains(',')), "{made:?}");
        assert_eq!(made[..20].iter().filter(|name| name.starts_with("p9-")).count(), 5);
        let in_all: usize = made.iter().map(|piece| piece.split(", ").count()).sum();
        assert_eq!(in_all, sizes.len());
        assert_eq!(check(&[]), Vec::<String>::new());
    }

    #[test]
    fn a_package_that_comes_changes_its_own_layer_alone() {
        let before = check(&[named(1, 0..60), named(5, 0..4)].concat());
        let small = check(&[named(1, 0..61), named(5, 0..4)].concat());
        let other = small.iter().filter(|piece| !before.contains(piece)).count();
        assert_eq!((other, small.len()), (1, before.len()), "{small:?}");
        let large = check(&[named(1, 0..60), named(5, 0..5)].concat());
        let new: Vec<_> = large.iter().filter(|piece| !before.contains(piece)).collect();
        assert_eq!(new, ["p5-004 1.0"]);
    }

    #[test]
    fn the_order_of_the_lock_does_not_matter() {
        let mut sizes = [named(1, 0..40), named(3, 0..25)].concat();
        let sorted = check(&sizes);
        sizes.reverse();
        assert_eq!(check(&sizes), sorted);
    }
}
