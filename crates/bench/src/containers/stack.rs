//! A whole project of the user's, with pyfast and with Compose alone. It stays as it is, but its containers are made anew.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::calls::Calls;
use super::project::label;
use crate::context::ReadProject;
use crate::error::Error;
use crate::stage::work;

/// How long a project may take.
const PATIENCE: Duration = Duration::from_mins(15);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(50);

/// The project.
pub(crate) struct Stack<'a> {
    directory: PathBuf,
    name: String,
    /// How many containers it has when it is up.
    services: usize,
    /// What stands before Compose's subcommand.
    files: Vec<String>,
    calls: &'a Calls,
}

impl<'a> Stack<'a> {
    /// Brings the project up once, which writes the override that Compose has to know too.
    pub(crate) fn open(
        directory: &Path,
        calls: &'a Calls,
        read_project: &ReadProject,
    ) -> Result<Self, Error> {
        let directory = work("find the project", fs_err::canonicalize(directory))?;
        calls.pyfast(&directory, &["up", "-q"])?;
        let text = |text: &std::ffi::OsString| text.to_str().map(str::to_owned);
        let environment = calls.variables().iter();
        let environment =
            environment.filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
        let project = read_project(&directory, &environment).map_err(|message| Error::Step {
            step: "read the compose files".to_owned(),
            message,
        })?;
        let beside = directory.join(".pyfast/compose.override.yml");
        let extra = beside.is_file().then_some(beside);
        let files = project.files.iter().chain(&extra);
        let files = files.flat_map(|file| ["-f".to_owned(), file.display().to_string()]).collect();
        Ok(Self { name: project.name, services: project.services, directory, files, calls })
    }

    /// Seconds that `pyfast up` takes.
    pub(crate) fn up(&self) -> Result<f64, Error> {
        Calls::timed(|| self.calls.pyfast(&self.directory, &["up", "-q"]))
    }

    /// Seconds from no containers to the end of `pyfast up`.
    pub(crate) fn started(&self) -> Result<f64, Error> {
        self.compose(&["down"])?;
        self.up()
    }

    /// Seconds that `compose up -d` takes.
    pub(crate) fn compose_up(&self) -> Result<f64, Error> {
        Calls::timed(|| self.compose(&["up", "-d"]))
    }

    /// Seconds from no containers until all are as they should be.
    pub(crate) fn compose_started(&self) -> Result<f64, Error> {
        self.compose(&["down"])?;
        Calls::timed(|| {
            self.compose(&["up", "-d"])?;
            let begun = Instant::now();
            while !self.is_up()? {
                self.calls.check()?;
                if begun.elapsed() > PATIENCE {
                    let message = "the project is not healthy after 15 minutes".to_owned();
                    return Err(Error::Step { step: "compose up".to_owned(), message });
                }
                std::thread::sleep(PAUSE);
            }
            Ok(())
        })
    }

    fn compose(&self, words: &[&str]) -> Result<String, Error> {
        let files = self.files.iter().map(String::as_str);
        self.calls.compose(&self.directory, &files.chain(words.iter().copied()).collect::<Vec<_>>())
    }

    fn is_up(&self) -> Result<bool, Error> {
        let filter = label(&self.name);
        let text =
            self.calls.docker(&["ps", "-a", "--filter", &filter, "--format", "{{.Status}}"])?;
        Ok(text.lines().count() >= self.services && text.lines().all(is_well))
    }
}

/// Whether the client's word for a container's state is one to stop waiting at.
fn is_well(status: &str) -> bool {
    let runs = status.starts_with("Up")
        && !["starting", "unhealthy"].iter().any(|bad| status.contains(bad));
    runs || status.starts_with("Exited (0)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_well_when_healthy_running_without_a_check_or_ended_well() {
        for status in ["Up 3 seconds", "Up 2 minutes (healthy)", "Exited (0) 5 seconds ago"] {
            assert!(is_well(status), "{status}");
        }
        for status in [
            "Up 1 second (health: starting)",
            "Up 1 minute (unhealthy)",
            "Exited (1) 2 seconds ago",
            "Created",
            "Restarting (1) 3 seconds ago",
        ] {
            assert!(!is_well(status), "{status}");
        }
    }
}
