//! Findings about files alone: what keeps each of them from being compiled. Must not know who imports them.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::finding::{Finding, Place, Rule, Severity};
use crate::library::with_deep_stacks;
use crate::sources::Files;
use crate::syntax::{self, Problem};
use crate::version::PythonVersion;

/// What keeps these files from being compiled by a Python, sorted; files that cannot be read are passed over.
pub fn check_syntax(paths: &[PathBuf], version: PythonVersion, files: &dyn Files) -> Vec<Finding> {
    let read = |path: &PathBuf| {
        let problems = match files.read(path) {
            Ok(bytes) => syntax::read(&bytes, version).problems,
            Err(_) => Vec::new(),
        };
        problems.into_iter().map(|problem| finding(problem, path)).collect::<Vec<_>>()
    };
    let mut found: Vec<Finding> =
        with_deep_stacks(|| paths.par_iter().flat_map_iter(read).collect());
    found.sort_by(|one, other| one.place.cmp(&other.place));
    found
}

/// A problem of a file as a finding.
pub(crate) fn finding(problem: Problem, path: &Path) -> Finding {
    let place =
        Place { file: path.to_path_buf(), line: problem.place.line, column: problem.place.column };
    Finding {
        rule: Rule::Syntax,
        severity: Severity::Error,
        place: Some(place),
        message: problem.message,
        related: Vec::new(),
        hint: problem.hint,
        more: problem.more,
    }
}
