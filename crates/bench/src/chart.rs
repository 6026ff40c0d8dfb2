//! A report as a bar chart in SVG: a panel a scenario, a bar a tool. Follows the reader's light or dark mode. Knows nothing of files.

use std::fmt::Write;

use crate::report::{Cell, Outcome, Report, Row};
use crate::scenario::Scenario;
use crate::table;
use crate::tool::Tool;

const WIDTH: f64 = 860.0;
const MARGIN: f64 = 24.0;
/// Where bars begin: the tools' names stand before it.
const LEFT: f64 = 140.0;
/// Where the longest bar ends: the figures stand after it.
const RIGHT: f64 = 650.0;
const BAR: f64 = 20.0;
const STEP: f64 = 26.0;
/// From a panel's top to its first bar, and from its last bar to the next panel.
const HEAD: f64 = 30.0;
const FOOT: f64 = 36.0;
/// How far the line goes beyond the longest bar at most, for the range of its runs.
const BEYOND: f64 = 1.25;

const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:13px;fill:#24292f}
.ground{fill:#ffffff}.title{font-size:18px;font-weight:600}.head{font-weight:600}.soft{fill:#57606a;font-size:12px}
.warning{fill:#cf222e;font-weight:600}.grid{stroke:#d0d7de;stroke-width:1}.range{stroke:#24292f;stroke-width:2;stroke-opacity:.6}.pyfast{fill:#1a7f4b}.uv{fill:#8250df}.pip{fill:#bf6a02}.pip-no-cache{fill:#d4a72c}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117}.soft{fill:#9198a1}.warning{fill:#ff7b72}.grid{stroke:#30363d}.range{stroke:#e6edf3}\
.pyfast{fill:#3fb950}.uv{fill:#a371f7}.pip{fill:#db8a2b}.pip-no-cache{fill:#e3b341}}";

/// The chart of a report.
pub(crate) fn svg(report: &Report) -> String {
    let mut body = String::new();
    let mut y = 78.0 + STEP * count(report.warnings.len());
    for row in &report.rows {
        y = panel(&mut body, row, y);
    }
    let height = y + 8.0;
    let mut out = String::new();
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-labelledby="title desc">"#
    );
    let mut tools: Vec<String> =
        report.tools.iter().rev().map(|tool| tool.version.clone()).collect();
    tools.dedup();
    let tools = tools.join(", ");
    let _ = writeln!(
        out,
        r#"<title id="title">Installing {} Python distributions</title>"#,
        report.distributions
    );
    let _ = writeln!(out, r#"<desc id="desc">{}</desc>"#, escape(&description(report)));
    let _ = writeln!(out, "<style>{STYLE}</style>");
    let _ = writeln!(out, r#"<rect class="ground" width="{WIDTH}" height="{height}" rx="8"/>"#);
    label(
        &mut out,
        "title",
        MARGIN,
        34.0,
        &format!("Installing {} Python distributions: less is better", report.distributions),
    );
    let day = report.date.split('T').next().unwrap_or_default();
    let machine = format!("{} cores, {}, {day}", report.machine.cores, report.machine.file_system);
    label(
        &mut out,
        "soft",
        MARGIN,
        56.0,
        &format!("Median, with the range of the runs as a line. {tools}. {machine}."),
    );
    for (index, warning) in report.warnings.iter().enumerate() {
        label(&mut out, "warning", MARGIN, 80.0 + STEP * count(index), warning);
    }
    out.push_str(&body);
    out.push_str("</svg>\n");
    out
}

/// Draws one scenario with its top at `y` and gives where the next one begins.
fn panel(out: &mut String, row: &Row, y: f64) -> f64 {
    let cells: Vec<&Cell> =
        row.cells.iter().filter(|cell| !matches!(cell.outcome, Outcome::Excluded { .. })).collect();
    let scale = Scale::of(row);
    let unit = if row.scenario == Scenario::Memory { "memory" } else { "time" };
    label(out, "head", MARGIN, y + 14.0, row.scenario.title());
    let _ = writeln!(
        out,
        r#"<text class="soft" x="{}" y="{}" text-anchor="end">{unit}</text>"#,
        WIDTH - MARGIN,
        y + 14.0
    );
    let (top, bottom) = (y + HEAD, y + HEAD + STEP * count(cells.len()));
    for tick in scale.ticks() {
        let x = scale.x(tick);
        let _ = writeln!(
            out,
            r#"<line class="grid" x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{bottom:.1}"/>"#,
            top - 4.0
        );
        let text = escape(&tick_label(row.scenario, tick));
        let _ = writeln!(
            out,
            r#"<text class="soft" x="{x:.1}" y="{:.1}" text-anchor="middle">{text}</text>"#,
            bottom + 14.0
        );
    }
    for (index, cell) in cells.iter().enumerate() {
        bar(out, row.scenario, cell, &scale, top + STEP * count(index));
    }
    bottom + FOOT
}

fn bar(out: &mut String, scenario: Scenario, cell: &Cell, scale: &Scale, y: f64) {
    let base = y + 15.0;
    let name = name(cell.tool);
    let _ = writeln!(
        out,
        r#"<text x="{:.1}" y="{base:.1}" text-anchor="end">{name}</text>"#,
        LEFT - 10.0
    );
    let Outcome::Measured(measured) = &cell.outcome else {
        let word = if matches!(cell.outcome, Outcome::Failed { .. }) {
            "failed"
        } else {
            "not the same environment"
        };
        label(out, "soft", LEFT + 6.0, base, word);
        return;
    };
    let summary = measured.figure(scenario);
    let (end, low, high) = (scale.x(summary.median), scale.x(summary.min), scale.x(summary.max));
    let class = cell.tool.name();
    let width = (end - LEFT).max(1.0);
    let _ = writeln!(
        out,
        r#"<rect class="{class}" x="{LEFT}" y="{y:.1}" width="{width:.1}" height="{BAR}" rx="2"/>"#
    );
    let middle = y + BAR / 2.0;
    let _ = writeln!(
        out,
        r#"<line class="range" x1="{low:.1}" y1="{middle:.1}" x2="{high:.1}" y2="{middle:.1}"/>"#
    );
    let mut text = table::figure(scenario, summary.median);
    if let Some(ratio) = measured.ratio.filter(|_| cell.tool != Tool::Pyfast) {
        let _ = write!(text, "  ({} pyfast)", table::ratio(ratio));
    }
    if summary.max > scale.max {
        let _ = write!(text, "  (up to {})", table::figure(scenario, summary.max));
    }
    label(out, "value", end.max(high) + 8.0, base, &text);
}

fn label(out: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let _ = writeln!(out, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{}</text>"#, escape(text));
}

fn name(tool: Tool) -> &'static str {
    if tool == Tool::PipNoCache { "pip, no cache" } else { tool.name() }
}

/// From figures to places on the line, which begins at zero: on any other, the lengths of bars mean nothing.
struct Scale {
    /// The figure at its end.
    max: f64,
}

impl Scale {
    fn of(row: &Row) -> Self {
        let measured = row.cells.iter().filter_map(|cell| match &cell.outcome {
            Outcome::Measured(measured) => Some(measured.figure(row.scenario)),
            _ => None,
        });
        let (mut median, mut max) = (1e-9_f64, 1e-9_f64);
        for summary in measured {
            median = median.max(summary.median);
            max = max.max(summary.max);
        }
        // One slow run does not make all bars small: where its line ends is written beside it.
        Self { max: max.min(median * BEYOND) }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (value / self.max).clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    /// Round figures to draw lines at.
    fn ticks(&self) -> Vec<f64> {
        let rough = self.max / 4.0;
        let decade = 10.0_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * decade);
        let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let ticks = std::iter::successors(Some(0.0), |at| Some(at + step));
        ticks.take_while(|at| *at <= self.max).collect()
    }
}

/// A tick's figure without needless digits.
fn tick_label(scenario: Scenario, value: f64) -> String {
    let (scaled, unit) = match scenario {
        Scenario::Memory => (value / 1e6, "MB"),
        _ if value >= 1.0 => (value, "s"),
        _ => (value * 1e3, "ms"),
    };
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = format!("{scaled:.3}");
    format!("{} {unit}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// The chart in words, for those who cannot see it.
fn description(report: &Report) -> String {
    let mut text: String = report.warnings.iter().map(|warning| format!("{warning} ")).collect();
    for row in &report.rows {
        let figures = row.cells.iter().filter_map(|cell| match &cell.outcome {
            Outcome::Measured(measured) => Some(format!(
                "{} {}",
                name(cell.tool),
                table::figure(row.scenario, measured.figure(row.scenario).median)
            )),
            _ => None,
        });
        let _ =
            write!(text, "{}: {}. ", row.scenario.title(), figures.collect::<Vec<_>>().join(", "));
    }
    text.trim_end().to_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{measured, report};

    /// Follows the elements of an XML text and gives their names in order; fails where they do not close or text is not escaped.
    fn elements(xml: &str) -> Vec<String> {
        let (mut open, mut seen, mut rest) = (Vec::new(), Vec::new(), xml);
        while let Some(start) = rest.find('<') {
            let text = &rest[..start];
            assert!(!text.contains('>') || open.last() == Some(&"style"), "stray > in {text:?}");
            for entity in text.split('&').skip(1) {
                assert!(
                    ["amp;", "lt;", "gt;", "quot;"].iter().any(|known| entity.starts_with(known)),
                    "{entity:?}"
                );
            }
            let end = start + rest[start..].find('>').expect("an element ends");
            let tag = &rest[start + 1..end];
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name));
            } else {
                seen.push(name.to_owned());
                if !tag.ends_with('/') {
                    open.push(name);
                }
            }
            rest = &rest[end + 1..];
        }
        assert!(open.is_empty(), "{open:?} not closed");
        seen
    }

    #[test]
    fn the_chart_is_well_formed_and_has_a_bar_for_each_figure() {
        let mut report = report();
        report.tools[1].version = "uv \"1\" <2> & 3".into();
        let chart = svg(&report);
        let seen = elements(&chart);
        let bars = seen.iter().filter(|name| *name == "rect").count() - 1;
        assert_eq!(bars, 4);
        for text in [
            "28.0×",
            "failed",
            "not the same environment",
            "THE MACHINE WAS BUSY &amp; loud.",
            "prefers-color-scheme:dark",
        ] {
            assert!(chart.contains(text), "{text}");
        }
        assert!(!chart.contains("NaN") && !chart.contains("inf"));
    }

    #[test]
    fn bars_are_as_long_as_their_figures_and_begin_at_zero() {
        for slow in [4.0, 400.0] {
            let cells = vec![measured(Tool::Pyfast, &[1.0]), measured(Tool::Uv, &[slow])];
            let scale = Scale::of(&Row::new(Scenario::Cold, cells));
            let length = |value: f64| scale.x(value) - LEFT;
            assert!((length(slow) - (RIGHT - LEFT)).abs() < 0.01);
            assert!((length(slow) / length(1.0) - slow).abs() < 0.01);
            assert!(scale.ticks().len() >= 3 && scale.ticks()[0] == 0.0, "{:?}", scale.ticks());
        }
    }

    #[test]
    fn one_slow_run_makes_no_bar_small_and_is_written_beside_it() {
        let mut report = report();
        let slow = measured(Tool::Uv, &[2.0, 2.0, 90.0]);
        let cells = vec![measured(Tool::Pyfast, &[1.0, 1.0, 1.0]), slow];
        report.rows = vec![Row::new(Scenario::Cold, cells)];
        let scale = Scale::of(&report.rows[0]);
        assert!((scale.max - 2.5).abs() < 1e-9, "{}", scale.max);
        assert!((scale.x(90.0) - RIGHT).abs() < 0.01, "its line ends where the bars may");
        assert!(svg(&report).contains("(up to 90.0 s)"));
    }

    #[test]
    fn ticks_are_round() {
        let ticks = Scale { max: 0.123 }.ticks();
        let labels: Vec<String> =
            ticks.into_iter().map(|tick| tick_label(Scenario::Warm, tick)).collect();
        assert_eq!(labels, ["0", "50 ms", "100 ms"]);
        assert_eq!(tick_label(Scenario::Cold, 2.5), "2.5 s");
        assert_eq!(tick_label(Scenario::Memory, 1e8), "100 MB");
    }
}
