//! The order of runs: scenario after scenario, in each round after round, in each round tool after tool. A time counts only when
//! what the tool left is what it should be. Knows nothing of command lines.

use std::io::Write;
use std::ops::RangeInclusive;

use crate::environment::{Contents, has_bytecode};
use crate::error::Error;
use crate::measure::Usage;
use crate::report::{Cell, Measured, Outcome, Row};
use crate::scenario::{Goal, Import, Scenario, Start};
use crate::stage::{Stage, work};
use crate::table;
use crate::worker::Meter;

/// What the runs of all tools must come to.
pub(crate) struct Expected {
    /// The set.
    pub(crate) first: Contents,
    /// The set with one more package, where a scenario needs it.
    pub(crate) grown: Option<Contents>,
    /// Whether environments hold bytecode: it is compiled, or wheels bring some.
    pub(crate) bytecode: bool,
}

/// What the rounds need besides the tools.
pub(crate) struct Course<'a> {
    pub(crate) expected: Expected,
    /// Counted runs of each tool; `None` is as the scenario usually has.
    pub(crate) runs: Option<u32>,
    pub(crate) meter: &'a mut Meter,
    pub(crate) progress: &'a mut dyn Write,
    /// Whether the user interrupted it: rows have what was measured until then.
    pub(crate) interrupted: bool,
}

/// A tool on its way through the rounds of a scenario.
struct Runner<'a, 's> {
    stage: &'a Stage<'s>,
    runs: Vec<Usage>,
    /// Set when the tool is out.
    out: Option<Outcome>,
}

/// A round of a scenario.
#[derive(Clone, Copy)]
struct Round {
    /// Its number; 0 warms and is not counted.
    number: u32,
    /// The number of the first one.
    first: u32,
    /// How many are counted.
    counted: u32,
}

impl Round {
    fn is_first(self) -> bool {
        self.number == self.first
    }

    fn counts(self) -> bool {
        self.number > 0
    }

    fn label(self) -> String {
        if self.counts() {
            format!("{}/{}", self.number, self.counted)
        } else {
            "warm-up".to_owned()
        }
    }
}

impl Course<'_> {
    /// Runs one scenario with all tools in turn. Each of `failed` could not do the first installation and only gets its cell.
    ///
    /// # Errors
    /// When the comparison itself breaks down.
    pub(crate) fn run(
        &mut self,
        scenario: Scenario,
        stages: &[Stage],
        failed: &[Cell],
    ) -> Result<Row, Error> {
        let mut runners: Vec<Runner> = stages
            .iter()
            .map(|stage| {
                let nothing = scenario.import() != Import::Never && stage.modules.is_empty();
                let nothing = nothing.then_some("nothing of the set can be imported");
                let reason = stage.installed.tool.excluded_from(scenario).or(nothing);
                let out = reason.map(|reason| Outcome::Excluded { reason: reason.to_owned() });
                Runner { stage, runs: Vec::new(), out }
            })
            .collect();
        let counted = self.runs.unwrap_or(scenario.usual_runs()).max(1);
        let first = u32::from(!scenario.has_warm_up());
        match self.rounds(scenario, &mut runners, first..=counted) {
            Err(Error::Interrupted) => self.interrupted = true,
            done => done?,
        }
        let missing = if self.interrupted {
            Outcome::Excluded { reason: "interrupted before it".to_owned() }
        } else {
            Outcome::Failed { message: "it was not run".to_owned() }
        };
        let cells = runners.into_iter().map(|runner| {
            let tool = runner.stage.installed.tool;
            let outcome = runner.out.or_else(|| Measured::of(runner.runs).map(Outcome::Measured));
            Cell { tool, outcome: outcome.unwrap_or_else(|| missing.clone()) }
        });
        Ok(Row::new(scenario, cells.chain(failed.iter().cloned()).collect()))
    }

    /// Round after round, in each tool after tool.
    fn rounds(
        &mut self,
        scenario: Scenario,
        runners: &mut [Runner],
        numbers: RangeInclusive<u32>,
    ) -> Result<(), Error> {
        let (first, counted) = (*numbers.start(), *numbers.end());
        for number in numbers {
            for runner in runners.iter_mut().filter(|runner| runner.out.is_none()) {
                self.step(scenario, runner, Round { number, first, counted })?;
            }
        }
        Ok(())
    }

    /// One run of one tool.
    fn step(&mut self, scenario: Scenario, runner: &mut Runner, round: Round) -> Result<(), Error> {
        let stage = runner.stage;
        let pins = self.expected.first.pins();
        if let Err(message) = stage.prepare(scenario, &pins, round.is_first(), self.meter)? {
            runner.out =
                Some(Outcome::Failed { message: format!("before the clock started: {message}") });
            return Ok(());
        }
        if !matches!(scenario.start(), Start::Kept | Start::Imported) {
            // Dirty pages of what was removed and copied would otherwise be written while the clock runs.
            rustix::fs::sync();
        }
        let usage = match stage.run(scenario, self.meter)? {
            Ok(usage) => usage,
            Err(message) => {
                runner.out = Some(Outcome::Failed { message });
                return Ok(());
            }
        };
        let differences = self.differences(scenario, stage, round.is_first())?;
        if !differences.is_empty() {
            runner.out = Some(Outcome::Different { differences });
            return Ok(());
        }
        let name = stage.installed.tool.name();
        let label = round.label();
        let line = format!(
            "{:<12} {label:>7}  {name:<12} {:>9}",
            scenario.name(),
            table::seconds(usage.wall)
        );
        writeln!(self.progress, "{line}").map_err(Error::Output)?;
        if round.counts() {
            runner.runs.push(usage);
        }
        Ok(())
    }

    /// How the result of a run differs from what it should be.
    fn differences(
        &self,
        scenario: Scenario,
        stage: &Stage,
        first: bool,
    ) -> Result<Vec<String>, Error> {
        let expected = match (scenario.goal(), &self.expected.grown) {
            (Goal::Grown, Some(grown)) => grown,
            _ => &self.expected.first,
        };
        let mut found = stage.result(scenario.goal(), scenario.cache())?;
        forget_pip(&mut found, expected);
        let mut differences = found.differences(expected);
        // What is imported gets bytecode.
        let walks = first
            && scenario.start() == Start::Empty
            && scenario.goal() == Goal::Installed
            && scenario.import() == Import::Never;
        if walks && differences.is_empty() {
            let site_packages = stage.site_packages(scenario.cache())?;
            let compiled = work("look for bytecode", has_bytecode(&site_packages))?;
            if compiled != (self.expected.bytecode || scenario.has_bytecode()) {
                let what = if compiled {
                    "holds bytecode that was not asked for"
                } else {
                    "lacks the bytecode asked for"
                };
                differences.push(format!("the environment {what}"));
            }
        }
        Ok(differences)
    }
}

/// pip's environments hold pip itself, which nobody asked for unless it is expected.
pub(crate) fn forget_pip(found: &mut Contents, expected: &Contents) {
    if !expected.0.contains_key("pip") {
        found.0.remove("pip");
    }
}
