//! The files that a project's containers were made from. Owns which those are and when a change of them counts as over.
//!
//! They may be replaced rather than written, on any file system, so they are looked at in turn, the more of them the
//! less often. New files show in their directories.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pyfast_crew::interrupt::Interrupts;
use pyfast_launcher::compose_file::PRIVATE;
use pyfast_launcher::image::BuildSource;
use pyfast_root::Stamp;
use pyfast_settings::Settings;
use pyfast_settings::own_lock::is_lock;

use crate::defaults::assume;
use crate::description::{ComposeFlags, Description, inputs};
use crate::error::Error;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// The part of the time that looking may take: one of so many.
const SHARE: u32 = 15;
/// How long nothing may change until a change counts as over.
const QUIET: Duration = Duration::from_millis(100);

/// Files and directories as they looked at a time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Watched {
    seen: BTreeMap<PathBuf, Seen>,
    /// What this program writes, which makes no directory another one.
    own: BTreeSet<PathBuf>,
}

/// How one of them looked.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    File(Stamp),
    /// With these names in it.
    Directory(BTreeSet<OsString>),
}

/// What a change of the project shows in, as it is now: requirements with what they include, locks, compose files with
/// what they include, files of variables, and what its images are built from. Files that make no sense are among them.
pub fn watched(settings: &Settings, flags: &ComposeFlags, services: &[String]) -> Watched {
    let assumed = assume(settings, flags).ok().flatten();
    let settings = assumed.as_ref().map_or(settings, |assumed| &assumed.settings);
    let directory = &settings.project.directory;
    let mut files = vec![directory.join(pyfast_settings::FILE), directory.join(".env")];
    files.extend(inputs(settings, flags, services));
    let mut own = BTreeSet::new();
    if let Ok(described) = Description::read(settings, flags, services) {
        for env in described.environments.keys() {
            files.extend(pyfast_crew::inputs::input_files(settings, env));
        }
        own.extend([described.override_file.clone(), described.project.directory.join(PRIVATE)]);
        let builds = described.project.services.values().filter_map(|one| one.build.as_ref());
        for build in builds.filter(|build| build.other.is_empty()) {
            // What cannot be read is told by `up`.
            let source = BuildSource::open(build, &described.variables);
            files.extend(source.and_then(BuildSource::files).unwrap_or_default());
        }
    }
    files.retain(|file| !own.contains(file));
    Watched::now(files, own)
}

impl Watched {
    fn now(files: impl IntoIterator<Item = PathBuf>, own: BTreeSet<PathBuf>) -> Self {
        let seen = files.into_iter().map(|file| (file.clone(), look(&file, &own))).collect();
        Self { seen, own }
    }

    /// How many files they are.
    pub fn count(&self) -> usize {
        self.seen.values().filter(|seen| !matches!(seen, Seen::Directory(_))).count()
    }

    /// The files of another list that are not in this one, as they are now.
    #[must_use]
    pub fn missing_of(&self, other: &Self) -> Self {
        let missing = other.seen.keys().filter(|file| !self.seen.contains_key(*file));
        Self::now(missing.cloned(), other.own.clone())
    }

    /// Adds the files of another list.
    pub fn join(&mut self, other: Self) {
        self.seen.extend(other.seen);
        self.own.extend(other.own);
    }

    /// A sync has ended, and may have written locks.
    #[must_use]
    pub fn after_sync(mut self) -> Self {
        for (file, seen) in self.seen.iter_mut().filter(|(file, _)| is_lock(file)) {
            *seen = look(file, &self.own);
        }
        self
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
        loop {
            let begun = Instant::now();
            if self.seen.iter().any(|(file, was)| look(file, &self.own) != *was) {
                break;
            }
            tokio::time::sleep(LOOK.max(begun.elapsed() * SHARE)).await;
        }
        let now = || Self::now(self.seen.keys().cloned(), self.own.clone());
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

fn look(path: &Path, own: &BTreeSet<PathBuf>) -> Seen {
    let Ok(facts) = fs_err::metadata(path) else { return Seen::Nothing };
    if !facts.is_dir() {
        return Seen::File(Stamp::of(&facts));
    }
    let entries = fs_err::read_dir(path).into_iter().flatten().flatten();
    let others = entries.filter(|entry| !own.contains(&entry.path()) && !is_lock(&entry.path()));
    Seen::Directory(others.map(|entry| entry.file_name()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_gone_or_written_shows_and_what_this_program_writes_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs_err::write(at("a.py"), "1").unwrap();
        let files = [directory.path().to_owned(), at("a.py"), at("none")];
        let look = || Watched::now(files.clone(), BTreeSet::from([at("own.yml")]));
        let before = look();
        assert_eq!((look() == before, before.count()), (true, 2));
        for own in ["own.yml", "pylock.toml"] {
            fs_err::write(at(own), "").unwrap();
            assert_eq!(look(), before, "{own}");
        }
        fs_err::write(at("b.py"), "").unwrap();
        assert_ne!(look(), before);
        fs_err::remove_file(at("b.py")).unwrap();
        assert_eq!(look(), before);
        fs_err::write(at("a.py"), "22").unwrap();
        assert_ne!(look(), before);
    }

    #[test]
    fn what_an_earlier_list_has_more_is_added_as_it_is_now() {
        let place = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| place.path().join(name));
        fs_err::write(&one, "1").unwrap();
        let list = |files: &[&PathBuf]| {
            Watched::now(files.iter().map(|&file| file.clone()), BTreeSet::new())
        };
        let (earlier, mut now) = (list(&[&one, &two]), list(&[&one]));
        fs_err::write(&two, "2").unwrap();
        let missing = now.missing_of(&earlier);
        assert_eq!(missing, list(&[&two]));
        now.join(missing);
        assert_eq!(now, list(&[&one, &two]));
    }
}
