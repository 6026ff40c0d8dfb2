//! The result of a comparison as data; its JSON form is this structure. Knows nothing of how it came about or how it is drawn.

use serde::Serialize;

use crate::machine::Machine;
use crate::measure::Usage;
use crate::scenario::Scenario;
use crate::statistics::Summary;
use crate::tool::{Common, Installed, Tool};

/// A whole comparison.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// When it began, UTC, RFC 3339.
    pub(crate) date: String,
    pub(crate) machine: Machine,
    /// What the interpreter says of itself.
    pub(crate) python_version: String,
    pub(crate) common: Common,
    /// The local mirror, if the index was one.
    pub(crate) mirror: Option<MirrorFacts>,
    /// The requirements files as named.
    pub(crate) requirements: Vec<String>,
    /// How many distributions the set has.
    pub(crate) distributions: usize,
    /// The tools that took part.
    pub(crate) tools: Vec<Installed>,
    /// One for each scenario.
    pub(crate) rows: Vec<Row>,
    /// What forbids to rely on the figures.
    pub(crate) warnings: Vec<String>,
    /// Whether the user ended it early.
    pub(crate) interrupted: bool,
    /// The command line that makes it again.
    pub(crate) command: String,
    /// What a reader must know to judge the figures.
    pub(crate) notes: Vec<String>,
}

/// The network that a local mirror plays.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MirrorFacts {
    /// Milliseconds before each answer.
    pub(crate) latency_ms: u64,
    /// Megabits each second over all connections; `None` is as fast as the loopback.
    pub(crate) bandwidth_mbit: Option<f64>,
}

/// One scenario.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: Scenario,
    pub(crate) cells: Vec<Cell>,
}

/// One tool in one scenario.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) tool: Tool,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// The environments were right, so the times are believed.
    Measured(Measured),
    /// The tool takes no part in this scenario.
    Excluded { reason: String },
    /// The tool failed.
    Failed { message: String },
    /// The environment was not what it should be.
    Different { differences: Vec<String> },
}

/// The figures of the counted runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    /// Seconds from start to end.
    pub(crate) wall: Summary,
    /// Seconds of processor time, user and system.
    pub(crate) processor: Summary,
    /// Bytes.
    pub(crate) peak_memory: Summary,
    /// How many times as much as pyfast (time; memory in the memory scenario).
    pub(crate) ratio: Option<f64>,
    /// Each counted run.
    pub(crate) runs: Vec<Usage>,
}

impl Measured {
    /// The figures of `runs`, or `None` without any.
    pub(crate) fn of(runs: Vec<Usage>) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "no process has 2^52 bytes")]
        let memory = Summary::of(runs.iter().map(|run| run.peak_memory as f64));
        Some(Self {
            wall: Summary::of(runs.iter().map(|run| run.wall))?,
            processor: Summary::of(runs.iter().map(|run| run.user + run.system))?,
            peak_memory: memory?,
            ratio: None,
            runs,
        })
    }

    /// What the scenario is about: seconds, or bytes in the memory scenario.
    pub(crate) fn figure(&self, scenario: Scenario) -> &Summary {
        if scenario == Scenario::Memory { &self.peak_memory } else { &self.wall }
    }
}

impl Row {
    /// A row with the ratios to pyfast filled in.
    pub(crate) fn new(scenario: Scenario, mut cells: Vec<Cell>) -> Self {
        let base = cells.iter().find_map(|cell| match &cell.outcome {
            Outcome::Measured(measured) if cell.tool == Tool::Pyfast => {
                Some(*measured.figure(scenario))
            }
            _ => None,
        });
        for cell in &mut cells {
            if let Outcome::Measured(measured) = &mut cell.outcome {
                measured.ratio = base.and_then(|base| measured.figure(scenario).ratio(&base));
            }
        }
        cells.sort_by_key(|cell| cell.tool);
        Self { scenario, cells }
    }
}

impl Report {
    /// Whether every tool did what was asked of it in every scenario it takes part in.
    pub(crate) fn is_sound(&self) -> bool {
        let cells = self.rows.iter().flat_map(|row| &row.cells);
        cells
            .into_iter()
            .all(|cell| matches!(cell.outcome, Outcome::Measured(_) | Outcome::Excluded { .. }))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A cell measured with these seconds of wall time, and a megabyte for each tenth of a second.
    pub(crate) fn measured(tool: Tool, seconds: &[f64]) -> Cell {
        let usage = |wall: &f64| {
            let value = serde_json::json!({
                "wall": wall, "user": wall / 2.0, "system": wall / 4.0,
                "peak_memory": 12_000_000, "status": 0, "timed_out": false,
            });
            serde_json::from_value::<Usage>(value).unwrap()
        };
        let runs = seconds.iter().map(usage).collect();
        Cell { tool, outcome: Outcome::Measured(Measured::of(runs).unwrap()) }
    }

    /// A small report with every kind of outcome.
    pub(crate) fn report() -> Report {
        let different = Outcome::Different {
            differences: vec!["six is 1 instead of 2".into(), "a 1 is missing".into()],
        };
        let cold = vec![
            measured(Tool::Uv, &[2.0, 2.5, 3.0]),
            measured(Tool::Pyfast, &[1.0, 1.25, 1.5]),
            measured(Tool::Pip, &[34.0, 35.0, 36.0]),
            Cell {
                tool: Tool::PipNoCache,
                outcome: Outcome::Excluded { reason: "see pip".into() },
            },
        ];
        let noop = vec![
            measured(Tool::Pyfast, &[0.005]),
            Cell { tool: Tool::Uv, outcome: different },
            Cell {
                tool: Tool::Pip,
                outcome: Outcome::Failed { message: "exit status: 1: no <such> thing".into() },
            },
        ];
        let installed = |tool: Tool, version: &str| Installed {
            tool,
            program: "/bin/x".into(),
            version: version.into(),
        };
        Report {
            date: "2026-01-02T03:04:05Z".into(),
            machine: Machine {
                processor: "Model 1".into(),
                cores: 2,
                memory: 8 << 30,
                kernel: "6.1".into(),
                load: 0.25,
                file_system: "ext4".into(),
            },
            python_version: "Python 3.12.1".into(),
            common: Common { python: "/bin/python".into(), index_url: None, compile: false },
            mirror: Some(MirrorFacts { latency_ms: 20, bandwidth_mbit: Some(100.0) }),
            requirements: vec!["requirements.txt".into()],
            distributions: 85,
            tools: vec![installed(Tool::Pyfast, "pyfast 0.1.0"), installed(Tool::Uv, "uv 1.2.3")],
            rows: vec![Row::new(Scenario::Cold, cold), Row::new(Scenario::Noop, noop)],
            warnings: vec!["THE MACHINE WAS BUSY & loud.".into()],
            interrupted: false,
            command: "pyfast bench -r requirements.txt".into(),
            notes: vec!["Bytecode is not compiled.".into()],
        }
    }

    #[test]
    fn rows_are_ordered_and_have_ratios_to_pyfast() {
        let report = report();
        let row = &report.rows[0];
        let tools: Vec<Tool> = row.cells.iter().map(|cell| cell.tool).collect();
        assert_eq!(tools, [Tool::Pyfast, Tool::Uv, Tool::Pip, Tool::PipNoCache]);
        let ratios: Vec<Option<f64>> = row
            .cells
            .iter()
            .filter_map(|cell| match &cell.outcome {
                Outcome::Measured(measured) => Some(measured.ratio),
                _ => None,
            })
            .collect();
        assert_eq!(ratios, [Some(1.0), Some(2.0), Some(28.0)]);
        assert!(!report.is_sound());
    }

    #[test]
    fn ratios_need_pyfast() {
        let row = Row::new(Scenario::Warm, vec![measured(Tool::Uv, &[1.0])]);
        assert!(matches!(&row.cells[0].outcome, Outcome::Measured(Measured { ratio: None, .. })));
    }

    #[test]
    fn json_says_what_came_of_each_cell() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["rows"][0]["scenario"], "cold");
        assert_eq!(json["rows"][0]["cells"][1]["tool"], "uv");
        assert_eq!(json["rows"][0]["cells"][1]["outcome"], "measured");
        assert_eq!(json["rows"][0]["cells"][1]["wall"]["median"], 2.5);
        assert_eq!(json["rows"][0]["cells"][1]["runs"][2]["wall"], 3.0);
        assert_eq!(json["rows"][1]["cells"][1]["outcome"], "different");
        assert_eq!(json["rows"][1]["cells"][1]["differences"][1], "a 1 is missing");
        assert_eq!(json["machine"]["cores"], 2);
    }
}
