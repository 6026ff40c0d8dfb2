//! A comparison of pip, uv and pyfast: the tools in turn on the same requirements, and what each took. Begin with
//! [`compare`], which takes [`Options`] and a [`Context`], makes the plan of runs, has them run and delivers the report.
//! Knows nothing of the internals of pyfast: it is called as any user calls it.

mod chain;
mod chart;
mod comparison;
mod containers;
mod context;
mod corpus;
mod course;
mod deliver;
mod environment;
mod error;
mod facts;
mod files;
mod interruption;
mod machine;
mod measure;
mod mirror;
mod module_name;
mod notes;
mod options;
mod report;
mod room;
mod scenario;
mod stage;
mod statistics;
mod table;
mod tool;
mod worker;

use comparison::Inquiry;
use containers::ContainerInquiry;
use deliver::deliver;
use worker::Meter;

pub use context::{Compose, ComposeFiles, Containers, Context, ReadProject};
pub use error::Error;
pub use mirror::Error as MirrorError;
pub use module_name::module_name;
pub use options::{Forms, Options, positive_number, shown_word};
pub use scenario::Scenario;
pub use tool::Tool;
pub use worker::serve;

/// Makes the comparison. Whether every tool did what was asked of it and made the same environment as the others.
///
/// # Errors
/// When the comparison cannot be made or delivered at all.
pub fn compare(options: &Options, context: Context) -> Result<bool, Error> {
    let mut named = options.scenarios.iter().copied();
    if let Some(scenario) = named.find(|scenario| scenario.has_containers()) {
        return compare_containers(scenario, options, context).map(|()| true);
    }
    options.check()?;
    let Context { output, progress, pyfast, .. } = context;
    // Before the pages of a mirror make this process large.
    let mut meter = Meter::start(&pyfast)?;
    let inquiry = Inquiry {
        options,
        index_url: context.index_url,
        python: context.python,
        uv: context.uv,
        pyfast: Some(pyfast),
        session: context.environment,
        command: context.command,
    };
    let report = inquiry.compare(&mut meter, progress)?;
    deliver(&options.forms, &report, output)?;
    if report.interrupted {
        return Err(Error::Interrupted);
    }
    Ok(report.is_sound())
}

/// A scenario that has a report of its own.
fn compare_containers(
    scenario: Scenario,
    options: &Options,
    context: Context,
) -> Result<(), Error> {
    if options.scenarios.len() > 1 || options.forms.svg.is_some() {
        return Err(Error::ContainerAlone { scenario: scenario.name() });
    }
    let has_more = context.containers.project.is_some() || options.edit.is_some();
    if scenario == Scenario::Freeze && (has_more || !options.imports.is_empty()) {
        return Err(Error::NothingRuns);
    }
    let inquiry = ContainerInquiry {
        options,
        scenario,
        uv: context.uv,
        containers: context.containers,
        index_url: context.index_url,
        pyfast: context.pyfast,
        session: context.environment,
    };
    let report = inquiry.compare(context.progress)?;
    deliver(&options.forms, &report, context.output)
}

#[cfg(test)]
mod tests;
