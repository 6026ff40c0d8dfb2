//! The entrypoint of a container: replaces this process by a command that runs in one concrete generation, or stays in
//! front of it and starts it again in the next one. Owns the
//! way from `current` to the generation, the lease on it and the environment variables; must not know the engine, or
//! what a generation is made of beyond its `bin/` and `env.json`.
//!
//! Synchronous, without threads, and without a single write: it runs as process 1 of containers with a read-only root
//! file system, any user and no shell.

mod command;
mod current;
mod lease;
mod supervise;

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Pid;

use self::current::Held;
use crate::engine::DEFAULT_PATH;
use crate::error::Error;

pub use self::supervise::{Reloaded, StopSignal, Supervision, reload, supervise};

/// What is to be run, and where.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Root of store and environments as this process sees it (`/pyfast`), absolute.
    pub root: PathBuf,
    /// Name of the project; `None` takes the only one there is.
    pub project: Option<String>,
    /// Name of the environment in the project.
    pub env: String,
    /// The command and its arguments.
    pub argv: Vec<OsString>,
    /// The environment variables of this process.
    pub environment: Vec<(OsString, OsString)>,
    /// How long to wait for an environment to appear; zero fails at once.
    pub wait: Duration,
}

/// What happens on the way to the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryEvent {
    /// There is no environment yet. Repeated every five seconds.
    Waiting {
        /// The link that has to appear.
        link: PathBuf,
        /// Time until this is given up.
        left: Duration,
    },
    /// The file system grants no locks: the command runs, and nothing keeps its generation from being collected.
    NoLease {
        /// The generation.
        generation: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// The command is a `pip` that the environment does not have: it works on another Python.
    OthersPip {
        /// Where it is.
        program: PathBuf,
    },
    /// Another generation is current: the command is asked to end, and will be started in that one.
    Restarting {
        /// The new generation's id.
        id: String,
    },
    /// Somebody asked for another start in the same generation: the command is asked to end, and will be started again.
    Again,
    /// The command cannot be started in the generation that has become current, so it keeps the one it has.
    Kept {
        /// The new generation's id.
        id: String,
        /// Why not.
        reason: String,
    },
    /// The command did not end in time and was killed.
    Killed {
        /// The time that it had.
        grace: Duration,
    },
}

/// A command that is ready to replace this process.
#[derive(Debug)]
pub struct Launch {
    project: String,
    generation: PathBuf,
    program: PathBuf,
    name: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    lease: Option<OwnedFd>,
}

/// Runs the command in place of this process. Returns only when that failed.
///
/// The command gets default signal dispositions for what Rust changes (SIGPIPE), an empty signal mask, and one file
/// descriptor more than standard input and outputs: the lease on the generation, which is a shared lock.
pub fn exec(entry: &Entry, event: &dyn Fn(EntryEvent)) -> Error {
    match prepare(entry, event) {
        Ok(launch) => launch.exec(),
        Err(error) => error,
    }
}

/// Finds the generation, takes the lease and finds the command.
///
/// # Errors
/// [`Error::NoCommand`], [`Error::NoEnvironment`], [`Error::SeveralProjects`], [`Error::CurrentLink`],
/// [`Error::Root`], [`Error::Interrupted`], [`Error::CommandNotFound`], [`Error::CommandBroken`], [`Error::NotExecutable`],
/// [`Error::Io`].
pub fn prepare(entry: &Entry, event: &dyn Fn(EntryEvent)) -> Result<Launch, Error> {
    if entry.argv.first().is_none_or(|name| name.is_empty()) {
        return Err(Error::NoCommand);
    }
    let held = current::hold(entry, event)?;
    ready(entry, held, event)
}

/// Finds the command in a generation that is held.
fn ready(entry: &Entry, held: Held, event: &dyn Fn(EntryEvent)) -> Result<Launch, Error> {
    let (name, arguments) = entry.argv.split_first().ok_or(Error::NoCommand)?;
    let Held { directory: generation, project, lease } = held;
    let lease = match lease {
        Ok(lease) => Some(lease),
        Err(reason) => {
            event(EntryEvent::NoLease { generation: generation.clone(), reason });
            None
        }
    };
    let environment = variables(&entry.environment, &generation);
    let path = value(&environment, "PATH").unwrap_or_default();
    let program = command::find(name, path, &generation.join("bin"))?;
    if is_pip(name) && !program.starts_with(&generation) {
        event(EntryEvent::OthersPip { program: program.clone() });
    }
    let (name, arguments) = (name.clone(), arguments.to_vec());
    Ok(Launch { project, generation, program, name, arguments, environment, lease })
}

/// Whether a command is pip by one of its names, looked for in PATH.
fn is_pip(name: &OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix("pip"));
    rest.is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

impl Launch {
    /// Directory of the generation.
    pub fn generation(&self) -> &Path {
        &self.generation
    }

    /// The file to be executed.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Replaces this process. Returns only when that failed.
    pub fn exec(self) -> Error {
        if let Some(lease) = &self.lease
            && let Err(error) = lease::inherit(lease)
        {
            return error;
        }
        let source = self.command().exec();
        command::explain(self.program, source)
    }

    /// Starts the command as a child, which is for the caller to wait for.
    fn spawn(&self) -> Result<Pid, Error> {
        if let Some(lease) = &self.lease {
            lease::inherit(lease)?;
        }
        let spawned = self.command().spawn();
        if let Some(lease) = &self.lease {
            lease::keep(lease)?;
        }
        match spawned {
            Ok(child) => Ok(Pid::from_child(&child)),
            Err(source) => Err(command::explain(self.program.clone(), source)),
        }
    }

    /// The standard library empties the signal mask and resets SIGPIPE before it calls execvp(3).
    fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command
            .arg0(&self.name)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Whether nothing can be written below the root because of the way in which it is mounted.
///
/// # Errors
/// [`Error::Io`] when the root cannot be looked at.
pub fn is_read_only(root: &Path) -> Result<bool, Error> {
    let facts = rustix::fs::statvfs(root).map_err(|error| Error::Io {
        act: "look at the root of the environments",
        source: std::io::Error::new(
            std::io::Error::from(error).kind(),
            format!("{}: {error}", root.display()),
        ),
    })?;
    Ok(facts.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

fn value<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    environment.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
}

/// The caller's variables, with those of an activated environment in place of its own.
fn variables(given: &[(OsString, OsString)], generation: &Path) -> Vec<(OsString, OsString)> {
    let bin = generation.join("bin");
    let old =
        value(given, "PATH").filter(|path| !path.is_empty()).unwrap_or(OsStr::new(DEFAULT_PATH));
    let mut path = bin.into_os_string();
    path.push(":");
    path.push(old);
    // PYTHONHOME would send the interpreter to another standard library than the generation's.
    let replaced = ["PATH", "VIRTUAL_ENV", "PYTHONHOME"];
    let mut environment: Vec<_> = given
        .iter()
        .filter(|(name, _)| !replaced.iter().any(|&other| name == other))
        .cloned()
        .collect();
    environment.push(("VIRTUAL_ENV".into(), generation.into()));
    environment.push(("PATH".into(), path));
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        list.iter().map(|&(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn an_activated_environment_comes_first_and_the_rest_stays() {
        let given = pairs(&[
            ("PYTHONHOME", "/x"),
            ("PATH", "/bin"),
            ("PYTHONPATH", "/app"),
            ("VIRTUAL_ENV", "/old"),
        ]);
        let made = variables(&given, Path::new("/pyfast/envs/v1/abc"));
        let expected = pairs(&[
            ("PYTHONPATH", "/app"),
            ("VIRTUAL_ENV", "/pyfast/envs/v1/abc"),
            ("PATH", "/pyfast/envs/v1/abc/bin:/bin"),
        ]);
        assert_eq!(made, expected);
    }

    #[test]
    fn an_image_without_path_gets_the_engines_default() {
        let made = variables(&[], Path::new("/g"));
        assert_eq!(value(&made, "PATH").unwrap(), OsStr::new(&format!("/g/bin:{DEFAULT_PATH}")));
    }

    #[test]
    fn an_ordinary_directory_is_not_read_only() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_read_only(dir.path()).unwrap());
        let error = is_read_only(&dir.path().join("gone")).unwrap_err();
        assert!(matches!(error, Error::Io { .. }));
    }
}
