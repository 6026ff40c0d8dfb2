//! The interpreter that an environment is for, as it describes itself. It runs with the host's Python
//! or inside an image; everything else only sees the description.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use pyfast_packaging::tags::{TagFacts, Tags};
use pyfast_packaging::target::Target;
use pyfast_packaging::{MarkerEnvironment, Version};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A Python text that prints the description of the interpreter that runs it, for
/// [`Interpreter::from_json`]. Run it with `-I -S -c`.
pub const PROBE: &str = include_str!("probe.py");

/// What stands before the description, so that whatever else is printed does not matter.
const MARK: &str = "pyfast-probe:";

/// How long an interpreter may take to start; a cold disk or an emulated platform is slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// More than this of what it says on its end is not a reason, in bytes.
const LONGEST_REASON: usize = 400;

/// A Python interpreter's facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// The base interpreter, outside of any virtual environment, as the environment will call it.
    pub executable: PathBuf,
    /// `sys.implementation.name`.
    pub implementation: String,
    /// Tag of extension modules, `cpython-311-x86_64-linux-gnu`.
    pub soabi: Option<String>,
    /// Tag of bytecode files, `cpython-311`; `None` if the interpreter caches none.
    pub cache_tag: Option<String>,
    /// The magic number of bytecode files, its four bytes in little-endian order.
    pub magic: u32,
    /// The library directory in an environment, `lib/python3.11`.
    pub lib_dir: String,
    /// Whether it is a 64-bit program, whose environments have `lib64`.
    pub wide: bool,
    /// Values of the environment markers.
    pub markers: MarkerEnvironment,
    /// What decides which wheels fit.
    pub tags: TagFacts,
}

/// The answer of an interpreter that is too old to be described.
#[derive(Deserialize)]
struct TooOld {
    too_old: String,
}

impl Interpreter {
    /// Asks the interpreter at `python` about itself.
    ///
    /// # Errors
    /// [`Error::Probe`] if it cannot be started, takes a minute, is too old, or answers nonsense.
    pub fn probe(python: &Path) -> Result<Self, Error> {
        let failed = |reason: String| Error::Probe { python: python.to_owned(), reason };
        let mut command = Command::new(python);
        command.args(["-I", "-S", "-c", PROBE]).stdin(Stdio::null());
        for variable in ["PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__"] {
            command.env_remove(variable);
        }
        let output = output_within(&mut command, PATIENCE).map_err(&failed)?;
        Self::from_json(&output).map_err(|error| match error {
            Error::Probe { reason, .. } => failed(reason),
            other => other,
        })
    }

    /// Reads what [`PROBE`] printed somewhere, or what serde wrote of an interpreter.
    ///
    /// # Errors
    /// [`Error::Probe`] if the interpreter is too old or the text is not a description.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let json = text.lines().rev().find_map(|line| line.strip_prefix(MARK)).unwrap_or(text);
        let failed = |reason| Error::Probe { python: "that answered".into(), reason };
        if let Ok(TooOld { too_old }) = serde_json::from_str(json) {
            return Err(failed(format!("it is Python {too_old}, 3.8 or later is needed")));
        }
        serde_json::from_str(json).map_err(|error| {
            let begin: String = json.trim().chars().take(200).collect();
            failed(format!("its answer `{begin}` is not a description: {error}"))
        })
    }

    /// The full version.
    pub fn version(&self) -> &Version {
        &self.markers.python_full_version().version
    }

    /// `X.Y`.
    pub fn short_version(&self) -> String {
        format!("{}.{}", self.tags.python.0, self.tags.python.1)
    }

    /// What to resolve and install for.
    pub fn target(&self) -> Target {
        Target { markers: self.markers.clone(), tags: Tags::new(self.tags.clone()).into() }
    }

    /// Site-packages relative to an environment.
    pub fn site_packages(&self) -> String {
        format!("{}/site-packages", self.lib_dir)
    }

    /// The directory of headers, relative to an environment; each project has one of its own in it.
    pub fn headers(&self) -> String {
        format!("include/site/python{}", self.short_version())
    }
}

/// A program's standard output; an error if it fails or takes too long.
fn output_within(command: &mut Command, patience: Duration) -> Result<String, String> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (sender, receiver) = mpsc::channel();
    let errors = std::thread::spawn(move || {
        let mut text = Vec::new();
        // What can be read is enough for a message.
        let _ = err.as_mut().map(|err| err.take(64 << 10).read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    });
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = out.as_mut().map(|out| out.take(1 << 20).read_to_end(&mut text));
        // The receiver is gone when time is up.
        let _ = sender.send(read.transpose().map(|_| text));
    });
    let output = receiver.recv_timeout(patience).ok();
    if output.is_none() {
        // It may have ended in this moment.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| format!("it cannot be waited for: {error}"))?;
    let Some(output) = output else {
        return Err(format!("it did not answer within {} s", patience.as_secs()));
    };
    let output = output.map_err(|error| format!("its answer cannot be read: {error}"))?;
    if !status.success() {
        let errors = errors.join().unwrap_or_default();
        let last = errors.trim_end().lines().next_back().unwrap_or_default();
        // A program that takes the question for the name of a file repeats it.
        if last.len() > LONGEST_REASON {
            return Err(format!("it did not run as Python, and ended with {status}"));
        }
        return Err(format!("it ended with {status}: {last}"));
    }
    Ok(String::from_utf8_lossy(&output).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python() -> PathBuf {
        crate::fixtures::python()
    }

    #[test]
    fn an_interpreter_describes_itself() {
        let interpreter = Interpreter::probe(&python()).unwrap();
        assert_eq!(interpreter.implementation, "cpython");
        let (major, minor) = interpreter.tags.python;
        assert_eq!(interpreter.lib_dir, format!("lib/python{major}.{minor}"));
        assert_eq!(interpreter.cache_tag, Some(format!("cpython-{major}{minor}")));
        assert_eq!(interpreter.magic >> 16, 0x0A0D, "magic numbers end with CR LF");
        assert!(interpreter.tags.libc.is_some());
        let text = serde_json::to_string(&interpreter).unwrap();
        assert_eq!(Interpreter::from_json(&text).unwrap(), interpreter);
        let wheel = "a-1-py3-none-any.whl".parse().unwrap();
        assert!(interpreter.target().tags.rank(&wheel).is_some());
    }

    #[test]
    fn a_virtual_environment_leads_to_its_base() {
        let root = tempfile::tempdir().unwrap();
        let base = Interpreter::probe(&python()).unwrap();
        let venv = root.path().join("venv");
        let status = Command::new(python())
            .args(["-I", "-m", "venv", "--without-pip"])
            .arg(&venv)
            .status()
            .unwrap();
        assert!(status.success());
        let inside = Interpreter::probe(&venv.join("bin/python")).unwrap();
        let real = |path: &Path| fs_err::canonicalize(path).unwrap();
        assert_eq!(real(&inside.executable), real(&base.executable));
        assert!(!inside.executable.starts_with(&venv));
    }

    #[test]
    fn nothing_that_is_installed_is_run_to_ask_an_interpreter() {
        let root = tempfile::tempdir().unwrap();
        let venv = root.path().join("venv");
        let mut make = Command::new(python());
        make.args(["-I", "-m", "venv", "--without-pip"]).arg(&venv);
        assert!(make.status().unwrap().success());
        let base = Interpreter::probe(&python()).unwrap();
        let said = root.path().join("said");
        let line = format!("import os; open({said:?}, 'w').close()\n");
        fs_err::write(venv.join(base.site_packages()).join("foreign.pth"), line).unwrap();
        let started = Command::new(venv.join("bin/python")).args(["-I", "-c", ""]).status();
        assert!(started.unwrap().success() && said.exists(), "a start executes it");
        fs_err::remove_file(&said).unwrap();
        assert_eq!(Interpreter::probe(&venv.join("bin/python")).unwrap().markers, base.markers);
        assert!(!said.exists());
    }

    /// Probes a script in the place of an interpreter. Another process writes it: one that a test beside this starts would
    /// have a file of ours open for writing, and nothing runs that is.
    fn check(script: &str, expected: &str) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("python");
        let write = "printf '#!/bin/sh\n%s\n' \"$1\" > \"$2\" && chmod 755 \"$2\"";
        let mut shell = Command::new("sh");
        let status = shell.args(["-c", write, "sh", script]).arg(&path).status().unwrap();
        assert!(status.success());
        let error = Interpreter::probe(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_cannot_answer_is_refused_with_the_reason() {
        check("echo 'pyfast-probe:{\"too_old\":\"2.7.18\"}'", "it is Python 2.7.18, 3.8 or later");
        check("echo hello", "its answer `hello` is not a description");
        check("echo broken >&2; exit 3", "exit status: 3: broken");
        check(
            "echo \"cannot open $4\" | tr '\\n' ' ' >&2; exit 2",
            "it did not run as Python, and ended with exit status: 2",
        );
        let error = Interpreter::probe(Path::new("/nowhere/python")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/python: it cannot be started"));
    }

    #[test]
    fn silence_ends() {
        let mut sleep = Command::new("sleep");
        let result = output_within(sleep.arg("30"), Duration::from_millis(50));
        assert!(result.unwrap_err().contains("did not answer"));
    }
}
