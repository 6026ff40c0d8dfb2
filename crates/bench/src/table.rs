//! A report as text: a table for terminals and Markdown for documentation. Knows nothing of how figures were taken.

use std::fmt::Write;

use crate::report::{Cell, Measured, Outcome, Report, Row};
use crate::scenario::Scenario;
use crate::statistics::Summary;

const HEADINGS: [&str; 7] =
    ["scenario", "tool", "median", "min–max", "× pyfast", "CPU", "peak memory"];

/// A time in a unit that keeps three significant digits.
pub(crate) fn seconds(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0} s")
    } else if value >= 10.0 {
        format!("{value:.1} s")
    } else if value >= 1.0 {
        format!("{value:.2} s")
    } else if value >= 0.1 {
        format!("{:.0} ms", value * 1e3)
    } else if value >= 0.01 {
        format!("{:.1} ms", value * 1e3)
    } else {
        format!("{:.2} ms", value * 1e3)
    }
}

/// An amount of memory in megabytes (10⁶ bytes).
pub(crate) fn megabytes(bytes: f64) -> String {
    let value = bytes / 1e6;
    if value >= 100.0 { format!("{value:.0} MB") } else { format!("{value:.1} MB") }
}

/// How many times as much as pyfast.
pub(crate) fn ratio(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}×")
    } else if value >= 10.0 {
        format!("{value:.1}×")
    } else {
        format!("{value:.2}×")
    }
}

/// The figure that a scenario is about, as text.
pub(crate) fn figure(scenario: Scenario, value: f64) -> String {
    if scenario == Scenario::Memory { megabytes(value) } else { seconds(value) }
}

/// A table: the first `left` columns begin at the left, the others end at the right.
pub(crate) struct Layout<'a> {
    pub(crate) headings: &'a [&'a str],
    pub(crate) left: usize,
}

const LAYOUT: Layout<'static> = Layout { headings: &HEADINGS, left: 2 };

impl Layout<'_> {
    /// The table for a terminal.
    pub(crate) fn text(&self, rows: &[Vec<String>]) -> String {
        let headings: Vec<String> = self.headings.iter().map(|&heading| heading.into()).collect();
        let mut widths = vec![0; headings.len()];
        for line in rows.iter().chain([&headings]) {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        let mut out = String::new();
        for cells in [&headings, &rule].into_iter().chain(rows) {
            let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                if column < self.left {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
            out.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
            out.push('\n');
        }
        out
    }

    /// The table as Markdown, and sentences below it as a list.
    pub(crate) fn markdown(&self, rows: &[Vec<String>], sentences: &[String]) -> String {
        let align = |column| if column < self.left { "---|" } else { "---:|" };
        let rule: String = (0..self.headings.len()).map(align).collect();
        let mut out = format!("| {} |\n|{rule}\n", self.headings.join(" | "));
        for line in rows {
            let cells: Vec<_> = line.iter().map(|cell| cell.replace('|', "\\|")).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        out.push('\n');
        for line in sentences {
            let _ = writeln!(out, "- {}", escape(line));
        }
        out
    }
}

/// The report for a terminal.
pub(crate) fn text(report: &Report) -> String {
    let (lines, remarks) = lines(report);
    let warnings: String = report.warnings.iter().map(|warning| format!("{warning}\n")).collect();
    let mut out = if warnings.is_empty() { warnings } else { warnings + "\n" };
    out.push_str(&LAYOUT.text(&lines));
    out.push('\n');
    for line in facts(report).iter().chain(&remarks).chain(&report.notes) {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// The report as Markdown.
pub(crate) fn markdown(report: &Report) -> String {
    let (lines, remarks) = lines(report);
    let sentences: Vec<_> =
        facts(report).into_iter().chain(remarks).chain(report.notes.iter().cloned()).collect();
    let warning = |warning: &String| format!("**{}**\n\n", escape(warning));
    let warnings: String = report.warnings.iter().map(warning).collect();
    warnings + &LAYOUT.markdown(&lines, &sentences)
}

/// Text that Markdown shows as it is, on one line.
fn escape(line: &str) -> String {
    line.replace('\n', " ").replace('<', "\\<").replace('*', "\\*").replace('_', "\\_")
}

/// The cells of each row's lines, and remarks on cells that have no figures.
fn lines(report: &Report) -> (Vec<Vec<String>>, Vec<String>) {
    let mut remarks = Remarks::default();
    let mut lines = Vec::new();
    for row in &report.rows {
        let first = format!("{}: {}", row.scenario.name(), row.scenario.title());
        for (index, cell) in row.cells.iter().enumerate() {
            let title = if index == 0 { &first } else { "" };
            lines.push(line(row, cell, title, &mut remarks).to_vec());
        }
    }
    (lines, remarks.sentences())
}

/// What is to be said of cells without figures: the same thing once, with all scenarios that it is true of.
#[derive(Default)]
struct Remarks(Vec<(&'static str, String, Vec<&'static str>)>);

impl Remarks {
    fn add(&mut self, tool: &'static str, scenario: Scenario, text: String) {
        match self.0.iter_mut().find(|(of, said, _)| *of == tool && *said == text) {
            Some((_, _, scenarios)) => scenarios.push(scenario.name()),
            None => self.0.push((tool, text, vec![scenario.name()])),
        }
    }

    fn sentences(self) -> Vec<String> {
        let sentence = |(tool, text, scenarios): (&str, String, Vec<&str>)| {
            format!("{tool} in {}: {text}", scenarios.join(", "))
        };
        self.0.into_iter().map(sentence).collect()
    }
}

fn line(row: &Row, cell: &Cell, title: &str, remarks: &mut Remarks) -> [String; 7] {
    let tool = cell.tool.name();
    let empty = |word: &str| [title, tool, word, "", "", "", ""].map(str::to_owned);
    let mut remark =
        |word: &str, text: &str| remarks.add(tool, row.scenario, format!("{word}{text}"));
    match &cell.outcome {
        Outcome::Measured(measured) => figures(row.scenario, measured, [title, tool]),
        Outcome::Excluded { reason } => {
            remark("not run, ", reason);
            empty("–")
        }
        Outcome::Failed { message } => {
            remark("FAILED: ", message);
            empty("failed")
        }
        Outcome::Different { differences } => {
            let shown = differences.len().min(10);
            let more = match differences.len() - shown {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            remark(
                "NOT THE SAME ENVIRONMENT: ",
                &format!("{}{more}", differences[..shown].join(", ")),
            );
            empty("different")
        }
    }
}

fn figures(scenario: Scenario, measured: &Measured, names: [&str; 2]) -> [String; 7] {
    let Summary { median, min, max } = *measured.figure(scenario);
    let show = |value| figure(scenario, value);
    [
        names[0].to_owned(),
        names[1].to_owned(),
        show(median),
        format!("{}–{}", show(min), show(max)),
        measured.ratio.map(ratio).unwrap_or_default(),
        seconds(measured.processor.median),
        megabytes(measured.peak_memory.median),
    ]
}

/// What was compared, where and when, in sentences.
fn facts(report: &Report) -> Vec<String> {
    let mut tools: Vec<&str> =
        report.tools.iter().rev().map(|tool| tool.version.as_str()).collect();
    tools.dedup();
    let index = match (&report.mirror, &report.common.index_url) {
        (Some(mirror), _) => {
            let bandwidth = mirror
                .bandwidth_mbit
                .map_or("no limit of bandwidth".to_owned(), |mbit| format!("{mbit} Mbit/s"));
            format!(
                "a mirror on the loopback, {} ms before each answer, {bandwidth}",
                mirror.latency_ms
            )
        }
        (None, Some(_)) => "the one given".to_owned(),
        (None, None) => "each tool's default".to_owned(),
    };
    vec![
        format!("Made by `{}`.", report.command),
        format!("{}, {}, {}.", report.date, tools.join(", "), report.python_version),
        report.machine.sentence(),
        format!(
            "{} distributions from {}; index: {index}.",
            report.distributions,
            report.requirements.join(", ")
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn times_keep_three_digits() {
        let shown: Vec<String> =
            [0.004_567, 0.0123, 0.1234, 1.234, 34.12, 169.4].map(seconds).to_vec();
        assert_eq!(shown, ["4.57 ms", "12.3 ms", "123 ms", "1.23 s", "34.1 s", "169 s"]);
        assert_eq!([0.5, 12.0, 345.6].map(ratio).to_vec(), ["0.50×", "12.0×", "346×"]);
        assert_eq!([8.25e6, 142e6].map(megabytes).to_vec(), ["8.2 MB", "142 MB"]);
    }

    #[test]
    fn the_table_shows_every_cell_and_says_why_one_is_empty() {
        insta::assert_snapshot!(text(&report()), @r#"
        THE MACHINE WAS BUSY & loud.

        scenario                              tool             median          min–max  × pyfast      CPU  peak memory
        ────────────────────────────────────  ────────────  ─────────  ───────────────  ────────  ───────  ───────────
        cold: empty cache, resolve + install  pyfast           1.25 s    1.00 s–1.50 s     1.00×   938 ms      12.0 MB
                                              uv               2.50 s    2.00 s–3.00 s     2.00×   1.88 s      12.0 MB
                                              pip              35.0 s    34.0 s–36.0 s     28.0×   26.2 s      12.0 MB
                                              pip-no-cache          –
        noop: nothing changed                 pyfast          5.00 ms  5.00 ms–5.00 ms     1.00×  3.75 ms      12.0 MB
                                              uv            different
                                              pip              failed

        Made by `pyfast bench -r requirements.txt`.
        2026-01-02T03:04:05Z, uv 1.2.3, pyfast 0.1.0, Python 3.12.1.
        Model 1, 2 cores, 8 GiB of memory, Linux 6.1, ext4, load average 0.25 at the start.
        85 distributions from requirements.txt; index: a mirror on the loopback, 20 ms before each answer, 100 Mbit/s.
        pip-no-cache in cold: not run, see pip
        uv in noop: NOT THE SAME ENVIRONMENT: six is 1 instead of 2, a 1 is missing
        pip in noop: FAILED: exit status: 1: no <such> thing
        Bytecode is not compiled.
        "#);
    }

    #[test]
    fn markdown_is_a_table_and_a_list() {
        insta::assert_snapshot!(markdown(&report()), @r#"
        **THE MACHINE WAS BUSY & loud.**

        | scenario | tool | median | min–max | × pyfast | CPU | peak memory |
        |---|---|---:|---:|---:|---:|---:|
        | cold: empty cache, resolve + install | pyfast | 1.25 s | 1.00 s–1.50 s | 1.00× | 938 ms | 12.0 MB |
        |  | uv | 2.50 s | 2.00 s–3.00 s | 2.00× | 1.88 s | 12.0 MB |
        |  | pip | 35.0 s | 34.0 s–36.0 s | 28.0× | 26.2 s | 12.0 MB |
        |  | pip-no-cache | – |  |  |  |  |
        | noop: nothing changed | pyfast | 5.00 ms | 5.00 ms–5.00 ms | 1.00× | 3.75 ms | 12.0 MB |
        |  | uv | different |  |  |  |  |
        |  | pip | failed |  |  |  |  |

        - Made by `pyfast bench -r requirements.txt`.
        - 2026-01-02T03:04:05Z, uv 1.2.3, pyfast 0.1.0, Python 3.12.1.
        - Model 1, 2 cores, 8 GiB of memory, Linux 6.1, ext4, load average 0.25 at the start.
        - 85 distributions from requirements.txt; index: a mirror on the loopback, 20 ms before each answer, 100 Mbit/s.
        - pip-no-cache in cold: not run, see pip
        - uv in noop: NOT THE SAME ENVIRONMENT: six is 1 instead of 2, a 1 is missing
        - pip in noop: FAILED: exit status: 1: no \<such> thing
        - Bytecode is not compiled.
        "#);
    }
}
