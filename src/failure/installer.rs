//! What to do about errors of the store and of environments.

use pyfast_installer::Error as InstallError;

use super::build::build_hints;
use super::root::refusal_hint;
use super::{Code, Failure};

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        let root = error.root();
        let (kind, code) = match root {
            InstallError::Root(error) => return Self::from_root(error),
            InstallError::Fetch(error) => return Self::from_index(error),
            InstallError::Resolve(error) => return Self::from_resolve(error),
            InstallError::Build(failure) => {
                let mut told = Self::from_error("build", failure, Code::Mendable);
                told.hints.extend(build_hints(failure));
                return told;
            }
            InstallError::Io { .. } => ("io", Code::Mendable),
            InstallError::Probe { .. } => ("no-interpreter", Code::Usage),
            InstallError::Wheel { .. } => ("bad-wheel", Code::Mendable),
            InstallError::HashMismatch { .. } => ("hash-mismatch", Code::Mendable),
            InstallError::NotInStore { .. } | InstallError::Damaged { .. } => {
                ("damaged", Code::Mendable)
            }
            InstallError::Clash { .. } => ("clash", Code::Mendable),
            InstallError::NoGeneration { .. }
            | InstallError::NothingBefore { .. }
            | InstallError::Collected { .. } => ("no-environment", Code::Mendable),
            InstallError::Compile { .. } => ("compile", Code::Mendable),
            _ => ("install", Code::Mendable),
        };
        let mut failure = Self::from_error(kind, root, code);
        failure.hints.extend(install_hint(root).map(str::to_owned));
        failure
    }
}

fn install_hint(error: &InstallError) -> Option<&'static str> {
    match error {
        InstallError::Io { source, .. } => refusal_hint(source.kind()),
        InstallError::Probe { .. } => Some("name another interpreter with --python PATH"),
        InstallError::Wheel { .. } => {
            Some("nothing of it was installed; report it to its publisher, or pin another version")
        }
        InstallError::HashMismatch { .. } => Some(
            "the file is damaged, or it changed since it was locked; `pyfast lock --upgrade` looks again",
        ),
        InstallError::NotInStore { .. } | InstallError::Damaged { .. } => {
            Some("`pyfast verify --repair` and `pyfast sync --reinstall` mend the store")
        }
        InstallError::Clash { .. } => Some("leave --strict out to let the later package win"),
        InstallError::NoGeneration { .. } | InstallError::NothingBefore { .. } => {
            Some("`pyfast history` shows what there is")
        }
        InstallError::Collected { .. } => {
            Some("`pyfast history` shows those that are left; a sync with its lock makes it again")
        }
        InstallError::Compile { .. } => Some("--no-compile leaves bytecode out"),
        _ => None,
    }
}
