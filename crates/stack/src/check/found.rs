//! What was found, as data. Owns how findings of several services are one, and which are left out; must not know how any
//! was found.

use std::path::{Path, PathBuf};

use pyfast_checker::{Finding, PythonVersion, Severity};
use serde::{Deserialize, Serialize};

/// What is said of something.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Judged {
    /// What was found.
    pub(super) findings: Vec<Finding>,
    /// What could not be known.
    pub(super) unknown: Vec<String>,
}

impl From<Vec<Finding>> for Judged {
    fn from(findings: Vec<Finding>) -> Self {
        Self { findings, unknown: Vec::new() }
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What.
    pub finding: Finding,
    /// The services that it concerns.
    pub services: Vec<String>,
}

/// What came of a check.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// What was found, by service, file and line.
    pub findings: Vec<Found>,
    /// What could not be known, and why.
    pub unknown: Vec<String>,
    /// What was looked at, in words.
    pub subject: String,
    /// The project, below which files are named.
    pub directory: PathBuf,
}

impl Checked {
    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many warnings there are.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|found| found.finding.severity == severity).count()
    }

    /// Adds what was found, of a service if it is one's; the same of another one is one more service of it.
    pub(super) fn add(&mut self, finding: Finding, service: Option<&str>) {
        let services = service.map(str::to_owned);
        let same = self.findings.iter_mut().find(|found| {
            let known = &found.finding;
            (known.rule, known.severity, &known.place, &known.message)
                == (finding.rule, finding.severity, &finding.place, &finding.message)
        });
        match same {
            Some(found) => found.services.extend(services),
            None => self.findings.push(Found { finding, services: Vec::from_iter(services) }),
        }
    }

    /// In the order of files and lines.
    pub(super) fn sort(&mut self) {
        self.findings.sort_by(|one, other| one.finding.place.cmp(&other.finding.place));
    }

    /// Leaves out what modules are about of which the project says so.
    pub(super) fn ignore(&mut self, patterns: &[String]) {
        if patterns.is_empty() {
            return;
        }
        let directory = self.directory.clone();
        self.findings.retain(|found| {
            // Words of a start command are no module's, wherever they stand.
            let place = found.finding.place.as_ref().filter(|_| found.finding.words.is_none());
            let Some(place) = place else { return true };
            !patterns.iter().any(|pattern| is_of(&place.file, &directory, pattern))
        });
    }
}

/// The Python that is meant where nothing says which: the newest, which refuses least.
pub(super) const NEWEST: PythonVersion = PythonVersion { major: 3, minor: 14 };

/// Whether a file is the module that a pattern (`pkg.legacy.*`) means, somewhere in the project.
fn is_of(file: &Path, directory: &Path, pattern: &str) -> bool {
    let below = file.strip_prefix(directory).unwrap_or(file).with_extension("");
    let parts = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = parts.filter(|part| part != "__init__").collect();
    let (name, inside) = match pattern.strip_suffix(".*") {
        Some(name) => (name, true),
        None => (pattern, false),
    };
    // Nobody knows which of the directories are packages.
    (0..parts.len()).any(|from| {
        let module = parts[from..].join(".");
        let rest = module.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || inside && rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use pyfast_checker::{Place, Rule};

    use super::*;

    #[test]
    fn words_of_a_start_command_are_told_whatever_modules_are_left_out() {
        let left = |file: &str, words: Option<&str>| {
            let finding = Finding {
                rule: Rule::EntryPoint,
                severity: Severity::Error,
                place: Some(Place { file: file.into(), line: 1, column: 1 }),
                words: words.map(str::to_owned),
                message: String::new(),
                related: Vec::new(),
                hint: None,
                more: 0,
            };
            let mut checked = Checked { directory: "/p".into(), ..Checked::default() };
            checked.add(finding, None);
            checked.ignore(&["app.*".to_owned()]);
            checked.findings.len()
        };
        assert_eq!(left("/p/app/main.py", None), 0);
        assert_eq!(left("/p/app/start.sh", Some("uvicorn app.bain:api")), 1);
    }

    #[test]
    fn a_pattern_means_a_module_or_all_below_it() {
        let of = |file: &str, pattern: &str| is_of(Path::new(file), Path::new("/p"), pattern);
        assert!(of("/p/src/pkg/legacy/a.py", "pkg.legacy.*"));
        assert!(of("/p/pkg/legacy/__init__.py", "pkg.legacy.*"));
        assert!(of("/p/pkg/legacy.py", "pkg.legacy"));
        assert!(!of("/p/pkg/legacy/a.py", "pkg.legacy"));
        assert!(!of("/p/pkg/legacy2.py", "pkg.legacy.*"));
    }
}
