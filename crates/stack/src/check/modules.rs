//! Sources as modules that are imported where no service says by whom: each by its own name, in the project's environment.
//! Owns what a file is called; must not know which files are meant.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use pyfast_checker::{
    Disk, Entry, EntryTarget, Finding, Library, PythonVersion, Rule, SearchEntry, Service,
    Severity, Wheels, Whose, check_service, standard_library,
};

use super::installed::Installed;
use super::view::Packages;

/// Directories whose sources are not imported by the program itself, and may want what only its developers have.
const BESIDE: [&str; 11] = [
    "test",
    "tests",
    "testing",
    "doc",
    "docs",
    "example",
    "examples",
    "scripts",
    "tools",
    "bench",
    "benchmarks",
];
/// Files of the same kind.
const FILES: [&str; 5] = ["setup.py", "conftest.py", "noxfile.py", "fabfile.py", "tasks.py"];

/// Whether a source, by its path in the project, is part of a program: a module at the top, or of a package at the top or in
/// `src`.
pub(super) fn is_part_of_program(path: &Path) -> bool {
    let is_beside = |part: Component<'_>| BESIDE.iter().any(|name| part.as_os_str() == *name);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_test = name.starts_with("test_") || name.ends_with("_test.py");
    !path.components().any(is_beside) && !FILES.contains(&name) && !is_test
}

/// What fails when these files are imported, each as the module that it is. Which of them is first nobody says, so that a
/// cycle is no more than a warning.
pub(super) fn check_modules(
    files: &[PathBuf],
    project: &Path,
    python: PythonVersion,
    installed: Option<&Installed>,
) -> Vec<Finding> {
    let mut by_root: BTreeMap<PathBuf, Vec<Entry>> = BTreeMap::new();
    for file in files {
        let Some((root, module)) = module_of(file) else { continue };
        let said = file.strip_prefix(project).unwrap_or(file).to_string_lossy().into_owned();
        let target = EntryTarget::Import { module, object: None };
        by_root.entry(root).or_default().push(Entry { target, said });
    }
    let library = Library::new(&Disk);
    let mut findings = Vec::new();
    for (root, entries) in by_root {
        let own = [root, project.to_owned(), project.join("src")];
        let own = own.map(|directory| SearchEntry { directory, whose: Whose::Project });
        let service = Service {
            python,
            entries,
            search_path: own.into_iter().chain(packages(installed)).collect(),
            standard_library: standard_library(python),
            environment: None,
            wheels: Wheels::default(),
            is_open: directory(installed).is_none(),
        };
        findings.extend(check_service(&service, &library));
    }
    for finding in &mut findings {
        if finding.rule == Rule::ImportCycle && finding.severity == Severity::Error {
            finding.severity = Severity::Warning;
        }
    }
    findings
}

/// Where the modules of an environment are, if that is on this machine.
fn directory(installed: Option<&Installed>) -> Option<&Path> {
    match &installed?.packages {
        Packages::Directory(directory) => Some(directory),
        Packages::Names(_) => None,
    }
}

fn packages(installed: Option<&Installed>) -> Option<SearchEntry> {
    let directory = directory(installed)?.to_owned();
    Some(SearchEntry { directory, whose: Whose::Packages })
}

/// The directory from which a file is imported, and as what: above the last package that it is in.
fn module_of(file: &Path) -> Option<(PathBuf, String)> {
    let mut root = file.parent()?;
    let mut parts = vec![file.file_stem()?.to_str()?];
    if parts == ["__init__"] {
        parts.clear();
    }
    while root.join("__init__.py").is_file() {
        parts.push(root.file_name()?.to_str()?);
        root = root.parent()?;
    }
    parts.reverse();
    let is_name = |part: &&str| !part.is_empty() && !part.contains(['.', '-', ' ']);
    // A script that nobody can import by its name, or what a package runs as.
    let importable = parts.iter().all(is_name) && parts.last() != Some(&"__main__");
    (importable && !parts.is_empty()).then(|| (root.to_owned(), parts.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_module_that_its_packages_make_of_it() {
        let place = tempfile::tempdir().unwrap();
        for name in ["src/shop/__init__.py", "src/shop/db/__init__.py", "src/shop/db/models.py"] {
            let path = place.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        let of = |name: &str| {
            let (root, module) = module_of(&place.path().join(name))?;
            Some((root.strip_prefix(place.path()).unwrap().to_owned(), module))
        };
        let is = |root: &str, module: &str| Some((PathBuf::from(root), module.to_owned()));
        assert_eq!(of("src/shop/db/models.py"), is("src", "shop.db.models"));
        assert_eq!(of("src/shop/__init__.py"), is("src", "shop"));
        assert_eq!(of("main.py"), is("", "main"));
        assert_eq!(of("make-it.py"), None);
        assert_eq!(of("src/shop/__main__.py"), None);
    }

    #[test]
    fn tests_and_tools_are_beside_the_program() {
        let is = |path: &str| is_part_of_program(Path::new(path));
        assert!(is("main.py") && is("src/shop/db.py") && is("shop/testimonials.py"));
        assert!(!is("tests/a.py") && !is("shop/tests/a.py") && !is("test_a.py"));
        assert!(!is("setup.py") && !is("docs/conf.py"));
    }
}
