//! Small services and everything that is said of each: a text of cases, so that one more costs a few lines.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pyfast_checker::{
    Disk, Django, Entry, EntryTarget, Files, Finding, IsEmpty, Library, Listed, PythonVersion,
    ReadFiles, SearchEntry, Service, Wheels, Whose, check_service,
};

/// `=== TITLE`, `entry WORDS`, `env NAME=…`, files behind `--- PATH` (`site/` is somebody else's), findings behind `+++`.
#[derive(Default)]
struct Case {
    title: String,
    entry: String,
    environment: Option<BTreeMap<String, IsEmpty>>,
    files: Vec<(String, String)>,
    expected: String,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut is_expected = false;
    for line in include_str!("cases.txt").lines() {
        if let Some(title) = line.strip_prefix("=== ") {
            cases.push(Case { title: title.to_owned(), ..Case::default() });
            is_expected = false;
            continue;
        }
        let case = cases.last_mut().unwrap();
        if let Some(path) = line.strip_prefix("--- ") {
            case.files.push((path.to_owned(), String::new()));
        } else if line == "+++" {
            is_expected = true;
        } else if is_expected {
            writeln!(case.expected, "{line}").unwrap();
        } else if let Some((_, text)) = case.files.last_mut() {
            writeln!(text, "{line}").unwrap();
        } else if let Some(entry) = line.strip_prefix("entry ") {
            entry.clone_into(&mut case.entry);
        } else if let Some(variables) = line.strip_prefix("env") {
            let set = variables.split_whitespace().map(|variable| {
                let (name, value) = variable.split_once('=').unwrap();
                (name.to_owned(), if value.is_empty() { IsEmpty::Yes } else { IsEmpty::No })
            });
            case.environment = Some(set.collect());
        } else {
            panic!("{line}");
        }
    }
    cases
}

impl Case {
    fn empty(&self) -> BTreeSet<String> {
        let variables = self.environment.iter().flatten();
        let empty = variables.filter(|(_, is_empty)| **is_empty == IsEmpty::Yes);
        empty.map(|(name, _)| name.clone()).collect()
    }

    fn service(&self, directory: &Path) -> Service {
        let (how, what) = self.entry.split_once(' ').unwrap();
        let (module, object) = match what.split_once(':') {
            Some((module, object)) => (module, Some(object.to_owned())),
            None => (what, None),
        };
        let module = module.to_owned();
        let target = match how {
            "import" | "django" | "server" | "checks" | "command" | "includes" => {
                EntryTarget::Import { module, object }
            }
            "run" => EntryTarget::Run(module),
            "file" => EntryTarget::File(module),
            _ => EntryTarget::Script(directory.join(module)),
        };
        let django = |reader| Some(EntryTarget::Django { settings: what.to_owned(), reader });
        let listed = match how {
            "django" => django(Django::Developers),
            "server" => django(Django::Server),
            "checks" => django(Django::Checks),
            "command" => django(Django::Command),
            "includes" => Some(EntryTarget::Includes(vec![what.to_owned()])),
            _ => None,
        };
        let said = if how == "script" { format!("python {what}") } else { what.to_owned() };
        let first = match &target {
            EntryTarget::Script(path) => path.parent().unwrap().to_path_buf(),
            _ => directory.to_path_buf(),
        };
        let entry = |directory, whose| SearchEntry { directory, whose };
        let standard = [
            "sys",
            "os",
            "typing",
            "json",
            "random",
            "importlib",
            "logging",
            "contextlib",
            "tempfile",
            "shutil",
        ];
        Service {
            python: PythonVersion { major: 3, minor: 12 },
            entries: [target]
                .into_iter()
                .chain(listed)
                .map(|target| Entry { target, said: said.clone(), is_first: how == "script" })
                .collect(),
            search_path: vec![
                entry(first, Whose::Project),
                entry(directory.join("site"), Whose::Packages),
            ],
            standard_library: standard.map(str::to_owned).into(),
            environment: self.environment.clone(),
            empty: self.empty(),
            wheels: Wheels::default(),
            is_open: false,
        }
    }
}

fn told(findings: &[Finding], directory: &Path) -> String {
    let place = |place: &pyfast_checker::Place| {
        let file = place.file.strip_prefix(directory).unwrap_or(&place.file);
        format!("{}:{}:{}", file.display(), place.line, place.column)
    };
    let mut told = String::new();
    for finding in findings {
        let at = finding.place.as_ref().map_or("-".to_owned(), place);
        let severity = format!("{:?}", finding.severity).to_lowercase();
        write!(told, "{severity} {} {at}: {}", finding.rule, finding.message).unwrap();
        if finding.more > 0 {
            write!(told, " (and {} more)", finding.more).unwrap();
        }
        told.push('\n');
        for (at, words) in &finding.related {
            writeln!(told, "  {}: {words}", place(at)).unwrap();
        }
        if let Some(hint) = &finding.hint {
            let hint = hint.replace(&directory.display().to_string(), "DIR");
            writeln!(told, "  help: {hint}").unwrap();
        }
    }
    told
}

#[test]
fn services_are_told_what_keeps_them_from_starting_and_nothing_else() {
    let mut wrong = String::new();
    for case in cases() {
        let world = tempfile::tempdir().unwrap();
        let directory = world.path().canonicalize().unwrap();
        for (name, text) in &case.files {
            let path = directory.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let findings =
            check_service(&case.service(&directory), &Library::new(&Disk, &ReadFiles::default()));
        let found = told(&findings, &directory);
        if found.trim() != case.expected.trim() {
            writeln!(wrong, "=== {}\n{found}--- not\n{}", case.title, case.expected).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Texts whose trees are as deep as they are long; what Python makes of them is another matter.
#[test]
fn no_tree_is_too_deep() {
    let world = tempfile::tempdir().unwrap();
    let deep = 10_000;
    for text in [
        format!("x = 1{}\n", "+1".repeat(deep)),
        format!("x = a{}\n", ".b".repeat(deep)),
        format!("x = {}1\n", "-".repeat(deep)),
        format!("x = a{}\n", ".f()".repeat(deep / 2)),
        format!("if a:\n    pass\n{}", "elif a:\n    pass\n".repeat(deep)),
    ] {
        let path = world.path().join("main.py");
        fs_err::write(&path, format!("a = 1\n{text}")).unwrap();
        let version = PythonVersion { major: 3, minor: 12 };
        let sources = ReadFiles::default();
        let library = Library::new(&Disk, &sources);
        pyfast_checker::check_syntax(&[path].into(), version, &library);
        let case = Case { entry: "import main".to_owned(), ..Case::default() };
        check_service(&case.service(world.path()), &library);
    }
}

/// A disk that is slow where a file sets what others have: whoever does not wait for it does not see that.
struct Late;

impl Files for Late {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let bytes = Disk.read(path)?;
        if bytes.windows(10).any(|part| part == b"lib.late =") {
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(bytes)
    }

    fn list(&self, directory: &Path) -> Vec<Listed> {
        Disk.list(directory)
    }

    fn origin(&self, path: &Path) -> Option<PathBuf> {
        Disk.origin(path)
    }
}

/// The simulation does not wait until everything is read, and says the same as if it did.
#[test]
fn what_any_file_sets_counts_however_late_it_is_read() {
    let world = tempfile::tempdir().unwrap();
    let main = "import lib\nprint(lib.late)\n";
    let sets = "import lib\ndef f():\n    lib.late = 1\n";
    let found = |others: &[(&str, &str)]| {
        let place = tempfile::tempdir_in(world.path()).unwrap();
        let mut paths = BTreeSet::new();
        for (name, text) in [("lib.py", "x = 1\n"), ("main.py", main)].iter().chain(others) {
            let path = place.path().join(name);
            fs_err::write(&path, text).unwrap();
            paths.insert(path);
        }
        let case = Case { entry: "import main".to_owned(), ..Case::default() };
        let service = case.service(place.path());
        let reached = ReadFiles::default();
        let alone = check_service(&service, &Library::new(&Late, &reached));
        let sources = ReadFiles::default();
        let library = Library::new(&Late, &sources);
        let version = service.python;
        let beside = library.while_reading(&paths, version, || check_service(&service, &library));
        (alone.len(), beside.len())
    };
    assert_eq!(found(&[]), (1, 1), "nothing sets it");
    assert_eq!(found(&[("beside.py", sets)]), (1, 0), "nobody imports it");
    let imports = format!("{main}def later():\n    import third\n");
    assert_eq!(found(&[("main.py", &*imports), ("third.py", sets)]), (0, 0), "a function does");
}
