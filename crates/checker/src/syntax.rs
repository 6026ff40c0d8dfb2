//! Reads Python: the one room that knows the parser's crates, whose types stay in it. Out comes what is wrong with a file,
//! in words, and what it does, in steps. Must not know modules, search paths or findings.

mod blocks;
mod bound;
mod class;
mod conditions;
mod decide;
mod flow;
mod known;
mod layout;
mod logging;
mod problem;
mod scopes;
mod scoping;
mod semantic;
mod text;
mod uses;

use ruff_python_ast::PythonVersion as Grammar;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

use crate::outline::Outline;
use crate::version::PythonVersion;

pub(crate) use known::{is_builtin, is_builtin_module, is_exception, mapping};
pub(crate) use problem::Problem;
pub(crate) use text::{LineColumn, Text};

use text::NoText;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// Its text; `None` if it has none that Python, or this program, can read.
    pub(crate) text: Option<Text>,
    /// What keeps it from being compiled.
    pub(crate) problems: Vec<Problem>,
    /// What it does; `None` if it cannot be compiled, or nothing is known of it.
    pub(crate) outline: Option<Outline>,
    /// It is no source but a ZIP archive, which Python runs too.
    pub(crate) is_archive: bool,
}

impl Read {
    /// Nothing but what keeps it from being compiled.
    fn refused(problems: Vec<Problem>) -> Self {
        Self { text: None, problems, outline: None, is_archive: false }
    }
}

/// Reads a file for a Python.
pub(crate) fn read(bytes: &[u8], version: PythonVersion) -> Read {
    if bytes.starts_with(b"PK\x03\x04") {
        return Read { is_archive: true, ..Read::refused(Vec::new()) };
    }
    let text = match Text::read(bytes) {
        Ok(text) => text,
        Err(NoText::Unknown) => return Read::refused(Vec::new()),
        Err(NoText::Refused { line, why }) => {
            let place = LineColumn { line, column: 1 };
            let problem = Problem { place, message: why, hint: None, more: 0 };
            return Read::refused(vec![problem]);
        }
    };
    let grammar = Grammar { major: version.major, minor: version.minor };
    let options = ParseOptions::from(Mode::Module).with_target_version(grammar);
    let Some(parsed) = parse_unchecked(&text.content, options).try_into_module() else {
        return Read { text: Some(text), ..Read::refused(Vec::new()) };
    };
    let mut problems = problem::of_grammar(&parsed, &text);
    if parsed.errors().is_empty() {
        // A tree that was mended by guesses has faults that nobody made.
        let errors = semantic::errors(parsed.suite(), &text.content, grammar);
        problems.extend(problem::of_compiler(&errors, &text));
        problems.extend(layout::problems(parsed.tokens(), &text));
    }
    problems.sort_by_key(|problem| problem.place);
    let outline =
        problems.is_empty().then(|| flow::outline(parsed.suite(), &text.content, version));
    Read { text: Some(text), problems, outline, is_archive: false }
}

#[cfg(test)]
mod tests;
