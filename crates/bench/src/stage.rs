//! Brings one tool's directories to where a scenario starts, runs the tool, and reads what it left. The clock runs in `Stage::perform` only.
//! Knows nothing of rounds, statistics or other tools.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use url::Url;

use crate::environment::{self, Contents};
use crate::error::Error;
use crate::files;
use crate::measure::{self, Job, Usage};
use crate::scenario::{Action, Cache, Goal, Import, Links, Scenario, Start};
use crate::tool::{Common, Installed, Place, Request, Tool};
use crate::worker::Meter;

/// What is asked for, as text for a requirements file.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    /// The requirements.
    pub(crate) first: String,
    /// The same and one more package.
    pub(crate) grown: String,
}

/// A tool with its directories.
pub(crate) struct Stage<'a> {
    pub(crate) installed: &'a Installed,
    pub(crate) place: Place,
    pub(crate) common: &'a Common,
    pub(crate) demand: Demand,
    /// The environment of every process.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// An unused virtual environment with pip alone, to copy.
    pub(crate) template: PathBuf,
    /// Modules that a scenario imports; none are asked for where none does.
    pub(crate) modules: Vec<String>,
    /// Seconds after which a run is given up.
    pub(crate) limit: u64,
}

/// Prints which of the modules on its command line can be imported, a line each.
const PROBE: &str = "
import importlib, os, sys
answer = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException:
        continue
    answer.write(name + '\\n')
answer.flush()
# Whatever threads and exit handlers were begun by it.
os._exit(0)
";

/// What fills a cache.
const PRIMING: Request = Request {
    action: Action::Install,
    cache: Cache::Full,
    links: Links::Host,
    offline: false,
    bytecode: false,
};

/// How a run of a tool went: what it took, or why it failed.
pub(crate) type Ran = Result<Usage, String>;

/// Gives an input/output error of the working area its act.
pub(crate) fn work<T>(act: &'static str, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error::Work { act, source })
}

impl Stage<'_> {
    /// The request that a scenario makes.
    pub(crate) fn request(scenario: Scenario) -> Request {
        Request {
            action: scenario.action(),
            cache: scenario.cache(),
            links: scenario.links(),
            offline: scenario.is_offline(),
            bytecode: scenario.has_bytecode(),
        }
    }

    /// Makes the directories; what was there goes.
    fn clear(&self) -> Result<(), Error> {
        work("make the directories", files::make_empty(&self.place.base))?;
        for directory in [self.place.home(), self.place.project()] {
            work("make the directories", fs_err::create_dir_all(directory))?;
        }
        Ok(())
    }

    /// Fills the cache by an installation of the set and says what was installed.
    pub(crate) fn prime(&self, meter: &mut Meter) -> Result<Result<Contents, String>, Error> {
        self.clear()?;
        self.fresh(Cache::Full, meter)?;
        self.ask(&self.demand.first)?;
        if let Err(message) = self.perform(PRIMING, meter)? {
            return Ok(Err(message));
        }
        if let Some(args) = self.installed.lock(&self.kept_lock(), &self.place, self.common)
            && let Err(message) = self.start(self.installed.program.clone(), args, meter)?
        {
            return Ok(Err(message));
        }
        self.installed_contents(Cache::Full).map(Ok)
    }

    /// Adds to the cache what the larger set needs, and says what was installed. Comes after [`Self::prime`].
    pub(crate) fn prime_grown(&self, meter: &mut Meter) -> Result<Result<Contents, String>, Error> {
        self.ask(&self.demand.grown)?;
        if let Err(message) = self.perform(PRIMING, meter)? {
            return Ok(Err(message));
        }
        self.installed_contents(Cache::Full).map(Ok)
    }

    /// Brings everything to where `scenario` starts. `first` is true before the first of its runs.
    pub(crate) fn prepare(
        &self,
        scenario: Scenario,
        pins: &str,
        first: bool,
        meter: &mut Meter,
    ) -> Result<Result<(), String>, Error> {
        let cache = scenario.cache();
        if scenario == Scenario::Remote
            && first
            && let Err(message) = self.fill_remote(pins, meter)?
        {
            return Ok(Err(message));
        }
        if cache == Cache::Empty {
            work("empty a cache", files::remove(&self.place.cache(cache)))?;
        }
        match scenario.start() {
            Start::Empty => self.start_empty(scenario, pins, meter).map(Ok),
            Start::Kept | Start::Imported if !first => Ok(Ok(())),
            Start::Kept => {
                self.fresh(cache, meter)?;
                self.ask(&self.demand.first)?;
                Ok(self.perform(Self::request(scenario), meter)?.map(drop))
            }
            Start::Grown => self.stand_on(pins, scenario.links(), meter),
            Start::Imported => {
                self.fresh(cache, meter)?;
                self.ask(&self.demand.first)?;
                self.give_lock(pins)?;
                match self.perform(Self::request(scenario), meter)? {
                    Ok(_) => Ok(self.import(cache, meter)?.map(drop)),
                    Err(message) => Ok(Err(message)),
                }
            }
            Start::Returned => {
                self.fresh(cache, meter)?;
                self.ask(&self.demand.first)?;
                for next in [&self.demand.grown, &self.demand.first] {
                    if let Err(message) = self.perform(Self::request(scenario), meter)? {
                        return Ok(Err(message));
                    }
                    self.require(next)?;
                }
                Ok(Ok(()))
            }
            Start::Changed => {
                if let Err(message) = self.stand_on(pins, scenario.links(), meter)? {
                    return Ok(Err(message));
                }
                let request =
                    Request { action: Action::Install, offline: true, ..Self::request(scenario) };
                let changed = self.perform(request, meter)?.map(drop);
                self.write_pins(pins)?;
                Ok(changed)
            }
        }
    }

    /// An empty environment, and what the scenario installs into it.
    fn start_empty(&self, scenario: Scenario, pins: &str, meter: &mut Meter) -> Result<(), Error> {
        self.fresh(scenario.cache(), meter)?;
        self.ask(&self.demand.first)?;
        if scenario.action() == Action::InstallLocked {
            self.give_lock(pins)?;
        }
        if scenario == Scenario::Remote {
            self.name_remote()?;
        }
        if scenario.links() == Links::Own && self.installed.tool == Tool::Pyfast {
            let program = self.place.own_program(scenario.cache());
            let copied = fs_err::create_dir_all(program.parent().unwrap_or(&program))
                .and_then(|()| fs_err::copy(&self.installed.program, &program));
            work("put the program into its root", copied)?;
        }
        Ok(())
    }

    /// The project says where the remote store is.
    fn name_remote(&self) -> Result<(), Error> {
        let url = Url::from_directory_path(self.place.remote()).map(String::from);
        let url = url.unwrap_or_default();
        let text = format!("[remote]\nurl = \"{url}\"\nbytecode = true\n");
        let file = self.place.project().join("pyfast.toml");
        work("name the remote store", fs_err::write(file, text))
    }

    /// Another machine has made the environment, and pushed all of it.
    fn fill_remote(&self, pins: &str, meter: &mut Meter) -> Result<Result<(), String>, Error> {
        let cache = Scenario::Remote.cache();
        work("empty a cache", files::remove(&self.place.cache(cache)))?;
        work("make the remote store", files::make_empty(&self.place.remote()))?;
        self.start_empty(Scenario::Remote, pins, meter)?;
        let request = Request { offline: false, ..Self::request(Scenario::Remote) };
        let (program, mut args) = self.installed.command(request, &self.place, self.common);
        args.push("--push".into());
        Ok(self.start(program, args, meter)?.map(drop))
    }

    /// The set is installed from its lock, and the requirements have grown by one package.
    fn stand_on(
        &self,
        pins: &str,
        links: Links,
        meter: &mut Meter,
    ) -> Result<Result<(), String>, Error> {
        let snapshot = self.place.base.join("snapshot");
        let is_pip = self.installed.tool.is_pip();
        if is_pip && snapshot.exists() {
            work("remove an environment", files::remove(&self.place.environment()))?;
            work("copy an environment", files::copy(&snapshot, &self.place.environment()))?;
        } else {
            self.fresh(Cache::Full, meter)?;
            self.ask(&self.demand.first)?;
            let pyfast = self.installed.tool == Tool::Pyfast;
            self.give_lock(pins)?;
            // pyfast's own way to an environment with a lock of its own beside the requirements is a plain sync.
            let action = if pyfast { Action::Install } else { Action::InstallLocked };
            let (cache, offline) = (Cache::Full, true);
            let request = Request { action, cache, links, offline, bytecode: false };
            if let Err(message) = self.perform(request, meter)? {
                return Ok(Err(message));
            }
            if is_pip {
                work("copy an environment", files::copy(&self.place.environment(), &snapshot))?;
            }
        }
        self.require(&self.demand.grown)?;
        Ok(Ok(()))
    }

    /// A new, empty environment.
    fn fresh(&self, cache: Cache, meter: &mut Meter) -> Result<(), Error> {
        let target = self.place.environment();
        work("remove an environment", files::remove(&target))?;
        if self.installed.tool == Tool::Pyfast {
            let parts = ["envs", "projects"].map(|part| self.place.root(cache).join(part));
            return work(
                "remove the environments",
                parts.iter().try_for_each(|part| files::remove(part)),
            );
        }
        let Some(args) = self.installed.virtual_environment(&self.place, self.common) else {
            return work("copy an environment", files::copy(&self.template, &target));
        };
        let made = self.start(self.installed.program.clone(), args, meter)?;
        made.map(drop)
            .map_err(|message| Error::Environment { tool: self.installed.tool.name(), message })
    }

    /// A project of the requirements alone, without a lock.
    fn ask(&self, requirements: &str) -> Result<(), Error> {
        work("make the project", files::make_empty(&self.place.project()))?;
        self.require(requirements)
    }

    fn require(&self, requirements: &str) -> Result<(), Error> {
        work("write the requirements", fs_err::write(self.place.requirements(), requirements))
    }

    fn kept_lock(&self) -> PathBuf {
        self.place.base.join("pylock.toml")
    }

    fn write_pins(&self, pins: &str) -> Result<(), Error> {
        work("write the pins", fs_err::write(self.place.pins(), pins))
    }

    fn give_lock(&self, pins: &str) -> Result<(), Error> {
        self.write_pins(pins)?;
        if self.installed.tool == Tool::Pyfast {
            work("copy the lock", fs_err::copy(self.kept_lock(), self.place.lock()))?;
        }
        Ok(())
    }

    /// What a scenario takes the time of.
    pub(crate) fn run(&self, scenario: Scenario, meter: &mut Meter) -> Result<Ran, Error> {
        let cache = scenario.cache();
        if scenario.import() == Import::Alone {
            return self.import(cache, meter);
        }
        let ran = self.perform(Self::request(scenario), meter)?;
        match (scenario.import(), ran) {
            (Import::Too, Ok(installed)) => {
                Ok(self.import(cache, meter)?.map(|imported| installed.then(imported)))
            }
            (_, ran) => Ok(ran),
        }
    }

    /// Imports the modules in one process of the environment's interpreter.
    fn import(&self, cache: Cache, meter: &mut Meter) -> Result<Ran, Error> {
        let statement = format!("import {}", self.modules.join(", "));
        self.start(self.python(cache)?, vec!["-c".into(), statement.into()], meter)
    }

    /// Which of the environment's own modules can be imported, one after the other in one process.
    pub(crate) fn importable(&self, meter: &mut Meter) -> Result<Vec<String>, Error> {
        let site_packages = self.site_packages(Cache::Full)?;
        let names = work("list the modules", environment::modules(&site_packages))?;
        let mut args = vec!["-c".into(), PROBE.into()];
        args.extend(names.into_iter().map(OsString::from));
        if let Err(message) = self.start(self.python(Cache::Full)?, args, meter)? {
            return Err(Error::Environment { tool: self.installed.tool.name(), message });
        }
        let text = work("read what can be imported", fs_err::read_to_string(self.place.stdout()))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Runs the tool and takes its time.
    pub(crate) fn perform(&self, request: Request, meter: &mut Meter) -> Result<Ran, Error> {
        let (program, args) = self.installed.command(request, &self.place, self.common);
        self.start(program, args, meter)
    }

    fn start(
        &self,
        program: PathBuf,
        args: Vec<OsString>,
        meter: &mut Meter,
    ) -> Result<Ran, Error> {
        let job = Job {
            program,
            args,
            environment: self.environment.clone(),
            directory: self.place.base.clone(),
            stdout: self.place.stdout(),
            stderr: self.place.stderr(),
            limit: self.limit,
        };
        let usage = meter.run(&job)?;
        if usage.timed_out {
            return Ok(Err(format!("given up after {} s", self.limit)));
        }
        if usage.status().success() {
            return Ok(Ok(usage));
        }
        let mut message = measure::tail(&job.stderr, 12);
        if message.is_empty() {
            message = measure::tail(&job.stdout, 12);
        }
        Ok(Err(format!("{}: {}", usage.status(), message.replace('\n', " / "))))
    }

    /// What the last run left or printed, as far as `goal` is concerned.
    pub(crate) fn result(&self, goal: Goal, cache: Cache) -> Result<Contents, Error> {
        if goal != Goal::Printed {
            return self.installed_contents(cache);
        }
        let text = work("read what a tool printed", fs_err::read_to_string(self.place.stdout()))?;
        Ok(match self.installed.tool {
            Tool::Pyfast | Tool::Uv => Contents::from_pins(&text),
            Tool::Pip | Tool::PipNoCache => from_report(&text),
        })
    }

    /// The directory that Python imports from.
    pub(crate) fn site_packages(&self, cache: Cache) -> Result<PathBuf, Error> {
        work("find the packages", environment::site_packages(&self.prefix(cache)?))
    }

    fn prefix(&self, cache: Cache) -> Result<PathBuf, Error> {
        match self.installed.tool {
            Tool::Pyfast => work("find the current environment", current(&self.place.root(cache))),
            _ => Ok(self.place.environment()),
        }
    }

    fn python(&self, cache: Cache) -> Result<PathBuf, Error> {
        Ok(self.prefix(cache)?.join("bin/python"))
    }

    fn installed_contents(&self, cache: Cache) -> Result<Contents, Error> {
        work("read the environment", Contents::read(&self.site_packages(cache)?))
    }
}

/// The one `projects/<project>/<env>/current` below a root.
fn current(root: &Path) -> io::Result<PathBuf> {
    for project in fs_err::read_dir(root.join("projects"))? {
        for environment in fs_err::read_dir(project?.path())? {
            let link = environment?.path().join("current");
            if link.exists() {
                return Ok(link);
            }
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("no current environment below {}", root.display()),
    ))
}

/// Reads pip's installation report (<https://pip.pypa.io/en/stable/reference/installation-report/>).
fn from_report(text: &str) -> Contents {
    let report: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let items = report["install"].as_array().into_iter().flatten();
    let pairs = items.filter_map(|item| {
        let metadata = &item["metadata"];
        Some((
            environment::normalise(metadata["name"].as_str()?),
            metadata["version"].as_str()?.to_owned(),
        ))
    });
    Contents(pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_report_is_read() {
        let text = r#"{"install": [{"metadata": {"name": "Some_Thing", "version": "1.0"}}, {"metadata": {}}]}"#;
        assert_eq!(from_report(text).pins(), "some-thing==1.0\n");
        assert_eq!(from_report("nonsense").pins(), "");
    }

    #[test]
    fn the_current_environment_is_found_below_a_root() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("projects/p-1/default");
        fs_err::create_dir_all(&state).unwrap();
        assert!(current(root.path()).is_err());
        fs_err::os::unix::fs::symlink(".", state.join("current")).unwrap();
        assert_eq!(current(root.path()).unwrap(), state.join("current"));
    }
}
