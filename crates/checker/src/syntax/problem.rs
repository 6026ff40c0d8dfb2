//! What keeps a file from being compiled, as a sentence with its cure. Must not know which file it is.

use ruff_python_ast::ModModule;
use ruff_python_parser::Parsed;
use ruff_python_parser::semantic_errors::{
    AwaitOutsideAsyncFunctionKind, SemanticSyntaxError, SemanticSyntaxErrorKind,
};
use ruff_text_size::Ranged;

use super::layout;
use super::semantic::Errors;
use super::text::{LineColumn, Text};

/// One thing that Python refuses to compile.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) place: LineColumn,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Errors that follow it, of which most would not be there without it.
    pub(crate) more: usize,
}

impl Problem {
    pub(super) fn new(text: &Text, at: impl Ranged, message: &str) -> Self {
        Self::at(text, at.start().to_usize(), message)
    }

    pub(super) fn at(text: &Text, at: usize, message: &str) -> Self {
        let place = text.line_column(u32::try_from(at).unwrap_or_default());
        Self { place, message: sentence(message), hint: None, more: 0 }
    }
}

/// Errors are sentences that begin small, so that they can follow a name; what is code keeps its letters.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if first.is_ascii_uppercase() && second.is_lowercase() => {
            format!("{}{}", first.to_ascii_lowercase(), &message[1..])
        }
        _ => message.to_owned(),
    }
}

/// What the parser says. After the first error it guesses how the text goes on, so the first alone is told.
pub(super) fn of_grammar(parsed: &Parsed<ModModule>, text: &Text) -> Vec<Problem> {
    let mut problems = Vec::new();
    let first = parsed.errors().iter().min_by_key(|error| error.location.start());
    if let Some(first) = first {
        let at = first.location.start().to_usize();
        problems.push(layout::cause(parsed.tokens(), text, at).unwrap_or_else(|| {
            let mut problem = Problem::new(text, first.location, &reason(&first.error.to_string()));
            problem.more = parsed.errors().len() - 1;
            problem
        }));
        return problems;
    }
    for error in parsed.unsupported_syntax_errors() {
        let mut problem = Problem::new(text, error.range, &error.to_string());
        problem.hint = Some(format!(
            "the service runs Python {}: write it as that Python knows it, or give the service a newer one",
            error.target_version
        ));
        problems.push(problem);
    }
    problems
}

/// What the parser says in its own terms.
fn reason(message: &str) -> String {
    match message {
        "Got unexpected unicode" => "the escape `\\N{…}` names no character".to_owned(),
        _ => message.to_owned(),
    }
}

/// What the compiler says of a text that parses.
pub(super) fn of_compiler(errors: &Errors, text: &Text) -> Vec<Problem> {
    let early = errors.early_handlers.iter().map(|range| {
        let mut problem = Problem::new(text, range, "`except:` without a class must be the last");
        problem.hint = Some("move it below the other handlers".to_owned());
        problem
    });
    let problems = errors.known.iter().map(|error: &SemanticSyntaxError| {
        let mut problem = Problem::new(text, error.range, &error.to_string());
        problem.hint = cure(&error.kind);
        problem
    });
    problems.chain(early).collect()
}

fn cure(kind: &SemanticSyntaxErrorKind) -> Option<String> {
    let cure = match kind {
        SemanticSyntaxErrorKind::AwaitOutsideAsyncFunction(kind) => match kind {
            AwaitOutsideAsyncFunctionKind::Await => {
                "make the function around it `async def` and await that where it is called"
            }
            _ => "make the function around it `async def`",
        },
        SemanticSyntaxErrorKind::LateFutureImport => {
            "move it above all other statements; only comments and the docstring stand before it"
        }
        SemanticSyntaxErrorKind::NonModuleImportStar(_) => "import the names that are used",
        SemanticSyntaxErrorKind::LoadBeforeGlobalDeclaration { .. }
        | SemanticSyntaxErrorKind::LoadBeforeNonlocalDeclaration { .. } => {
            "move the declaration to the top of the function"
        }
        SemanticSyntaxErrorKind::YieldFromInAsyncFunction => {
            "write `async for item in …: yield item`"
        }
        _ => return None,
    };
    Some(cure.to_owned())
}
