//! What to do where nobody could work for an environment.

use std::borrow::Cow;

use pyfast_crew::Error;
use pyfast_crew::freeze::{ImageError, RegistryError};
use pyfast_crew::push::Cause;

use super::{Code, Failure};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, code) = match error {
            Error::Settings(error) => return (*error).into(),
            Error::Packaging(error) => return (*error).into(),
            Error::Resolve(error) => return (*error).into(),
            Error::Install(error) => return (*error).into(),
            Error::Root(error) => return error.into(),
            #[cfg(feature = "native")]
            Error::Native(error) => return (*error).into(),
            Error::Launch(error) => return (*error).into(),
            Error::Environment(error) => return (*error).into(),
            Error::Interrupted => return Self::interrupted(),
            Error::Inside { image, code, kind, message, causes, hints } => {
                // Codes of who ended it say nothing here, and the engine could be reached.
                let code = if code == 2 { Code::Usage } else { Code::Mendable };
                let mut failure = Self::new("helper", message, code);
                failure.kind = kind.map_or(failure.kind, Cow::Owned);
                failure.causes.extend(causes);
                failure.hints.extend(hints);
                return failure.cause(format!("this was in a container of {image}"));
            }
            Error::BuiltIn { image, untried, source } => return built_in(&image, untried, *source),
            Error::Remote(error) => {
                let failure = Self::from_error("remote", &*error, Code::Mendable);
                return remote_hint(&error.cause).into_iter().fold(failure, Self::hint);
            }
            Error::Image(error) => return of_image(&error),
            Error::Registry(error) => return of_registry(&error),
            Error::System { .. } | Error::Program(_) => ("system", Code::Mendable),
            Error::WriteLock { .. }
            | Error::Write { .. }
            | Error::Edit { .. }
            | Error::ReadSource { .. } => ("io", Code::Mendable),
            Error::EditedMeanwhile { .. } => ("changed-meanwhile", Code::Mendable),
            Error::NotAsked { .. } | Error::AskedElsewhere { .. } => ("not-asked", Code::Mendable),
            Error::NotLocked { .. } => ("not-locked", Code::Mendable),
            Error::ReadLock { .. } => ("lock", Code::Mendable),
            Error::Libraries { .. } | Error::NoLibraries { .. } => ("native", Code::Mendable),
            Error::FreezeAltered { .. } => ("damaged", Code::Mendable),
            Error::NotCompiled { .. } | Error::TooManyLayers { .. } => ("image", Code::Mendable),
            Error::NoSuchEnvironment { .. } | Error::NothingToPush { .. } => {
                ("no-environment", Code::Mendable)
            }
            Error::NoVolume { .. } => ("no-volume", Code::Mendable),
            Error::ReadWheel(_) | Error::NoWheel { .. } => ("bad-wheel", Code::Mendable),
            Error::StrangeBuild { .. } | Error::StrangeAnswer { .. } => ("helper", Code::Mendable),
            _ => ("usage", Code::Usage),
        };
        let mut failure = Self::new(kind, error.to_string(), code);
        failure.hints.extend(hint(&error).map(str::to_owned));
        match &error {
            Error::NotAsked { near: Some(near), .. }
            | Error::NotLocked { near: Some(near), .. } => {
                failure.hints.push(format!("was `{near}` meant?"));
            }
            Error::NoSuchEnvironment { near, .. } => {
                failure.hints.extend(near.iter().map(|near| format!("was `{near}` meant?")));
                failure.hints.push("`pyfast env list` lists them".to_owned());
            }
            _ => {}
        }
        failure
    }
}

fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::BuildSetting { .. } => Some("write KEY=VALUE"),
        Error::WriteLock { refused: true, .. } => {
            Some("remove it, or name with -o FILE where the lock is to be written")
        }
        Error::EditsLock { .. } | Error::NothingToEdit => {
            Some("name with -r the requirements file that is to be edited")
        }
        Error::LockGiven { .. } => Some("name with -r the requirements that it was made from"),
        Error::LockNotAlone { .. } => Some("name the lock alone, or the requirements alone"),
        Error::EditedMeanwhile { .. } => {
            Some("`pyfast sync` makes the environment what the file says; or try again")
        }
        Error::NoVolume { .. } | Error::NothingToPush { .. } => Some("`pyfast sync` makes it"),
        Error::ReadLock { .. } => {
            Some("make one with `pyfast lock`, or an environment with `pyfast sync`")
        }
        Error::NoLibraries { .. } => Some("`pyfast sync` brings them"),
        Error::ManagedInDirectory { .. } | Error::LibrariesInDirectory { .. } => {
            Some("name a volume with --volume NAME")
        }
        Error::NoRemote { .. } => Some(
            "give --remote s3://BUCKET/PREFIX or file:///DIR, or `url` of [remote] in pyfast.toml",
        ),
        Error::NoImage { .. } => {
            Some("give --image IMAGE, or `image` of the environment in pyfast.toml")
        }
        Error::OutOfReach { .. } => Some(
            "give --image IMAGE, or `image` of the environment in pyfast.toml, for a container that can; or run pyfast as root",
        ),
        Error::FreezeAltered { .. } => {
            Some("`pyfast verify --repair` and `pyfast sync` mend it: then freeze it again")
        }
        Error::NoBase { .. } => {
            Some("name one with --base IMAGE, or freeze the environment alone with --scratch")
        }
        Error::FreezeBrought { .. } => {
            Some("sync it into a volume, with --volume NAME, and freeze it from there")
        }
        Error::FreezeOutOfReach { .. } => {
            Some("run pyfast where the volume's files are, as root; or sync into a --root DIR")
        }
        Error::NotCompiled { .. } => Some("`pyfast sync --compile --reinstall` compiles it"),
        Error::StrangeBuild { .. } => {
            Some("a build that works gives one wheel: look at the source before you trust it")
        }
        _ => None,
    }
}

fn of_registry(error: &RegistryError) -> Failure {
    let failure = Failure::from_error("registry", error, Code::Mendable);
    let login = |registry| format!("log in with `docker login {registry}`");
    error.denied_by().map(login).into_iter().fold(failure, Failure::hint)
}

fn of_image(error: &ImageError) -> Failure {
    let failure = Failure::from_error("image", error, Code::Mendable);
    match error {
        ImageError::Whiteout { .. } => failure.hint("freeze an environment without its package"),
        ImageError::NotALayout { .. } => failure.hint("use a new or empty directory, or FILE.tar"),
        ImageError::Io { act: "write" | "create", .. } => {
            failure.hint("name a place with --output that has room and can be written")
        }
        _ => failure,
    }
}

fn remote_hint(cause: &Cause) -> Option<&'static str> {
    match cause {
        Cause::Denied(_) => {
            Some("writing may need other credentials than reading: AWS_ACCESS_KEY_ID and the like")
        }
        Cause::Nowhere(_) => Some("make it first, or correct its name"),
        Cause::Silent | Cause::Slow { .. } => Some("what was written stays: push again"),
        _ => None,
    }
}

/// Says what may be different where a build failed in a container.
fn built_in(image: &str, untried: Vec<Error>, source: Error) -> Failure {
    let failure = Failure::from(source).hint(format!(
        "sources are built in a container of {image}, by another user than root, with the programs \
         that are there and from indexes that need no password"
    ));
    let hints = untried.into_iter().flat_map(|error| Failure::from(error).hints);
    hints.fold(failure, Failure::hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_in_a_container_tells_is_told_on() {
        let inside = |kind: Option<&str>, code| {
            Failure::from(Error::Inside {
                image: "slim".into(),
                code,
                kind: kind.map(str::to_owned),
                message: "no room".to_owned(),
                causes: vec!["the disk is full".to_owned()],
                hints: vec!["make room".to_owned()],
            })
        };
        let failure = inside(Some("io"), 1);
        assert_eq!((&*failure.kind, failure.to_string()), ("io", "no room".to_owned()));
        assert_eq!(failure.causes(), ["the disk is full", "this was in a container of slim"]);
        assert_eq!(failure.hints(), ["make room"]);
        assert_eq!(inside(None, 137).kind, "helper");
        let codes = [1, 2, 3, 137].map(|code| inside(None, code).code);
        assert_eq!(codes, [1, 2, 1, 1], "wrong usage is that here too");
    }

    #[test]
    fn a_build_that_could_not_be_tried_says_what_to_do_about_it() {
        let setting = Error::BuildSetting { text: "x".to_owned() };
        let (image, source) = ("slim".to_owned(), Box::new(Error::Interrupted));
        let failure = Failure::from(Error::BuiltIn { image, untried: vec![setting], source });
        assert!(failure.hints()[0].contains("a container of slim"), "{failure}");
        assert_eq!(failure.hints()[1], "write KEY=VALUE");
    }
}
