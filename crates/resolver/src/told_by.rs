//! The wheel that tells what a source would. Where none of a version's wheels can be installed, one that was made for
//! other machines has the metadata of all its files (rules 10 to 12), and nothing has to be built to know it. Owns which
//! one that is; must not know how it is read, nor what the source says when it is built.

use std::cmp::Reverse;
use std::str::FromStr;

use pep508_rs::PackageName;
use pyfast_index::page::{ListedFile, PageVersion};
use pyfast_packaging::filename::{DistFilename, WheelFilename};

use crate::candidate::{Candidate, Selector, to_candidate};

/// What orders the wheels, least first: those that fit and only may not be installed, those of the same system, those of
/// the newest Python, whose markers say most; then what makes the order one.
type Distance = (u32, bool, Reverse<(u64, u64)>, Reverse<Option<(u64, String)>>, String);

impl Selector {
    /// The wheel of a version that tells what this source of it would. It is of the same index, and one that the user
    /// would allow: neither yanked nor too new, of a digest that is asked for. One for another major version of Python often
    /// needs what this one has, without a marker that says so.
    pub(crate) fn told_by(
        &self,
        name: &PackageName,
        version: &PageVersion,
        source: &ListedFile,
    ) -> Option<Candidate> {
        let files = version.files();
        let wheels = files.iter().filter_map(|listed| {
            let filename = WheelFilename::from_str(&listed.file.filename).ok()?;
            let is_of_it = listed.listing == source.listing && filename.name == *name;
            let is_allowed = is_of_it && self.check_allowed(name, listed).is_ok();
            let distance = self.distance(&filename).filter(|_| is_allowed)?;
            Some((distance, listed, filename))
        });
        let (_, listed, filename) = wheels.min_by(|(one, ..), (other, ..)| one.cmp(other))?;
        to_candidate(name, &version.version, listed, DistFilename::Wheel(filename))
    }

    fn distance(&self, wheel: &WheelFilename) -> Option<Distance> {
        let scope = self.scope();
        let pythons = wheel.python.split('.').filter_map(python_of);
        let newest = pythons.filter(|(major, _)| *major == scope.python_major()).max()?;
        let rank = scope.rank(wheel).unwrap_or(u32::MAX);
        let (newest, build) = (Reverse(newest), Reverse(wheel.build.clone()));
        Some((rank, !scope.is_of_system(wheel), newest, build, wheel.text.clone()))
    }
}

/// The version in a Python tag of `CPython`, or of all implementations.
fn python_of(tag: &str) -> Option<(u64, u64)> {
    let version = tag.strip_prefix("cp").or_else(|| tag.strip_prefix("py"))?;
    let (major, minor) = version.split_at_checked(1)?;
    let minor = if minor.is_empty() { 0 } else { minor.parse().ok()? };
    Some((major.parse().ok()?, minor))
}
