//! The only writer to standard output and standard error. What comes from outside is escaped here, once, whoever
//! hands it over.

mod refusal;

use std::fmt::Display;
use std::io::{IsTerminal, Stderr, Stdout, Write};

use crate::args::{ColorChoice, CommonArgs};
use pyfast_settings::Variables;
use pyfast_terminal::{Escaping, Form, escaped};
pub(crate) use pyfast_terminal::{
    Line, bold, count, counts, dim, duration, excerpt, green, moment, paint, red, table, titled,
};
pub(crate) use refusal::{parse_arguments, parse_words, variable};

/// How to talk to the user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    colors: Colors,
    verbosity: Verbosity,
    json: bool,
    terminal: bool,
}

/// Where colours are used: nobody who reads data from a file or a pipe asked for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Colors {
    Nowhere,
    Messages,
    Everywhere,
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
    pub(crate) fn new(common: &CommonArgs, json: bool, variables: &Variables) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let colors = match (common.color, variables.want_colors()) {
            (ColorChoice::Always, _) | (ColorChoice::Auto, Some(true)) => Colors::Everywhere,
            (ColorChoice::Never, _) | (ColorChoice::Auto, Some(false)) => Colors::Nowhere,
            (ColorChoice::Auto, None) if !terminal => Colors::Nowhere,
            (ColorChoice::Auto, None) if std::io::stdout().is_terminal() => Colors::Everywhere,
            (ColorChoice::Auto, None) => Colors::Messages,
        };
        let verbosity = match (common.quiet, common.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        };
        Self { colors, verbosity, json, terminal }
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

    /// Data, to standard output: escaped for a terminal, exact for another program. A closed pipe is the reader's
    /// choice and no error.
    pub(crate) fn data(self, text: impl Into<Line>) {
        let form = if self.json { Form::Json } else { Form::People };
        self.write_data(&text.into(), form);
    }

    /// Data that is JSON whether or not it was asked for.
    pub(crate) fn json_data(self, value: &impl Display) {
        self.write_data(&format!("{value}\n").into(), Form::Json);
    }

    /// A line that somebody else's program wrote, to standard output as it is, behind words of one's own.
    pub(crate) fn raw_line(self, before: &Line, line: &str) {
        let before = before.shown(self.colors == Colors::Everywhere, Form::People);
        write_out(&format!("{before}{line}\n"));
    }

    fn write_data(self, text: &Line, form: Form) {
        let color = self.colors == Colors::Everywhere;
        let exact = !std::io::stdout().is_terminal();
        write_out(&if exact { text.exact(color) } else { text.shown(color, form) });
    }

    /// What was done.
    pub(crate) fn note(self, text: impl Into<Line>) {
        if self.lines() {
            self.error_line(text);
        }
    }

    /// How it was done.
    pub(crate) fn detail(self, text: impl Into<Line>) {
        if self.verbosity >= Verbosity::Verbose {
            self.error_line(text.into().dimmed());
        }
    }

    /// Something the user should know.
    pub(crate) fn warning(self, text: impl Into<Line>) {
        if self.lines() {
            self.error_line(paint("33;1", "warning:").and(" ").and(text));
        }
    }

    /// A line to standard error, whatever the verbosity.
    pub(crate) fn error_line(self, text: impl Into<Line>) {
        let text = text.into().shown(self.colors >= Colors::Messages, Form::People);
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Asks a question that takes yes or no; anything but yes is no.
    pub(crate) fn ask(self, question: &str) -> bool {
        let question = bold(question).shown(self.colors >= Colors::Messages, Form::People);
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }
}

/// Words for what draws on the terminal by itself.
pub(crate) fn for_terminal(text: &str) -> String {
    escaped(text, Form::People).into_owned()
}

/// Standard output for who is handed a stream, exact where it is no terminal.
pub(crate) fn output(json: bool) -> Escaping<Stdout> {
    let form = if json { Form::Json } else { Form::People };
    let stream = std::io::stdout();
    let form = stream.is_terminal().then_some(form);
    Escaping::new(stream, form)
}

/// Standard error for who is handed a stream.
pub(crate) fn errors() -> Escaping<Stderr> {
    Escaping::new(std::io::stderr(), Some(Form::People))
}

fn write_out(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
