//! What keeps a file from being compiled, as a sentence with its cure. Must not know which file it is.

use ruff_python_ast::ModModule;
use ruff_python_parser::Parsed;
use ruff_python_parser::semantic_errors::{
    AwaitOutsideAsyncFunctionKind, SemanticSyntaxError, SemanticSyntaxErrorKind,
};
use ruff_text_size::Ranged;

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
    fn new(text: &Text, at: impl Ranged, message: &str) -> Self {
        let place = text.line_column(at.start().to_u32());
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
        let mut problem = Problem::new(text, first.location, &first.error.to_string());
        problem.more = parsed.errors().len() - 1;
        problems.push(problem);
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

/// What the compiler says of a text that parses.
pub(super) fn of_compiler(errors: &[SemanticSyntaxError], text: &Text) -> Vec<Problem> {
    let problems = errors.iter().map(|error| {
        let mut problem = Problem::new(text, error.range, &error.to_string());
        problem.hint = cure(&error.kind);
        problem
    });
    problems.collect()
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
