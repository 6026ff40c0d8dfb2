//! From what was asked to the report: finds tools and interpreter, fills the caches, has the scenarios run. Writes nothing but progress.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::corpus::Distributions;
use crate::course::{Course, Expected, forget_pip};
use crate::environment::{Contents, has_bytecode};
use crate::error::Error;
use crate::facts::{self, Variables};
use crate::machine::{self, Machine};
use crate::notes;
use crate::options::Options;
use crate::report::{Cell, MirrorFacts, Outcome, Report, Row};
use crate::room::Room;
use crate::scenario::{Cache, Import, Scenario};
use crate::stage::{Demand, Stage, work};
use crate::tool::{self, Common, Installed, Place, Tool};
use crate::worker::Meter;

/// Small distributions without dependencies of their own, one of which `incremental` adds: the first that the set has not.
const ADDITIONS: [&str; 4] = ["humanize", "tabulate", "tinydb", "cowsay"];

/// What is asked, and what is given to answer it.
pub(crate) struct Inquiry<'a> {
    pub(crate) options: &'a Options,
    /// `None` leaves each tool its own default.
    pub(crate) index_url: Option<String>,
    pub(crate) python: Option<PathBuf>,
    pub(crate) uv: Option<PathBuf>,
    /// `None` leaves pyfast itself out.
    pub(crate) pyfast: Option<PathBuf>,
    /// The session's environment variables.
    pub(crate) session: Vec<(OsString, OsString)>,
    /// The command line that asked for it.
    pub(crate) command: String,
}

/// Tools whose caches are full, and those that could not fill theirs.
struct Primed<'a> {
    stages: Vec<Stage<'a>>,
    failed: Vec<Cell>,
    expected: Expected,
}

impl Inquiry<'_> {
    /// Makes the comparison.
    ///
    /// # Errors
    /// When it cannot be made at all; a tool that fails is part of the report.
    pub(crate) fn compare(
        &self,
        meter: &mut Meter,
        progress: &mut dyn Write,
    ) -> Result<Report, Error> {
        let date = machine::date(SystemTime::now());
        let room = Room::open(self.options.work_dir.as_deref())?;
        let made = room.distributions(self.options)?;
        let requirements = self.requirements_files(made.as_ref())?;
        let machine = Machine::observe(&room.path);
        let mut warnings = Vec::new();
        warnings.extend(machine.is_busy().then(|| notes::BUSY.to_owned()));
        if self.pyfast.is_some() && cfg!(debug_assertions) {
            warnings.push(notes::UNOPTIMISED.to_owned());
        }
        // Whoever waits for figures is to know first what they are worth.
        for warning in &warnings {
            writeln!(progress, "{warning}").map_err(Error::Output)?;
        }
        let variables = tool::environment(&self.session, &room.home);
        let (python, python_version) = self.interpreter(&variables)?;
        let mirror = room.mirror(self.options, self.index_url.as_ref(), made.as_ref())?;
        let index_url =
            mirror.as_ref().map_or_else(|| self.index_url.clone(), |mirror| Some(mirror.url()));
        let common = Common { python, index_url, compile: self.options.compile };
        let (tools, mut notes) = self.tools(&common, &variables, &room)?;
        let scenarios = self.scenarios();
        let stages = self.stages(&tools, &common, &room, &requirements);
        let primed = self.prime(stages, &scenarios, &mut *meter, &mut *progress)?;
        let distributions = primed.expected.first.0.len();
        let (expected, runs) = (primed.expected, self.options.runs);
        let mut course = Course { expected, runs, meter, progress, interrupted: false };
        let rows = run_all(&mut course, &scenarios, &primed.stages, &primed.failed)?;
        let interrupted = course.interrupted;
        if interrupted {
            warnings.insert(0, notes::INTERRUPTED.to_owned());
        }
        notes.extend(notes::notes(&scenarios, &common, mirror.is_some()));
        notes.extend(made.map(|made| made.note));
        let names = requirements
            .iter()
            .map(|file| file.file_name().unwrap_or_default().to_string_lossy().into_owned());
        let facts = |_| MirrorFacts {
            latency_ms: self.options.latency,
            bandwidth_mbit: self.options.bandwidth,
        };
        Ok(Report {
            date,
            machine,
            python_version,
            mirror: mirror.as_ref().map(facts),
            requirements: names.collect(),
            distributions,
            rows,
            warnings,
            interrupted,
            command: self.command.clone(),
            notes,
            common: common.clone(),
            tools: tools.clone(),
        })
    }

    /// The requirements files: those of what was made, else the user's.
    fn requirements_files(&self, made: Option<&Distributions>) -> Result<Vec<PathBuf>, Error> {
        if let Some(made) = made {
            return Ok(vec![made.requirements.clone()]);
        }
        if self.options.requirements.is_empty() {
            return Err(Error::NoRequirements);
        }
        self.options
            .requirements
            .iter()
            .map(|file| fs_err::canonicalize(file).map_err(Error::Requirements))
            .collect()
    }

    fn interpreter(&self, variables: &Variables) -> Result<(PathBuf, String), Error> {
        facts::interpreter(self.python.as_deref().ok_or(Error::NoPython)?, variables)
    }

    /// The tools in the order in which they run, and what is to be said of those that are not there.
    fn tools(
        &self,
        common: &Common,
        variables: &Variables,
        room: &Room,
    ) -> Result<(Vec<Installed>, Vec<String>), Error> {
        let mut wanted = self.options.rivals.clone();
        wanted.sort_unstable();
        wanted.dedup();
        let (mut tools, mut notes) = (Vec::new(), Vec::new());
        let mut pip_version = None;
        for tool in wanted.into_iter().rev() {
            if tool.is_pip() {
                if pip_version.is_none() {
                    pip_version =
                        Some(facts::pip_environment(&common.python, &room.template(), variables)?);
                }
                let version = pip_version.clone().unwrap_or_default();
                tools.push(Installed { tool, program: common.python.clone(), version });
            } else if let Some(program) = self.uv.clone() {
                tools.push(facts::identify(tool, program, variables)?);
            } else {
                notes.push(notes::NO_UV.to_owned());
            }
        }
        if let Some(pyfast) = &self.pyfast {
            tools.push(facts::identify(Tool::Pyfast, pyfast.clone(), variables)?);
        }
        Ok((tools, notes))
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let mut wanted = if self.options.scenarios.is_empty() {
            Scenario::USUAL.to_vec()
        } else {
            self.options.scenarios.clone()
        };
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    fn stages<'a>(
        &self,
        tools: &'a [Installed],
        common: &'a Common,
        room: &Room,
        requirements: &[PathBuf],
    ) -> Vec<Stage<'a>> {
        let first: String = requirements
            .iter()
            .flat_map(|file| ["-r ".to_owned(), file.display().to_string(), "\n".to_owned()])
            .collect();
        let stage = |installed: &'a Installed| {
            let place = Place { base: room.path.join(installed.tool.name()) };
            Stage {
                installed,
                common,
                demand: Demand { first: first.clone(), grown: String::new() },
                environment: tool::environment(&self.session, &place.home()),
                place,
                template: room.template(),
                modules: self.options.imports.clone(),
                limit: self.options.timeout,
            }
        };
        tools.iter().map(stage).collect()
    }

    /// Has each tool install the set once, and the larger set if a scenario needs it: fills the caches (and the mirror).
    /// pyfast, or who comes first after it, says what the set is.
    fn prime<'a>(
        &self,
        mut stages: Vec<Stage<'a>>,
        scenarios: &[Scenario],
        meter: &mut Meter,
        progress: &mut dyn Write,
    ) -> Result<Primed<'a>, Error> {
        let mut failed = Vec::new();
        let mut first = None;
        let mut bytecode = self.options.compile;
        stages.sort_by_key(|stage| stage.installed.tool);
        let mut ready = Vec::new();
        for stage in stages {
            writeln!(progress, "first installation with {}", stage.installed.tool.name())
                .map_err(Error::Output)?;
            match stage.prime(meter)? {
                Ok(mut contents) => {
                    if first.is_none() {
                        forget_pip(&mut contents, &Contents::default());
                        bytecode |= work(
                            "look for bytecode",
                            has_bytecode(&stage.site_packages(Cache::Full)?),
                        )?;
                        first = Some(contents);
                    }
                    ready.push(stage);
                }
                Err(message) => failed.push(failure(stage.installed.tool, &message)),
            }
        }
        let Some(first) = first else {
            return Err(Error::NothingToCompare { message: messages(&failed) });
        };
        self.choose_modules(&mut ready, scenarios, meter)?;
        let grown = if scenarios.iter().any(|scenario| scenario.needs_growth()) {
            self.prime_grown(&mut ready, &first, &mut failed, meter)?
        } else {
            None
        };
        // pip, uv, pyfast, pip, uv, …
        ready.reverse();
        Ok(Primed { stages: ready, failed, expected: Expected { first, grown, bytecode } })
    }

    /// What is imported where nobody said it: whatever can be of the set. One of the tools says it for all.
    fn choose_modules(
        &self,
        stages: &mut [Stage],
        scenarios: &[Scenario],
        meter: &mut Meter,
    ) -> Result<(), Error> {
        let imports = scenarios.iter().any(|scenario| scenario.import() != Import::Never);
        if !imports || !self.options.imports.is_empty() {
            return Ok(());
        }
        let modules = match stages.first() {
            Some(stage) => stage.importable(meter)?,
            None => return Ok(()),
        };
        for stage in stages {
            stage.modules.clone_from(&modules);
        }
        Ok(())
    }

    fn prime_grown(
        &self,
        stages: &mut Vec<Stage>,
        first: &Contents,
        failed: &mut Vec<Cell>,
        meter: &mut Meter,
    ) -> Result<Option<Contents>, Error> {
        let usual = || {
            ADDITIONS
                .iter()
                .find(|name| !first.0.contains_key(**name))
                .map(|name| (*name).to_owned())
        };
        let addition = self.options.add.clone().or_else(usual).ok_or(Error::NothingToAdd)?;
        let mut grown = None;
        let mut ready = Vec::new();
        for mut stage in stages.drain(..) {
            stage.demand.grown = format!("{}{addition}\n", stage.demand.first);
            match stage.prime_grown(meter)? {
                Ok(mut contents) => {
                    forget_pip(&mut contents, first);
                    grown.get_or_insert(contents);
                    ready.push(stage);
                }
                Err(message) => failed.push(failure(stage.installed.tool, &message)),
            }
        }
        *stages = ready;
        Ok(grown)
    }
}

/// Runs all scenarios. The memory scenario is another view of the runs of `cold`.
fn run_all(
    course: &mut Course,
    scenarios: &[Scenario],
    stages: &[Stage],
    failed: &[Cell],
) -> Result<Vec<Row>, Error> {
    let mut rows: Vec<Row> = Vec::new();
    for scenario in scenarios {
        let cold = rows.iter().find(|row| row.scenario == Scenario::Cold);
        let row = match (scenario, cold) {
            (Scenario::Memory, Some(cold)) => Row::new(Scenario::Memory, cold.cells.clone()),
            _ => course.run(*scenario, stages, failed)?,
        };
        rows.push(row);
        if course.interrupted {
            break;
        }
    }
    Ok(rows)
}

fn failure(tool: Tool, message: &str) -> Cell {
    Cell {
        tool,
        outcome: Outcome::Failed { message: format!("the first installation failed: {message}") },
    }
}

fn messages(failed: &[Cell]) -> String {
    let texts = failed.iter().map(|cell| match &cell.outcome {
        Outcome::Failed { message } => format!("{}: {message}", cell.tool.name()),
        _ => cell.tool.name().to_owned(),
    });
    texts.collect::<Vec<_>>().join("\n")
}
