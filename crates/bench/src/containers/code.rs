//! A service whose code is in its image, as most have it: what an edit of it costs with pyfast, with an image that is built
//! anew, and with Compose's own watch. What these make in the engine goes with them.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::answer::Door;
use super::asked::Asked;
use super::calls::Calls;
use super::project::{Cleanup, LABEL, Project, configuration, free_port, page, said, service};
use super::{own_name, write};
use crate::error::Error;
use crate::stage::work;

/// Where the code says its edition.
const CODE: &str = "app/edition.py";
/// After this time an edit was made before the watch looked.
const UNSEEN: Duration = Duration::from_secs(3);
/// How long the watch may take to end before it is killed.
const LEAVING: Duration = Duration::from_secs(10);
/// The first Compose whose watch restarts what it brings files to.
const WATCHES: (u32, u32) = (2, 23);
/// What tells that Compose's watch which files to bring.
const WATCH: &str = "    develop: {watch: [{action: sync+restart, path: ./app, target: /app}]}\n";

/// The services, one for each way to bring an edit to it.
pub(crate) struct Code<'a> {
    own: Place<'a>,
    built: Place<'a>,
    /// `None` where this Compose has no such watch.
    watched: Option<Watched<'a>>,
    /// Where the one package is that pyfast's has.
    wheels: String,
}

impl<'a> Code<'a> {
    /// Starts them all.
    pub(crate) fn start(calls: &'a Calls, made: &Project) -> Result<Self, Error> {
        let volume = own_name("code-volume");
        let own = Place::make(calls, made, "code", Some(volume.clone()))?;
        write(&own.directory.join("requirements.txt"), &Asked::only(0))?;
        write(&own.directory.join("pyfast.toml"), &configuration(&volume))?;
        let built = Place::make(calls, made, "code-image", None)?;
        let watched = watches(&calls.compose(Path::new("."), &["version", "--short"])?);
        let watched = watched.then(|| Watched::start(calls, made)).transpose()?;
        let code = Self { own, built, watched, wheels: made.asked.wheels.display().to_string() };
        calls.pyfast(&code.own.directory, &code.words())?;
        code.build()?;
        Ok(code)
    }

    /// Seconds from an edit to the answer, by `pyfast up`.
    pub(crate) fn put(&self, number: u32) -> Result<f64, Error> {
        self.own.edit(number)?;
        let Place { door, calls, directory, .. } = &self.own;
        door.answered(calls, directory, &self.words(), number).map(|(answered, _)| answered)
    }

    /// The same, by an image that is built anew.
    pub(crate) fn rebuilt(&self, number: u32) -> Result<f64, Error> {
        self.built.edit(number)?;
        Calls::timed(|| {
            self.build()?;
            self.built.door.wait(self.built.calls, number, || Ok(()))
        })
    }

    /// The same, by Compose's watch.
    pub(crate) fn synced(&mut self, number: u32) -> Result<Option<f64>, Error> {
        self.watched.as_mut().map(|watched| watched.edited(number)).transpose()
    }

    /// What brings up the one of pyfast.
    fn words(&self) -> [&str; 5] {
        ["up", "-q", "--no-index", "--find-links", &self.wheels]
    }

    fn build(&self) -> Result<(), Error> {
        self.built.compose(&["up", "-d", "--build"])
    }
}

/// A project of such a service.
pub(super) struct Place<'a> {
    pub(super) directory: PathBuf,
    pub(super) door: Door,
    pub(super) calls: &'a Calls,
    /// Removes it from the engine.
    _cleanup: Cleanup<'a>,
}

impl<'a> Place<'a> {
    /// Writes it, under a name of its own.
    pub(super) fn make(
        calls: &'a Calls,
        made: &Project,
        name: &str,
        volume: Option<String>,
    ) -> Result<Self, Error> {
        let directory = made.directory.with_file_name(name);
        work("make the directories", fs_err::create_dir_all(directory.join("app")))?;
        let (project, tag) = (own_name(name), own_name(&format!("{name}-built")));
        let door = Door { port: free_port()?, ready: said(&directory)? };
        let cleanup = Cleanup { calls, project: project.clone(), volume, image: Some(tag.clone()) };
        let place = Self { directory, door, calls, _cleanup: cleanup };
        place.edit(0)?;
        let app = page("from edition import EDITION as version");
        write(&place.directory.join("app/main.py"), &app)?;
        let dockerfile = format!("FROM {}\nLABEL {LABEL}={tag}\nCOPY app /app\n", made.asked.image);
        write(&place.directory.join("Dockerfile"), &dockerfile)?;
        let source = format!("image: {tag}\n    build: {{context: .}}");
        let compose = service(&source, "python3", &["./said:/said"], place.door.port);
        write(&place.directory.join("compose.yaml"), &compose)?;
        write(&place.directory.join(".env"), &format!("COMPOSE_PROJECT_NAME={project}\n"))?;
        Ok(place)
    }

    /// Writes an edition. Each has a length of its own: Python takes stored bytecode for a source of the same second and
    /// length.
    pub(super) fn edit(&self, number: u32) -> Result<(), Error> {
        let line = "#".repeat(number as usize);
        write(&self.directory.join(CODE), &format!("EDITION = \"{number}\"\n#{line}\n"))
    }

    fn compose(&self, words: &[&str]) -> Result<(), Error> {
        self.calls.compose(&self.directory, words).map(drop)
    }
}

/// One that Compose watches.
struct Watched<'a> {
    place: Place<'a>,
    watch: Child,
    /// Whether the watch is known to look.
    has_answered: bool,
}

impl<'a> Watched<'a> {
    fn start(calls: &'a Calls, made: &Project) -> Result<Self, Error> {
        let place = Place::make(calls, made, "code-watch", None)?;
        let compose = place.directory.join("compose.yaml");
        let text = work("read a project's file", fs_err::read_to_string(&compose))?;
        write(&compose, &(text + WATCH))?;
        place.compose(&["up", "-d", "--build"])?;
        let watch = calls.start_compose(&place.directory, &["watch", "--no-up"])?;
        Ok(Self { place, watch, has_answered: false })
    }

    fn edited(&mut self, number: u32) -> Result<f64, Error> {
        let Self { place, watch, has_answered } = self;
        let begun = Instant::now();
        let mut edited = begun;
        place.edit(number)?;
        place.door.wait(place.calls, number, || {
            if let Ok(Some(status)) = watch.try_wait() {
                let message = format!("it ended with {status}");
                return Err(Error::Step { step: "compose watch".to_owned(), message });
            }
            // The first one, which only warms, may come before the watch looks.
            if !*has_answered && edited.elapsed() > UNSEEN {
                edited = Instant::now();
                place.edit(number)?;
            }
            Ok(())
        })?;
        *has_answered = true;
        Ok(begun.elapsed().as_secs_f64())
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let group = i32::try_from(self.watch.id()).ok().and_then(Pid::from_raw);
        for signal in [Signal::TERM, Signal::KILL] {
            // The client tells its plugin nothing in some versions. One that has ended already hears nothing.
            let _ = group.map(|group| kill_process_group(group, signal));
            let begun = Instant::now();
            while begun.elapsed() < LEAVING {
                if !matches!(self.watch.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Whether a Compose of this version watches as it is measured.
fn watches(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split(['.', '-']).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= WATCHES,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compose_watches_from_the_version_that_restarts() {
        for version in ["2.23.0", "v2.26.1", "2.40.3-desktop.1", "5.0.0"] {
            assert!(watches(version), "{version}");
        }
        for version in ["1.29.2", "2.22.9", "", "unknown"] {
            assert!(!watches(version), "{version}");
        }
    }
}
