//! The same service the usual way: an image with the dependencies in it, built with uv, and containers made anew by Compose.

use std::path::PathBuf;
use std::time::Instant;

use super::answer::Door;
use super::calls::Calls;
use super::project::{Cleanup, MOUNTS, Project, free_port, said, service};
use super::recipe::{self, Uv};
use super::{own_name, write};
use crate::error::Error;
use crate::stage::work;

/// The project.
pub(crate) struct Rival<'a> {
    directory: PathBuf,
    door: Door,
    /// Whether uv's cache outlives a build.
    cached: bool,
    made: &'a Project<'a>,
    calls: &'a Calls,
    _cleanup: Cleanup<'a>,
}

impl<'a> Rival<'a> {
    /// Writes the project beside the one of pyfast.
    pub(crate) fn make(made: &'a Project<'a>, uv: &Uv, calls: &'a Calls) -> Result<Self, Error> {
        let directory = made.directory.with_file_name("image");
        work("make the directories", fs_err::create_dir_all(directory.join("app")))?;
        let (door, tag) =
            (Door { port: free_port()?, ready: said(&directory)? }, own_name("image"));
        let app = made.directory.join("app/main.py");
        work("write a project's file", fs_err::copy(app, directory.join("app/main.py")))?;
        recipe::write_context(&directory, made.asked, uv, &tag)?;
        // The build has to reach what pyfast reaches from this machine.
        let network = calls.variable("PYFAST_HELPER_NETWORK").map(|name| name.to_string_lossy());
        let network = network.map(|name| format!(", network: {name:?}")).unwrap_or_default();
        let source = format!("image: {tag}\n    build: {{context: .{network}}}");
        let compose = service(&source, "/venv/bin/python", &MOUNTS, door.port);
        write(&directory.join("compose.yaml"), &compose)?;
        let project = own_name("rival");
        write(&directory.join(".env"), &format!("COMPOSE_PROJECT_NAME={project}\n"))?;
        let cleanup = Cleanup { calls, project, volume: None, image: Some(tag) };
        Ok(Self { directory, door, cached: uv.cached, made, calls, _cleanup: cleanup })
    }

    /// Asks for a version of the package.
    pub(crate) fn edit(&self, number: u32) -> Result<(), Error> {
        write(&self.directory.join("requirements.txt"), &self.made.asked.requirements(number))
    }

    /// Builds the image and makes the container anew.
    pub(crate) fn rebuild(&self) -> Result<(), Error> {
        self.calls.compose(&self.directory, &["up", "-d", "--build"]).map(drop)
    }

    /// Seconds from an edit to the answer.
    pub(crate) fn edited(&self, number: u32) -> Result<f64, Error> {
        self.edit(number)?;
        let begun = Instant::now();
        self.rebuild()?;
        self.door.wait(self.calls, number, || Ok(()))?;
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Seconds that Compose takes when nothing is to be done.
    pub(crate) fn timed_up(&self) -> Result<f64, Error> {
        Calls::timed(|| self.calls.compose(&self.directory, &["up", "-d"]))
    }

    /// Seconds from no containers to the answer.
    pub(crate) fn started(&self, number: u32) -> Result<f64, Error> {
        self.calls.compose(&self.directory, &["down"])?;
        self.door.forget()?;
        Calls::timed(|| {
            self.calls.compose(&self.directory, &["up", "-d"])?;
            self.door.wait(self.calls, number, || Ok(()))
        })
    }

    /// What a reader must know of the builds.
    pub(crate) fn note(&self) -> &'static str {
        recipe::note(self.cached)
    }
}
