//! A file of a lock as PEP 751 writes it: where it is, and by which digests it is known. Knows nothing of the package that
//! it is of.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use pyfast_packaging::dist_file::{FileFacts, Location};
use pyfast_packaging::hash::{OtherDigest, OtherKind, Sha256};

use super::tree;

/// `[[packages.wheels]]`, `[packages.sdist]` or `[packages.archive]`
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Artifact {
    name: Option<String>,
    url: Option<Url>,
    path: Option<PathBuf>,
    size: Option<u64>,
    upload_time: Option<toml::value::Datetime>,
    pub(super) subdirectory: Option<String>,
    pub(super) hashes: Hashes,
}

/// `hashes` of a file.
#[derive(Deserialize)]
pub(super) struct Hashes {
    sha256: Option<Sha256>,
    sha384: Option<String>,
    sha512: Option<String>,
    sha1: Option<String>,
    md5: Option<String>,
}

impl Hashes {
    /// The SHA-256, else whatever can be checked instead, strongest first.
    pub(super) fn read(&self) -> Result<(Option<Sha256>, Vec<OtherDigest>), String> {
        if self.sha256.is_some() {
            return Ok((self.sha256, Vec::new()));
        }
        let given = |kind| match kind {
            OtherKind::Sha384 => self.sha384.as_ref(),
            OtherKind::Sha512 => self.sha512.as_ref(),
            OtherKind::Sha1 => self.sha1.as_ref(),
            OtherKind::Md5 => self.md5.as_ref(),
        };
        let there = OtherKind::ALL.into_iter().filter_map(|kind| Some((kind, given(kind)?)));
        let read = there.map(|(kind, text)| {
            let digest = OtherDigest::new(kind, text);
            digest.ok_or_else(|| format!("`{text}` is no {} digest", kind.name()))
        });
        let others = read.collect::<Result<Vec<_>, _>>()?;
        if !others.first().is_some_and(|first| first.kind().is_strong()) {
            return Err("its file has no digest that proves what it is: sha256, sha384 or sha512"
                .to_owned());
        }
        Ok((None, others))
    }
}

impl Artifact {
    /// What is stated of the file.
    pub(super) fn facts(&self) -> FileFacts {
        FileFacts { size: self.size, upload_time: self.upload_time.map(|time| time.to_string()) }
    }

    /// The file's name; `None` where it has none.
    pub(super) fn filename(&self) -> Option<String> {
        let last = |path: &str| {
            pyfast_packaging::safe_url::percent_decode(path.rsplit('/').next().unwrap_or_default())
        };
        let name = match (&self.name, &self.url, &self.path) {
            (Some(name), ..) => name.clone(),
            (None, Some(url), _) => last(url.path()),
            (None, None, Some(path)) => path.file_name()?.to_str()?.to_owned(),
            (None, None, None) => return None,
        };
        Some(name)
    }

    pub(super) fn location(&self, directory: &Path) -> Option<Location> {
        match (&self.url, &self.path) {
            (Some(url), _) if matches!(url.scheme(), "http" | "https") => {
                Some(Location::Url(url.clone()))
            }
            (Some(url), _) => url.to_file_path().ok().map(Location::Path),
            (None, Some(path)) => Some(Location::Path(tree::clean(&directory.join(path)))),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a SHA-256 is read, and the kinds of the others; else what is wrong.
    fn read(hashes: &str) -> Result<(bool, Vec<OtherKind>), String> {
        let text = hashes.replace("256'", &format!("{}'", "a".repeat(64)));
        let text = text.replace("512'", &format!("{}'", "B".repeat(128)));
        let hashes: Hashes = toml::from_str(&text).expect("a table");
        let (sha256, others) = hashes.read()?;
        Ok((sha256.is_some(), others.iter().map(OtherDigest::kind).collect()))
    }

    fn refused(hashes: &str, reason: &str) {
        let error = read(hashes).expect_err("refused");
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn the_strongest_digest_comes_first_and_a_sha256_stands_alone() {
        let md5 = format!("md5 = '{}'", "d".repeat(32));
        assert_eq!(read("sha256 = '256'"), Ok((true, vec![])));
        assert_eq!(read("sha256 = '256'\nsha512 = 'x'"), Ok((true, vec![])));
        assert_eq!(read("sha512 = '512'"), Ok((false, vec![OtherKind::Sha512])));
        let both = read(&format!("{md5}\nsha512 = '512'"));
        assert_eq!(both, Ok((false, vec![OtherKind::Sha512, OtherKind::Md5])));
        refused(&md5, "no digest that proves");
        refused("blake2b = 'x'", "no digest that proves");
        refused("", "no digest that proves");
        refused("sha512 = 'x'", "`x` is no sha512 digest");
    }
}
