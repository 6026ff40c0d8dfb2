//! The files that a project's containers were made from. Owns which those are and when a change of them counts as over.
//!
//! They are few and may be replaced rather than written, on any file system, so they are looked at in turn.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pyfast_crew::interrupt::Interrupts;
use pyfast_root::Stamp;
use pyfast_settings::Settings;
use pyfast_settings::own_lock::is_lock;

use crate::defaults::assume;
use crate::description::{ComposeFlags, Description, inputs};
use crate::error::Error;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// How long nothing may change until a change counts as over.
const QUIET: Duration = Duration::from_millis(100);

/// Files as they looked at a time; a file without a stamp was not there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Watched(Vec<(PathBuf, Option<Stamp>)>);

/// What a change of the project shows in, as it is now: requirements with what they include, locks, compose files with
/// what they include, files of variables. Files that make no sense are among them.
pub fn watched(settings: &Settings, flags: &ComposeFlags, services: &[String]) -> Watched {
    let assumed = assume(settings, flags).ok().flatten();
    let settings = assumed.as_ref().map_or(settings, |assumed| &assumed.settings);
    let directory = &settings.project.directory;
    let mut files = vec![directory.join(pyfast_settings::FILE), directory.join(".env")];
    files.extend(inputs(settings, flags, services));
    if let Ok(described) = Description::read(settings, flags, services) {
        for env in described.environments.keys() {
            files.extend(pyfast_crew::inputs::input_files(settings, env));
        }
        // It is written by what is done about a change.
        files.retain(|file| *file != described.override_file);
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

    /// The files of another list that are not in this one, as they are now.
    #[must_use]
    pub fn missing_of(&self, other: &Self) -> Self {
        let known: BTreeSet<&PathBuf> = self.0.iter().map(|(file, _)| file).collect();
        let missing = other.0.iter().map(|(file, _)| file).filter(|file| !known.contains(file));
        Self(missing.cloned().map(seen).collect())
    }

    /// Adds the files of another list.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_list_has_more_is_added_as_it_is_now() {
        let place = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| place.path().join(name));
        fs_err::write(&one, "1").unwrap();
        let list =
            |files: &[&PathBuf]| Watched(files.iter().map(|&file| seen(file.clone())).collect());
        let (earlier, mut now) = (list(&[&one, &two]), list(&[&one]));
        fs_err::write(&two, "2").unwrap();
        let missing = now.missing_of(&earlier);
        assert_eq!(missing, list(&[&two]));
        now.join(missing);
        assert_eq!(now, list(&[&one, &two]));
    }
}
