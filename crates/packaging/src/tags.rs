//! Wheel tags: which wheels fit a target, and which of them fits best.
//!
//! <https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/>

use pep508_rs::MarkerTree;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::filename::WheelFilename;
use crate::marker;

/// The C library of a Linux platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "family")]
pub enum Libc {
    /// GNU: `manylinux` wheels up to this version.
    Glibc {
        /// Major version, 2 in practice.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// musl: `musllinux` wheels up to this version.
    Musl {
        /// Major version, 1 in practice.
        major: u16,
        /// Minor version.
        minor: u16,
    },
}

/// The facts that decide which wheels fit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TagFacts {
    /// `sys.implementation.name`: `cpython`, `pypy`, …
    pub implementation: String,
    /// Major and minor version of Python.
    pub python: (u8, u8),
    /// Whether this is a free-threaded build (`t` ABI).
    pub free_threaded: bool,
    /// Whether this is a debug build (`d` ABI).
    pub debug: bool,
    /// `platform.machine()` with the interpreter's own word size: `x86_64`, `aarch64`, `i686`, …
    pub machine: String,
    /// The C library; `None` where the platform is not Linux.
    pub libc: Option<Libc>,
    /// Platform tags of a platform other than Linux, best first (`macosx_14_0_arm64`, …).
    pub other_platforms: Vec<String>,
}

/// The compatible tags of a target with their rank.
#[derive(Debug, Clone)]
pub struct Tags {
    /// python tag → abi tag → the rank that both have with the best platform; rank 0 is the best.
    pairs: FxHashMap<String, FxHashMap<String, u32>>,
    /// platform tag → how many better ones there are. A thousand triples are these and the pairs.
    platforms: FxHashMap<String, u32>,
    /// python tag → the rank that it has without ABI and on any platform.
    any: FxHashMap<String, u32>,
    facts: TagFacts,
}

impl Tags {
    /// Orders every tag that fits `facts`, best first.
    pub fn new(facts: TagFacts) -> Self {
        let mut platforms = FxHashMap::default();
        for (better, platform) in (0..).zip(self::platforms(&facts)) {
            platforms.entry(platform).or_insert(better);
        }
        let (pairs, any) = (FxHashMap::default(), FxHashMap::default());
        let mut tags = Self { pairs, platforms, any, facts };
        let mut rank = 0;
        if tags.facts.implementation == "cpython" {
            tags.add_cpython(&mut rank);
        } else {
            tags.add_other_implementation(&mut rank);
        }
        tags.add_generic(&mut rank);
        tags
    }

    /// The facts these tags were made from.
    pub fn facts(&self) -> &TagFacts {
        &self.facts
    }

    /// How well a wheel fits: the rank of its best tag, 0 being the best there is;
    /// `None` if it does not fit at all.
    pub fn rank(&self, wheel: &WheelFilename) -> Option<u32> {
        let platforms = || wheel.platform.split('.');
        let better = platforms().filter_map(|tag| self.platforms.get(tag)).min();
        let pairs = wheel.python.split('.').filter_map(|python| self.pairs.get(python));
        let pairs = pairs.flat_map(|abis| wheel.abi.split('.').filter_map(|abi| abis.get(abi)));
        let some = better.and_then(|better| Some(pairs.min()? + better));
        if !wheel.abi.split('.').any(|abi| abi == "none") || !platforms().any(|tag| tag == "any") {
            return some;
        }
        let any = wheel.python.split('.').filter_map(|python| self.any.get(python).copied()).min();
        some.into_iter().chain(any).min()
    }

    fn add_cpython(&mut self, rank: &mut u32) {
        let (major, minor) = self.facts.python;
        let python = format!("cp{major}{minor}");
        let threads = if self.facts.free_threaded { "t" } else { "" };
        let mut abis = Vec::new();
        if self.facts.debug {
            abis.push(format!("{python}{threads}d"));
        }
        // A debug build also loads release extensions since 3.8; `m` was the flag before.
        if (major, minor) < (3, 8) {
            abis.push(format!("{python}m"));
        } else {
            abis.push(format!("{python}{threads}"));
        }
        for abi in &abis {
            self.add(&python, abi, rank);
        }
        if !self.facts.free_threaded {
            self.add(&python, "abi3", rank);
        }
        self.add(&python, "none", rank);
        if !self.facts.free_threaded {
            for older in (2..minor).rev() {
                self.add(&format!("cp{major}{older}"), "abi3", rank);
            }
        }
    }

    fn add_other_implementation(&mut self, rank: &mut u32) {
        let (major, minor) = self.facts.python;
        let short = match self.facts.implementation.as_str() {
            "pypy" => "pp",
            other => other,
        };
        self.add(&format!("{short}{major}{minor}"), "none", rank);
    }

    fn add_generic(&mut self, rank: &mut u32) {
        let (major, minor) = self.facts.python;
        let mut pythons = vec![format!("py{major}{minor}"), format!("py{major}")];
        pythons.extend((0..minor).rev().map(|older| format!("py{major}{older}")));
        for python in &pythons {
            self.add(python, "none", rank);
        }
        if self.facts.implementation == "cpython" {
            pythons.insert(0, format!("cp{major}{minor}"));
        }
        for python in pythons {
            self.any.entry(python).or_insert(*rank);
            *rank += 1;
        }
    }

    /// The next pair, with all platforms.
    fn add(&mut self, python: &str, abi: &str, rank: &mut u32) {
        let abis = self.pairs.entry(python.to_owned()).or_default();
        abis.entry(abi.to_owned()).or_insert(*rank);
        *rank += u32::try_from(self.platforms.len()).unwrap_or(u32::MAX);
    }
}

/// The platform tags that fit, best first.
fn platforms(facts: &TagFacts) -> Vec<String> {
    let machine = &facts.machine;
    let mut tags = Vec::new();
    match facts.libc {
        Some(Libc::Glibc { major, minor }) => {
            // PEP 600 counts minor versions within glibc 2; the floor is the oldest policy for the machine.
            let floor = match machine.as_str() {
                "x86_64" | "i686" => 5,
                "riscv64" => 31,
                "loongarch64" => 36,
                _ => 17,
            };
            for minor in (floor..=minor).rev() {
                tags.push(format!("manylinux_{major}_{minor}_{machine}"));
                let legacy = match minor {
                    17 => Some("manylinux2014"),
                    12 => Some("manylinux2010"),
                    5 => Some("manylinux1"),
                    _ => None,
                };
                if let Some(legacy) = legacy.filter(|_| major == 2) {
                    tags.push(format!("{legacy}_{machine}"));
                }
            }
        }
        Some(Libc::Musl { major, minor }) => {
            tags.extend(
                (0..=minor).rev().map(|minor| format!("musllinux_{major}_{minor}_{machine}")),
            );
        }
        None => return facts.other_platforms.clone(),
    }
    tags.push(format!("linux_{machine}"));
    tags
}

/// The Pythons that take a wheel, as a marker. What a tag says beyond markers is not in it.
pub fn python_marker(wheel: &WheelFilename) -> MarkerTree {
    let mut fits = MarkerTree::FALSE;
    for python in wheel.python.split('.') {
        wheel.abi.split('.').for_each(|abi| fits.or(python_of(python, abi)));
    }
    fits
}

/// The systems and machines that take a wheel, as a marker. What a tag says beyond markers (the C
/// library, versions of a system) is not in it.
pub fn platform_marker(wheel: &WheelFilename) -> MarkerTree {
    let mut fits = MarkerTree::FALSE;
    wheel.platform.split('.').for_each(|tag| fits.or(platform_of(tag)));
    fits
}

/// The systems that take a wheel, whatever the machine: a bit for each of [`SYSTEMS`].
pub(crate) fn systems_of(wheel: &WheelFilename) -> u8 {
    wheel.platform.split('.').fold(0, |known, tag| {
        let system = match tag.split('_').next().unwrap_or_default() {
            _ if tag == "any" => return u8::MAX,
            "linux" | "musllinux" => "linux",
            linux if linux.starts_with("manylinux") => "linux",
            "win32" | "win" => "win32",
            "macosx" => "darwin",
            "pyodide" => "emscripten",
            other => other,
        };
        let place = SYSTEMS.iter().position(|known| *known == system);
        place.map_or(known, |place| known | 1 << place)
    })
}

/// The systems that platform tags speak of, by their `sys_platform`.
pub(crate) const SYSTEMS: [&str; 6] = ["linux", "darwin", "win32", "android", "ios", "emscripten"];

fn parsed(text: &str) -> MarkerTree {
    marker::read(text).unwrap_or(MarkerTree::FALSE)
}

fn python_of(python: &str, abi: &str) -> MarkerTree {
    let digits = python.find(|c: char| c.is_ascii_digit()).unwrap_or(python.len());
    let (implementation, version) = python.split_at(digits);
    let (major, minor) = version.split_at(version.len().min(1));
    if major != "2" && major != "3" || !minor.bytes().all(|byte| byte.is_ascii_digit()) {
        return MarkerTree::FALSE;
    }
    let range = match (minor, implementation, abi) {
        ("", ..) => format!("python_version >= '{major}' and python_version < '{major}.99'"),
        (minor, "py", _) | (minor, "cp", "abi3" | "abi3t") => {
            format!("python_version >= '{major}.{minor}' and python_version < '{major}.99'")
        }
        _ => format!("python_version == '{major}.{minor}'"),
    };
    let name = match implementation {
        "py" => return parsed(&range),
        "cp" => "cpython",
        "pp" => "pypy",
        other => other,
    };
    parsed(&format!("{range} and implementation_name == '{name}'"))
}

fn platform_of(tag: &str) -> MarkerTree {
    let machine_of = |rest: &str| {
        const MACHINES: &[&str] = &["x86_64", "i686", "aarch64", "armv7l", "ppc64le", "s390x"];
        let known = MACHINES.iter().find(|machine| rest.ends_with(*machine));
        known
            .map_or_else(|| rest.rsplit('_').next().unwrap_or(rest).to_owned(), ToString::to_string)
    };
    let of = |system: &str, machine: &str| {
        parsed(&format!("sys_platform == '{system}' and platform_machine == '{machine}'"))
    };
    match tag.split('_').next().unwrap_or_default() {
        _ if tag == "any" => MarkerTree::TRUE,
        "linux" | "musllinux" => of("linux", &machine_of(tag)),
        linux if linux.starts_with("manylinux") => of("linux", &machine_of(tag)),
        "win32" => of("win32", "x86"),
        "win" => match tag {
            "win_amd64" => of("win32", "AMD64"),
            "win_arm64" => of("win32", "ARM64"),
            _ => MarkerTree::FALSE,
        },
        "macosx" => {
            let mut fits = MarkerTree::FALSE;
            let universal = ["universal2", "universal", "fat64", "intel", "fat3", "fat"];
            let universal = universal.iter().any(|kind| tag.ends_with(kind));
            for machine in ["x86_64", "arm64"] {
                if universal || tag.ends_with(machine) {
                    fits.or(of("darwin", machine));
                }
            }
            fits
        }
        system @ ("android" | "ios") => parsed(&format!("sys_platform == '{system}'")),
        "pyodide" | "emscripten" => parsed("sys_platform == 'emscripten'"),
        _ => MarkerTree::FALSE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(libc: Libc, free_threaded: bool) -> Tags {
        Tags::new(TagFacts {
            implementation: "cpython".to_owned(),
            python: (3, 11),
            free_threaded,
            debug: false,
            machine: "x86_64".to_owned(),
            libc: Some(libc),
            other_platforms: Vec::new(),
        })
    }

    /// The wheels in the order of preference; those that do not fit are left out.
    fn check(tags: &Tags, wheels: &[&str], expected: &[&str]) {
        let mut ranked: Vec<(u32, &str)> = wheels
            .iter()
            .filter_map(|tag| {
                let filename = format!("a-1-{tag}.whl").parse().expect("a wheel file name");
                Some((tags.rank(&filename)?, *tag))
            })
            .collect();
        ranked.sort_unstable();
        let ranked: Vec<&str> = ranked.into_iter().map(|(_, tag)| tag).collect();
        assert_eq!(ranked, expected);
    }

    #[test]
    fn rules_18_and_20_order_cpython_tags() {
        let tags = tags(Libc::Glibc { major: 2, minor: 36 }, false);
        check(
            &tags,
            &[
                "py2.py3-none-any",
                "cp39-abi3-manylinux2014_x86_64",
                "cp311-cp311-manylinux_2_17_x86_64",
                "cp311-none-any",
                "cp311-abi3-linux_x86_64",
                "cp310-cp310-manylinux2014_x86_64",
                "cp312-abi3-manylinux2014_x86_64",
                "py3-none-manylinux1_x86_64",
            ],
            &[
                "cp311-cp311-manylinux_2_17_x86_64",
                "cp311-abi3-linux_x86_64",
                "cp39-abi3-manylinux2014_x86_64",
                "py3-none-manylinux1_x86_64",
                "cp311-none-any",
                "py2.py3-none-any",
            ],
        );
    }

    #[test]
    fn rule_19_bounds_platforms_by_the_c_library() {
        let wheels = [
            "cp311-cp311-manylinux_2_37_x86_64",
            "cp311-cp311-manylinux_2_28_x86_64",
            "cp311-cp311-musllinux_1_2_x86_64",
            "cp311-cp311-manylinux_2_17_aarch64",
        ];
        check(&tags(Libc::Glibc { major: 2, minor: 36 }, false), &wheels, &wheels[1..2]);
        check(&tags(Libc::Musl { major: 1, minor: 2 }, false), &wheels, &wheels[2..3]);
    }

    #[test]
    fn rule_18_free_threaded_builds_take_no_abi3() {
        check(
            &tags(Libc::Glibc { major: 2, minor: 36 }, true),
            &["cp311-abi3-manylinux1_x86_64", "cp311-cp311t-manylinux1_x86_64", "py3-none-any"],
            &["cp311-cp311t-manylinux1_x86_64", "py3-none-any"],
        );
    }
}
