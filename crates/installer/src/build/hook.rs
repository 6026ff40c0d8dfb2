//! Runs one hook of a backend in a process of its own, with what it prints in a log.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use pyfast_packaging::build::BuildStage;
use pyfast_root::random_name;
use serde::Deserialize;
use serde_json::{Value, json};

use super::system::BuildSystem;
use crate::error::Error;

const SCRIPT: &str = include_str!("hooks.py");

/// Where and how hooks run.
pub(super) struct Hook<'a> {
    pub(super) python: &'a Path,
    /// A directory of programs that stands before the others.
    pub(super) path: Option<&'a Path>,
    pub(super) variables: &'a BTreeMap<String, String>,
    /// The source's directory, where hooks run.
    pub(super) directory: &'a Path,
    /// Where they may write.
    pub(super) work: &'a Path,
}

/// A call of a hook.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// What the build has come to.
    pub(super) stage: BuildStage,
    /// The hook's name.
    pub(super) hook: &'a str,
    /// What it is given, in its own order.
    pub(super) arguments: Value,
}

/// What a hook gave.
#[derive(Debug)]
pub(super) enum Answer {
    /// The backend has no such hook.
    Missing,
    /// Its value.
    Value(Value),
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    missing: bool,
    #[serde(default)]
    value: Value,
}

/// Runs a hook to its end. It ends with this process, whatever signal that gets: its script takes the end of the pipe for
/// that, unless it is told first that all is well.
fn run(command: &mut Command) -> io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    let pipe = child.stdin.take();
    let status = child.wait();
    if let Some(mut pipe) = pipe {
        // Where nobody reads it, nobody watches.
        let _ = pipe.write_all(b"x");
    }
    status
}

impl Hook<'_> {
    /// Calls a hook: its answer, or why it failed and what it printed.
    pub(super) fn call(
        &self,
        system: &BuildSystem,
        call: &Call<'_>,
    ) -> Result<Result<Answer, (String, String)>, Error> {
        let Call { hook: name, arguments, .. } = call;
        let backend_path: Vec<_> =
            system.backend_path.iter().map(|path| self.directory.join(path)).collect();
        let request = json!({
            "backend": system.backend,
            "backend_path": backend_path,
            "hook": name,
            "arguments": arguments,
        });
        let unique = random_name().map_err(Error::io("create", self.work))?;
        let [ask, reply, log] =
            ["request", "reply", "log"].map(|kind| self.work.join(format!("{kind}-{unique}")));
        fs_err::write(&ask, request.to_string()).map_err(Error::io("write", &ask))?;
        let status = run(&mut self.command(&ask, &reply, &log)?);
        let status = status.map_err(Error::io("run", self.python))?;
        let printed = fs_err::read(&log).map_err(Error::io("read", &log))?;
        let printed = String::from_utf8_lossy(&printed).into_owned();
        if !status.success() {
            return Ok(Err((format!("{name} ended with {status}"), printed)));
        }
        let text = fs_err::read_to_string(&reply).unwrap_or_default();
        Ok(match serde_json::from_str::<Reply>(&text) {
            Ok(Reply { missing: true, .. }) => Ok(Answer::Missing),
            Ok(Reply { value, .. }) => Ok(Answer::Value(value)),
            Err(_) => Err((format!("{name} gave no answer"), printed)),
        })
    }

    fn command(&self, ask: &Path, reply: &Path, log: &Path) -> Result<Command, Error> {
        let out = fs_err::File::create(log).map_err(Error::io("create", log))?;
        let err = out.file().try_clone().map_err(Error::io("open", log))?;
        let temporary = self.work.join("tmp");
        fs_err::create_dir_all(&temporary).map_err(Error::io("create", &temporary))?;
        let mut command = Command::new(self.python);
        command
            .args(["-I", "-B", "-c", SCRIPT])
            .args([ask, reply])
            .current_dir(self.directory)
            .env_clear()
            .envs(self.variables)
            .env("TMPDIR", &temporary)
            // Nothing may write bytecode into the store through the environment's links.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::piped())
            .stdout(out.into_parts().0)
            .stderr(err);
        if let Some(first) = self.path {
            let rest = self.variables.get("PATH").map_or("/usr/bin:/bin", String::as_str);
            command.env("PATH", format!("{}:{rest}", first.display()));
            command.env("VIRTUAL_ENV", first.parent().unwrap_or(first));
        }
        Ok(command)
    }
}
