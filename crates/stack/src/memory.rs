//! What is remembered of a project's containers and of files that images are built from, between runs. Owns its place
//! and form; losing it costs time and nothing else.

use std::io;
use std::path::PathBuf;

use pyfast_launcher::containers::Record;
use pyfast_launcher::image::FileDigests;
use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::LAUNCHES;
use pyfast_settings::{Settings, kept};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A project's memory.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    pub(crate) record: Record,
    pub(crate) digests: FileDigests,
    #[serde(skip)]
    file: PathBuf,
}

impl Memory {
    /// The memory of a compose project on an engine; empty when there is none, or none that can be read.
    pub(crate) fn load(settings: &Settings, project: &str, host: &str) -> Result<Self, Error> {
        let directory = settings.project.directory.display().to_string();
        let key = Sha256::of(format!("{host}\n{directory}").as_bytes()).to_string();
        let name = format!("{project}-{}.json", &key[..16]);
        let file = settings.data_directory()?.join(LAUNCHES).join(name);
        let known: Self = kept::read(&file).unwrap_or_default();
        Ok(Self { file, ..known })
    }

    /// Keeps it.
    pub(crate) fn store(&self) -> io::Result<()> {
        kept::write(&self.file, self)
    }
}
