//! What to do where a project is not up.

use pyfast_settings::FILE;
use pyfast_stack::{Error, Interruption};

use super::{Code, Failure};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Settings(error) => (*error).into(),
            Error::Crew(error) => (*error).into(),
            Error::Launch(error) => (*error).into(),
            Error::Propose(error) => (*error).into(),
            Error::Interrupted { composer, subcommand, ended } => {
                interrupted(composer, &subcommand, ended)
            }
            Error::WouldNotStart { .. } => Self::new("check", message, Code::Mendable).hint(
                "mend what is named above, or leave it out: `pyfast up --no-check` creates them all the same",
            ),
            Error::Override { .. } => Self::new("io", message, Code::Mendable),
            Error::Images(errors) => of_several(message, errors.into_iter().map(Self::from)),
            Error::Environments(errors) => {
                let failures = errors.into_iter().map(|(name, error)| {
                    Self::from(error).hint(format!("this is the environment `{name}`"))
                });
                of_several(message, failures)
            }
            Error::ComposeTooOld { .. } | Error::NoCompose => {
                Self::new("no-compose", message, Code::Usage).hint("install Docker's Compose plugin")
            }
            Error::Doubts { doubts } => {
                Self::usage(message).cause(doubts.join("; ")).hint(format!(
                    "`pyfast init` writes a {FILE} with what it takes for right: look at it, then `pyfast up`"
                ))
            }
            error => match hint(&error) {
                Some(hint) => Self::usage(message).hint(hint),
                None => Self::usage(message),
            },
        }
    }
}

/// The failures, which are not none.
fn of_several(message: String, failures: impl Iterator<Item = Failure>) -> Failure {
    Failure::of_all(failures).unwrap_or_else(|| Failure::new("launch", message, Code::Mendable))
}

fn interrupted(composer: &str, subcommand: &str, ended: Interruption) -> Failure {
    let interrupted = Failure::interrupted();
    match ended {
        Interruption::Done => interrupted
            .hint(format!("{composer} was done with `{subcommand}`; do the same again to go on")),
        Interruption::Failed(error) => interrupted.cause(error.to_string()),
        Interruption::Killed => interrupted
            .cause(format!("{composer} was killed, and may have left containers half-made"))
            .hint("`pyfast ps` shows what there is; `pyfast down` removes it"),
    }
}

fn hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::NoService { inactive: true, .. } => {
            "it belongs to a profile that is not active; name that with --profile".to_owned()
        }
        Error::NoService { known, .. } | Error::ConfiguredService { known, .. } => {
            format!("they have {}", known.join(", "))
        }
        Error::NoImage { env, .. } => format!("give `image` under [env.{env}] in pyfast.toml"),
        Error::NoCommand { .. } => "give `command` in the compose file".to_owned(),
        Error::Supervised { .. } => {
            "name another `stop_signal` in the compose file, or leave the service out of `supervised`".to_owned()
        }
        Error::NoContainer { .. } => "make it with `pyfast up`".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use pyfast_launcher::Error as LaunchError;

    use super::*;

    /// The kind, and a word of the hint; an empty one where there is none.
    fn check(error: Error, kind: &str, word: &str) {
        let shown = format!("{error:?}");
        let failure = Failure::from(error);
        assert_eq!(failure.kind, kind, "{shown}");
        match failure.hints() {
            [hint] => assert!(!word.is_empty() && hint.contains(word), "{shown}: {hint}"),
            hints => assert!(word.is_empty() && hints.is_empty(), "{shown}: {hints:?}"),
        }
    }

    fn text() -> String {
        "x".to_owned()
    }

    #[test]
    fn what_keeps_a_project_from_being_read_says_where_to_mend_it() {
        let unknown = |inactive| Error::NoService {
            service: text(),
            inactive,
            known: vec!["web".to_owned(), "worker".to_owned()],
        };
        check(unknown(true), "usage", "--profile");
        check(unknown(false), "usage", "web, worker");
        check(Error::NoImage { env: "api".to_owned(), several: true }, "usage", "[env.api]");
        check(Error::NoCommand { service: text() }, "usage", "`command`");
        let why = Box::new(LaunchError::SignalName { name: text() });
        check(Error::Supervised { service: text(), why }, "usage", "`stop_signal`");
        check(Error::NoContainer { service: text() }, "usage", "pyfast up");
        check(Error::Doubts { doubts: vec![text()] }, "usage", "pyfast init");
        check(Error::NoCompose, "no-compose", "Compose plugin");
        let twice = Error::TwoEnvironments { service: text(), one: text(), other: text() };
        check(twice, "usage", "");
    }

    #[test]
    fn an_interrupted_compose_says_what_became_of_its_act() {
        let interrupted = |ended| {
            Failure::from(Error::Interrupted { composer: "compose", subcommand: text(), ended })
        };
        let done = interrupted(Interruption::Done);
        assert!(done.hints()[0].contains("go on"), "{:?}", done.hints());
        let killed = interrupted(Interruption::Killed);
        assert!(killed.hints()[0].contains("pyfast down"), "{:?}", killed.hints());
        let failed = Box::new(LaunchError::NoCommand);
        let failed = interrupted(Interruption::Failed(failed));
        assert_eq!(failed.causes().len(), 1);
        for failure in [done, killed, failed] {
            assert_eq!((&*failure.kind, failure.code), ("interrupted", 130));
        }
    }

    #[test]
    fn environments_that_failed_side_by_side_are_one_failure_that_names_each() {
        let failed = ["api", "worker"]
            .map(|name| (name.to_owned(), pyfast_crew::Error::NoVolume { volume: text() }));
        let failure = Failure::from(Error::Environments(failed.into()));
        assert_eq!(failure.kind, "no-volume");
        assert!(failure.hints()[1].contains("`api`"), "{:?}", failure.hints());
    }
}
