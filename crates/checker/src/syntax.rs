//! Reads Python: the one room that knows the parser's crates, whose types stay in it. Out comes what is wrong with a file,
//! in words. Must not know modules, search paths or findings.

mod bound;
mod problem;
mod scopes;
mod semantic;
mod text;

use ruff_python_ast::PythonVersion as Grammar;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

use crate::version::PythonVersion;

pub(crate) use problem::Problem;
pub(crate) use text::LineColumn;

use text::{NoText, Text};

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// What keeps it from being compiled.
    pub(crate) problems: Vec<Problem>,
}

/// Reads a file for a Python.
pub(crate) fn read(bytes: &[u8], version: PythonVersion) -> Read {
    let text = match Text::read(bytes) {
        Ok(text) => text,
        Err(NoText::Unknown) => return Read { problems: Vec::new() },
        Err(NoText::Refused { line, why }) => {
            let place = LineColumn { line, column: 1 };
            let problem = Problem { place, message: why, hint: None, more: 0 };
            return Read { problems: vec![problem] };
        }
    };
    let grammar = Grammar { major: version.major, minor: version.minor };
    let options = ParseOptions::from(Mode::Module).with_target_version(grammar);
    let Some(parsed) = parse_unchecked(&text.content, options).try_into_module() else {
        return Read { problems: Vec::new() };
    };
    let mut problems = problem::of_grammar(&parsed, &text);
    if parsed.errors().is_empty() {
        // A tree that was mended by guesses has faults that nobody made.
        let errors = semantic::errors(parsed.suite(), &text.content, grammar);
        problems.extend(problem::of_compiler(&errors, &text));
    }
    problems.sort_by_key(|problem| problem.place);
    Read { problems }
}

#[cfg(test)]
mod tests;
