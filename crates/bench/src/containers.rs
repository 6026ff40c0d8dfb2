//! `--scenario container`: what a change of requirements, a start and a run cost in containers, with pyfast's volume and with an image
//! that holds the dependencies. `--scenario freeze`: what an image of a changed environment costs. From what was asked to the report;
//! removes what it made, also when it is interrupted.

mod answer;
mod asked;
mod calls;
mod code;
mod freezing;
mod inside;
mod project;
mod recipe;
mod report;
mod rival;
mod stack;
mod supervised;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use asked::{Asked, Wanted};
use calls::Calls;
use code::Code;
use project::Project;
use recipe::Uv;
pub(crate) use report::{ContainerReport, markdown, text};
use report::{Contender, Series};
use rival::Rival;
use stack::{Edited, Stack};
use supervised::Supervised;

use crate::context::Containers;
use crate::error::Error;
use crate::machine::{self, Machine};
use crate::notes;
use crate::options::Options;
use crate::room::Room;
use crate::scenario::Scenario;

/// What is asked, and what is given to answer it.
pub(crate) struct ContainerInquiry<'a> {
    pub(crate) options: &'a Options,
    /// What is measured.
    pub(crate) scenario: Scenario,
    /// `None` leaves image builds out.
    pub(crate) uv: Option<PathBuf>,
    pub(crate) containers: Containers<'a>,
    /// `None` leaves each tool its own default.
    pub(crate) index_url: Option<String>,
    pub(crate) pyfast: PathBuf,
    /// The session's environment variables.
    pub(crate) session: Vec<(OsString, OsString)>,
}

/// Counted runs when `--runs` does not say.
const USUAL_RUNS: u32 = 10;

impl ContainerInquiry<'_> {
    /// Makes the comparison.
    ///
    /// # Errors
    /// When an engine, a Compose, the client or the image is missing, or when a step of the comparison fails.
    pub(crate) fn compare(&self, progress: &mut dyn Write) -> Result<ContainerReport, Error> {
        let date = machine::date(SystemTime::now());
        let image = self.options.image.clone().ok_or(Error::NoImage)?;
        let room = Room::open(self.options.work_dir.as_deref())?;
        let machine = Machine::observe(&room.path);
        let calls = Calls::new(&self.pyfast, &self.containers, &self.session, &room.path)?;
        let mut versions = calls.versions()?;
        if self.scenario == Scenario::Container {
            versions.push(calls.compose_version()?);
        }
        let mirror = room.mirror(self.options, self.index_url.as_ref(), None)?;
        let index_url =
            mirror.as_ref().map_or_else(|| self.index_url.clone(), |mirror| Some(mirror.url()));
        let index_url = index_url.as_deref();
        let runs = self.options.runs.unwrap_or(USUAL_RUNS);
        let requirements = &self.options.requirements;
        let asked =
            Asked::make(&room.path, &Wanted { image: &image, requirements, runs, index_url })?;
        let cached = calls.composes_with_buildkit();
        let uv = self.uv.as_ref().map(|program| Uv { program, index_url, cached });
        let mut course = Course { calls: &calls, runs, progress };
        let Came { rows, said } = if self.scenario == Scenario::Freeze {
            course.of_images(&room.path, &asked, uv.as_ref())?
        } else {
            self.services(&mut course, &room.path, &asked, uv.as_ref())?
        };
        let notes = self.notes(&machine, said);
        let (scenario, requirements) = (self.scenario, asked.requirement_count());
        Ok(ContainerReport { date, machine, scenario, versions, image, requirements, rows, notes })
    }

    /// Services in containers.
    fn services(
        &self,
        course: &mut Course,
        room: &Path,
        asked: &Asked,
        uv: Option<&Uv>,
    ) -> Result<Came, Error> {
        let made = Project::make(course.calls, room, asked)?;
        let rival = uv.map(|uv| Rival::make(&made, uv, course.calls)).transpose()?;
        let mut rows = course.of_the_service(&made, rival.as_ref())?;
        rows.push(course.of_its_code(&made)?);
        rows.push(course.of_a_supervised_one(&made)?);
        rows.extend(course.inside(&made, &self.options.imports)?);
        if let Some(directory) = &self.containers.project {
            let stack = Stack::open(directory, course.calls, self.containers.read_project)?;
            rows.extend(course.of_the_stack(&stack)?);
            if let Some(file) = &self.options.edit {
                rows.push(course.of_the_stacks_code(&stack, &Edited::open(file)?)?);
            }
        }
        let mut said = Vec::new();
        said.extend(rival.map(|rival| rival.note().to_owned()));
        said.push("The added package is a wheel in a local directory that no cache has; everything else is the same in both.".to_owned());
        said.push("pyfast has compiled the bytecode of its volume once for each wheel; the image holds none.".to_owned());
        said.push("The images of code-edit hold code and no dependencies, so that their builds only copy; Compose's watch takes part from 2.23 on.".to_owned());
        if self.options.imports.is_empty() {
            said.push("Imports are left out: `--import MODULE` names what to import.".to_owned());
        }
        if self.containers.project.is_some() {
            said.push("The project is up when every container is healthy, runs without a health check, or has ended well; Compose is asked every 50 ms.".to_owned());
        }
        Ok(Came { rows, said })
    }

    fn notes(&self, machine: &Machine, said: Vec<String>) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(cfg!(debug_assertions).then(|| notes::UNOPTIMISED.to_owned()));
        notes.extend(machine.is_busy().then(|| notes::BUSY.to_owned()));
        if self.uv.is_none() {
            notes.push(
                "Image builds are left out: uv is not on PATH and `--uv PATH` was not given."
                    .to_owned(),
            );
        }
        notes.extend(said);
        notes
    }
}

/// What came of a scenario.
struct Came {
    rows: Vec<Series>,
    /// What a reader must know of it.
    said: Vec<String>,
}

/// Runs the rows.
struct Course<'a> {
    calls: &'a Calls,
    runs: u32,
    progress: &'a mut dyn Write,
}

impl Course<'_> {
    fn tell(&mut self, what: &str) -> Result<(), Error> {
        writeln!(self.progress, "{what}").map_err(Error::Output)
    }

    /// One service and what it takes to bring a package into it.
    fn of_the_service(
        &mut self,
        made: &Project,
        rival: Option<&Rival>,
    ) -> Result<Vec<Series>, Error> {
        let names = rival.map_or("", |_| " and with an image");
        self.tell(&format!("first start with pyfast{names}"))?;
        made.edit(0)?;
        made.up()?;
        rival.map(|rival| rival.edit(0).and_then(|()| rival.rebuild())).transpose()?;
        let mut edit = [Vec::new(), Vec::new()];
        let mut returned = Vec::new();
        for run in 0..=self.runs {
            self.tell(&format!("edit: {run} of {}", self.runs))?;
            let (answered, ended) = made.edited(run + 1)?;
            let other = rival.map(|rival| rival.edited(run + 1)).transpose()?;
            // The first one warms.
            if run > 0 {
                edit[0].push(answered);
                returned.push(ended);
                edit[1].extend(other);
            }
        }
        let [answers, rebuilds] = edit;
        let mut rows = vec![Series::new(
            "edit",
            "a package added: until the service answers with it",
            [
                Contender::new("pyfast up", answers),
                Contender::new("image build with uv, compose up", rebuilds),
            ],
        )];
        rows.push(Series::new(
            "edit-return",
            "the same: until the command has ended",
            [Contender::new("pyfast up", returned)],
        ));
        let unchanged = self.in_turn(
            "unchanged",
            Turn { contender: "pyfast up", run: &mut || made.timed_up().map(Some) },
            Turn {
                contender: "compose up -d",
                run: &mut || rival.map(Rival::timed_up).transpose(),
            },
        )?;
        rows.push(Series::new("unchanged", "nothing changed", unchanged));
        let last = self.runs + 1;
        let start = self.in_turn(
            "start",
            Turn { contender: "pyfast up", run: &mut || made.started(last).map(Some) },
            Turn {
                contender: "compose up -d",
                run: &mut || rival.map(|rival| rival.started(last)).transpose(),
            },
        )?;
        rows.push(Series::new("start", "no containers: until the service answers", start));
        Ok(rows)
    }

    /// What an edit of the service's code costs.
    fn of_its_code(&mut self, made: &Project) -> Result<Series, Error> {
        self.tell("first start of services with their code in an image")?;
        let mut code = Code::start(self.calls, made)?;
        let (mut put, mut rebuilt, mut synced) = (Vec::new(), Vec::new(), Vec::new());
        for run in 0..=self.runs {
            self.tell(&format!("code-edit: {run} of {}", self.runs))?;
            let (one, other) = (code.put(run + 1)?, code.rebuilt(run + 1)?);
            let third = code.synced(run + 1)?;
            // The first one warms.
            if run > 0 {
                put.push(one);
                rebuilt.push(other);
                synced.extend(third);
            }
        }
        Ok(Series::new(
            "code-edit",
            "a line of the image's code changed: until the service answers with it",
            [
                Contender::new("pyfast up", put),
                Contender::new("image build, compose up", rebuilt),
                Contender::new("compose watch, sync+restart", synced),
            ],
        ))
    }

    /// What edits of a supervised service cost.
    fn of_a_supervised_one(&mut self, made: &Project) -> Result<Series, Error> {
        self.tell("first start of a supervised service")?;
        let mut supervised = Supervised::start(self.calls, made)?;
        let (mut required, mut edited) = (Vec::new(), Vec::new());
        for run in 0..=self.runs {
            self.tell(&format!("supervised: {run} of {}", self.runs))?;
            let (one, other) = (supervised.required()?, supervised.edited()?);
            // The first one warms.
            if run > 0 {
                required.push(one);
                edited.push(other);
            }
        }
        Ok(Series::new(
            "supervised",
            "an edit until the service answers, whose command alone starts again",
            [
                Contender::new("pyfast up, a package added", required),
                Contender::new("pyfast up, a line of the image's code changed", edited),
            ],
        ))
    }

    fn inside(&mut self, made: &Project, modules: &[String]) -> Result<Vec<Series>, Error> {
        self.tell("inside a container")?;
        inside::measure(self.calls, made, self.runs, modules)
    }

    /// A whole project of the user's.
    fn of_the_stack(&mut self, stack: &Stack) -> Result<Vec<Series>, Error> {
        self.tell("the project: first start")?;
        stack.up()?;
        let unchanged = self.in_turn(
            "project-unchanged",
            Turn { contender: "pyfast up", run: &mut || stack.up().map(Some) },
            Turn { contender: "compose up -d", run: &mut || stack.compose_up().map(Some) },
        )?;
        let start = self.in_turn(
            "project-start",
            Turn { contender: "pyfast up", run: &mut || stack.started().map(Some) },
            Turn {
                contender: "compose up -d, then asking",
                run: &mut || stack.compose_started().map(Some),
            },
        )?;
        Ok(vec![
            Series::new("project-unchanged", "the project is up: nothing changed", unchanged),
            Series::new("project-start", "no containers: until the project is healthy", start),
        ])
    }

    /// What an edit of its code costs a whole project.
    fn of_the_stacks_code(&mut self, stack: &Stack, code: &Edited) -> Result<Series, Error> {
        let edited = self.in_turn(
            "project-code-edit",
            Turn { contender: "pyfast up", run: &mut || stack.edited(code).map(Some) },
            Turn {
                contender: "compose up -d --build, then asking",
                run: &mut || stack.compose_edited(code).map(Some),
            },
        )?;
        let title = "a line of its code changed: until the project is healthy";
        Ok(Series::new("project-code-edit", title, edited))
    }

    /// Two contenders that run in turn for the row of this name.
    fn in_turn(
        &mut self,
        row: &str,
        Turn { contender: first, run: one }: Turn<'_>,
        Turn { contender: second, run: other }: Turn<'_>,
    ) -> Result<[Contender; 2], Error> {
        let (mut ones, mut others) = (Vec::new(), Vec::new());
        for run in 1..=self.runs {
            self.tell(&format!("{row}: {run} of {}", self.runs))?;
            ones.extend(one()?);
            others.extend(other()?);
        }
        Ok([Contender::new(first, ones), Contender::new(second, others)])
    }
}

/// What a contender does when it is its turn.
struct Turn<'a> {
    contender: &'static str,
    /// The seconds that it took; `None` from one that takes no part.
    run: &'a mut dyn FnMut() -> Result<Option<f64>, Error>,
}

/// A name for what this comparison makes in the engine.
fn own_name(kind: &str) -> String {
    format!("pyfast-bench-{kind}-{}", std::process::id())
}

/// Writes a file of a project.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    crate::stage::work("write a project's file", fs_err::write(path, text))
}
