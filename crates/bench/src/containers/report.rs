//! The result as data and as a table. Knows nothing of how the figures were taken.

use std::fmt::Write as _;

use serde::Serialize;

use crate::machine::Machine;
use crate::scenario::Scenario;
use crate::statistics::Summary;
use crate::table::{Layout, ratio, seconds};

/// A whole comparison.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ContainerReport {
    /// When it began, UTC, RFC 3339.
    pub(crate) date: String,
    pub(crate) machine: Machine,
    pub(crate) scenario: Scenario,
    /// pyfast, engine and what else took part.
    pub(crate) versions: Vec<String>,
    /// The image of the measured service, or the one below the measured images.
    pub(crate) image: String,
    /// How many requirements it has.
    pub(crate) requirements: usize,
    pub(crate) rows: Vec<Series>,
    /// What a reader must know to judge the figures.
    pub(crate) notes: Vec<String>,
}

/// One situation.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Series {
    name: &'static str,
    title: &'static str,
    /// The first one is what the others are compared with.
    contenders: Vec<Measured>,
}

/// A way to deal with a situation, and the seconds of its runs.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    name: &'static str,
    runs: Vec<f64>,
}

#[derive(Clone, Debug, Serialize)]
struct Measured {
    name: &'static str,
    #[serde(flatten)]
    wall: Summary,
    /// How many times as much as the first.
    ratio: Option<f64>,
    runs: Vec<f64>,
}

impl Contender {
    pub(crate) fn new(name: &'static str, runs: Vec<f64>) -> Self {
        Self { name, runs }
    }
}

impl Series {
    /// A row; who has no runs is left out.
    pub(crate) fn new(
        name: &'static str,
        title: &'static str,
        contenders: impl IntoIterator<Item = Contender>,
    ) -> Self {
        let measured = contenders.into_iter().filter_map(|contender| {
            let wall = Summary::of(contender.runs.iter().copied())?;
            Some(Measured { name: contender.name, wall, ratio: None, runs: contender.runs })
        });
        let mut contenders: Vec<_> = measured.collect();
        let base = contenders.first().map(|first| first.wall);
        for contender in &mut contenders {
            contender.ratio = base.and_then(|base| contender.wall.ratio(&base));
        }
        Self { name, title, contenders }
    }

    /// Whether nothing was measured.
    pub(crate) fn is_empty(&self) -> bool {
        self.contenders.is_empty()
    }

    fn lines(&self) -> impl Iterator<Item = Vec<String>> {
        self.contenders.iter().enumerate().map(|(index, one)| {
            let first =
                if index == 0 { format!("{}: {}", self.name, self.title) } else { String::new() };
            let Summary { median, min, max } = one.wall;
            let range = format!("{}–{}", seconds(min), seconds(max));
            let ratio = one.ratio.map(ratio).unwrap_or_default();
            vec![first, one.name.to_owned(), seconds(median), range, ratio]
        })
    }
}

const LAYOUT: Layout<'static> =
    Layout { headings: &["scenario", "", "median", "min–max", "× the first"], left: 2 };

/// The report for a terminal.
pub(crate) fn text(report: &ContainerReport) -> String {
    let rows: Vec<_> = report.rows.iter().flat_map(Series::lines).collect();
    let mut out = LAYOUT.text(&rows);
    out.push('\n');
    for line in sentences(report) {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// The report as Markdown.
pub(crate) fn markdown(report: &ContainerReport) -> String {
    let rows: Vec<_> = report.rows.iter().flat_map(Series::lines).collect();
    LAYOUT.markdown(&rows, &sentences(report))
}

fn sentences(report: &ContainerReport) -> Vec<String> {
    let ContainerReport { requirements, image, .. } = report;
    let mut said = vec![
        format!("{}, {}.", report.date, report.versions.join(", ")),
        report.machine.sentence(),
        if report.scenario == Scenario::Freeze {
            format!("An environment of {requirements} requirements upon the image {image}.")
        } else {
            format!("A service of {requirements} requirements in the image {image}.")
        },
    ];
    said.extend(report.notes.iter().cloned());
    said
}
