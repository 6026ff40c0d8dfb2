//! Which instructions and commands a Dockerfile does not need once its packages come with a volume. Owns the decision
//! and its reasons: what is not certain stays, and is named. Must not know how a text is changed.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use super::command::{Act, Install, System, compiles, is_installer};
use super::script::Command;
use super::stages::{At, Copies, Does, Lines, Stage, Step, Variable, commands, index};
use super::{Given, Left};
use crate::dockerfile::shell::programs;

/// What goes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Whole stages.
    pub(super) stages: BTreeSet<usize>,
    /// Whole instructions, by stage and number.
    pub(super) steps: BTreeSet<(usize, usize)>,
    /// Single commands of an instruction.
    pub(super) commands: BTreeSet<(usize, usize, usize)>,
    /// Single words, by their places.
    pub(super) words: Vec<Range<usize>>,
    /// What stays.
    pub(super) left: Vec<Left>,
}

/// What is decided about.
pub(super) struct Planner<'a> {
    pub(super) lines: &'a Lines<'a>,
    pub(super) stages: &'a [Stage],
    /// The stages that are built, those they start from, and those they copy from.
    pub(super) needed: BTreeSet<usize>,
    /// The stages that are built.
    pub(super) targets: BTreeSet<usize>,
    pub(super) given: &'a Given<'a>,
}

impl Planner<'_> {
    pub(super) fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        let places = self.places();
        let mut stays = false;
        for at in self.commands().filter(|at| self.needed.contains(&at.stage)) {
            let why = match at.act {
                Act::Unclear(why) => Some((*why).to_owned()),
                Act::Installs(install) => self.needed_by(&at, install, &places),
                _ => continue,
            };
            match why {
                None => {
                    plan.commands.insert((at.stage, at.step, at.number));
                }
                Some(why) => {
                    stays = true;
                    plan.left.push(self.left(&at, why));
                }
            }
        }
        if !stays && !plan.commands.is_empty() {
            self.what_served(&places, &mut plan);
            self.around(&mut plan);
        }
        self.whole_steps(&mut plan);
        if !stays {
            self.unused_stages(&mut plan);
        }
        plan
    }

    fn commands(&self) -> impl Iterator<Item = At<'_>> {
        commands(self.stages)
    }

    fn left(&self, at: &At<'_>, why: String) -> Left {
        let text = shown(at.command);
        Left { line: self.lines.line_of(at.command.place().start) + 1, text, why }
    }

    /// The directories in which packages are installed, as far as they are named.
    fn places(&self) -> BTreeSet<String> {
        let named = self.commands().filter_map(|at| {
            let place = match at.act {
                Act::Installs(install) => install.place.as_deref(),
                Act::Prepares { place } => place.as_deref(),
                _ => None,
            };
            Some(self.stages[at.stage].absolute(place?))
        });
        let set = self.stages.iter().flat_map(|stage| &stage.steps).filter_map(|step| {
            let Does::Sets(variables) = &step.does else { return None };
            let own = |name: &str| matches!(name, "VIRTUAL_ENV" | "UV_PROJECT_ENVIRONMENT");
            let variable = variables.iter().find(|variable| own(&variable.name))?;
            Some(variable.value.trim_end_matches('/').to_owned())
        });
        named.chain(set).filter(|place| place.len() > 1).collect()
    }

    /// Why an install stays.
    fn needed_by(
        &self,
        at: &At<'_>,
        install: &Install,
        places: &BTreeSet<String>,
    ) -> Option<String> {
        let given = self.given;
        let files = install.files.iter().chain(&install.constraints);
        if let Some(file) = files.clone().find(|file| !(given.provided)(file)) {
            return Some(format!("its environment has no {file}"));
        }
        if install.project && !given.project {
            return Some("its environment has no pyproject.toml".to_owned());
        }
        if install.index {
            return Some("it names an index: configure that for pyfast first".to_owned());
        }
        if let Some(line) = given.commands.iter().find(|words| starts_in(words, places)) {
            return Some(format!("a service starts `{}`", line.join(" ")));
        }
        self.later(at, places)
    }

    /// What comes behind an install and may need it.
    fn later(&self, at: &At<'_>, places: &BTreeSet<String>) -> Option<String> {
        let dependent = self.dependents(at.stage);
        if let Some(other) = dependent.iter().find(|other| !self.needed.contains(other)) {
            let name = &self.stages[*other].name;
            return Some(format!("the stage {name}, which no service uses, is made from it"));
        }
        let here = (at.stage, at.step, at.number);
        let behind = |other: &At<'_>| {
            let there = (other.stage, other.step, other.number);
            other.stage == at.stage && there > here || dependent.contains(&other.stage)
        };
        let needs = |other: &At<'_>| match other.act {
            Act::Needs => true,
            Act::Plain | Act::System(_) => mentions(&other.command.texts(), places),
            _ => false,
        };
        if let Some(other) = self.commands().find(|other| behind(other) && needs(other)) {
            let line = self.lines.line_of(other.command.place().start) + 1;
            return Some(format!("line {line} may need it: {}", shown(other.command)));
        }
        let own = |stage: usize| stage == at.stage || dependent.contains(&stage);
        let stages = self.stages.iter().enumerate().filter(|(stage, _)| own(*stage));
        for step in stages.flat_map(|(_, stage)| &stage.steps) {
            let line = step.lines.start + 1;
            match &step.does {
                Does::Starts(words) if starts_in(words, places) => {
                    return Some(format!("line {line} starts `{}`", words.join(" ")));
                }
                _ => {}
            }
        }
        None
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

    /// What served the installs alone.
    fn what_served(&self, places: &BTreeSet<String>, plan: &mut Plan) {
        let gone: Vec<&Install> = self
            .commands()
            .filter_map(|at| match at.act {
                Act::Installs(install) => Some(install),
                _ => None,
            })
            .collect();
        for stage in &self.needed {
            for (number, step) in self.stages[*stage].steps.iter().enumerate() {
                match &step.does {
                    Does::Copies(copies) if self.served(copies, &gone, places) => {
                        plan.steps.insert((*stage, number));
                    }
                    Does::Sets(variables) => {
                        plan.steps.extend(
                            variables
                                .iter()
                                .all(|one| one.leads_to(places))
                                .then_some((*stage, number)),
                        );
                        let gone = variables.iter().filter(|one| one.leads_to(places));
                        plan.words.extend(gone.filter_map(|one| one.place.clone()));
                    }
                    _ => {}
                }
            }
        }
        let needed = self.commands().filter(|at| self.needed.contains(&at.stage));
        let preparing = needed.filter(|at| matches!(at.act, Act::Prepares { .. }));
        plan.commands.extend(preparing.map(|at| (at.stage, at.step, at.number)));
        self.compilers(plan);
    }

    /// Whether a copy served installs alone.
    fn served(&self, copies: &Copies, gone: &[&Install], places: &BTreeSet<String>) -> bool {
        let mut sources = copies.sources.iter();
        let all = match (copies.from, &copies.image) {
            (Some(from), _) => {
                self.needed.contains(&from) && sources.all(|one| is_place(one, places))
            }
            (None, Some(image)) => brings_uv(image),
            (None, None) => sources.all(|one| is_read_by(one, gone)),
        };
        all && !copies.sources.is_empty()
    }

    /// Compilers and headers, unless something else may compile.
    fn compilers(&self, plan: &mut Plan) {
        let systems = || {
            self.commands().filter(|at| self.needed.contains(&at.stage)).filter_map(|at| {
                match at.act {
                    Act::System(System::Packages { names, group }) => Some((at, names, group)),
                    _ => None,
                }
            })
        };
        let compiling = systems().find(|(_, names, _)| names.iter().any(|one| compiles(&one.0)));
        let Some((first, ..)) = compiling else { return };
        let other = self.commands().filter(|at| self.needed.contains(&at.stage)).find(|at| {
            let builder = matches!(at.command.words[0].text.as_str(), "npm" | "yarn");
            matches!(at.act, Act::Needs) || builder && !at.command.words.is_empty()
        });
        let why = match (&self.given.compiled, other) {
            (Some(package), _) => Some(format!("{package} may have to be compiled in this image")),
            (None, Some(other)) => Some(format!("`{}` may compile", shown(other.command))),
            (None, None) => None,
        };
        if let Some(why) = why {
            plan.left.push(self.left(&first, why));
            return;
        }
        let mut groups = BTreeSet::new();
        for (at, names, group) in systems() {
            let all = names.iter().all(|(name, _)| compiles(name) || groups.contains(name));
            match group {
                // It goes as a whole or not at all: it is removed by its name.
                Some(_) if !all => {}
                _ if all && !names.is_empty() => {
                    groups.extend(group.clone());
                    plan.commands.insert((at.stage, at.step, at.number));
                }
                _ => {
                    let gone = names.iter().filter(|(name, _)| compiles(name));
                    plan.words.extend(gone.map(|(_, place)| place.clone()));
                }
            }
        }
    }

    /// What prepared installs of the system's packages (`apt-get update`) and cleaned up behind them, where they all go.
    fn around(&self, plan: &mut Plan) {
        let mut gone = Vec::new();
        for stage in &self.needed {
            let dependent = self.dependents(*stage);
            let own = |at: &At<'_>| at.stage == *stage || dependent.contains(&at.stage);
            let mut installs = self.commands().filter(own).filter(|at| {
                let packages = matches!(at.act, Act::System(System::Packages { .. }));
                packages || matches!(at.act, Act::Needs | Act::Unclear(_))
            });
            let goes = |at: At<'_>| plan.commands.contains(&(at.stage, at.step, at.number));
            if installs.next().is_none_or(|first| !goes(first)) || !installs.all(goes) {
                continue;
            }
            let around = self.commands().filter(|at| at.stage == *stage).filter(|at| {
                let idle = matches!(at.act, Act::System(System::Around));
                // It is for what follows in its instruction.
                idle && at.command.words[0].text != "set"
            });
            gone.extend(around.map(|at| (at.stage, at.step, at.number)));
        }
        plan.commands.extend(gone);
    }

    /// Instructions of which nothing of use is left.
    fn whole_steps(&self, plan: &mut Plan) {
        for (stage, found) in self.stages.iter().enumerate() {
            for (step, one) in found.steps.iter().enumerate() {
                let Does::Runs(commands) = &one.does else { continue };
                let gone = |number: usize| plan.commands.contains(&(stage, step, number));
                let any = (0..commands.len()).any(gone);
                let rest = commands.iter().enumerate().filter(|(number, _)| !gone(*number));
                let idle = |act: &Act| matches!(act, Act::System(System::Around));
                if any && rest.map(|(_, (_, act))| act).all(idle) {
                    plan.steps.insert((stage, step));
                }
            }
        }
    }

    /// Stages from which nothing is taken any more.
    fn unused_stages(&self, plan: &mut Plan) {
        let used = |plan: &Plan, stage: usize| {
            self.targets.contains(&stage)
                || self.stages.iter().enumerate().any(|(at, other)| {
                    let takes = |(number, step): (usize, &Step)| {
                        !plan.steps.contains(&(at, number)) && takes_from(step, stage)
                    };
                    let mounts = other.lenders.contains(&stage)
                        && !other.steps.iter().any(|step| takes_from(step, stage));
                    !plan.stages.contains(&at)
                        && (other.parent == Some(stage)
                            || mounts
                            || other.steps.iter().enumerate().any(takes))
                })
        };
        for stage in (0..self.stages.len()).rev() {
            // One that nobody used before has another use.
            if self.needed.contains(&stage) && !used(plan, stage) {
                plan.stages.insert(stage);
            }
        }
    }
}

/// Whether a container is started in the place where the image has its packages, or installs some itself.
fn starts_in(words: &[String], places: &BTreeSet<String>) -> bool {
    let runner = words.windows(2).any(|pair| {
        matches!(pair[0].as_str(), "uv" | "poetry" | "pipenv" | "pdm") && pair[1] == "run"
    });
    let script = words.first().and_then(|word| word.strip_prefix("/usr/local/bin/"));
    let own = script.is_some_and(|name| Path::new(name).extension().is_none());
    let installs = programs(words);
    runner || own || mentions(words, places) || installs.iter().any(|call| is_installer(call))
}

fn takes_from(step: &Step, stage: usize) -> bool {
    matches!(&step.does, Does::Copies(copies) if copies.from == Some(stage))
}

/// A command in one line.
fn shown(command: &Command) -> String {
    let text = command.texts().join(" ");
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn mentions(words: &[String], places: &BTreeSet<String>) -> bool {
    words.iter().any(|word| places.iter().any(|place| word.contains(place.as_str())))
}

/// Whether a path is where packages were installed, or below it.
fn is_place(path: &str, places: &BTreeSet<String>) -> bool {
    let path = path.trim_end_matches('/');
    let below = |place: &String| {
        path.strip_prefix(place.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    places.iter().any(below)
        || path.ends_with("/site-packages")
        || path.ends_with("/dist-packages")
        || path.ends_with("/.local")
        || path == "/usr/local/bin"
}

impl Variable {
    /// Whether it leads to a place where packages were installed, and nowhere else.
    fn leads_to(&self, places: &BTreeSet<String>) -> bool {
        let value = self.value.trim_matches('"');
        let binary = |part: &str| {
            let place = part.strip_suffix("/bin").unwrap_or(part);
            places.contains(place) || place.ends_with("/.local")
        };
        match self.name.as_str() {
            "VIRTUAL_ENV" | "UV_PROJECT_ENVIRONMENT" => {
                places.contains(value.trim_end_matches('/'))
            }
            "PATH" => {
                let own = |part: &&str| !matches!(*part, "$PATH" | "${PATH}");
                let mut parts = value.split(':').filter(own);
                value.contains("PATH") && parts.clone().count() > 0 && parts.all(binary)
            }
            _ => false,
        }
    }
}

/// Whether a file of the context is one that only installs read.
fn is_read_by(source: &str, installs: &[&Install]) -> bool {
    let base = |path: &str| path.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_owned();
    let name = base(source);
    let files = || installs.iter().flat_map(|one| one.files.iter().chain(&one.constraints));
    let project = installs.iter().any(|install| install.project);
    let matches = |file: &String| match name.split_once('*') {
        Some((start, end)) => {
            !start.is_empty() && base(file).starts_with(start) && base(file).ends_with(end)
        }
        None => base(file) == name,
    };
    let folder = name == "requirements" && files().any(|file| file.contains("requirements/"));
    let lock = matches!(name.trim_end_matches('*'), "uv.lock" | "poetry.lock" | "pdm.lock");
    files().any(matches) || folder || project && lock
}

/// Whether an image is there to bring uv.
fn brings_uv(image: &str) -> bool {
    let name = image.split('@').next().and_then(|name| name.rsplit('/').next()).unwrap_or("");
    name.split(':').next() == Some("uv")
}

/// The stages that these targets need, and which these are; `None` names the last.
pub(super) fn needed(
    stages: &[Stage],
    targets: &[Option<String>],
) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let last = || stages.len().checked_sub(1);
    let targets: BTreeSet<usize> = targets
        .iter()
        .filter_map(|target| match target {
            Some(name) => index(stages, name),
            None => last(),
        })
        .collect();
    let mut needed = BTreeSet::new();
    let mut open: Vec<usize> = targets.iter().copied().collect();
    while let Some(at) = open.pop() {
        if needed.insert(at) {
            open.extend(stages[at].parent);
            open.extend(&stages[at].lenders);
        }
    }
    (needed, targets)
}

/// These stages and those that they start from.
pub(super) fn own(stages: &[Stage], targets: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for target in targets {
        let mut at = Some(*target);
        while let Some(stage) = at {
            found.insert(stage);
            at = stages[stage].parent;
        }
    }
    found
}
