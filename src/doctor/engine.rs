//! The container engine, the user's Compose, and this program as containers would run it.

use std::time::Duration;

use pyfast_launcher::composer::{Composer, recreates};
use pyfast_launcher::engine::{Engine as _, EngineVersion, Host, HostOrigin};

use super::report::OfFailure as _;
use crate::failure::{Code, Failure};
use pyfast_crew::engine::{Connection, host_settings, own_program};
use pyfast_crew::examined::{ENGINE as CHECK, Finding, Level};
use pyfast_settings::Variables;
use pyfast_stack::find_composer;

const COMPOSE: &str = "compose";
const PROGRAM: &str = "program";

/// How long Compose may take to say its version: the one in Python takes a second where it was never run.
const COMPOSE_DEADLINE: Duration = Duration::from_secs(15);

/// An engine that answers.
pub(super) struct Reached {
    pub(super) connection: Connection,
    host: Host,
    origin: HostOrigin,
    version: EngineVersion,
}

/// An engine that does not.
pub(super) struct Unreached {
    failure: Failure,
    origin: Option<HostOrigin>,
}

/// Reaches the engine that the user's environment means.
pub(super) fn reach(environment: &Variables) -> Result<Reached, Box<Unreached>> {
    let unreached = |failure, origin| Box::new(Unreached { failure, origin });
    let (host, origin) =
        Host::locate(&host_settings(environment)).map_err(|error| unreached(error.into(), None))?;
    let reached = Connection::to(host.clone(), environment).and_then(|connection| {
        let version = connection.wait(connection.engine.version())?;
        Ok((connection, version))
    });
    match reached {
        Ok((connection, version)) => Ok(Reached { connection, host, origin, version }),
        Err(error) => Err(unreached(error.into(), Some(origin))),
    }
}

/// What is to be said about the engine.
pub(super) fn finding(engine: &Result<Reached, Box<Unreached>>, needed: bool) -> Finding {
    match engine {
        Ok(Reached { host, origin, version, .. }) => {
            let EngineVersion { version, api, os, architecture } = version;
            let message =
                format!("{host} ({origin}): version {version}, API {api}, {os}/{architecture}");
            Finding::ok(CHECK, message)
        }
        Err(unreached) => {
            let Unreached { failure, origin } = unreached.as_ref();
            let level = if needed { Level::Failed } else { Level::Warning };
            let finding = Finding::of(level, CHECK, failure);
            match origin {
                Some(origin) => finding.hint(format!("its address is of {origin}")),
                None => finding,
            }
        }
    }
}

/// Which Compose there is.
pub(super) fn compose(
    environment: &Variables,
    engine: &Result<Reached, Box<Unreached>>,
    needed: bool,
) -> Finding {
    let bad = if needed { Level::Failed } else { Level::Warning };
    let Some(composer) = find_composer(environment) else {
        return Finding::new(
            bad,
            COMPOSE,
            "neither `docker compose` nor `docker-compose` is there",
        )
        .hint("install Docker's Compose plugin, or `docker-compose` in PATH");
    };
    match version(&composer) {
        Ok(version) => {
            let (name, program) = (composer.name(), composer.path().display());
            if let Ok(Reached { version: engine, .. }) = engine
                && !recreates(&version, engine)
            {
                let message = format!(
                    "{name} {version} ({program}) cannot recreate containers of the engine {}",
                    engine.version
                );
                return Finding::new(bad, COMPOSE, message).hint("install Docker's Compose plugin");
            }
            Finding::ok(COMPOSE, format!("{name} ({program}): version {version}"))
        }
        Err(failure) => Finding::of(bad, COMPOSE, &failure)
            .or_hint("mend or reinstall it: its `version` subcommand must work"),
    }
}

fn version(composer: &Composer) -> Result<String, Failure> {
    let system = |error: std::io::Error| {
        Failure::new("system", format!("cannot start a runtime: {error}"), Code::Mendable)
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
    runtime.block_on(async {
        match tokio::time::timeout(COMPOSE_DEADLINE, composer.version()).await {
            Ok(version) => Ok(version?),
            Err(_elapsed) => {
                let seconds = COMPOSE_DEADLINE.as_secs();
                let message =
                    format!("{} did not say its version within {seconds} s", composer.name());
                Err(Failure::new("no-compose", message, Code::Usage))
            }
        }
    })
}

/// Whether this program, or the build of it for the engine's machine, would run in containers.
pub(super) fn program(variables: &Variables, connection: Option<&Connection>) -> Finding {
    let (found, what) = match connection {
        Some(connection) => (connection.program(), "runs in the engine's containers"),
        None => (own_program(variables), "is static, as containers need it"),
    };
    match found {
        Ok(binary) => Finding::ok(PROGRAM, format!("{} {what}", binary.path().display())),
        Err(error) => {
            let failure = Failure::from(error);
            // What an engine fails with has nothing to do with how this was installed.
            let is_ours = matches!(&*failure.kind, "binary" | "system");
            let failed = Finding::failed(PROGRAM, &failure);
            if is_ours { failed.or_hint("install pyfast anew") } else { failed }
        }
    }
}
