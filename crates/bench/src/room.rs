//! The directory that a comparison happens in, and the mirror that may stand there. Knows no tool.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::corpus::Distributions;
use crate::error::Error;
use crate::files;
use crate::mirror::{Config, Mirror};
use crate::options::Options;
use crate::stage::work;

/// The directory that a comparison happens in. A temporary one goes with this value.
pub(crate) struct Room {
    pub(crate) path: PathBuf,
    pub(crate) home: PathBuf,
    temporary: bool,
}

impl Room {
    pub(crate) fn open(given: Option<&Path>) -> Result<Self, Error> {
        let open = || -> io::Result<PathBuf> {
            match given {
                Some(directory) => {
                    fs_err::create_dir_all(directory)?;
                    fs_err::canonicalize(directory)
                }
                None => Ok(tempfile::Builder::new().prefix("pyfast-bench-").tempdir()?.keep()),
            }
        };
        let path = work("make the directories", open())?;
        let home = path.join("home");
        work("make the directories", fs_err::create_dir_all(&home))?;
        Ok(Self { path, home, temporary: given.is_none() })
    }

    /// Makes the distributions of a scenario that brings its own.
    ///
    /// # Errors
    /// When they cannot be written here.
    pub(crate) fn distributions(&self, options: &Options) -> Result<Option<Distributions>, Error> {
        let Some(corpus) = options.corpus() else { return Ok(None) };
        let made = corpus.make(&self.path.join("made"), options.megabytes);
        work("make distributions", made).map(Some)
    }

    /// Starts the mirror that was asked for, if one was, or that gives out what was made. It keeps its files here unless
    /// a directory was named.
    ///
    /// # Errors
    /// As [`Mirror::start`], and when no index is known.
    pub(crate) fn mirror(
        &self,
        options: &Options,
        index: Option<&String>,
        made: Option<&Distributions>,
    ) -> Result<Option<Mirror>, Error> {
        if !options.local_mirror && made.is_none() {
            return Ok(None);
        }
        let config = Config {
            index: index.cloned().ok_or(Error::MirrorIndex)?,
            directory: options.mirror_dir.clone().unwrap_or_else(|| self.path.join("mirror")),
            latency: Duration::from_millis(options.latency),
            bandwidth: options.bandwidth.map(|megabits| megabits * 1e6),
        };
        Ok(Some(Mirror::start(&config, made)?))
    }

    /// A virtual environment with pip that others are copied from.
    pub(crate) fn template(&self) -> PathBuf {
        self.path.join("pip-template")
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.temporary {
            // What cannot be removed is left to the system's own cleaning of temporary directories.
            let _ = files::remove(&self.path);
        }
    }
}
