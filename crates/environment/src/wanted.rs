//! In which order the modules of a generation will be wanted. Owns that order alone; must not know what is done in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pyfast_installer::Error;
use pyfast_installer::generation::Generation;
use pyfast_packaging::PackageName;
use pyfast_packaging::hash::Sha256;
use pyfast_resolver::{Lock, LockedPackage};
use pyfast_root::Root;

/// The wheels of a generation, each behind what it needs itself.
///
/// A service begins by importing something that its requirements name, with all that this needs. Which one, nobody says;
/// the one that is whole soonest keeps the fewest waiting. So it begins with the requirement that brings least.
pub(crate) fn order(root: &Root, generation: &Generation) -> Result<Vec<Sha256>, Error> {
    let spec = generation.spec(root)?;
    let text = String::from_utf8(generation.lock_text(root)?).unwrap_or_default();
    let lock = Lock::from_toml(&text, Path::new("/pylock.toml"), &spec.interpreter.target());
    let packages = lock.map(|lock| lock.packages).unwrap_or_default();
    let names = in_order(&packages);
    let place = |name: &PackageName| names.iter().position(|one| *one == name);
    let mut wheels: Vec<_> =
        spec.packages.iter().map(|package| (place(&package.name), package.sha256)).collect();
    // Whatever the lock does not know comes last, as nothing is known of it.
    wheels.sort_by_key(|(place, _)| place.unwrap_or(usize::MAX));
    Ok(wheels.into_iter().map(|(_, sha256)| sha256).collect())
}

/// Every package that a requirement brings, with what it needs in front of it, the smallest requirements first.
fn in_order(packages: &[LockedPackage]) -> Vec<&PackageName> {
    let known: BTreeMap<&PackageName, &LockedPackage> =
        packages.iter().map(|package| (&package.name, package)).collect();
    let brought = |package: &LockedPackage| {
        let mut brought = Vec::new();
        reach(&package.name, &known, &mut BTreeSet::new(), &mut brought);
        brought.iter().filter_map(|name| known[name].facts.size).sum::<u64>()
    };
    let mut requested: Vec<(u64, &LockedPackage)> = packages
        .iter()
        .filter(|package| package.requested)
        .map(|package| (brought(package), package))
        .collect();
    requested.sort_by_key(|(bytes, package)| (*bytes, &package.name));
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    for (_, package) in requested {
        reach(&package.name, &known, &mut seen, &mut order);
    }
    order
}

/// Adds a package that was not seen yet, behind what it needs. What needs each other comes in the order of names.
fn reach<'a>(
    name: &'a PackageName,
    known: &BTreeMap<&'a PackageName, &'a LockedPackage>,
    seen: &mut BTreeSet<&'a PackageName>,
    order: &mut Vec<&'a PackageName>,
) {
    // A walk without recursion: a lock may be as deep as it likes.
    let mut open = vec![(name, false)];
    while let Some((name, is_done)) = open.pop() {
        let Some(package) = known.get(name) else { continue };
        if is_done {
            order.push(&package.name);
        } else if seen.insert(&package.name) {
            open.push((&package.name, true));
            open.extend(package.dependencies.iter().rev().map(|needed| (needed, false)));
        }
    }
}

#[cfg(test)]
mod tests {
    use pyfast_installer::interpreter::Interpreter;

    use super::*;
    use crate::plan::tests::INTERPRETER;

    fn package(text: &str) -> String {
        let (name, rest) = text.split_once(' ').unwrap();
        let (size, needs) = rest.split_once(' ').unwrap_or((rest, ""));
        let needs: Vec<String> =
            needs.split_whitespace().map(|name| format!("{{ name = \"{name}\" }}")).collect();
        format!(
            "[[packages]]\nname = \"{name}\"\nversion = \"1.0\"\ndependencies = [{}]\n\
             [[packages.wheels]]\nurl = \"https://index.example/{name}-1.0-py3-none-any.whl\"\n\
             size = {size}\nhashes = {{ sha256 = \"{}\" }}\n",
            needs.join(", "),
            "0".repeat(64)
        )
    }

    /// The order of packages, each given as `NAME SIZE NEEDS…`, of which some are asked for.
    fn check(packages: &[&str], requested: &[&str], expected: &str) {
        let packages: Vec<String> = packages.iter().map(|one| package(one)).collect();
        let text =
            format!("lock-version = \"1.0\"\ncreated-by = \"pyfast\"\n{}", packages.concat());
        let target = Interpreter::from_json(INTERPRETER).unwrap().target();
        let mut lock = Lock::from_toml(&text, Path::new("/pylock.toml"), &target);
        let packages = &mut lock.as_mut().unwrap().packages;
        for package in packages.iter_mut() {
            package.requested = requested.contains(&package.name.to_string().as_str());
        }
        let order: Vec<String> = in_order(packages).iter().map(ToString::to_string).collect();
        assert_eq!(order.join(" "), expected);
    }

    #[test]
    fn the_requirement_that_brings_least_comes_first_with_all_that_it_needs() {
        let packages =
            ["torch 900 numpy", "numpy 20", "web 2 core types", "core 1 types", "types 1"];
        check(&packages, &["torch", "web"], "types core web numpy torch");
        check(&packages, &["numpy", "core"], "types core numpy");
    }

    #[test]
    fn packages_that_need_each_other_are_no_endless_way() {
        check(&["a 1 b", "b 1 c", "c 1 a"], &["a"], "c b a");
    }
}
