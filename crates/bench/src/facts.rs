//! Which tools and which interpreter there are. Starts them to ask what they are, and prepares a virtual environment with pip.
//! Knows nothing of scenarios.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::files;
use crate::stage::work;
use crate::tool::{Installed, Tool};

/// Environment variables as name and value.
pub(crate) type Variables = [(OsString, OsString)];

/// Asks an interpreter where it really is (launchers and version switchers cost time in each run) and what version it has.
///
/// # Errors
/// When it cannot be started or does not answer.
pub(crate) fn interpreter(
    program: &Path,
    environment: &Variables,
) -> Result<(PathBuf, String), Error> {
    const QUESTION: &str = "import platform, sys\n\
        print(getattr(sys, '_base_executable', '') or sys.executable)\n\
        print(platform.python_implementation(), platform.python_version())";
    let answer = ask(program, ["-c", QUESTION], environment)?;
    let mut lines = answer.lines();
    match (lines.next(), lines.next()) {
        (Some(path), Some(version)) if !path.is_empty() => Ok((path.into(), version.to_owned())),
        _ => Err(Error::Interpreter { path: program.to_path_buf(), message: answer }),
    }
}

/// A tool with what it says of its version, on one line.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn identify(
    tool: Tool,
    program: PathBuf,
    environment: &Variables,
) -> Result<Installed, Error> {
    let answer = ask(&program, ["--version"], environment)?;
    let first = answer.lines().next().unwrap_or_default();
    // What stands in brackets is the build's platform.
    let version = first.split(" (").next().unwrap_or(first).trim().to_owned();
    Ok(Installed { tool, program, version })
}

/// Makes a virtual environment that holds pip and nothing else at `target`, and says pip's version.
///
/// # Errors
/// When `venv` or pip fail.
pub(crate) fn pip_environment(
    python: &Path,
    target: &Path,
    environment: &Variables,
) -> Result<String, Error> {
    work("remove an environment", files::remove(target))?;
    ask(python, [OsStr::new("-m"), OsStr::new("venv"), target.as_os_str()], environment)?;
    let own = target.join("bin/python");
    // Older interpreters put these in as well; they would stand in the way of the same set everywhere.
    ask(
        &own,
        [
            "-m",
            "pip",
            "uninstall",
            "-q",
            "-y",
            "--disable-pip-version-check",
            "setuptools",
            "wheel",
        ],
        environment,
    )?;
    let version = ask(&own, ["-m", "pip", "--version"], environment)?;
    Ok(version.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

/// Runs a program and gives what it printed.
fn ask<Argument: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = Argument>,
    environment: &Variables,
) -> Result<String, Error> {
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .map_err(|source| Error::Start { program: program.to_path_buf(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Interpreter {
        path: program.to_path_buf(),
        message: format!("{}: {message}", output.status),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_says_its_version() {
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("tool");
        // A child that another test forks meanwhile would keep a file of ours open for writing (`ETXTBSY`).
        let script =
            "printf '#!/bin/sh\\necho \"tool 1.2 (x86_64)\"\\n' > \"$0\" && chmod 755 \"$0\"";
        let made = std::process::Command::new("/bin/sh").args(["-c", script]).arg(&file).status();
        assert!(made.unwrap().success());
        assert_eq!(identify(Tool::Uv, file, &[]).unwrap().version, "tool 1.2");
    }

    #[test]
    fn a_program_that_is_no_interpreter_is_named() {
        let error = interpreter(Path::new("/bin/false"), &[]).unwrap_err();
        assert!(error.to_string().contains("/bin/false"), "{error}");
    }
}
