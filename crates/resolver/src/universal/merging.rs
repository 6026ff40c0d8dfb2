//! One lock out of several resolutions: each version once, with where it is for and all the files that
//! one of its targets may install.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use pep440_rs::{Version, VersionSpecifiers, release_specifiers_to_ranges};
use pep508_rs::{MarkerTree, PackageName};
use url::Url;

use super::reach::Reach;
use crate::candidate::Candidate;
use crate::environments::{conditions, environment, values};
use crate::error::Error;
use crate::lock::{Lock, LockedFile, LockedPackage, Pin, Span};
use crate::locked;
use crate::registry::Registry;
use crate::resolution::{Resolution, Resolved};
use pyfast_packaging::marker;
use pyfast_packaging::metadata::python_specifiers;
use pyfast_packaging::scope::Region;
use pyfast_packaging::target::Target;

/// The resolution of a part of a region.
pub(crate) struct Part {
    pub(crate) resolution: Resolution,
    /// Of each package, where it is needed and the files that may be installed there.
    places: Vec<(MarkerTree, Vec<Candidate>)>,
}

impl Part {
    /// Files that `listed` has already are not looked at again.
    pub(crate) fn new(
        mut resolution: Resolution,
        reach: &Reach,
        region: &Region,
        registry: &Registry<'_>,
        listed: &mut Listed,
    ) -> Result<Self, Error> {
        for package in &mut resolution.packages {
            let name = &package.candidate.name;
            package.dependencies.retain(|needed| reach.leads(name, needed, region));
        }
        let mut places = Vec::with_capacity(resolution.packages.len());
        for package in &resolution.packages {
            let candidate = &package.candidate;
            let known = candidate.is_direct() || !listed.add(candidate, registry, region);
            let files = if known { Vec::new() } else { registry.files(candidate)? };
            places.push((reach.marker(&candidate.name), files));
        }
        Ok(Self { resolution, places })
    }
}

/// The versions whose files were listed, and the systems that they were listed for.
#[derive(Debug, Default)]
pub(crate) struct Listed(BTreeMap<(PackageName, Version), u8>);

impl Listed {
    /// Whether a region may have files of a version that no region before it had.
    fn add(&mut self, candidate: &Candidate, registry: &Registry<'_>, region: &Region) -> bool {
        let (name, systems) = (&candidate.name, region.file_systems());
        let known = self.0.entry((name.clone(), candidate.version.clone())).or_default();
        let hashed = registry.selector().criteria().hashes.contains_key(name);
        let more = hashed || *known & systems != systems;
        *known |= systems;
        more
    }
}

/// The resolution of one of several targets.
pub(crate) struct Targeted {
    /// The target.
    pub(crate) target: Target,
    /// How the user names it.
    pub(crate) name: String,
    /// What was found for it.
    pub(crate) resolution: Resolution,
}

/// What tells entries of a lock apart: a version of a project, or a place that is named directly.
type Key = (PackageName, Version, Option<String>);

#[derive(Default)]
struct Merged<'a> {
    /// With the numbers of the resolutions that have it.
    packages: BTreeMap<Key, (LockedPackage, BTreeSet<usize>)>,
    indexes: &'a [Url],
}

impl Merged<'_> {
    fn add(&mut self, package: &Resolved, number: usize, marker: MarkerTree, files: &[Candidate]) {
        let candidate = &package.candidate;
        let direct = candidate.is_direct().then(|| candidate.location.to_string());
        let key = (candidate.name.clone(), candidate.version.clone(), direct);
        let indexes = self.indexes;
        let (known, numbers) = self.packages.entry(key).or_insert_with(|| {
            let locked = locked::package(package, indexes);
            let (marker, requires_python) = (MarkerTree::FALSE, python_of(package));
            (LockedPackage { marker, requires_python, ..locked }, BTreeSet::new())
        });
        numbers.insert(number);
        known.marker.or(marker);
        known.requested |= !package.required_by.is_empty();
        for name in &package.dependencies {
            if let Err(place) = known.dependencies.binary_search(name) {
                known.dependencies.insert(place, name.clone());
            }
        }
        for file in files {
            // Of a file on several indexes the first is as good as the others.
            let same = |known: &LockedFile| known.filename.as_str() == file.filename.as_str();
            if let Some(sha256) = file.sha256
                && !known.files.iter().any(same)
            {
                known.files.push(LockedFile {
                    filename: file.filename.clone(),
                    location: file.location.clone(),
                    sha256: Some(sha256),
                    others: Vec::new(),
                    facts: file.facts.clone(),
                });
            }
        }
    }

    fn finish(
        self,
        each: impl Fn(LockedPackage, &BTreeSet<usize>) -> LockedPackage,
    ) -> Vec<LockedPackage> {
        let packages = self.packages.into_values().map(|(mut package, numbers)| {
            package.files.sort_by(|a, b| a.filename.as_str().cmp(b.filename.as_str()));
            each(package, &numbers)
        });
        packages.collect()
    }
}

/// `Requires-Python` of a version: what its metadata says, else the index.
fn python_of(package: &Resolved) -> Option<VersionSpecifiers> {
    let claimed = package.claimed.requires_python.clone();
    claimed.or_else(|| python_specifiers(package.candidate.requires_python.as_ref()?).ok())
}

/// Only the lower end divides a region (rule 13), and whoever reads the lock must not be refused what was
/// locked for them.
fn lower_end(specifiers: &VersionSpecifiers) -> Option<VersionSpecifiers> {
    let allowed = release_specifiers_to_ranges(specifiers.clone());
    let text = match allowed.bounding_range()?.0 {
        Bound::Included(version) => format!(">={version}"),
        Bound::Excluded(version) => format!(">{version}"),
        Bound::Unbounded => return None,
    };
    text.parse().ok()
}

/// The lock of all parts of a universe.
pub(super) fn merge(parts: &[Part], requires_python: &VersionSpecifiers, indexes: &[Url]) -> Lock {
    let universe = Region::universe(requires_python);
    let mut merged = Merged { indexes, ..Merged::default() };
    for (number, part) in parts.iter().enumerate() {
        for (package, (marker, files)) in part.resolution.packages.iter().zip(&part.places) {
            merged.add(package, number, marker.clone(), files);
        }
    }
    let mut packages = merged.finish(|mut package, _| {
        // A file for interpreters that do not get this version is of no use, unless there is no other.
        let useful = |file: &LockedFile| {
            let wheel = file.filename.wheel();
            wheel.is_none_or(|wheel| universe.takes(wheel, &package.marker))
        };
        // A version for all interpreters keeps all its files: those of interpreters that no marker tells
        // apart are among them. Were a file of no use all that a version has, dropping it would leave an
        // entry that nobody can install, without saying why.
        let everywhere = universe.implies(&package.marker);
        if !everywhere && package.files.iter().any(useful) {
            package.files = package.files.iter().filter(|file| useful(file)).cloned().collect();
        }
        // Whoever reads the lock is in its universe already, and need not be told so with each package.
        package.marker = universe.simplified(package.marker);
        package.requires_python = package.requires_python.and_then(|python| lower_end(&python));
        package
    });
    // Ways whose markers exclude each other were solved for, and lead nowhere.
    packages.retain(|package| universe.admits(&package.marker));
    let names: BTreeSet<PackageName> = packages.iter().map(|one| one.name.clone()).collect();
    for package in &mut packages {
        package.dependencies.retain(|name| names.contains(name));
    }
    Lock {
        packages,
        requires_python: Some(requires_python.clone()),
        environments: Vec::new(),
        inputs: None,
        span: Span::Universal,
    }
}

/// Says in the words of an earlier lock what means the same, so that a lock that is kept does not change.
pub(super) fn keep_words(lock: &mut Lock, kept: &[Pin]) {
    let universe = Region::universe(&lock.requires_python.clone().unwrap_or_default());
    for package in &mut lock.packages {
        let same = |pin: &&Pin| {
            let (one, other) = (&package.marker, &pin.marker);
            let differs = |mut one: MarkerTree, other: &MarkerTree| {
                one.and(other.negate());
                universe.admits(&one)
            };
            pin.name == package.name
                && pin.version == package.version
                && !differs(one.clone(), other)
                && !differs(other.clone(), one)
        };
        if let Some(pin) = kept.iter().find(same) {
            package.marker = pin.marker.clone();
        }
    }
}

/// A lock has to say where each of its packages is for.
///
/// # Errors
/// [`Error::Setting`] for a marker that no text of bearable length says.
pub(super) fn check_markers(lock: &Lock) -> Result<(), Error> {
    for package in &lock.packages {
        marker::text(&package.marker).map_err(|error| {
            Error::Setting(format!("cannot lock {} {}: {error}", package.name, package.version))
        })?;
    }
    Ok(())
}

/// One lock for several targets, each of which was resolved for itself.
///
/// # Errors
/// [`Error::Setting`] where targets need different versions of a project and no marker tells them apart.
pub(crate) fn merge_targets(targeted: &[Targeted], indexes: &[Url]) -> Result<Lock, Error> {
    let targets: Vec<&Target> = targeted.iter().map(|one| &one.target).collect();
    let mut merged = Merged { indexes, ..Merged::default() };
    for (number, one) in targeted.iter().enumerate() {
        for package in &one.resolution.packages {
            let file = Candidate { sha256: package.sha256, ..package.candidate.clone() };
            let files = (!file.is_direct()).then_some(file);
            merged.add(package, number, MarkerTree::FALSE, files.as_slice());
        }
    }
    let all: Vec<_> = targets.iter().map(|target| values(target)).collect();
    let packages = merged.finish(|mut package, numbers| {
        package.marker = distinction(&all, numbers);
        package
    });
    for (one, other) in packages.iter().zip(packages.iter().skip(1)) {
        if one.name == other.name && !marker::disjoint(&one.marker, &other.marker) {
            return Err(Error::Setting(format!(
                "targets need different versions of {} ({} and {}), and no environment marker tells \
                 them apart: lock them in files of their own",
                one.name, one.version, other.version
            )));
        }
    }
    let lowest = targets.iter().map(|target| target.python()).min();
    let lowest = lowest.and_then(|python| python.release().get(..2));
    let requires_python = lowest.map(|release| {
        let (major, minor) = (release[0], release[1]);
        let same = targets.iter().all(|one| one.python().release().get(..2) == Some(release));
        if same { format!("=={major}.{minor}.*") } else { format!(">={major}.{minor}") }
    });
    let several = requires_python.as_ref().is_some_and(|text| text.starts_with('>'));
    let mut environments: Vec<String> =
        targets.iter().map(|target| environment(target, several)).collect();
    environments.dedup();
    Ok(Lock {
        packages,
        requires_python: requires_python.and_then(|text| text.parse().ok()),
        environments,
        inputs: None,
        span: Span::Targets(targeted.iter().map(|one| one.name.clone()).collect()),
    })
}

/// The shortest marker that is true for the targets with these numbers and for no other of `all`; where
/// none tells them apart, the one that comes nearest.
fn distinction(all: &[[(&'static str, String); 4]], numbers: &BTreeSet<usize>) -> MarkerTree {
    if numbers.len() == all.len() {
        return MarkerTree::TRUE;
    }
    let mut choices: Vec<Vec<usize>> = (0..16_u8)
        .map(|choice| (0..4).filter(|index| choice & (1 << index) != 0).collect())
        .collect();
    // A system says more to a reader than a machine.
    choices.sort_by_key(|keys| (keys.len(), !keys.contains(&2)));
    let mut nearest = MarkerTree::TRUE;
    for keys in choices {
        let of = |values: &[(&'static str, String); 4]| -> Vec<_> {
            keys.iter().map(|key| values[*key].clone()).collect()
        };
        let inside: BTreeSet<_> = numbers.iter().map(|number| of(&all[*number])).collect();
        let others = (0..all.len()).filter(|number| !numbers.contains(number));
        let apart = others.map(|number| of(&all[number])).all(|other| !inside.contains(&other));
        nearest = MarkerTree::FALSE;
        for values in &inside {
            nearest.or(conditions(values).parse().unwrap_or_default());
        }
        if apart {
            break;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyfast_packaging::platform::named_target;

    #[test]
    fn the_shortest_marker_tells_targets_apart() {
        let target = |python: &str, platform: &str| {
            values(&named_target(Some(python), Some(platform), None).expect("a target"))
        };
        let all = [
            target("3.11", "linux/amd64"),
            target("3.12", "linux/amd64"),
            target("3.11", "linux/arm64"),
            target("3.12", "linux/arm64"),
            target("3.12", "windows"),
        ];
        let check = |numbers: &[usize], expected: &str| {
            let marker = distinction(&all, &numbers.iter().copied().collect());
            assert_eq!(marker::text_or_note(&marker).unwrap_or_default(), expected);
        };
        check(&[0, 1, 2, 3, 4], "");
        check(&[0, 2], "python_full_version == '3.11.*'");
        check(&[4], "sys_platform == 'win32'");
        check(&[2, 3], "platform_machine == 'aarch64'");
        check(&[3], "python_full_version == '3.12.*' and platform_machine == 'aarch64'");
    }
}
