//! Targets named instead of probed: a Python version and a platform.

use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};

use crate::error::Error;
use crate::tags::{Libc, TagFacts, Tags};
use crate::target::Target;

/// The newest patch releases known, for versions named without one (rule for `--python-version`).
const NEWEST: &[((u64, u64), u64)] = &[
    ((3, 8), 20),
    ((3, 9), 25),
    ((3, 10), 20),
    ((3, 11), 15),
    ((3, 12), 13),
    ((3, 13), 14),
    ((3, 14), 6),
];

/// glibc that a platform named without one is taken to have: that of Debian 12 and RHEL 9's peers.
const GLIBC: (u16, u16) = (2, 28);
const MUSL: (u16, u16) = (1, 2);

/// The release of macOS that a platform named without one is taken to have.
const MACOS: u16 = 14;

/// A platform: what markers and tags say of it.
struct Platform {
    os_name: &'static str,
    system: &'static str,
    sys: &'static str,
    machine: String,
    libc: Option<Libc>,
    /// Tags of a platform other than Linux, best first.
    tags: Vec<String>,
}

/// The target for a Python version (`3.12`, `3.12.4`) and a platform: `linux`, `linux/arm64`,
/// `x86_64-unknown-linux-gnu`, `aarch64-unknown-linux-musl`, `x86_64-manylinux_2_28`,
/// `x86_64-musllinux_1_2`, `macos`, `macos/amd64`, `aarch64-apple-darwin`, `windows`,
/// `windows/arm64`, `x86_64-pc-windows-msvc`. What is not named is taken from `base`.
///
/// # Errors
/// [`Error::Setting`] for what is no version or no platform.
pub fn named_target(
    version: Option<&str>,
    platform: Option<&str>,
    base: Option<&Target>,
) -> Result<Target, Error> {
    let version = match (version, base) {
        (Some(text), _) => full_version(text, base)?,
        (None, Some(base)) => base.python().clone(),
        (None, None) => return Err(Error::Setting("no Python version is given".to_owned())),
    };
    let platform = match (platform, base.map(|base| base.tags.facts())) {
        (Some(text), _) => parse_platform(text)?,
        (None, Some(facts)) => linux(facts.machine.clone(), facts.libc),
        (None, None) => return Err(Error::Setting("no platform is given".to_owned())),
    };
    let release = version.release();
    let short = |index: usize| {
        let part = release.get(index).copied().unwrap_or_default();
        u8::try_from(part)
            .map_err(|_too_large| Error::Setting(format!("`{version}` is no version of Python")))
    };
    let python = (short(0)?, short(1)?);
    let full = version.to_string();
    let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: &full,
        os_name: platform.os_name,
        platform_machine: &platform.machine,
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system: platform.system,
        platform_version: "",
        python_full_version: &full,
        python_version: &format!("{}.{}", python.0, python.1),
        sys_platform: platform.sys,
    });
    let markers = markers.map_err(|error| Error::Setting(error.to_string()))?;
    let tags = Tags::new(TagFacts {
        implementation: "cpython".to_owned(),
        python,
        free_threaded: false,
        debug: false,
        machine: platform.machine,
        libc: platform.libc,
        other_platforms: platform.tags,
    });
    Ok(Target { markers, tags: tags.into() })
}

fn full_version(text: &str, base: Option<&Target>) -> Result<Version, Error> {
    let version = Version::from_str(text).ok().filter(|version| version.release().len() >= 2);
    let version = version.ok_or_else(|| {
        Error::Setting(format!("`{text}` is no version of Python such as 3.12 or 3.12.4"))
    })?;
    let &[major, minor] = version.release() else { return Ok(version) };
    if let Some(base) = base
        && base.python().release().get(..2) == Some(&[major, minor])
    {
        return Ok(base.python().clone());
    }
    let known = NEWEST.iter().find(|(release, _)| *release == (major, minor));
    Ok(Version::new([major, minor, known.map_or(0, |(_, patch)| *patch)]))
}

fn linux(machine: String, libc: Option<Libc>) -> Platform {
    let (os_name, system, sys) = ("posix", "Linux", "linux");
    Platform { os_name, system, sys, machine, libc, tags: Vec::new() }
}

/// Wheels for macOS name the oldest release they run on: every older one fits too.
fn macos(machine: &str) -> Platform {
    let machine = if machine == "aarch64" { "arm64" } else { machine };
    let mut tags = Vec::new();
    let kinds: &[&str] = match machine {
        "arm64" => &["arm64", "universal2"],
        _ => &["x86_64", "intel", "fat64", "fat32", "universal2", "universal"],
    };
    for major in (11..=MACOS).rev() {
        tags.extend(kinds.iter().map(|kind| format!("macosx_{major}_0_{kind}")));
    }
    // Before 11 the minor number counted; for arm64 only `universal2` reaches back.
    let kinds = if machine == "arm64" { &["universal2"] } else { kinds };
    for minor in (4..=16).rev() {
        tags.extend(kinds.iter().map(|kind| format!("macosx_10_{minor}_{kind}")));
    }
    let (os_name, system, sys) = ("posix", "Darwin", "darwin");
    Platform { os_name, system, sys, machine: machine.to_owned(), libc: None, tags }
}

fn windows(machine: &str) -> Option<Platform> {
    let (machine, tag) = match machine {
        "x86_64" => ("AMD64", "win_amd64"),
        "aarch64" => ("ARM64", "win_arm64"),
        "i686" => ("x86", "win32"),
        _ => return None,
    };
    let (os_name, system, sys) = ("nt", "Windows", "win32");
    let (machine, tags) = (machine.to_owned(), vec![tag.to_owned()]);
    Some(Platform { os_name, system, sys, machine, libc: None, tags })
}

fn parse_platform(text: &str) -> Result<Platform, Error> {
    let unknown = || {
        Error::Setting(format!(
            "`{text}` is no platform such as linux/amd64, aarch64-unknown-linux-gnu, x86_64-manylinux_2_28, macos or windows"
        ))
    };
    let glibc = |(major, minor)| Libc::Glibc { major, minor };
    let musl = |(major, minor)| Libc::Musl { major, minor };
    let (system, machine) = text.split_once('/').unwrap_or((text, ""));
    if matches!(system, "linux" | "macos" | "darwin" | "windows") {
        let usual = if system == "linux" || system == "windows" { "x86_64" } else { "aarch64" };
        let machine =
            if machine.is_empty() { Some(usual.to_owned()) } else { machine_named(machine) };
        let machine = machine.ok_or_else(unknown)?;
        return match system {
            "linux" => Ok(linux(machine, Some(glibc(GLIBC)))),
            "windows" => windows(&machine).ok_or_else(unknown),
            _ if matches!(machine.as_str(), "x86_64" | "aarch64") => Ok(macos(&machine)),
            _ => Err(unknown()),
        };
    }
    let (machine, rest) = text.split_once('-').ok_or_else(unknown)?;
    let machine = machine_named(machine).ok_or_else(unknown)?;
    let numbers = |text: &str| {
        let (major, minor) = text.split_once('_')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    match rest {
        "apple-darwin" if matches!(machine.as_str(), "x86_64" | "aarch64") => {
            return Ok(macos(&machine));
        }
        "pc-windows-msvc" => return windows(&machine).ok_or_else(unknown),
        _ => {}
    }
    let libc = match rest {
        "unknown-linux-gnu" | "linux-gnu" | "linux" => glibc(GLIBC),
        "unknown-linux-musl" | "linux-musl" => musl(MUSL),
        "manylinux2014" => glibc((2, 17)),
        _ => match rest.split_once('_') {
            Some(("manylinux", version)) => glibc(numbers(version).ok_or_else(unknown)?),
            Some(("musllinux", version)) => musl(numbers(version).ok_or_else(unknown)?),
            _ => return Err(unknown()),
        },
    };
    Ok(linux(machine, Some(libc)))
}

fn machine_named(name: &str) -> Option<String> {
    let machine = match name {
        "x86_64" | "amd64" => "x86_64",
        "aarch64" | "arm64" => "aarch64",
        "i686" | "386" => "i686",
        "armv7l" | "armv7" | "arm" => "armv7l",
        "ppc64le" | "s390x" | "riscv64" => name,
        _ => return None,
    };
    Some(machine.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_named_by_version_and_platform() {
        let target = named_target(Some("3.12"), Some("linux/arm64"), None).expect("a target");
        assert_eq!(target.python().to_string(), "3.12.13");
        let wheel = "a-1-cp312-cp312-manylinux_2_28_aarch64.whl".parse().expect("a file name");
        assert!(target.tags.rank(&wheel).is_some());
        let same = named_target(Some("3.12"), None, Some(&target)).expect("a target");
        assert_eq!(same.markers, target.markers);
        for (version, platform) in
            [("3", "linux"), ("x", "linux"), ("3.12", "macos/386"), ("3.12", "x86_64-x")]
        {
            assert!(named_target(Some(version), Some(platform), None).is_err());
        }
    }

    #[test]
    fn other_systems_take_their_own_wheels() {
        let check = |platform: &str, fits: &str, does_not: &str| {
            let target = named_target(Some("3.12"), Some(platform), None).expect("a target");
            let rank = |tag: &str| {
                target.tags.rank(&format!("a-1-cp312-cp312-{tag}.whl").parse().expect("a name"))
            };
            assert!(rank(fits).is_some(), "{platform} {fits}");
            assert!(rank(does_not).is_none(), "{platform} {does_not}");
        };
        check("macos", "macosx_11_0_arm64", "macosx_10_9_x86_64");
        check("aarch64-apple-darwin", "macosx_10_9_universal2", "macosx_15_0_arm64");
        check("macos/amd64", "macosx_10_9_x86_64", "macosx_11_0_arm64");
        check("windows", "win_amd64", "win32");
        check("windows/arm64", "win_arm64", "win_amd64");
        check("x86_64-pc-windows-msvc", "win_amd64", "manylinux_2_17_x86_64");
    }
}
