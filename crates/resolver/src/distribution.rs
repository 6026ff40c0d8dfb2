//! What can be installed: wheel file names, digests, and where a wheel's bytes are.
//! Knows nothing of indexes, versions ranges or targets.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::PackageName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// A SHA-256 digest; its text form is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

/// A digest that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256 digest (64 hexadecimal digits)")]
pub struct InvalidSha256(pub String);

impl FromStr for Sha256 {
    type Err = InvalidSha256;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidSha256(text.chars().take(80).collect());
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(invalid());
        }
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16).ok_or_else(invalid)?;
            let low = char::from(pair[1]).to_digit(16).ok_or_else(invalid)?;
            *byte = u8::try_from(high * 16 + low).ok().ok_or_else(invalid)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0_u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

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

/// Where the bytes of a wheel are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Location {
    /// Behind an `http` or `https` URL, which carries no credentials.
    Url(Url),
    /// A file on this machine.
    Path(PathBuf),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Path(path) => path.display().fmt(f),
        }
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

    #[test]
    fn digests_survive_the_way_through_text() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse::<Sha256>().map(|digest| digest.to_string()), Ok(text));
        assert!("xyz".parse::<Sha256>().is_err());
        assert!("é".repeat(32).parse::<Sha256>().is_err());
    }
}
