//! `pyfast bench`: pip, uv and pyfast compared on the user's requirements. Owns its arguments; the comparison is
//! `pyfast_bench`'s.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use pyfast_bench::{
    Compose, ComposeFiles, Containers, Context, Forms, Options, Scenario, Tool, module_name,
    positive_number, shown_word,
};
use pyfast_launcher::compose_file::{ComposeRequest, read_compose};
use pyfast_launcher::composer::Composer;
use pyfast_launcher::programs::is_program;
use pyfast_packaging::requirements_txt::IndexOptions;
use pyfast_packaging::safe_url::shown_argument;

use crate::args::short_find_links;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use crate::ui::{errors, output};
use pyfast_settings::interpreters::{self, on_path};
use pyfast_settings::{Indexes, Python};
use pyfast_stack::find_composer;

/// Compare pip, uv and pyfast on your requirements
///
/// The tools run in turn in fresh environments, with caches and home directories of their own. A time counts only when all
/// environments hold the same versions.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Clone, Debug, clap::Args)]
#[command(arg = short_find_links(), after_help = "\
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
    #[arg(long, value_name = "TOOL", value_delimiter = ',', default_value = "pip,pip-no-cache,uv", value_parser = tools())]
    vs: Vec<Tool>,
    /// Counted runs of each tool in each scenario [default: 3 with an empty cache, 10 with a full one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// Scenarios to run [default: all but those that are measured by themselves]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = scenarios())]
    scenario: Vec<Scenario>,
    /// The image that `container` runs a small service in, and `freeze` puts an environment upon; it has to have Python
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Modules whose imports are measured [default: those of the set; for `container` none]
    #[arg(long, value_name = "MODULE", value_delimiter = ',', value_parser = module_name)]
    import: Vec<String>,
    /// Have `container` measure the project as a whole too: its containers are removed and made anew
    #[arg(long)]
    whole_project: bool,
    /// Megabytes of the wheel that is made for `large`
    #[arg(long, value_name = "MB", default_value_t = 320, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
    /// A file of the project's code that gets and loses a line: what that costs the whole project
    #[arg(long, value_name = "FILE", requires = "whole_project")]
    edit: Option<PathBuf>,
    /// The requirement that `incremental`, `rollback` and `branch` add
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
    #[arg(long, value_name = "MBIT", requires = "local_mirror", value_parser = positive_number)]
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

/// The names of tools that pyfast can be compared with.
fn tools() -> impl TypedValueParser<Value = Tool> {
    let names = Tool::RIVALS.map(|tool| {
        PossibleValue::new(tool.name()).help(match tool {
            Tool::Pyfast => "This program",
            Tool::Uv => "uv, from `--uv` or `PATH`",
            Tool::Pip => "pip of a virtual environment of the given Python",
            Tool::PipNoCache => "pip with `--no-cache-dir`",
        })
    });
    PossibleValuesParser::new(names)
        .try_map(|name| Tool::RIVALS.into_iter().find(|tool| tool.name() == name).ok_or("no tool"))
}

/// The names of scenarios.
fn scenarios() -> impl TypedValueParser<Value = Scenario> {
    let names =
        Scenario::ALL.map(|scenario| PossibleValue::new(scenario.name()).help(scenario.about()));
    PossibleValuesParser::new(names).try_map(|name| {
        Scenario::ALL.into_iter().find(|scenario| scenario.name() == name).ok_or("no scenario")
    })
}

impl Args {
    /// What is asked, with the project's own requirements where none are named.
    fn options(&self, settings: &Settings) -> Options {
        let own = self.scenario.iter().any(|scenario| scenario.brings_requirements());
        let requirements = if self.requirements.is_empty() && !own {
            settings.project.requirements(&[], &settings.env).unwrap_or_default()
        } else {
            self.requirements.clone()
        };
        Options {
            requirements,
            rivals: self.vs.clone(),
            runs: self.runs,
            scenarios: self.scenario.clone(),
            image: self.image.clone(),
            imports: self.import.clone(),
            whole_project: self.whole_project,
            megabytes: self.size,
            edit: self.edit.clone(),
            add: self.add.clone(),
            compile: self.compile,
            local_mirror: self.local_mirror,
            latency: self.latency,
            bandwidth: self.bandwidth,
            mirror_dir: self.mirror_dir.clone(),
            work_dir: self.work_dir.clone(),
            timeout: self.timeout,
            forms: Forms {
                json: self.json.clone(),
                svg: self.svg.clone(),
                markdown: self.markdown.clone(),
            },
        }
    }
}

/// Runs the command: the comparison, or the small process that it has start and time the tools.
///
/// # Errors
/// When the comparison cannot be made or delivered at all.
pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    if args.measure_jobs {
        pyfast_bench::serve(std::io::stdin().lock(), std::io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = match &settings.python {
        Python::Host(_) | Python::Managed(_) => Some(interpreters::own(settings)?),
        // What runs in images is not compared on this machine; its pip still knows the index.
        Python::Image(_) => interpreters::find(None, settings).ok(),
    };
    // Its pip is beside the interpreter itself, not beside a version switcher.
    let cache = settings.cache_directory().ok();
    let probed = found.as_ref().zip(cache.as_deref());
    let probed = probed.and_then(|(found, cache)| interpreters::probe(found, cache).ok());
    // A comparison without a known index leaves each tool its own default.
    let executable = probed.as_ref().map(|probed| probed.executable.as_path());
    let index = Indexes::new(settings, &IndexOptions::default(), executable).ok();
    let named = settings.flags.index.index_url.clone();
    let words = std::env::args_os().skip(1);
    let words = words.map(|word| shown_word(&shown_argument(&word.to_string_lossy())));
    let words: Vec<String> = std::iter::once("pyfast".to_owned()).chain(words).collect();
    let context = Context {
        index_url: named
            .or_else(|| index.and_then(|index| index.urls.last().map(ToString::to_string))),
        python: found.map(|found| found.path),
        uv: uv(args, settings)?,
        containers: Containers {
            docker: on_path("docker", &settings.variables),
            compose: find_composer(&settings.variables).map(|composer| match composer {
                Composer::Plugin { docker } => Compose { program: docker, is_plugin: true },
                Composer::Standalone { program } => Compose { program, is_plugin: false },
            }),
            project: args.whole_project.then(|| settings.project.directory.clone()),
            read_project: &read_project,
        },
        pyfast: std::env::current_exe()
            .map_err(|error| Failure::from_error("bench", &error, Code::Mendable))?,
        command: words.join(" "),
        environment: std::env::vars_os().collect(),
        output: &mut output(args.json.as_deref() == Some(Path::new("-"))),
        progress: &mut errors(),
    };
    let sound = pyfast_bench::compare(&args.options(settings), context)?;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The uv that was named, else the one on the search path.
fn uv(args: &Args, settings: &Settings) -> Result<Option<PathBuf>, Failure> {
    let Some(named) = &args.uv else { return Ok(on_path("uv", &settings.variables)) };
    match fs_err::canonicalize(named) {
        Ok(file) if is_program(&file) => Ok(Some(file)),
        _ => {
            let message = format!("`{}` named with --uv is no program", named.display());
            Err(Failure::usage(message))
        }
    }
}

/// A project as Compose knows it.
fn read_project(
    directory: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<ComposeFiles, String> {
    let project = read_compose(&ComposeRequest::of(directory, environment))
        .map_err(|error| error.to_string())?;
    let services = project.services.len();
    Ok(ComposeFiles { name: project.name, files: project.files, services })
}
