//! The interpreters that the project's environments are for: on this machine or inside images. Asks them anew and
//! remembers nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pyfast_installer::interpreter::Interpreter;

use super::project::Project;
use super::report::OfFailure as _;
use crate::failure::Failure;
use crate::settings::Settings;
use pyfast_crew::Error as CrewError;
use pyfast_crew::engine::Connection;
use pyfast_crew::examined::{Finding, Level};
use pyfast_settings::interpreters::{self, Found};
use pyfast_settings::{Error, Python};

const CHECK: &str = "interpreter";

/// What was found.
pub(super) struct Pythons {
    pub(super) findings: Vec<Finding>,
    /// One of this machine, whose pip's default index counts.
    pub(super) host: Option<PathBuf>,
}

/// Asks the interpreters.
pub(super) fn look(
    project: &Project,
    settings: &Settings,
    connection: Option<&Connection>,
) -> Pythons {
    let mut pythons = Pythons { findings: Vec::new(), host: None };
    let mut seen = BTreeSet::new();
    for (env, python) in &project.environments {
        let own = settings.of_environment(env, project.root.clone(), python.clone());
        if !seen.insert(format!("{python:?} {:?}", own.brought())) {
            continue;
        }
        let finding = match python {
            Python::Host(request) => {
                let found = interpreters::find(request.as_deref(), settings);
                of_here(found, request.as_deref(), &mut pythons.host)
            }
            Python::Managed(version) => {
                of_here(interpreters::own(&own), Some(version), &mut pythons.host)
            }
            Python::Image(image) => match of_image(image, &own, connection) {
                Err(_missing) if project.builds(image) => {
                    let message =
                        format!("{env}: the image {image} is not built yet, `pyfast up` does that");
                    Finding::new(Level::Skipped, CHECK, message)
                }
                // `up` pulls it; a failure to do so is told there.
                Err(failure) => Finding::of(Level::Warning, CHECK, &failure),
                Ok(finding) => finding,
            },
        };
        pythons.findings.push(finding);
    }
    if pythons.host.is_none() {
        let found = ask(interpreters::find(None, settings)).ok();
        pythons.host = found.map(|(_, python)| python.executable);
    }
    pythons
}

fn ask(found: Result<Found, Error>) -> Result<(Found, Interpreter), Failure> {
    let found = found?;
    let python = Interpreter::probe(&found.path)?;
    Ok((found, python))
}

fn of_here(
    found: Result<Found, Error>,
    request: Option<&str>,
    host: &mut Option<PathBuf>,
) -> Finding {
    let (found, python) = match ask(found) {
        Ok(answer) => answer,
        Err(failure) => {
            return Finding::failed(CHECK, &failure).or_hint("name another with --python PATH");
        }
    };
    let how = match request {
        Some(request) => format!("asked for as `{request}` ({})", found.why),
        None => found.why,
    };
    let message = format!("Python {} at {}, {how}", python.version(), found.path.display());
    host.get_or_insert(python.executable);
    Finding::ok(CHECK, message)
}

/// Fails where the image is not present.
fn of_image(image: &str, own: &Settings, engine: Option<&Connection>) -> Result<Finding, Failure> {
    let env = &own.env;
    let Some(connection) = engine else {
        let message = format!("{env}: the one inside the image {image}, which the engine has");
        return Ok(Finding::new(Level::Skipped, CHECK, message));
    };
    connection.image_id(image)?;
    Ok(match connection.ask_interpreter(image, own) {
        Ok(python) => {
            let (version, path) = (python.version(), python.executable.display());
            Finding::ok(
                CHECK,
                format!("{env}: Python {version} at {path} inside the image {image}"),
            )
        }
        // The next sync brings it.
        Err(error @ (CrewError::NoVolume { .. } | CrewError::Settings(_))) => {
            Finding::of(Level::Skipped, CHECK, &error.into())
        }
        Err(error) => Finding::failed(CHECK, &error.into())
            .or_hint("choose an image whose Python runs, with --image IMAGE or in pyfast.toml"),
    })
}
