//! What to do about errors below a root.

use std::io::ErrorKind;

use pyfast_root::Error as RootError;

use super::{Code, Failure};

impl From<RootError> for Failure {
    fn from(error: RootError) -> Self {
        Self::from_root(&error)
    }
}

impl Failure {
    /// Takes over an error of the root.
    pub(super) fn from_root(error: &RootError) -> Self {
        let (kind, code) = match error {
            RootError::Kind { .. } => ("foreign", Code::Mendable),
            RootError::TooLarge { .. } | RootError::Damaged { .. } => ("damaged", Code::Mendable),
            RootError::NotARoot { .. } => ("no-root", Code::Usage),
            RootError::LayoutVersion { .. } => ("layout", Code::Usage),
            RootError::Name { .. } | RootError::NotText { .. } => ("usage", Code::Usage),
            RootError::ForeignProject { .. } => ("foreign-project", Code::Usage),
            RootError::LockTimeout { .. } => ("busy", Code::Mendable),
            _ => ("io", Code::Mendable),
        };
        let mut failure = Self::from_error(kind, error, code);
        failure.hints.extend(hint(error));
        failure
    }
}

fn hint(error: &RootError) -> Option<String> {
    Some(match error {
        RootError::Io { source, .. } => return refusal_hint(source.kind()).map(str::to_owned),
        RootError::Kind { .. } => {
            "it is neither followed nor replaced: move it away, and run the command again"
                .to_owned()
        }
        RootError::TooLarge { .. } | RootError::Damaged { .. } => {
            "`pyfast verify --repair` and `pyfast sync --reinstall` mend the store".to_owned()
        }
        RootError::NotARoot { .. } => {
            "a root is a new or empty directory, or one that pyfast made: give one with --root DIR"
                .to_owned()
        }
        RootError::LayoutVersion { .. } => {
            "use the pyfast that made it, or choose another place with --root DIR".to_owned()
        }
        RootError::NotText { .. } => {
            "rename it, or give another: --root DIR, --project DIR".to_owned()
        }
        RootError::ForeignProject { project, .. } => format!(
            "give this one another name with --project-name NAME; `--project-name {project}` takes \
             the other one's environments over"
        ),
        RootError::LockTimeout { .. } => {
            "end that process if it hangs, and run the command again".to_owned()
        }
        _ => return None,
    })
}

/// What to do where the operating system refused.
pub(super) fn refusal_hint(refusal: ErrorKind) -> Option<&'static str> {
    match refusal {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(
            "nothing was changed; make room (`pyfast gc --recent 0` removes whatever nothing uses), or choose another \
                 place with --root DIR",
        ),
        ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::NotADirectory
        | ErrorKind::FileTooLarge => Some("choose a place that you can write with --root DIR"),
        _ => None,
    }
}
