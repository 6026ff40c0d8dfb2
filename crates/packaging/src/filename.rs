//! File names of distributions, taken apart: wheels, source archives and their endings.
//! Knows nothing of indexes, version ranges or targets.

use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::PackageName;

/// A wheel's file name taken apart:
/// `{name}-{version}(-{build})?-{python tags}-{abi tags}-{platform tags}.whl`.
///
/// <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention>
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WheelFilename {
    /// The normalised project name.
    pub name: PackageName,
    /// The version, as PEP 440 reads it.
    pub version: Version,
    /// The build number and the text after it; higher wins among equal tags.
    pub build: Option<(u64, String)>,
    /// Compressed Python tags, such as `cp311` or `py2.py3`.
    pub python: String,
    /// Compressed ABI tags, such as `abi3` or `none`.
    pub abi: String,
    /// Compressed platform tags, such as `manylinux_2_17_x86_64.manylinux2014_x86_64`.
    pub platform: String,
    /// The file name as it was given.
    pub text: String,
}

/// Why a file name is not a wheel's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{filename}` is not a wheel file name: {reason}")]
pub struct InvalidWheelFilename {
    /// The file name as given.
    pub filename: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl FromStr for WheelFilename {
    type Err = InvalidWheelFilename;

    fn from_str(filename: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| InvalidWheelFilename { filename: filename.to_owned(), reason };
        let stem = filename.strip_suffix(".whl").ok_or_else(|| invalid("it must end with .whl"))?;
        if stem.bytes().any(|byte| matches!(byte, b'/' | b'\\' | b'\0')) {
            return Err(invalid("it must not contain a path separator"));
        }
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, tags) = match parts[..] {
            [name, version, python, abi, platform] => {
                (name, version, None, [python, abi, platform])
            }
            [name, version, build, python, abi, platform] => {
                (name, version, Some(build), [python, abi, platform])
            }
            _ => return Err(invalid("it must have five or six parts separated by `-`")),
        };
        let name = PackageName::new(name.to_owned())
            .ok()
            .filter(|name| !name.as_ref().is_empty())
            .ok_or_else(|| invalid("its first part is not a project name"))?;
        // The file name convention writes `_` for what would be `-` in a version.
        let version = Version::from_str(&version.replace('_', "-"))
            .ok()
            .ok_or_else(|| invalid("its second part is not a PEP 440 version"))?;
        let build = build
            .map(|build| {
                let digits = build.bytes().take_while(u8::is_ascii_digit).count();
                let number = build[..digits]
                    .parse()
                    .ok()
                    .ok_or_else(|| invalid("its build tag must begin with a number"))?;
                Ok((number, build[digits..].to_owned()))
            })
            .transpose()?;
        if tags.iter().any(|tag| tag.is_empty()) {
            return Err(invalid("a tag is empty"));
        }
        let [python, abi, platform] = tags.map(str::to_owned);
        Ok(Self { name, version, build, python, abi, platform, text: filename.to_owned() })
    }
}

impl WheelFilename {
    /// The file name as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for WheelFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How source archives are named: today's two first, then those that pip reads besides (rule 16).
pub(crate) const ARCHIVES: [&str; 8] =
    [".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar"];

/// A file name without the ending that makes it a source archive's, and that ending's place in
/// `ARCHIVES`; `None` for other files.
pub fn archive_stem(filename: &str) -> Option<(&str, usize)> {
    let lower = filename.to_ascii_lowercase();
    let place = ARCHIVES.iter().position(|ending| lower.ends_with(ending))?;
    Some((&filename[..filename.len() - ARCHIVES[place].len()], place))
}

/// A source archive's file name taken apart: `{name}-{version}.tar.gz`, `.zip`, or an older ending.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceFilename {
    /// The normalised project name.
    pub name: PackageName,
    /// The version, as PEP 440 reads it.
    pub version: Version,
    /// The file name as it was given.
    pub text: String,
}

impl SourceFilename {
    /// Reads the name of a source archive of `project` (rule 16); `None` where it is none.
    pub fn of(project: &PackageName, filename: &str) -> Option<Self> {
        if filename.contains(['/', '\\', '\0']) {
            return None;
        }
        let (stem, _) = archive_stem(filename)?;
        // A project's name may itself contain dashes: try each dash that a version could follow.
        let mut dashes = stem.match_indices('-').map(|(dash, _)| dash);
        let dash = dashes.find(|&dash| {
            PackageName::from_str(&stem[..dash]).is_ok_and(|name| name == *project)
        })?;
        let version = Version::from_str(&stem[dash + 1..]).ok()?;
        Some(Self { name: project.clone(), version, text: filename.to_owned() })
    }

    /// Reads a name whose project is not known: the version follows the last dash.
    pub fn parse(filename: &str) -> Option<Self> {
        let (stem, _) = archive_stem(filename)?;
        let (name, _) = stem.rsplit_once('-')?;
        Self::of(&PackageName::from_str(name).ok()?, filename)
    }
}

/// The file name of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DistFilename {
    /// Of a wheel.
    Wheel(WheelFilename),
    /// Of a source archive, from which a wheel is built.
    Source(SourceFilename),
}

impl DistFilename {
    /// The wheel's name; `None` for source.
    pub fn wheel(&self) -> Option<&WheelFilename> {
        match self {
            Self::Wheel(wheel) => Some(wheel),
            Self::Source(_) => None,
        }
    }

    /// The source's name; `None` for a wheel.
    pub fn source(&self) -> Option<&SourceFilename> {
        match self {
            Self::Wheel(_) => None,
            Self::Source(source) => Some(source),
        }
    }

    /// The project.
    pub fn name(&self) -> &PackageName {
        match self {
            Self::Wheel(wheel) => &wheel.name,
            Self::Source(source) => &source.name,
        }
    }

    /// The version.
    pub fn version(&self) -> &Version {
        match self {
            Self::Wheel(wheel) => &wheel.version,
            Self::Source(source) => &source.version,
        }
    }

    /// The file name as it was given.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Wheel(wheel) => wheel.as_str(),
            Self::Source(source) => &source.text,
        }
    }
}

impl fmt::Display for DistFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filename: &str, expected: Result<(&str, &str, Option<u64>), &str>) {
        let parsed = filename.parse::<WheelFilename>();
        let seen = parsed
            .as_ref()
            .map(|wheel| {
                let build = wheel.build.as_ref().map(|build| build.0);
                (wheel.name.to_string(), wheel.version.to_string(), build)
            })
            .map_err(|error| error.reason);
        let expected =
            expected.map(|(name, version, build)| (name.to_owned(), version.to_owned(), build));
        assert_eq!(seen, expected, "{filename}");
    }

    #[test]
    fn wheel_file_names_are_taken_apart() {
        check("Flask_SQLAlchemy-3.0-py3-none-any.whl", Ok(("flask-sqlalchemy", "3.0", None)));
        check("a-1.0-2b-cp311-abi3-linux_x86_64.whl", Ok(("a", "1.0", Some(2))));
        check("a-1.0+cpu_x-py2.py3-none-any.whl", Ok(("a", "1.0+cpu.x", None)));
    }

    #[test]
    fn other_names_are_refused_with_a_reason() {
        check("a-1.0.tar.gz", Err("it must end with .whl"));
        check("a-1.0-py3-none.whl", Err("it must have five or six parts separated by `-`"));
        check("a-x-py3-none-any.whl", Err("its second part is not a PEP 440 version"));
        check("a-1.0-b-py3-none-any.whl", Err("its build tag must begin with a number"));
        check("../a-1.0-py3-none-any.whl", Err("it must not contain a path separator"));
    }

    fn name(text: &str) -> PackageName {
        text.parse().expect("a name")
    }

    #[test]
    fn rule_16_source_names_are_taken_apart() {
        let check = |project: &str, filename: &str, expected: Option<&str>| {
            let found = SourceFilename::of(&name(project), filename);
            assert_eq!(found.map(|found| found.version.to_string()).as_deref(), expected);
        };
        check("a-b", "A.b-1.0.tar.gz", Some("1.0"));
        check("a-b", "a-b-1.0-1.zip", Some("1.0.post1"));
        check("a-b", "a-1.0.tar.gz", None);
        check("a", "a-x.tar.gz", None);
        check("a", "a-1.0.tar.xz", Some("1.0"));
        check("a", "a-1.0.tbz", Some("1.0"));
        check("a", "a-1.0.TAR", Some("1.0"));
        check("a", "a-1.0.tar.Z", None);
        check("a", "a-1.0.win32.exe", None);
        assert_eq!(
            SourceFilename::parse("a-b-2.tar.gz").map(|found| found.name),
            Some(name("a-b"))
        );
    }
}
