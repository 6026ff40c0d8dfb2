//! What to do where channels give no Python, or not what they should.

use pyfast_native::Error;

use super::{Code, Failure};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, code) = match error {
            Error::Root(error) => return error.into(),
            Error::Fetch(error) => return error.into(),
            Error::Io { .. } | Error::Threads(_) => ("io", Code::Mendable),
            Error::PythonVersion { .. } | Error::Channel { .. } | Error::Spec { .. } => {
                ("usage", Code::Usage)
            }
            Error::HashMismatch { .. } | Error::NoDigest { .. } => {
                ("hash-mismatch", Code::Mendable)
            }
            Error::Unsolvable { .. } => ("no-solution", Code::Mendable),
            Error::Repodata { .. } => ("fetch", Code::Mendable),
            Error::Machine { .. } | Error::NoGlibc { .. } => ("no-interpreter", Code::Mendable),
            _ => ("native", Code::Mendable),
        };
        let mut failure = Self::from_error(kind, &error, code);
        failure.hints.extend(hint(&error).map(str::to_owned));
        failure
    }
}

fn hint(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Machine { .. } | Error::NoGlibc { .. } => {
            "take a Python of this machine: `python = \"X.Y\"` in pyfast.toml, or --python PATH"
        }
        Error::PythonVersion { .. } => "write a version such as 3.12, or a range of versions",
        Error::Channel { .. } => "write a name, a URL or a directory; .netrc gives passwords",
        Error::Spec { .. } => "write a name, and a version where one is wanted: `libpq >=16`",
        Error::Repodata { .. } => {
            "name other `channels` (directories begin with `./` or `/`); .netrc gives passwords"
        }
        Error::Unsolvable { .. } => "mend `packages` or `channels` under [native], or `python`",
        Error::Unsuited { .. } | Error::NoWhole { .. } => "`pyfast sync --upgrade` chooses anew",
        Error::PythonPackage { .. } => "require it from an index, as other packages for Python",
        Error::NoDigest { .. } | Error::HashMismatch { .. } | Error::Archive { .. } => {
            "where the channel has changed `pyfast sync --upgrade` reads it anew; do not trust it else"
        }
        Error::Clash { .. } => "leave one of them out of `packages` under [native] in pyfast.toml",
        _ => return None,
    })
}
