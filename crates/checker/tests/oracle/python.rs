//! The interpreters at hand, and how they are asked. Must not know what is compared.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pyfast_checker::PythonVersion;

/// An interpreter at hand.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    pub(crate) path: PathBuf,
    pub(crate) version: PythonVersion,
}

/// Each Python from 3.8 on, one of a version: what pyenv has, then what is on the path.
pub(crate) fn pythons() -> Vec<Python> {
    let list = r#"
for python in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3 "$(command -v python3)"; do
    [ -x "$python" ] && "$python" -c 'import sys; print(sys.executable, *sys.version_info[:2], sep="\t")'
done; true"#;
    let output = Command::new("sh").args(["-c", list]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found: Vec<Python> = Vec::new();
    for line in text.lines() {
        let [path, major, minor] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let version =
            PythonVersion { major: major.parse().unwrap(), minor: minor.parse().unwrap() };
        let is_known = found.iter().any(|python| python.version == version);
        if !is_known && (3, 8) <= (version.major, version.minor) {
            found.push(Python { path: PathBuf::from(path), version });
        }
    }
    assert!(!found.is_empty(), "no Python is at hand");
    found.sort_by_key(|python| python.version);
    found
}

impl Python {
    /// What a script prints that gets a text; it sees nothing of the user's.
    pub(crate) fn ask(&self, script: &str, text: &str, directory: &Path) -> String {
        let mut child = Command::new(&self.path)
            .args(["-I", "-X", "utf8", "-W", "ignore", "-c", script])
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}: {:?}", self.path.display(), output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Where its standard library is.
    pub(crate) fn library(&self) -> PathBuf {
        let script = "import sysconfig; print(sysconfig.get_path('stdlib'))";
        PathBuf::from(self.ask(script, "", Path::new("/")).trim())
    }
}
