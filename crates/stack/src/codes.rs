//! States of images' code that were built or put into containers, by their digests, in the user's data directory. Owns
//! where they are and how many; losing one costs a build and nothing else.

use std::io;
use std::path::PathBuf;

use pyfast_launcher::code::Code;
use pyfast_root::layout::LAUNCHES;
use pyfast_settings::{Settings, kept};

use crate::error::Error;

/// How many are kept: the last ones.
const KEPT: usize = 100;

/// The states that are remembered.
#[derive(Debug)]
pub(crate) struct Codes {
    directory: PathBuf,
}

impl Codes {
    pub(crate) fn of(settings: &Settings) -> Result<Self, Error> {
        Ok(Self { directory: settings.data_directory()?.join(LAUNCHES).join("code") })
    }

    /// The state of a digest.
    pub(crate) fn get(&self, digest: &str) -> Option<Code> {
        let plain = digest.chars().all(|c| c.is_ascii_alphanumeric());
        // It comes from a container, and names a file.
        if !plain {
            return None;
        }
        let code: Code = kept::read(&self.file(digest))?;
        (code.digest() == digest).then_some(code)
    }

    /// Remembers a state.
    pub(crate) fn keep(&self, code: &Code) -> io::Result<()> {
        let file = self.file(&code.digest());
        if file.is_file() {
            return Ok(());
        }
        self.forget();
        kept::write(&file, code)
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.directory.join(format!("{digest}.json"))
    }

    /// Forgets all but the last ones. What cannot be forgotten stays.
    fn forget(&self) {
        let Ok(entries) = fs_err::read_dir(&self.directory) else { return };
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        for (_, file) in files.iter().take((files.len() + 1).saturating_sub(KEPT)) {
            let _ = fs_err::remove_file(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_found_by_its_digest_until_many_others_came() {
        let directory = tempfile::tempdir().unwrap();
        let codes = Codes { directory: directory.path().join("code") };
        let code = Code::default();
        let digest = code.digest();
        assert_eq!(codes.get(&digest), None);
        codes.keep(&code).unwrap();
        assert_eq!(codes.get(&digest), Some(code.clone()));
        assert_eq!(codes.get("../code"), None);
        fs_err::rename(codes.file(&digest), codes.file("0")).unwrap();
        assert_eq!(codes.get("0"), None, "it is what its name says or nothing");
        for number in 1..KEPT + 20 {
            fs_err::write(codes.file(&number.to_string()), "{}").unwrap();
        }
        codes.keep(&code).unwrap();
        assert_eq!(fs_err::read_dir(&codes.directory).unwrap().count(), KEPT);
        assert_eq!(codes.get(&digest), Some(code));
    }
}
