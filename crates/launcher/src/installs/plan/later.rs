//! Why an install stays: what it says itself, and what comes behind it and may need it. Owns these reasons; must not know
//! what becomes of what goes.

use std::collections::BTreeSet;

use super::Planner;
use super::texts::{has_login, mentions, one_line, starts_in};
use crate::installs::command::{Act, Install};
use crate::installs::stages::{At, Does};

/// What states a project, where an installer is called in its directory.
const PROJECT: &str = "pyproject.toml";

/// What may need what was installed before it; found once for all installs.
pub(super) struct Later<'a> {
    pub(super) places: &'a BTreeSet<String>,
    needing: Vec<At<'a>>,
    /// The stages with the line, and the text, of what starts containers in an old environment.
    starting: Vec<(usize, usize, String)>,
    /// Of each stage those that are made from it.
    pub(super) dependents: Vec<BTreeSet<usize>>,
}

impl<'a> Later<'a> {
    pub(super) fn new(planner: &'a Planner<'_>, places: &'a BTreeSet<String>) -> Self {
        let needs = |other: &At<'_>| match other.act {
            Act::Needs => true,
            Act::Plain | Act::System(_) => mentions(&other.command.texts(), places),
            _ => false,
        };
        let stages = planner.stages.iter().enumerate();
        let steps = stages.flat_map(|(stage, one)| one.steps.iter().map(move |step| (stage, step)));
        let starting = steps.filter_map(|(stage, step)| match &step.does {
            Does::Starts(words) if starts_in(words, places) => {
                let text = one_line(&planner.lines.text[planner.lines.bytes(&step.lines)]);
                Some((stage, step.lines.start + 1, text))
            }
            _ => None,
        });
        Self {
            places,
            needing: planner.commands().filter(needs).collect(),
            starting: starting.collect(),
            dependents: (0..planner.stages.len()).map(|stage| planner.dependents(stage)).collect(),
        }
    }
}

impl Planner<'_> {
    /// Why an install stays.
    pub(super) fn needed_by(
        &self,
        at: &At<'_>,
        install: &Install,
        later: &Later<'_>,
    ) -> Option<String> {
        let given = self.given;
        let valued = |text: &str| {
            at.command.words.iter().any(|word| word.valued && word.text.contains(text))
        };
        if let Some(why) = install.special {
            return Some(why.to_owned());
        }
        if install.place.as_deref().is_some_and(|place| place.starts_with(['~', '$'])) {
            return Some("where it installs is only known when it runs".to_owned());
        }
        if install.packages.iter().any(|package| valued(package)) {
            return Some("a value of the build is in its requirement".to_owned());
        }
        if install.packages.iter().any(|package| has_login(package)) {
            return Some("its requirement has a login".to_owned());
        }
        let mut files = install.files.iter().chain(&install.constraints);
        if let Some(file) = files.find(|file| !(given.provided)(file)) {
            let name = if valued(file) { "file that it reads" } else { file };
            return Some(format!("its environment has no {name}"));
        }
        if install.project && !given.project {
            return Some("its environment has no pyproject.toml".to_owned());
        }
        if install.itself && !given.itself {
            let why = "it installs the project itself, which `project = true` of its environment in pyfast.toml would bring";
            return Some(why.to_owned());
        }
        // The directory that it is in may be another's.
        if install.itself && !(given.provided)(PROJECT) {
            return Some(format!("the {PROJECT} that it reads may be none of its environment's"));
        }
        let started = |words: &&Vec<String>| starts_in(words, later.places);
        if let Some(program) = given.commands.iter().find(started).and_then(|words| words.first()) {
            return Some(format!("a service starts `{program}`"));
        }
        self.later(at, later)
    }

    /// What comes behind an install and may need it.
    fn later(&self, at: &At<'_>, later: &Later<'_>) -> Option<String> {
        let dependent = &later.dependents[at.stage];
        if let Some(other) = dependent.iter().find(|other| !self.needed.contains(other)) {
            let name = &self.stages[*other].name;
            return Some(format!("the stage {name}, which no service uses, is made from it"));
        }
        let behind = |other: &&At<'_>| {
            other.stage == at.stage && other.place() > at.place()
                || dependent.contains(&other.stage)
        };
        if let Some(other) = later.needing.iter().find(behind) {
            let (line, text) = (self.line(other.command), self.shown(other.command));
            return Some(format!("line {line} may need it: {text}"));
        }
        let own = |stage: usize| stage == at.stage || dependent.contains(&stage);
        let (_, line, text) = later.starting.iter().find(|(stage, ..)| own(*stage))?;
        Some(format!("line {line} starts it: {text}"))
    }

    /// The stages that start from a stage or copy from it, and theirs.
    fn dependents(&self, stage: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (at, one) in self.stages.iter().enumerate().skip(stage + 1) {
            let below = one.lenders.iter().chain(&one.parent);
            if below.into_iter().any(|below| *below == stage || found.contains(below)) {
                found.insert(at);
            }
        }
        found
    }
}
