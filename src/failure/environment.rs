//! What to do about errors of environments.

use pyfast_environment::Error;

use super::{Code, Failure};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Root(error) => error.into(),
            Error::Install(error) => (*error).into(),
            Error::Resolve(error) => (*error).into(),
            Error::Outside(error) => match error.downcast::<pyfast_crew::Error>() {
                Ok(error) => (*error).into(),
                Err(error) => Self::from_error("system", &*error, Code::Mendable),
            },
            Error::NoEnvironment { .. } => {
                Self::from_error("no-environment", &error, Code::Mendable)
                    .hint("make one with `pyfast sync`")
            }
            Error::NotWhole { .. } => Self::from_error("damaged", &error, Code::Mendable)
                .hint("`pyfast sync` with the requirements of that time makes it anew"),
            Error::Prefix { .. } => {
                Self::usage(format!("--keep-id: {error}")).hint("`pyfast history` shows the ids")
            }
            Error::NoLock { .. } => Self::from_error("lock", &error, Code::Mendable)
                .hint("make one with `pyfast lock`, or leave --frozen out"),
            Error::LockOutdated { path, why } => {
                let path = path.display();
                let message =
                    format!("the lock `{path}` {why}, and --locked forbids changing it");
                Self::new("lock-outdated", message, Code::Mendable)
                    .hint("run `pyfast lock`, for the same environment")
            }
            Error::NoRequirements => Self::usage(error.to_string()),
            Error::HiddenRequirements { .. } => {
                Self::from_error("bad-wheel", &error, Code::Mendable).hint(
                    "the index may be hiding requirements: report it to who runs it, or use another index",
                )
            }
            Error::BuiltOtherwise { .. } => Self::from_error("bad-source", &error, Code::Mendable)
                .hint("require what it needs as well, or override that"),
            Error::Protocol { .. } => Self::from_error("helper", &error, Code::Mendable)
                .hint("`pyfast sync` puts this version into the volume"),
            error => Self::from_error("helper", &error, Code::Mendable),
        }
    }
}
