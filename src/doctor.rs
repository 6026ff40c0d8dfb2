//! What `doctor` finds out: a list of findings, each with what to do. Owns their order and what they mean together;
//! a file per subject makes them. No check changes anything that stays.

mod engine;
mod index;
mod project;
mod python;
mod registries;
mod report;
mod root;

use crate::args::StackArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use pyfast_settings::Variables;

use pyfast_crew::examined::{Finding, Level, Report};
use report::OfFailure as _;
pub(crate) use report::{code, summary, to_text};

/// Examines a project and all that it needs.
pub(crate) fn with_settings(settings: &Settings, args: &StackArgs) -> Report {
    let project = project::read(settings, args);
    let engine = engine::reach(&settings.variables);
    let connection = engine.as_ref().ok().map(|reached| &reached.connection);
    let needed = project.needs_engine();
    let pythons = python::look(&project, settings, connection);
    let mut findings = vec![engine::finding(&engine, needed)];
    findings.push(engine::compose(&settings.variables, &engine, project.has_services()));
    findings.extend(needed.then(|| engine::program(&settings.variables, connection)));
    findings.extend(registries::look(&project, settings, connection));
    findings.extend(pythons.findings);
    findings.extend(index::look(&project, settings, pythons.host.as_deref()));
    findings.extend(root::look(&project, connection));
    findings.extend(project.findings);
    Report { findings, engine_needed: needed }
}

/// Examines what can be examined when the configuration cannot be read.
pub(crate) fn without_configuration(failure: &Failure, environment: &Variables) -> Report {
    let engine = engine::reach(environment);
    let findings = vec![
        engine::finding(&engine, false),
        engine::compose(environment, &engine, false),
        Finding::failed("configuration", failure).or_hint("correct what is named, then ask again"),
        Finding::new(
            Level::Skipped,
            "project",
            "interpreter, index and root depend on the configuration",
        ),
    ];
    Report { findings, engine_needed: false }
}
