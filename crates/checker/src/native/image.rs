//! What an image's loader would find, as the image tells it itself. Owns the question and how far an answer is believed;
//! must not know how an image is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What the image's own interpreter runs (`python -I -c`) to answer.
pub const LISTING: &str = include_str!("listing.py");

/// The most that an answer has, in bytes.
const LIMIT: usize = 16 << 20;

/// The libraries of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `e_machine` of its interpreter.
    pub(super) machine: u16,
    /// 32 or 64, of its interpreter.
    pub(super) bits: u8,
    /// Whether its C library is musl.
    musl: bool,
    /// By what its packages come, where that is known.
    pub(super) installer: Option<Installer>,
    /// Whether everything was looked at.
    whole: bool,
    /// Where libraries were looked for.
    pub(super) directories: BTreeSet<PathBuf>,
    /// The versions that libraries of each name define, all of them together.
    pub(super) libraries: BTreeMap<String, BTreeSet<String>>,
}

/// What installs packages of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Installer {
    Apt,
    Apk,
}

/// Why nothing can be said of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It answered something else, or very much.
    Strange,
    /// It has more libraries than are looked at.
    TooMany,
    /// Its C library is where nobody looks, and so may others be.
    NoLibc,
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Strange => "its interpreter answered something that is no list of libraries",
            Self::TooMany => "it has more libraries than are looked at",
            Self::NoLibc => "its C library is in none of the directories that are known",
        })
    }
}

impl Image {
    /// Reads an answer.
    ///
    /// # Errors
    /// If nothing can be concluded from it.
    pub fn from_answer(answer: &[u8]) -> Result<Self, Unusable> {
        let bytes = (answer.len() <= LIMIT).then_some(answer).ok_or(Unusable::Strange)?;
        let image: Self = serde_json::from_slice(bytes).map_err(|_garbled| Unusable::Strange)?;
        let libc = image.libraries.get("libc.so.6").is_some_and(|versions| !versions.is_empty());
        if !image.whole {
            Err(Unusable::TooMany)
        } else if !libc && !image.musl {
            Err(Unusable::NoLibc)
        } else {
            Ok(image)
        }
    }

    /// One whose packages come so.
    #[cfg(test)]
    pub(super) fn installed_by(installer: Option<Installer>) -> Self {
        Self { installer, ..Self::default() }
    }

    /// Whether its loader finds a library of this name.
    pub fn has(&self, library: &str) -> bool {
        self.libraries.contains_key(library) || self.musl && is_of_musl(library)
    }

    /// The newest version of the same kind (`GLIBC_2.36` for `GLIBC_2.38`) that a library defines, where it certainly has
    /// not the one that is wanted.
    pub(super) fn newest_instead_of(&self, library: &str, wanted: &str) -> Option<&str> {
        let defined = self.libraries.get(library).filter(|_| !self.musl)?;
        if defined.contains(wanted) {
            return None;
        }
        let (kind, _) = wanted.split_once('_')?;
        let same =
            defined.iter().filter(|one| one.split_once('_').is_some_and(|(own, _)| own == kind));
        same.map(|version| (numbers(version), version.as_str()))
            .filter(|(numbers, _)| !numbers.is_empty())
            .max()
            .map(|(_, version)| version)
    }
}

/// Names that musl takes for itself, and for what it stands for among others.
fn is_of_musl(library: &str) -> bool {
    let own = ["c", "pthread", "rt", "m", "dl", "util", "xnet", "resolv"];
    let stem = library.strip_prefix("lib").and_then(|rest| rest.split('.').next());
    // Who runs objects of the other C library there has a layer for them.
    stem.is_some_and(|stem| own.contains(&stem)) || library.starts_with("ld-linux")
}

/// The numbers of a version, which is ordered by them.
fn numbers(version: &str) -> Vec<u32> {
    let digits = version.split_once('_').map_or("", |(_, digits)| digits);
    digits.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
        let mut answer = serde_json::json!({ "machine": 62, "bits": 64, "musl": false, "installer": "apt",
            "whole": true, "directories": ["/lib"],
            "libraries": { "libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.36", "GLIBC_PRIVATE"], "libz.so.1": [] } });
        change(&mut answer);
        serde_json::to_vec(&answer).unwrap()
    }

    #[test]
    fn the_newest_version_is_by_numbers() {
        let image = Image::from_answer(&answer(|_| ())).unwrap();
        let check = |library: &str, wanted: &str, expected: Option<&str>| {
            assert_eq!(image.newest_instead_of(library, wanted), expected, "{library} {wanted}");
        };
        check("libc.so.6", "GLIBC_2.38", Some("GLIBC_2.36"));
        check("libc.so.6", "GLIBC_2.9", None);
        check("libc.so.6", "OTHER_1.0", None);
        // What the loader makes of a library without versions depends on who asks.
        check("libz.so.1", "ZLIB_1.2.9", None);
        check("libgone.so", "GLIBC_2.38", None);
    }

    #[test]
    fn an_answer_from_which_nothing_follows_is_refused() {
        let check = |answer: Vec<u8>, expected: Unusable| {
            assert_eq!(Image::from_answer(&answer), Err(expected));
        };
        check(b"Traceback".to_vec(), Unusable::Strange);
        check(vec![b' '; LIMIT + 1], Unusable::Strange);
        check(answer(|answer| answer["machine"] = serde_json::json!(-1)), Unusable::Strange);
        check(answer(|answer| answer["whole"] = false.into()), Unusable::TooMany);
        check(answer(|answer| answer["libraries"] = serde_json::json!({})), Unusable::NoLibc);
        let musl = |answer: &mut serde_json::Value| {
            answer["libraries"] = serde_json::json!({});
            answer["musl"] = true.into();
        };
        let musl = Image::from_answer(&answer(musl)).unwrap();
        assert!(musl.has("libc.so.6") && musl.has("libpthread.so.0") && !musl.has("libpq.so.5"));
    }
}
