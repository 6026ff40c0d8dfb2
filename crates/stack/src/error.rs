//! Why a project is not up. Hints and flags are the command line's.

use std::collections::BTreeMap;
use std::io;

use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::code::Hindrance;
use pyfast_launcher::propose::Error as ProposeError;
use pyfast_settings::FILE;

/// How an interrupted act of Compose ended.
#[derive(Debug)]
pub enum Interruption {
    /// It was done with it all the same.
    Done,
    /// It failed.
    Failed(Box<LaunchError>),
    /// It was killed.
    Killed,
}

/// A failed act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Settings say what nothing can be made of.
    #[error(transparent)]
    Settings(Box<pyfast_settings::Error>),
    /// Whoever works for environments failed, or the way to the engine.
    #[error(transparent)]
    Crew(Box<pyfast_crew::Error>),
    /// The engine, its images or containers, or Compose failed.
    #[error(transparent)]
    Launch(Box<LaunchError>),
    /// Nothing can be proposed for the project.
    #[error(transparent)]
    Propose(Box<ProposeError>),
    /// The user interrupted Compose.
    #[error("interrupted")]
    Interrupted {
        /// Which Compose.
        composer: &'static str,
        /// What it was doing.
        subcommand: String,
        /// What became of that.
        ended: Interruption,
    },
    /// There is no Compose.
    #[error("cannot create containers: neither `docker compose` nor `docker-compose` is there")]
    NoCompose,
    /// Compose cannot recreate containers of this engine.
    #[error("docker-compose {compose} cannot recreate containers of the engine {engine}")]
    ComposeTooOld {
        /// Its version.
        compose: String,
        /// The engine's version.
        engine: String,
    },
    /// Nobody has configured the project, and there is more than one way to.
    #[error("cannot tell what the services need: there is no {FILE}, and more than one way")]
    Doubts {
        /// What is not clear.
        doubts: Vec<String>,
    },
    /// Services cannot be given the code of now.
    #[error("cannot give {} the code of now: {}", names(services), reasons(services))]
    Code {
        /// Each with why; there is at least one.
        services: BTreeMap<String, Hindrance>,
    },
    /// The project has no such service.
    #[error("the compose files have no service `{service}`")]
    NoService {
        /// What was named.
        service: String,
        /// Whether it belongs to a profile that is not active.
        inactive: bool,
        /// The services that there are.
        known: Vec<String>,
    },
    /// A path that is to be checked is not there.
    #[error("there is no `{}`", path.display())]
    NoPath {
        /// Which.
        path: std::path::PathBuf,
    },
    /// What would not start is not started.
    #[error("nothing was created: {} from starting", kept(*errors))]
    WouldNotStart {
        /// How many errors were found.
        errors: usize,
    },
    /// The configuration gives an environment a service that the project does not have.
    #[error(
        "pyfast.toml gives the environment `{env}` the service `{service}`, which the compose files do not have"
    )]
    ConfiguredService {
        /// The environment.
        env: String,
        /// The service.
        service: String,
        /// The services that there are.
        known: Vec<String>,
    },
    /// The configuration gives a service two environments.
    #[error("pyfast.toml gives the service `{service}` two environments: `{one}` and `{other}`")]
    TwoEnvironments {
        /// The service.
        service: String,
        /// An environment.
        one: String,
        /// Another one.
        other: String,
    },
    /// Nothing says for which image an environment is.
    #[error("cannot tell for which image the environment `{env}` is: its services {}",
        if *several { "have different images" } else { "name no image" })]
    NoImage {
        /// The environment.
        env: String,
        /// Whether its services name more than one.
        several: bool,
    },
    /// A service that is to start in an environment has nothing to start.
    #[error("the service `{service}` and its image name no command to run")]
    NoCommand {
        /// The service.
        service: String,
    },
    /// A service that is to be supervised cannot be.
    #[error("cannot supervise {service}: {why}")]
    Supervised {
        /// The service.
        service: String,
        /// Why.
        why: Box<LaunchError>,
    },
    /// A service that is to be restarted has no container.
    #[error("the service `{service}` has no container")]
    NoContainer {
        /// The service.
        service: String,
    },
    /// The override file cannot be written or removed.
    #[error("cannot {act} the override file: {source}")]
    Override {
        /// What was to be done to it.
        act: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// What is done to containers cannot be remembered, without which it must not be done.
    #[error("cannot remember what is put into containers: {0}")]
    Memory(io::Error),
    /// Images cannot be pulled or built.
    #[error("{} images cannot be had", .0.len())]
    Images(Vec<LaunchError>),
    /// Environments cannot be made; each by its name.
    #[error("{} environments cannot be made", .0.len())]
    Environments(Vec<(String, pyfast_crew::Error)>),
}

impl From<pyfast_settings::Error> for Error {
    fn from(error: pyfast_settings::Error) -> Self {
        Self::Settings(Box::new(error))
    }
}

impl From<pyfast_crew::Error> for Error {
    fn from(error: pyfast_crew::Error) -> Self {
        Self::Crew(Box::new(error))
    }
}

impl From<LaunchError> for Error {
    fn from(error: LaunchError) -> Self {
        Self::Launch(Box::new(error))
    }
}

impl From<ProposeError> for Error {
    fn from(error: ProposeError) -> Self {
        Self::Propose(Box::new(error))
    }
}

fn names(services: &BTreeMap<String, Hindrance>) -> String {
    services.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Why for each; for the only one without its name, which stands before.
fn reasons(services: &BTreeMap<String, Hindrance>) -> String {
    if let [why] = services.values().collect::<Vec<_>>()[..] {
        return why.to_string();
    }
    let each = services.iter().map(|(service, why)| format!("{service}: {why}"));
    each.collect::<Vec<_>>().join("; ")
}

fn kept(count: usize) -> String {
    if count == 1 {
        "1 error keeps a service".to_owned()
    } else {
        format!("{count} errors keep services")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_without_the_code_of_now_is_named_with_its_reason() {
        let mut services =
            BTreeMap::from([("web".to_owned(), Hindrance::NoRemover("shop-web-1".to_owned()))]);
        let said = |services: &BTreeMap<String, Hindrance>| {
            Error::Code { services: services.clone() }.to_string()
        };
        assert_eq!(
            said(&services),
            "cannot give web the code of now: nothing can remove files in shop-web-1"
        );
        services.insert("board".to_owned(), Hindrance::Refused("read-only".to_owned()));
        assert_eq!(
            said(&services),
            "cannot give board, web the code of now: board: files could not be put: read-only; \
             web: nothing can remove files in shop-web-1"
        );
    }
}
