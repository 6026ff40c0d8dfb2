//! Sources as modules that are imported where no service says by whom: each by its own name, in the project's environment.
//! Owns what a file is called; must not know which files are meant.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

use pyfast_checker::{
    Entry, EntryTarget, Finding, Library, PythonVersion, Rule, SearchEntry, Service, Severity,
    Wheels, Whose, check_service, standard_library,
};

use super::installed::Installed;
use super::roots::Roots;
use super::view::{PACKAGES, Packages};

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

/// In what they are imported.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a> {
    pub(super) python: PythonVersion,
    /// What it has; `None` where that is not known.
    pub(super) installed: Option<&'a Installed>,
    /// From where the project's services import.
    pub(super) roots: &'a Roots,
}

/// The processes in which these files are imported, each file as the module that it is: one for each root.
pub(super) fn services<'f>(
    files: impl Iterator<Item = &'f PathBuf>,
    project: &Path,
    environment: Environment<'_>,
) -> Vec<Service> {
    let Environment { python, installed, .. } = environment;
    let mut by_place: BTreeMap<Place, Vec<Entry>> = BTreeMap::new();
    let mut packages = RegularPackages::default();
    for file in files {
        let Some((place, module)) = module_of(file, project, &mut packages) else { continue };
        let said = file.strip_prefix(project).unwrap_or(file).to_string_lossy().into_owned();
        let target = EntryTarget::File(module);
        by_place.entry(place).or_default().push(Entry { target, said, is_first: false });
    }
    let services = by_place.into_iter().map(|(place, entries)| Service {
        python,
        entries,
        search_path: search_path(place, project, environment),
        standard_library: standard_library(python),
        environment: None,
        empty: BTreeSet::new(),
        wheels: Wheels::default(),
        is_open: directory(installed).is_none(),
    });
    services.collect()
}

/// What fails in them. Which of the files is first nobody says, so that a cycle is no more than a warning.
pub(super) fn check_modules(
    services: &[Service],
    roots: &Roots,
    library: &Library<'_>,
) -> Vec<Finding> {
    let found = services.iter().map(|service| check_service(service, library));
    let mut findings = found.collect::<Vec<_>>().concat();
    for finding in &mut findings {
        let may_be_there = roots.open
            && matches!(
                finding.rule,
                Rule::MissingModule | Rule::MissingName | Rule::UndefinedName
            );
        let is_uncertain = finding.rule == Rule::ImportCycle || may_be_there;
        if is_uncertain && finding.severity == Severity::Error {
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

/// From where a file is imported.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// The directory that its name begins in.
    root: PathBuf,
    /// Its own directory, whose files it may name without a package, as a script does; of one in a package the same.
    own: PathBuf,
}

/// Its root before the project's directories; those of services, and its own with all above it, behind everything, where
/// they take nobody's place.
fn search_path(place: Place, project: &Path, environment: Environment<'_>) -> Vec<SearchEntry> {
    let own = |directory| SearchEntry { directory, whose: Whose::Project };
    let packages = directory(environment.installed).unwrap_or_else(|| Path::new(PACKAGES));
    let packages = SearchEntry { directory: packages.to_owned(), whose: Whose::Packages };
    let above = place.own.ancestors().take_while(|above| above.starts_with(project));
    let above: Vec<PathBuf> = above.map(Path::to_owned).collect();
    let mut entries =
        vec![own(place.root), own(project.to_owned()), own(project.join("src")), packages];
    for directory in environment.roots.directories.iter().cloned().chain([place.own]).chain(above) {
        if entries.iter().all(|entry| entry.directory != directory) {
            entries.push(own(directory));
        }
    }
    entries
}

/// Which directories have an `__init__.py`, each looked at once.
#[derive(Default)]
struct RegularPackages(HashMap<PathBuf, bool>);

impl RegularPackages {
    fn has(&mut self, directory: &Path) -> bool {
        if let Some(known) = self.0.get(directory) {
            return *known;
        }
        let is_one = directory.join("__init__.py").is_file();
        self.0.insert(directory.to_owned(), is_one);
        is_one
    }
}

/// From where a file is imported, and as what: from above the last package that it is in. Directories without an `__init__`
/// are packages too, if they are below the project's sources.
fn module_of(
    file: &Path,
    project: &Path,
    packages: &mut RegularPackages,
) -> Option<(Place, String)> {
    let own = file.parent()?;
    let mut root = own;
    while packages.has(root) {
        root = root.parent()?;
    }
    if root == own {
        let sources = [project.join("src"), project.to_owned()];
        let above = sources.into_iter().find(|above| own.starts_with(above));
        if let Some(above) = above
            && let Some(module) = dotted(file.strip_prefix(&above).ok()?)
        {
            return Some((Place { root: above, own: own.to_owned() }, module));
        }
    }
    let module = dotted(file.strip_prefix(root).ok()?)?;
    Some((Place { root: root.to_owned(), own: root.to_owned() }, module))
}

/// The name of a module by its path; `None` for a script that nobody can import by its name, or what a package runs as.
fn dotted(path: &Path) -> Option<String> {
    let path = path.with_extension("");
    let mut parts: Vec<&str> = path.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
    if parts.last() == Some(&"__init__") {
        parts.pop();
    }
    let is_name = |part: &&str| {
        !part.is_empty()
            && !part.starts_with(|c: char| c.is_ascii_digit())
            && part.chars().all(|c| c == '_' || c.is_alphanumeric())
    };
    let importable = parts.iter().all(is_name) && parts.last() != Some(&"__main__");
    (importable && !parts.is_empty()).then(|| parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_module_that_its_packages_make_of_it() {
        let place = tempfile::tempdir().unwrap();
        for name in ["src/shop/__init__.py", "src/shop/db/__init__.py", "lib/own/__init__.py"] {
            let path = place.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        let of = |name: &str| {
            let mut packages = RegularPackages::default();
            let (from, module) = module_of(&place.path().join(name), place.path(), &mut packages)?;
            Some((from.root.strip_prefix(place.path()).unwrap().to_owned(), module))
        };
        let is = |root: &str, module: &str| Some((PathBuf::from(root), module.to_owned()));
        assert_eq!(of("src/shop/db/models.py"), is("src", "shop.db.models"));
        assert_eq!(of("src/shop/__init__.py"), is("src", "shop"));
        assert_eq!(of("lib/own/a.py"), is("lib", "own.a"));
        assert_eq!(of("main.py"), is("", "main"));
        assert_eq!(of("app/main.py"), is("", "app.main"), "a package without `__init__`");
        assert_eq!(of("src/app/main.py"), is("src", "app.main"));
        assert_eq!(of("01-first/run.py"), is("01-first", "run"));
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
