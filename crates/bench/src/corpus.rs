//! Distributions that are made for a scenario, the same ones at each run on each machine, so that anybody can repeat its
//! figures. Knows nothing of tools and of how an index gives them out.

mod large;
mod noise;
mod sources;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

use crate::mirror::hex;

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Corpus {
    /// One wheel whose size is in a few members, as those of machine learning are.
    Large,
    /// Source distributions that setuptools builds. Half of them state their metadata.
    Sources,
}

/// A distribution that was made.
#[derive(Debug)]
pub(crate) struct Made {
    /// The project, by its normalised name.
    pub(crate) project: String,
    /// Its one file.
    pub(crate) filename: String,
    /// The file's SHA-256, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Its size, in bytes.
    pub(crate) size: u64,
}

impl Made {
    /// Describes a file of a directory.
    fn of(project: &str, directory: &Path, filename: &str) -> io::Result<Self> {
        let mut file = fs_err::File::open(directory.join(filename))?.into_parts().0;
        let sha256 = digest(&mut file)?;
        let size = file.metadata()?.len();
        Ok(Self { project: project.to_owned(), filename: filename.to_owned(), sha256, size })
    }
}

/// Distributions that were made, in a directory.
#[derive(Debug)]
pub(crate) struct Distributions {
    /// Where their files are.
    pub(crate) directory: PathBuf,
    /// Each of them.
    pub(crate) made: Vec<Made>,
    /// The file of requirements that names them all.
    pub(crate) requirements: PathBuf,
    /// What a reader must know of them.
    pub(crate) note: String,
}

impl Corpus {
    /// Makes the distributions in a directory. `megabytes` is the size of a large wheel.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn make(self, directory: &Path, megabytes: u32) -> io::Result<Distributions> {
        fs_err::create_dir_all(directory)?;
        let made = match self {
            Self::Large => vec![large::make(directory, megabytes)?],
            Self::Sources => sources::make(directory)?,
        };
        let requirements = directory.join(self.file_name());
        let names: String = made.iter().map(|made| format!("{}\n", made.project)).collect();
        fs_err::write(&requirements, names)?;
        let note = self.note(&made);
        Ok(Distributions { directory: directory.to_owned(), made, requirements, note })
    }

    /// The name of the file of requirements, as reports have it.
    fn file_name(self) -> &'static str {
        match self {
            Self::Large => "large.txt",
            Self::Sources => "sources.txt",
        }
    }

    /// What a reader must know of them.
    fn note(self, made: &[Made]) -> String {
        let bytes: u64 = made.iter().map(|made| made.size).sum();
        match self {
            Self::Large => format!(
                "`large` is one wheel of {} MB that is made for it: {} members like libraries, half noise and half repetition, and {} small modules.",
                bytes / 1_000_000,
                large::LIBRARIES,
                large::MODULES
            ),
            Self::Sources => format!(
                "`sources` are {} source distributions that are made for it and built by the newest setuptools of the index; {} of them state their metadata.",
                made.len(),
                made.len() / 2
            ),
        }
    }
}

/// Options of a wheel's member, with one date for all: the default of the crate is the hour of the day where anything in the program
/// asks it for times.
pub(crate) fn dated() -> SimpleFileOptions {
    SimpleFileOptions::default().last_modified_time(zip::DateTime::default())
}

/// The SHA-256 of all that a file has, in lower-case hexadecimal.
fn digest(file: &mut File) -> io::Result<String> {
    let (mut digest, mut piece) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => digest.update(&piece[..read]),
        }
    }
    Ok(hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_distributions_are_made_each_time() {
        for corpus in [Corpus::Large, Corpus::Sources] {
            let made = |_| {
                let directory = tempfile::tempdir().unwrap();
                let Distributions { made, requirements, .. } =
                    corpus.make(directory.path(), 2).unwrap();
                let named = fs_err::read_to_string(requirements).unwrap();
                assert!(named.lines().eq(made.iter().map(|made| &made.project)), "{named}");
                for made in &made {
                    let found = fs_err::metadata(directory.path().join(&made.filename)).unwrap();
                    assert_eq!(found.len(), made.size);
                }
                made.into_iter().map(|made| (made.filename, made.sha256)).collect::<Vec<_>>()
            };
            assert_eq!(made(1), made(2));
        }
    }
}
