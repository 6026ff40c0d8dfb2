//! The only writer to standard output and standard error.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use crate::cli::{ColorChoice, CommonArgs};
use crate::settings::Environment;

/// How to talk to the user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    color: bool,
    verbosity: Verbosity,
    json: bool,
    terminal: bool,
}

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Results and errors.
    Quiet,
    /// What was done.
    Normal,
    /// How it was done.
    Verbose,
}

impl Ui {
    pub(crate) fn new(common: &CommonArgs, json: bool, environment: &Environment) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let color = match common.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                terminal
                    && environment.get("NO_COLOR").is_none()
                    && environment.get("TERM") != Some("dumb")
            }
        };
        let verbosity = match (common.quiet, common.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        };
        Self { color, verbosity, json, terminal }
    }

    /// Whether the result is wanted as JSON.
    pub(crate) fn json(self) -> bool {
        self.json
    }

    /// Whether to draw bars.
    pub(crate) fn bars(self) -> bool {
        self.terminal && self.verbosity > Verbosity::Quiet
    }

    /// The same, for one of several that work at the same time: only one can draw.
    pub(crate) fn without_bars(self) -> Self {
        Self { terminal: false, ..self }
    }

    /// Whether plain lines about progress are wanted.
    pub(crate) fn lines(self) -> bool {
        self.verbosity > Verbosity::Quiet
    }

    #[expect(clippy::unused_self, reason = "whoever writes holds the Ui")]
    /// Data, to standard output. A closed pipe is the reader's choice and no error.
    pub(crate) fn data(self, text: impl Display) {
        let mut out = std::io::stdout().lock();
        let _ = write!(out, "{text}").and_then(|()| out.flush());
    }

    /// What was done.
    pub(crate) fn note(self, text: impl Display) {
        if self.lines() {
            self.error_line(text);
        }
    }

    /// How it was done.
    pub(crate) fn detail(self, text: impl Display) {
        if self.verbosity >= Verbosity::Verbose {
            self.error_line(self.dim(&text.to_string()));
        }
    }

    /// Something the user should know.
    pub(crate) fn warning(self, text: impl Display) {
        if self.lines() {
            self.error_line(format!("{} {text}", self.paint("33;1", "warning:")));
        }
    }

    #[expect(clippy::unused_self, reason = "whoever writes holds the Ui")]
    /// A line to standard error, whatever the verbosity.
    pub(crate) fn error_line(self, text: impl Display) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Asks a question that takes yes or no; anything but yes is no.
    pub(crate) fn ask(self, question: &str) -> bool {
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{} [y/N] ", self.bold(question)).and_then(|()| err.flush());
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A duration as people read it: `9 ms`, `1.24 s`, `2 min 5 s`.
pub(crate) fn duration(duration: std::time::Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => format!("{:.1} ms", duration.as_secs_f64() * 1000.0),
        1..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{:.2} s", duration.as_secs_f64()),
        _ => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
    }
}

/// A count with its noun: `1 package`, `2 packages`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
