//! Small packages, from a table and made at random: the simulation says of each whether it starts, and where it fails, and
//! every interpreter at hand is asked to import it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use pyfast_checker::{
    Disk, Entry, EntryTarget, Finding, Library, PythonVersion, ReadFiles, SearchEntry, Service,
    Severity, Wheels, Whose, check_service,
};

use crate::python::{Python, pythons};

/// Imports each case in a process of its own, in the case's directory, and says where it fails.
const RUN: &str = r#"
import os, runpy, sys, traceback
def probe(directory, kind, name):
    os.chdir(directory)
    sys.path.insert(0, directory)
    sys.argv = ["x"]
    try:
        if kind == "import":
            __import__(name)
        else:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
    except BaseException as error:
        said = repr(error).replace("\n", " ")
        places = []
        while error:
            frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(directory)]
            if frames:
                places.append("%s:%d" % (os.path.relpath(frames[-1].filename, directory), frames[-1].lineno))
            error = error.__context__
        return "\t".join([" ".join(places) or "-:0", said])
    return "ok"
sys.dont_write_bytecode = True
for line in sys.stdin.read().splitlines():
    out, inside = os.pipe()
    if os.fork() == 0:
        verdict = probe(*line.split("\t"))
        os.write(inside, verdict.encode())
        os._exit(0)
    os.close(inside)
    with os.fdopen(out) as verdict:
        print(verdict.read() or "nothing")
    os.wait()
"#;

/// A package as files, and how it is started.
struct Case {
    files: Vec<(String, String)>,
    entry: &'static str,
    is_run: bool,
}

impl Case {
    fn write(&self, directory: &Path) {
        for (name, text) in &self.files {
            let path = directory.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
    }

    fn text(&self) -> String {
        self.files.iter().fold(String::new(), |mut all, (name, text)| {
            write!(all, "--- {name}\n{text}").unwrap();
            all
        })
    }
}

/// The findings about a case.
fn findings(directory: &Path, case: &Case, version: PythonVersion) -> Vec<Finding> {
    let name = case.entry.to_owned();
    let target = if case.is_run {
        EntryTarget::Run(name)
    } else {
        EntryTarget::Import { module: name, object: None }
    };
    let service = Service {
        python: version,
        entries: vec![Entry { target, said: case.entry.to_owned(), is_first: false }],
        search_path: vec![SearchEntry {
            directory: directory.to_path_buf(),
            whose: Whose::Project,
        }],
        standard_library: BTreeSet::from(
            ["sys", "os", "typing", "json", "contextlib"].map(str::to_owned),
        ),
        environment: None,
        empty: BTreeSet::new(),
        wheels: Wheels::default(),
        is_open: false,
    };
    check_service(&service, &Library::new(&Disk, &ReadFiles::default()))
}

/// What the interpreter says of all cases.
fn verdicts(python: &Python, directory: &Path, cases: &[Case]) -> Vec<String> {
    let lines: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(at, case)| {
            let kind = if case.is_run { "run" } else { "import" };
            format!("{}\t{kind}\t{}", directory.join(at.to_string()).display(), case.entry)
        })
        .collect();
    let answer = python.ask(RUN, &lines.join("\n"), directory);
    answer.lines().map(str::to_owned).collect()
}

/// Compares all cases with an interpreter. The process ends at its first failure; the checker goes on, so that one of its
/// errors has to be at that place.
fn compare(python: &Python, cases: &[Case], wrong: &mut String) {
    let world = tempfile::tempdir().unwrap();
    let directory = world.path().canonicalize().unwrap();
    for (at, case) in cases.iter().enumerate() {
        case.write(&directory.join(at.to_string()));
    }
    let verdicts = verdicts(python, &directory, cases);
    assert_eq!(verdicts.len(), cases.len());
    for (at, verdict) in verdicts.iter().enumerate() {
        let (case, place) = (&cases[at], directory.join(at.to_string()));
        let errors: Vec<String> = findings(&place, case, python.version)
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| match &finding.place {
                Some(at) => {
                    let file = at.file.strip_prefix(&place).unwrap();
                    format!("{}:{}\t{}", file.display(), at.line, finding.message)
                }
                None => format!("-:0\t{}", finding.message),
            })
            .collect();
        let is_right = if verdict == "ok" {
            errors.is_empty()
        } else if verdict.contains("KeyError(") {
            // The import system's own, where the package around a namespace had failed before.
            !errors.is_empty()
        } else {
            // What was raised while something else was handled has that as its cause.
            let mut places = verdict.split('\t').next().unwrap_or_default().split(' ');
            places.any(|place| errors.iter().any(|error| error.split('\t').next() == Some(place)))
        };
        if !is_right {
            writeln!(
                wrong,
                "{} case {at} ({}):\n{}=> {verdict}\n=> {errors:#?}",
                python.version,
                case.entry,
                case.text()
            )
            .unwrap();
        }
    }
}

/// The cases of a text: `=== import NAME` or `=== run NAME`, then files behind `--- PATH`.
fn table() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in include_str!("table.txt").lines() {
        if let Some(entry) = line.strip_prefix("=== ") {
            let (how, entry) = entry.split_once(' ').unwrap();
            cases.push(Case { files: Vec::new(), entry, is_run: how == "run" });
        } else if let Some(path) = line.strip_prefix("--- ") {
            cases.last_mut().unwrap().files.push((path.to_owned(), String::new()));
        } else if let Some((_, text)) = cases.last_mut().and_then(|case| case.files.last_mut()) {
            text.push_str(line);
            text.push('\n');
        }
    }
    assert!(cases.len() > 30, "the table was not read");
    cases
}

#[test]
fn the_table_of_cycles_is_what_every_python_does() {
    let mut wrong = String::new();
    for python in pythons() {
        compare(&python, &table(), &mut wrong);
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Numbers that are the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const MODULES: [&str; 6] = ["a", "b", "p", "p.m", "p.n", "p.q.r"];
const NAMES: [&str; 3] = ["x", "y", "z"];

/// One statement of a module, with the lines that it has.
fn statement(numbers: &mut Numbers) -> String {
    let (module, name) = (numbers.one(&MODULES), numbers.one(&NAMES));
    let last = module.rsplit('.').next().unwrap();
    let alias = format!("{}_", module.replace('.', "_"));
    match numbers.below(16) {
        0..=3 => format!("{name} = 1\n"),
        4 | 5 => format!("import {module}\n"),
        6 => format!("import {module} as {alias}\n"),
        7 | 8 => format!("from {module} import {name}\n"),
        9 => match module.rsplit_once('.') {
            Some((parent, last)) => format!("from {parent} import {last}\n"),
            None => format!("import {module}\n"),
        },
        10 => format!("import {module} as {alias}\nw = {alias}.{name}\n"),
        11 => format!("def f():\n    from {module} import {name}\n"),
        12 => {
            format!("try:\n    from {module} import {name}\nexcept ImportError:\n    {name} = 2\n")
        }
        13 => format!("import {module} as {alias}\nclass C{last}:\n    w = {alias}.{name}\n"),
        14 => format!("def g():\n    import {module} as {alias}\n    return {alias}.{name}\ng()\n"),
        _ => format!("try:\n    w = {name}\nexcept NameError:\n    pass\n"),
    }
}

fn random(numbers: &mut Numbers) -> Case {
    let paths = ["a.py", "b.py", "p/__init__.py", "p/m.py", "p/n.py", "p/q/r.py"];
    let mut case = Case { files: Vec::new(), entry: "a", is_run: false };
    case.entry = MODULES[numbers.below(MODULES.len())];
    case.is_run = case.entry != "p" && numbers.below(4) == 0;
    for path in paths {
        let count = 1 + numbers.below(4);
        let text = (0..count).map(|_| statement(numbers)).collect();
        case.files.push((path.to_owned(), text));
    }
    case
}

#[test]
fn packages_made_at_random_start_and_fail_as_every_python_says() {
    let mut wrong = String::new();
    let mut numbers = Numbers(0x5eed_0fca_5e55);
    for python in pythons() {
        let cases: Vec<Case> = (0..CASES).map(|_| random(&mut numbers)).collect();
        compare(&python, &cases, &mut wrong);
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// How many packages each interpreter gets.
const CASES: usize = 150;
