//! The interpreter of the tests, and a virtual environment with pip and uv beside the build's output.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::environment;

/// The interpreter that the tests install for: 3.11 where there is one, else `python3`.
/// Never a virtual environment's, never a shim's.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let path = environment("PATH").expect("PATH is set");
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        ["python3.11", "python3"]
            .iter()
            .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
            .filter(|candidate| candidate.is_file())
            .find_map(|candidate| base_executable(&candidate))
            .expect("python3.11 or python3 (3.8 or later, with the venv module) is on PATH")
    })
}

fn base_executable(candidate: &Path) -> Option<PathBuf> {
    const SCRIPT: &str = "import sys, venv, ensurepip; assert sys.version_info >= (3, 8); \
                          print(getattr(sys, '_base_executable', sys.executable))";
    let output = Command::new(candidate).args(["-I", "-c", SCRIPT]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(text.trim()))
}

/// `X.Y` of [`python`].
pub(crate) fn python_minor() -> &'static str {
    static MINOR: OnceLock<String> = OnceLock::new();
    MINOR.get_or_init(|| {
        evaluate(python(), "import sys; print('%d.%d' % sys.version_info[:2])").trim().to_owned()
    })
}

/// Runs `script` with `interpreter` and gives its standard output.
#[track_caller]
pub(crate) fn evaluate(interpreter: &Path, script: &str) -> String {
    let mut command = Command::new(interpreter);
    command.args(["-c", script]).env_remove("PYTHONPATH").env_remove("PYTHONHOME");
    let output =
        command.output().unwrap_or_else(|error| panic!("{}: {error}", interpreter.display()));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", interpreter.display());
    String::from_utf8(output.stdout).expect("the script prints UTF-8")
}

/// A virtual environment that holds pip and uv: made once for a build directory, from the default index.
pub(crate) fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("it-tools");
        fs_err::create_dir_all(&folder).unwrap();
        let lock = fs_err::File::create(folder.join("lock")).unwrap();
        // Test processes run side by side: the first one installs, the others wait for it.
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let venv = folder.join("venv");
        if !venv.join("done").exists() {
            let _ = fs_err::remove_dir_all(&venv);
            check(Command::new(python()).args(["-m", "venv"]).arg(&venv));
            check(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "uv"]));
            fs_err::write(venv.join("done"), "").unwrap();
        }
        venv.join("bin")
    })
}

/// Runs a command that has to succeed.
#[track_caller]
pub(crate) fn check(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{stdout}\n{stderr}");
    stdout
}

/// A pip or uv with nothing of the user's settings.
pub(crate) fn tool(name: &str, home: &Path) -> Command {
    let mut command = Command::new(tools().join(name));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8");
    command
}
