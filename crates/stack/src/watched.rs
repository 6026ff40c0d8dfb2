//! The files that a project's containers were made from. Owns which those are and when a change of them counts as over.
//!
//! They are few and may be replaced rather than written, on any file system, so they are looked at in turn.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pyfast_crew::interrupt::Interrupts;
use pyfast_root::Stamp;
use pyfast_settings::Settings;
use pyfast_settings::own_lock::is_lock;

use crate::defaults::assume;
use crate::description::{ComposeFlags, Description};
use crate::error::Error;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// How long nothing may change until a change counts as over.
const QUIET: Duration = Duration::from_millis(100);

/// Files as they looked at a time; a file without a stamp was not there.
#[derive(Debug, PartialEq, Eq)]
pub struct Watched(Vec<(PathBuf, Option<Stamp>)>);

/// What a change of the project shows in, as it is now: requirements with what they include, locks, compose files,
/// `.env`.
pub fn watched(settings: &Settings, flags: &ComposeFlags, services: &[String]) -> Watched {
    let assumed = assume(settings, flags).ok().flatten();
    let settings = assumed.as_ref().map_or(settings, |assumed| &assumed.settings);
    let directory = &settings.project.directory;
    let mut files = vec![directory.join(pyfast_settings::FILE), directory.join(".env")];
    if let Ok(described) = Description::read(settings, flags, services) {
        files.extend(described.project.files.clone());
        files.push(described.project.directory.join(".env"));
        for env in described.environments.keys() {
            files.extend(pyfast_crew::inputs::input_files(settings, env));
        }
    }
    files.sort();
    files.dedup();
    Watched(files.into_iter().map(seen).collect())
}

impl Watched {
    /// How many files they are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// A sync has ended, and may have written locks.
    #[must_use]
    pub fn after_sync(self) -> Self {
        let files = self.0.into_iter();
        let files = files.map(|file| if is_lock(&file.0) { seen(file.0) } else { file });
        Self(files.collect())
    }

    /// Returns when the files have changed and then been quiet for a while.
    ///
    /// # Errors
    /// [`pyfast_crew::Error::Interrupted`].
    pub fn await_change(&self) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|source| pyfast_crew::Error::System { what: "a runtime", source })?;
        let mut interrupts = Interrupts::take();
        runtime.block_on(async {
            tokio::select! {
                () = self.changed() => Ok(()),
                () = interrupts.next() => Err(pyfast_crew::Error::Interrupted.into()),
            }
        })
    }

    async fn changed(&self) {
        let now = || Self(self.0.iter().map(|(file, _)| seen(file.clone())).collect());
        while now() == *self {
            tokio::time::sleep(LOOK).await;
        }
        let mut last = now();
        loop {
            tokio::time::sleep(QUIET).await;
            let next = now();
            if next == last {
                return;
            }
            last = next;
        }
    }
}

fn seen(file: PathBuf) -> (PathBuf, Option<Stamp>) {
    let stamp = stamp(&file);
    (file, stamp)
}

fn stamp(file: &Path) -> Option<Stamp> {
    fs_err::metadata(file).ok().map(|facts| Stamp::of(&facts))
}
