//! A whole project of the user's, with pyfast and with Compose alone. It stays as it is, but its containers are made anew.

use std::cell::Cell;
use std::io;
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
        Calls::timed(|| self.compose_healthy(&["up", "-d"]))
    }

    /// Seconds from an edit of code to the end of `pyfast up`. What came before it is settled first.
    pub(crate) fn edited(&self, code: &Edited) -> Result<f64, Error> {
        self.up()?;
        code.edit()?;
        self.up()
    }

    /// Seconds from an edit of code until all are as they should be, by images that are built anew.
    pub(crate) fn compose_edited(&self, code: &Edited) -> Result<f64, Error> {
        let build = ["up", "-d", "--build"];
        self.compose_healthy(&build)?;
        code.edit()?;
        Calls::timed(|| self.compose_healthy(&build))
    }

    /// Has Compose do something, and waits until all are as they should be.
    fn compose_healthy(&self, words: &[&str]) -> Result<(), Error> {
        self.compose(words)?;
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

/// A file of the user's code that is edited, and is what it was when this ends, unless somebody else edited it meanwhile.
pub(crate) struct Edited {
    file: PathBuf,
    before: Vec<u8>,
    /// How many lines were added.
    added: Cell<usize>,
}

impl Edited {
    /// Reads it.
    pub(crate) fn open(file: &Path) -> Result<Self, Error> {
        let before = fs_err::read(file).map_err(|error| Error::Step {
            step: "read the code that is to be edited".to_owned(),
            message: error.to_string(),
        })?;
        Ok(Self { file: file.to_owned(), before, added: Cell::new(0) })
    }

    /// Adds a line of nothing: in no language is that another program.
    fn edit(&self) -> Result<(), Error> {
        let edited = fs_err::read(&self.file).map(|text| [&text[..], b"\n"].concat());
        work("edit the code", edited.and_then(|text| self.write(&text)))?;
        self.added.set(self.added.get() + 1);
        Ok(())
    }

    /// In its place, as whoever has it mounted sees it by its inode.
    fn write(&self, text: &[u8]) -> io::Result<()> {
        fs_err::write(&self.file, text)
    }
}

impl Drop for Edited {
    fn drop(&mut self) {
        let ours = [&self.before[..], &vec![b'\n'; self.added.get()]].concat();
        if fs_err::read(&self.file).is_ok_and(|text| text == ours) {
            // There is nobody to tell; what is left are empty lines at its end.
            let _ = self.write(&self.before);
        }
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
    fn code_is_longer_with_each_edit_and_then_what_it_was() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("main.py");
        fs_err::write(&file, "print()\n").unwrap();
        let read = || fs_err::read_to_string(&file).unwrap();
        let edited = Edited::open(&file).unwrap();
        edited.edit().unwrap();
        edited.edit().unwrap();
        assert_eq!(read(), "print()\n\n\n");
        drop(edited);
        assert_eq!(read(), "print()\n");
        let edited = Edited::open(&file).unwrap();
        edited.edit().unwrap();
        fs_err::write(&file, "the user's own\n").unwrap();
        drop(edited);
        assert_eq!(read(), "the user's own\n");
        let error = Edited::open(&place.path().join("gone.py")).err().unwrap();
        assert!(error.to_string().contains("gone.py"), "{error}");
    }

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
