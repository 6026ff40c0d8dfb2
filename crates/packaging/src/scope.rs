//! What a resolution is for: one interpreter, or every interpreter of a region that markers describe.
//! Answers whether a marker counts, a wheel fits and a `Requires-Python` is met. Knows nothing of
//! packages.

use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use pep440_rs::{Version, VersionSpecifiers, release_specifiers_to_ranges};
use pep508_rs::{ExtraName, MarkerExpression, MarkerTree, MarkerTreeKind, MarkerValueVersion};
use rustc_hash::FxHashMap;
use version_ranges::Ranges;

use crate::filename::WheelFilename;
use crate::marker;
use crate::tags::{self, SYSTEMS};
use crate::target::Target;

/// What holds between markers on every platform there is, so that nothing is resolved for platforms
/// that cannot be (rule 24).
const PLATFORMS: &str = "(sys_platform == 'win32' and platform_system == 'Windows' and os_name == 'nt') \
     or (sys_platform == 'linux' and platform_system == 'Linux' and os_name == 'posix') \
     or (sys_platform == 'darwin' and platform_system == 'Darwin' and os_name == 'posix') \
     or (sys_platform != 'win32' and sys_platform != 'linux' and sys_platform != 'darwin' \
     and platform_system != 'Windows' and platform_system != 'Linux' and platform_system != 'Darwin' \
     and os_name != 'nt')";
/// The same of implementations.
const IMPLEMENTATIONS: &str = "(implementation_name == 'cpython' and platform_python_implementation == 'CPython') \
     or (implementation_name == 'pypy' and platform_python_implementation == 'PyPy') \
     or (implementation_name != 'cpython' and platform_python_implementation != 'CPython' \
     and implementation_name != 'pypy' and platform_python_implementation != 'PyPy')";

/// What a resolution is for.
#[derive(Debug, Clone)]
pub enum Scope {
    /// One interpreter on one platform.
    Target(Target),
    /// Every interpreter of a region.
    Region(Region),
}

impl From<Target> for Scope {
    fn from(target: Target) -> Self {
        Self::Target(target)
    }
}

/// Whether a `Requires-Python` is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PythonFit {
    /// By all interpreters.
    All,
    /// By those for which this marker is true.
    Some(MarkerTree),
    /// By none.
    None,
}

impl Scope {
    /// Whether something with a marker counts, at least for some of the interpreters.
    pub fn applies(&self, marker: &MarkerTree, extras: &[ExtraName]) -> bool {
        match self {
            Self::Target(target) => marker.evaluate(&target.markers, extras),
            Self::Region(region) => region.admits(&region.decided(marker, extras)),
        }
    }

    /// How well a wheel fits, 0 being the best; `None` where it fits nowhere.
    pub fn rank(&self, wheel: &WheelFilename) -> Option<u32> {
        match self {
            Self::Target(target) => target.tags.rank(wheel),
            Self::Region(region) => region.rank(wheel),
        }
    }

    /// Whether a wheel was made for a system of its interpreters, whatever the machine and the Python.
    pub fn is_of_system(&self, wheel: &WheelFilename) -> bool {
        let systems = match self {
            Self::Target(target) => {
                let own = target.markers.sys_platform();
                let place = SYSTEMS.iter().position(|system| *system == own);
                place.map_or(u8::MAX, |place| 1 << place)
            }
            Self::Region(region) => region.file_systems(),
        };
        systems & tags::systems_of(wheel) != 0
    }

    /// The major version of Python of its interpreters.
    pub fn python_major(&self) -> u64 {
        let lowest = match self {
            Self::Target(target) => target.python().release().first().copied(),
            Self::Region(region) => {
                let lowest = region.python.bounding_range().map(|(lower, _)| lower);
                lowest.and_then(|lower| match lower {
                    Bound::Included(version) | Bound::Excluded(version) => {
                        version.release().first().copied()
                    }
                    Bound::Unbounded => None,
                })
            }
        };
        lowest.unwrap_or(3)
    }

    /// Rule 13: one interpreter must satisfy the whole specifier. Of a region the lower end alone
    /// divides those who can use a version from those who cannot: an upper end says what its authors
    /// did not know yet.
    pub fn python(&self, specifiers: &VersionSpecifiers) -> PythonFit {
        match self {
            Self::Target(target) if target.allowed_by(specifiers) => PythonFit::All,
            Self::Target(_) => PythonFit::None,
            Self::Region(region) => region.python_fit(specifiers),
        }
    }
}

/// Interpreters and platforms that a marker describes.
#[derive(Debug, Clone)]
pub struct Region {
    /// What sets it apart from the rest of the universe.
    marker: MarkerTree,
    /// The same, and what holds everywhere in the universe.
    possible: MarkerTree,
    /// The versions of Python in it.
    python: Ranges<Version>,
    /// The systems in it that wheels are made for, a bit for each of [`SYSTEMS`].
    systems: u8,
    memory: Arc<Memory>,
}

/// What is the same in every region of a universe, and what was worked out of markers.
#[derive(Debug)]
struct Memory {
    /// What holds everywhere in the universe.
    universe: MarkerTree,
    decided: Mutex<FxHashMap<(MarkerTree, Vec<ExtraName>), MarkerTree>>,
    /// For each Python and ABI tag whether some Python of the universe takes it.
    pythons: Mutex<FxHashMap<(String, String), bool>>,
}

impl Region {
    /// All platforms, and the Pythons that `requires_python` allows.
    pub fn universe(requires_python: &VersionSpecifiers) -> Self {
        let constant = |text: &str| marker::read(text).unwrap_or_default();
        let mut possible = constant(PLATFORMS);
        possible.and(constant(IMPLEMENTATIONS));
        for specifier in requires_python.iter() {
            possible.and(MarkerTree::expression(MarkerExpression::Version {
                key: MarkerValueVersion::PythonFullVersion,
                specifier: specifier.clone(),
            }));
        }
        let (decided, pythons) = (Mutex::default(), Mutex::default());
        let memory = Memory { universe: possible.clone(), decided, pythons };
        Self::new(MarkerTree::TRUE, possible, Arc::new(memory))
    }

    fn new(marker: MarkerTree, possible: MarkerTree, memory: Arc<Memory>) -> Self {
        let admitted = |system: &&str| {
            let marker = marker::read(&format!("sys_platform == '{system}'"));
            marker.is_ok_and(|marker| !marker::disjoint(&possible, &marker))
        };
        let places = SYSTEMS.iter().enumerate().filter(|(_, system)| admitted(system));
        let systems = places.fold(0, |known, (place, _)| known | 1 << place);
        let python = python_of(&possible);
        Self { marker, possible, python, systems, memory }
    }

    /// The part in which a marker is true, and the part in which it is not; `None` where one of them is
    /// empty.
    pub fn split(&self, on: &MarkerTree) -> Option<[Self; 2]> {
        let on = self.decided(on, &[]);
        let part = |on: MarkerTree| {
            let (mut marker, mut possible) = (self.marker.clone(), self.possible.clone());
            marker.and(on.clone());
            possible.and(on);
            let memory = Arc::clone(&self.memory);
            (!possible.is_false()).then(|| Self::new(marker, possible, memory))
        };
        Some([part(on.clone())?, part(on.negate())?])
    }

    /// What sets it apart from the rest of the universe.
    pub fn marker(&self) -> MarkerTree {
        self.marker.clone()
    }

    /// The same as people write it; `None` for the whole universe.
    pub fn describe(&self) -> Option<String> {
        marker::text_or_note(&self.marker)
    }

    /// A marker that says the same within the region, in fewer words.
    pub fn simplified(&self, marker: MarkerTree) -> MarkerTree {
        if self.implies(&marker) {
            return MarkerTree::TRUE;
        }
        match self.python.bounding_range() {
            Some((lower, upper)) if asks_for_python(&marker) => {
                marker.simplify_python_versions(lower, upper)
            }
            _ => marker,
        }
    }

    /// Whether a marker is true for some of the interpreters.
    pub fn admits(&self, marker: &MarkerTree) -> bool {
        !marker::disjoint(&self.possible, marker)
    }

    /// Whether a marker is true for all of the interpreters.
    pub fn implies(&self, marker: &MarkerTree) -> bool {
        marker::disjoint(&self.possible, &marker.negate())
    }

    /// A marker with some extras wanted and all others not, in the fewest of the names that markers have
    /// for one thing.
    pub fn decided(&self, marker: &MarkerTree, extras: &[ExtraName]) -> MarkerTree {
        let key = (marker.clone(), extras.to_vec());
        let mut known = self.memory.decided.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert_with(|| marker::decide(marker, extras)).clone()
    }

    /// A version without source and without wheels for some machine, or for a Python to come, is no
    /// reason to go back to one that says less of where it runs: wheels count that some Python of the
    /// universe takes, on a system of the region, where that has one that wheels are made for.
    fn rank(&self, wheel: &WheelFilename) -> Option<u32> {
        if self.file_systems() & tags::systems_of(wheel) == 0 {
            return None;
        }
        let tag = (wheel.python.clone(), wheel.abi.clone());
        let mut known = self.memory.pythons.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = known.entry(tag).or_insert_with(|| {
            !marker::disjoint(&self.memory.universe, &tags::python_marker(wheel))
        });
        // One file tells the metadata of all (rule 11): one that fits everywhere tells it best.
        taken.then(|| u32::from(wheel.platform != "any"))
    }

    /// The systems whose wheels count: where wheels are made for none of the region, those of all.
    pub fn file_systems(&self) -> u8 {
        if self.systems == 0 { u8::MAX } else { self.systems }
    }

    /// Whether some interpreter of the region for which a marker is true takes a wheel.
    pub fn takes(&self, wheel: &WheelFilename, marker: &MarkerTree) -> bool {
        let mut fits = tags::python_marker(wheel);
        fits.and(tags::platform_marker(wheel));
        fits.and(marker.clone());
        self.admits(&fits)
    }

    fn python_fit(&self, specifiers: &VersionSpecifiers) -> PythonFit {
        let allowed = release_specifiers_to_ranges(specifiers.clone());
        if allowed.is_disjoint(&self.python) {
            return PythonFit::None;
        }
        let Some((lower, _)) = allowed.bounding_range() else { return PythonFit::None };
        let above = Ranges::from_range_bounds((lower.cloned(), Bound::Unbounded));
        if self.python.subset_of(&above) {
            return PythonFit::All;
        }
        let (operator, version) = match lower {
            Bound::Included(version) => (">=", version),
            Bound::Excluded(version) => (">", version),
            Bound::Unbounded => return PythonFit::All,
        };
        let marker = format!("python_full_version {operator} '{version}'");
        marker::read(&marker).map_or(PythonFit::All, PythonFit::Some)
    }
}

/// Whether a marker asks for the version of Python, and for that first: where it does not,
/// `simplify_python_versions` would go over all its paths, of which there can be exponentially many.
fn asks_for_python(marker: &MarkerTree) -> bool {
    let first = |marker: &MarkerTree| match marker.kind() {
        MarkerTreeKind::Version(tree) => *tree.key() == MarkerValueVersion::PythonFullVersion,
        _ => false,
    };
    let constant = |marker: &MarkerTree| marker.is_true() || marker.is_false();
    match marker.kind() {
        MarkerTreeKind::Version(tree) if !first(marker) => {
            tree.edges().all(|(_, child)| constant(&child) || first(&child))
        }
        _ => first(marker),
    }
}

/// The versions of Python for which a marker can be true. Diagrams ask for versions first, so that whatever
/// is below another question can be true with any of them.
fn python_of(marker: &MarkerTree) -> Ranges<Version> {
    match marker.kind() {
        MarkerTreeKind::False => Ranges::empty(),
        MarkerTreeKind::Version(tree) if *tree.key() == MarkerValueVersion::PythonFullVersion => {
            let possible = tree.edges().filter(|(_, child)| !child.is_false());
            possible.fold(Ranges::empty(), |pythons, (range, _)| pythons.union(range))
        }
        MarkerTreeKind::Version(tree) => tree
            .edges()
            .fold(Ranges::empty(), |pythons, (_, child)| pythons.union(&python_of(&child))),
        _ => Ranges::full(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(text: &str) -> MarkerTree {
        text.parse().expect("a marker")
    }

    fn universe(python: &str) -> Region {
        Region::universe(&python.parse().expect("specifiers"))
    }

    fn wheel(tag: &str) -> WheelFilename {
        format!("a-1-{tag}.whl").parse().expect("a file name")
    }

    #[test]
    fn rule_24_platforms_that_cannot_be_are_in_no_region() {
        let all = universe(">=3.9");
        assert!(!all.admits(&marker("sys_platform == 'win32' and platform_system == 'Linux'")));
        assert!(!all.admits(&marker("python_version < '3.9'")));
        assert!(all.implies(&marker("python_full_version >= '3.9'")));
        let [windows, others] = all.split(&marker("os_name == 'nt'")).expect("two parts");
        assert!(windows.implies(&marker("sys_platform == 'win32'")));
        assert!(!others.admits(&marker("platform_system == 'Windows'")));
        assert!(windows.split(&marker("sys_platform == 'win32'")).is_none());
    }

    #[test]
    fn rule_13_a_lower_end_of_requires_python_divides_a_region() {
        let all = universe(">=3.9");
        let fit = |region: &Region, text: &str| region.python_fit(&text.parse().expect("parsed"));
        assert_eq!(fit(&all, ">=3.8"), PythonFit::All);
        assert_eq!(fit(&all, ">=3.8,<4"), PythonFit::All);
        assert_eq!(fit(&all, "<3.9"), PythonFit::None);
        let newer = marker("python_full_version >= '3.11'");
        assert_eq!(fit(&all, ">=3.11"), PythonFit::Some(newer.clone()));
        let [newer, older] = all.split(&newer).expect("two parts");
        assert_eq!(fit(&newer, ">=3.11"), PythonFit::All);
        assert_eq!(fit(&older, ">=3.11"), PythonFit::None);
    }

    #[test]
    fn rules_18_and_19_wheels_count_where_their_tags_may_fit() {
        let all = universe(">=3.10");
        let [linux, others] = all.split(&marker("sys_platform == 'linux'")).expect("two parts");
        let [_, newer] = all.split(&marker("python_version < '3.14'")).expect("two parts");
        let check = |tag: &str, expected: [bool; 4]| {
            let regions = [&all, &linux, &others, &newer];
            let fits = regions.map(|region| region.rank(&wheel(tag)).is_some());
            assert_eq!(fits, expected, "{tag}");
        };
        check("py3-none-any", [true; 4]);
        check("py2-none-any", [false; 4]);
        check("cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64", [false; 4]);
        check("cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64", [true, true, false, true]);
        check("cp38-abi3-win_amd64", [true, false, true, true]);
        check("cp312-cp312-macosx_11_0_universal2", [true, false, true, true]);
        check("pp310-pypy310_pp73-musllinux_1_1_aarch64", [true, true, false, true]);
        check("cp310-cp310-solaris_x", [false; 4]);
        let bsd = marker("sys_platform == 'freebsd14'");
        let [bsd, _] = all.split(&bsd).expect("two parts");
        assert!(bsd.rank(&wheel("cp310-cp310-win_amd64")).is_some(), "nothing is made for it");
    }

    #[test]
    fn wheels_are_taken_by_interpreters_that_all_their_tags_fit() {
        let all = universe(">=3.10");
        let check = |tag: &str, text: &str, expected: bool| {
            assert_eq!(all.takes(&wheel(tag), &marker(text)), expected, "{tag} {text}");
        };
        check("cp310-cp310-manylinux2014_x86_64", "python_version < '3.11'", true);
        check("cp310-cp310-manylinux2014_x86_64", "python_version >= '3.11'", false);
        check("cp310-abi3-manylinux2014_x86_64", "python_version >= '3.11'", true);
        check("py3-none-win_arm64", "platform_machine == 'AMD64'", false);
        check("py3-none-win_arm64", "sys_platform == 'win32'", true);
    }

    #[test]
    fn rule_22_extras_that_are_not_wanted_are_false() {
        let all = universe(">=3.9");
        let both = marker("extra == 'a' and sys_platform == 'win32' or python_version < '3.10'");
        assert_eq!(all.decided(&both, &[]), marker("python_version < '3.10'"));
        assert_eq!(
            all.decided(&both, &["a".parse().expect("a name")]),
            marker("sys_platform == 'win32' or python_version < '3.10'")
        );
        assert_eq!(all.decided(&MarkerTree::TRUE, &[]), MarkerTree::TRUE);
    }

    #[test]
    fn rule_24_names_for_one_thing_become_one() {
        let all = universe(">=3.9");
        let check = |text: &str, expected: &str| {
            assert_eq!(all.decided(&marker(text), &[]), marker(expected), "{text}");
        };
        check("platform_system == 'Windows' or os_name == 'nt'", "sys_platform == 'win32'");
        check("platform_system != 'Linux'", "sys_platform != 'linux'");
        check("platform_python_implementation != 'PyPy'", "implementation_name != 'pypy'");
        check("platform_system == 'Java'", "platform_system == 'Java'");
    }
}
