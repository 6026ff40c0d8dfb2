//! Which of the packages that a sync removed the project's own code still imports. Reads lines and no grammar: it is said in
//! passing, and nothing depends on it.

use std::collections::BTreeSet;
use std::path::Path;

use pyfast_checker::{Wheels, project_name, project_of};
use pyfast_environment::report::SyncReport;
use pyfast_root::regular_file;

use super::sources;

/// What is said of them, a line for each package.
pub fn still_imported(directory: &Path, report: &SyncReport) -> Vec<String> {
    let removed: Vec<String> = report.changes.removed.iter().map(|one| one.name.clone()).collect();
    if removed.is_empty() {
        return Vec::new();
    }
    let left: BTreeSet<&str> = report.facts.packages.iter().map(|one| one.name.as_str()).collect();
    let wheels = Wheels { projects: removed.clone(), ..Wheels::default() };
    let mut files = BTreeSet::new();
    sources::collect(directory, &mut files);
    let mut said: BTreeSet<String> = BTreeSet::new();
    let mut lines = Vec::new();
    for file in &files {
        let text = regular_file::read_text(file).unwrap_or_default();
        for (number, module) in imports(&text) {
            let Some(project) = project_of(module, &wheels) else { continue };
            let project = project_name(project.split(['<', '>', '=']).next().unwrap_or_default());
            let top = project_name(module.split('.').next().unwrap_or_default());
            // Another project may bring the same module.
            let gone = removed.contains(&project) && !left.contains(top.as_str());
            if gone && said.insert(project.clone()) {
                let file = file.strip_prefix(directory).unwrap_or(file).display();
                lines.push(format!("{project} was removed, and {file}:{number} imports {module}"));
            }
        }
    }
    lines
}

/// The modules that are imported at the beginning of a line, with its number.
fn imports(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(index, line)| {
        let of_from = line.strip_prefix("from ").and_then(|rest| rest.split_whitespace().next());
        let of_import = line.strip_prefix("import ").unwrap_or_default().split(',');
        let of_import = of_import.filter_map(|one| one.split_whitespace().next());
        let names = of_from.into_iter().chain(of_import);
        names.filter(|name| !name.starts_with('.')).map(move |name| (index + 1, name))
    })
}

#[cfg(test)]
mod tests {
    use pyfast_environment::report::Listed;

    use super::*;

    #[test]
    fn a_removed_package_that_the_code_imports_is_named_once() {
        let place = tempfile::tempdir().unwrap();
        fs_err::write(place.path().join("a.py"), "import os, yaml as y\nfrom yaml import x\n")
            .unwrap();
        fs_err::write(place.path().join("b.py"), "import cv2\n    import redis\n").unwrap();
        let listed = |name: &str| Listed { name: name.to_owned(), version: "1".to_owned() };
        let mut report = SyncReport::default();
        report.changes.removed = ["pyyaml", "redis"].map(listed).to_vec();
        let said = still_imported(place.path(), &report);
        assert_eq!(said, ["pyyaml was removed, and a.py:1 imports yaml"]);
        report.changes.removed.clear();
        assert!(still_imported(place.path(), &report).is_empty());
    }
}
