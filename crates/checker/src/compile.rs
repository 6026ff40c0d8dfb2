//! Findings about files alone: what keeps each of them from being compiled. Must not know who imports them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::finding::{Finding, Place, Rule, Severity};
use crate::library::Library;
use crate::syntax::Problem;
use crate::version::PythonVersion;

/// What keeps these files from being compiled by a Python, sorted; files that cannot be read are passed over.
pub fn check_syntax(
    paths: &BTreeSet<PathBuf>,
    version: PythonVersion,
    library: &Library<'_>,
) -> Vec<Finding> {
    library.with_room(|| library.read_all(paths, version));
    let problems = paths.iter().flat_map(|path| {
        let read = library.read(path, version);
        let problems = read.iter().flat_map(|read| &read.problems);
        problems.map(|problem| finding(problem, path)).collect::<Vec<_>>()
    });
    let mut found: Vec<Finding> = problems.collect();
    found.sort_by(|one, other| one.place.cmp(&other.place));
    library.without_meant(found, version)
}

fn finding(problem: &Problem, path: &Path) -> Finding {
    let place =
        Place { file: path.to_path_buf(), line: problem.place.line, column: problem.place.column };
    Finding {
        rule: Rule::Syntax,
        severity: Severity::Error,
        place: Some(place),
        message: problem.message.clone(),
        words: None,
        related: Vec::new(),
        hint: problem.hint.clone(),
        more: problem.more,
    }
}
