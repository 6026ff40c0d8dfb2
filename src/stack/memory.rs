//! What is remembered of a project's containers and of files that images are built from, between runs. Owns its place
//! and form; losing it costs time and nothing else.

use std::path::PathBuf;

use pyfast_environment::digest;
use pyfast_launcher::containers::Record;
use pyfast_launcher::image::FileDigests;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::kept;
use crate::settings::Settings;

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
    pub(crate) fn load(settings: &Settings, project: &str, host: &str) -> Result<Self, Failure> {
        let directory = settings.project.directory.display().to_string();
        let key = digest(format!("{host}\n{directory}").as_bytes());
        let name = format!("{project}-{}.json", &key[..16]);
        let file = settings.data_directory()?.join("launch/v1").join(name);
        let known: Self = kept::read(&file).unwrap_or_default();
        Ok(Self { file, ..known })
    }

    /// Keeps it. A memory that cannot be kept makes the next run slower, so it is only told.
    pub(crate) fn store(&self, settings: &Settings) {
        if let Err(error) = kept::write(&self.file, self) {
            settings.ui.warning(format!("cannot remember what was started: {error}"));
        }
    }
}
