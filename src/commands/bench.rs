//! `pyfast bench`: pip, uv and pyfast in turn on the same requirements, and what each took. Gathers the facts, makes the plan of runs, has
//! them run and delivers the report. Knows nothing of the internals of pyfast: it is called as any user calls it.

mod chart;
mod comparison;
mod containers;
mod course;
mod environment;
mod error;
mod facts;
mod files;
mod machine;
mod measure;
mod mirror;
mod notes;
mod report;
mod scenario;
mod stage;
mod statistics;
mod table;
mod tool;
mod worker;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use comparison::Inquiry;
use containers::{ContainerInquiry, ContainerReport};
pub(crate) use error::Error;
use report::Report;
use scenario::Scenario;
use tool::Tool;
use worker::Meter;

/// Compare pip, uv and pyfast on your requirements
///
/// The tools run in turn in fresh environments, with caches and home directories of their own. A time counts only when all
/// environments hold the same versions.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pyfast bench -r requirements.txt
  pyfast bench -r requirements.txt --scenario warm,noop --runs 20 --vs uv
  pyfast bench -r requirements.txt --local-mirror --latency 20 --bandwidth 100 --svg bench.svg
  pyfast bench -r requirements.txt --markdown docs/benchmarks.md --json bench.json
  pyfast bench -r requirements.txt --scenario container --image python:3.12-slim --import fastapi")]
pub(crate) struct Args {
    /// Requirements file; may be given several times
    #[arg(short = 'r', long = "requirements", value_name = "FILE")]
    requirements: Vec<PathBuf>,
    /// Tools to compare with
    #[arg(long, value_name = "TOOL", value_delimiter = ',', default_value = "pip,pip-no-cache,uv")]
    vs: Vec<Tool>,
    /// Counted runs of each tool in each scenario [default: 3 with an empty cache, 10 with a full one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Scenarios to run [default: all but `container`]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    scenario: Vec<Scenario>,
    /// The image that `container` runs a small service in; it has to have Python
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Modules whose imports `container` measures
    #[arg(long, value_name = "MODULE", value_delimiter = ',', value_parser = module)]
    import: Vec<String>,
    /// Have `container` measure the project as a whole too: its containers are removed and made anew
    #[arg(long)]
    whole_project: bool,
    /// The requirement that `incremental` and `rollback` add
    #[arg(long, value_name = "REQUIREMENT")]
    add: Option<String>,
    /// The uv to compare with [default: the one on PATH]
    #[arg(long, value_name = "PATH")]
    uv: Option<PathBuf>,
    /// Have all tools compile bytecode; without it, none does
    #[arg(long)]
    compile: bool,
    /// Put a caching mirror of the index on the loopback, which sends the headers of a good index
    #[arg(long)]
    local_mirror: bool,
    /// Milliseconds the mirror waits before each answer
    #[arg(long, value_name = "MS", default_value_t = 0, requires = "local_mirror")]
    latency: u64,
    /// Megabits each second the mirror sends over all connections [default: no limit]
    #[arg(long, value_name = "MBIT", requires = "local_mirror", value_parser = positive)]
    bandwidth: Option<f64>,
    /// Keep what the mirror fetched here for the next comparison [default: a temporary directory]
    #[arg(long, value_name = "DIR", requires = "local_mirror")]
    mirror_dir: Option<PathBuf>,
    /// Make caches and environments below this directory and leave them there [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Seconds after which a run is given up
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    timeout: u64,
    /// Write all figures as JSON; `-` is standard output, instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the figures as a bar chart
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the table as Markdown; `-` is standard output, instead of the table
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Read jobs from standard input, run each and say what it took: what the comparison itself starts
    #[arg(long, hide = true)]
    measure_jobs: bool,
}

/// A name that may stand after `import`.
fn module(text: &str) -> Result<String, String> {
    let is_name = |part: &str| {
        part.chars()
            .enumerate()
            .all(|(at, c)| c == '_' || c.is_alphabetic() || at > 0 && c.is_alphanumeric())
            && !part.is_empty()
    };
    if text.split('.').all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("no name of a module".to_owned())
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a number greater than 0 is needed".to_owned()),
    }
}

/// What a comparison needs from outside.
pub(crate) struct Context<'a> {
    /// The index when `--index-url` does not name one; `None` leaves each tool its own default.
    pub(crate) index_url: Option<String>,
    /// The interpreter that environments are made for; `None` is `python3` on `PATH`.
    pub(crate) python: Option<PathBuf>,
    /// The requirements files when `-r` names none.
    pub(crate) requirements: Vec<PathBuf>,
    /// The project's directory.
    pub(crate) project: PathBuf,
    /// The pyfast that is measured and that measures.
    pub(crate) pyfast: PathBuf,
    /// The session's environment variables.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Where the result goes.
    pub(crate) output: &'a mut dyn Write,
    /// Where a line for each run goes.
    pub(crate) progress: &'a mut dyn Write,
}

impl Args {
    /// Whether the standard output is JSON.
    pub(crate) fn prints_json(&self) -> bool {
        self.json.as_deref() == Some(Path::new("-"))
    }

    /// Runs as the small process that starts and times the tools, if that is asked for. It needs nothing of a project.
    ///
    /// # Errors
    /// When its input or output fail.
    pub(crate) fn serve(&self) -> Option<Result<ExitCode, Error>> {
        let serve = || worker::serve(std::io::stdin().lock(), std::io::stdout().lock());
        self.measure_jobs.then(|| serve().map(|()| ExitCode::SUCCESS))
    }
}

/// Makes the comparison. The exit code is 1 when a tool failed or made another environment than the others.
///
/// # Errors
/// When the comparison cannot be made or delivered at all.
pub(crate) fn run(args: &Args, context: Context) -> Result<ExitCode, Error> {
    if args.scenario.contains(&Scenario::Container) {
        return run_containers(args, context);
    }
    let Context { output, progress, pyfast, .. } = context;
    // Before the pages of a mirror make this process large.
    let mut meter = Meter::start(&pyfast)?;
    let inquiry = Inquiry {
        args,
        index_url: context.index_url,
        python: context.python,
        requirements: if args.requirements.is_empty() {
            context.requirements
        } else {
            args.requirements.clone()
        },
        pyfast: Some(pyfast),
        session: context.environment,
    };
    let report = inquiry.compare(&mut meter, progress)?;
    deliver(args, &report, output)?;
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The scenario that has a report of its own.
fn run_containers(args: &Args, context: Context) -> Result<ExitCode, Error> {
    if args.scenario.len() > 1 || args.svg.is_some() {
        let also = if args.svg.is_some() { " and `--svg`" } else { "" };
        return Err(Error::ContainerAlone { also });
    }
    let inquiry = ContainerInquiry {
        args,
        project: args.whole_project.then_some(context.project),
        index_url: context.index_url,
        requirements: args.requirements.clone(),
        pyfast: context.pyfast,
        session: context.environment,
    };
    let report = inquiry.compare(context.progress)?;
    deliver(args, &report, context.output)?;
    Ok(ExitCode::SUCCESS)
}

/// A result in the forms that it can be delivered in.
trait Deliver: serde::Serialize {
    fn text(&self) -> String;
    fn markdown(&self) -> String;
    /// `None` where there is no chart of it.
    fn svg(&self) -> Option<String>;
}

impl Deliver for Report {
    fn text(&self) -> String {
        table::text(self)
    }
    fn markdown(&self) -> String {
        table::markdown(self)
    }
    fn svg(&self) -> Option<String> {
        Some(chart::svg(self))
    }
}

impl Deliver for ContainerReport {
    fn text(&self) -> String {
        containers::text(self)
    }
    fn markdown(&self) -> String {
        containers::markdown(self)
    }
    fn svg(&self) -> Option<String> {
        None
    }
}

/// Writes the report in every form asked for, and as a table unless another form takes the standard output.
fn deliver(args: &Args, report: &impl Deliver, output: &mut dyn Write) -> Result<(), Error> {
    let mut table = true;
    let mut put = |path: &Option<PathBuf>, text: String| -> Result<(), Error> {
        match path.as_deref() {
            None => Ok(()),
            Some(path) if path == Path::new("-") => {
                table = false;
                output.write_all(text.as_bytes()).map_err(Error::Output)
            }
            Some(path) => fs_err::write(path, text).map_err(Error::Output),
        }
    };
    if args.json.is_some() {
        put(&args.json, serde_json::to_string_pretty(report).map_err(Error::Json)? + "\n")?;
    }
    put(&args.markdown, report.markdown())?;
    if let Some(chart) = report.svg() {
        put(&args.svg, chart)?;
    }
    if table {
        output.write_all(report.text().as_bytes()).map_err(Error::Output)?;
    }
    output.flush().map_err(Error::Output)
}

#[cfg(test)]
mod tests;
