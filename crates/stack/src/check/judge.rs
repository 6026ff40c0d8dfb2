//! One service: from its facts to findings in the files of this machine. Must not know other services.

use std::convert::Infallible;

use pyfast_checker::entry::{Started, Target, started};
use pyfast_checker::{
    Files, Finding, Library, PythonVersion, ReadFiles, Rule, Severity, Wheels, check_service,
};
use pyfast_root::regular_file;

use super::facts::Facts;
use super::found::{Judged, NEWEST};
use super::installed::Installed;
use super::native::Native;
use super::places::place_of;
use super::process::{Process, processes};
use super::remembered::Memory;

/// What is known besides the service itself.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    /// Its environment.
    pub(super) installed: Option<&'a Installed>,
    /// What was read of files for other services.
    pub(super) read: &'a ReadFiles,
    /// What was found the last time.
    pub(super) memory: &'a Memory,
    /// Who asks for native libraries.
    pub(super) native: &'a Native<'a>,
}

/// Judges a service.
pub(super) fn judge(facts: Facts, beside: Beside<'_>, wheels: &Wheels) -> Judged {
    let installed = beside.installed;
    let mut facts = facts.with_packages(installed.map(|one| one.packages.clone()));
    if let Some(installed) = installed {
        facts.scripts.clone_from(&installed.scripts);
    }
    let python = installed.map(Installed::python);
    let minor = facts.minor.map(|minor| PythonVersion { major: 3, minor });
    let python = python.or(minor).unwrap_or(NEWEST);
    let mut judged = Judged::default();
    let Some(words) = &facts.words else {
        judged.unknown.push(format!("{}: what it starts, which only its image says", facts.name));
        return judged;
    };
    let runs = started(words, &facts);
    for run in &runs {
        if let Target::Refused(reason) = &run.target {
            judged.findings.push(refused(reason, run));
        }
    }
    match processes(&facts, &runs, python, wheels) {
        Ok(processes) => {
            judged.findings.extend(examine(&facts, &processes, beside));
            if let Some(installed) = installed {
                let Judged { findings, unknown } =
                    beside.native.judge(&facts, installed, &processes);
                judged.findings.extend(findings);
                judged.unknown.extend(unknown);
            }
        }
        Err(why) => judged.unknown.push(format!("{}: {why}", facts.name)),
    }
    for finding in &mut judged.findings {
        to_host(finding, &facts);
        if let (None, Some(said)) = (&finding.place, &finding.words) {
            finding.place = place_of(said, &facts);
        }
    }
    judged.findings.retain(|finding| finding.words.is_none() || !is_meant(finding));
    judged
}

/// Whether the line where words stand says that they are meant so.
fn is_meant(finding: &Finding) -> bool {
    let Some(place) = &finding.place else { return false };
    let text = regular_file::read_text(&place.file).unwrap_or_default();
    let line = text.lines().nth(place.line.saturating_sub(1));
    line.is_some_and(|line| finding.is_meant(line))
}

/// Words that a program refuses.
fn refused(reason: &str, run: &Started) -> Finding {
    let severity = if run.needed { Severity::Error } else { Severity::Warning };
    Finding {
        rule: Rule::EntryPoint,
        severity,
        place: None,
        words: Some(run.words.clone()),
        message: reason.to_owned(),
        related: Vec::new(),
        hint: None,
        more: 0,
    }
}

/// What is found in processes, as far as it is certain of them.
fn examine(facts: &Facts, processes: &[Process], beside: Beside<'_>) -> Vec<Finding> {
    let find = |files: &dyn Files| {
        let library = Library::new(files, beside.read);
        let found = processes.iter().map(|process| {
            let found = check_service(&process.service, &library).into_iter();
            found.map(|finding| weighed(finding, process)).collect()
        });
        Ok(Judged::from(found.collect::<Vec<Vec<Finding>>>().concat()))
    };
    let question = (processes, &facts.view);
    let Ok(found) = beside.memory.judged::<Infallible>(&facts.name, &question, &facts.view, find);
    found.findings
}

/// How bad it is in a process.
fn weighed(mut finding: Finding, process: &Process) -> Finding {
    let alone = matches!(finding.rule, Rule::Syntax | Rule::ImportCycle);
    let may_be_there = process.open && !alone;
    if finding.severity == Severity::Error && (!process.needed || may_be_there) {
        finding.severity = Severity::Warning;
    }
    finding
}

/// Names the files of this machine in a finding.
fn to_host(finding: &mut Finding, facts: &Facts) {
    let places = finding.place.iter_mut().chain(finding.related.iter_mut().map(|(place, _)| place));
    for place in places {
        if let Some(host) = facts.view.on_host(&place.file) {
            place.file = host;
        }
    }
}
