//! Which instructions and commands a Dockerfile does not need once its packages come with a volume. Owns the decision
//! and its reasons: what is not certain stays, and is named. Must not know how a text is changed.

mod later;
mod system;
mod texts;

use std::collections::BTreeSet;
use std::ops::Range;

use self::later::Later;
use self::texts::{brings_uv, is_read_by, is_uv};
pub(super) use self::texts::{has_login, mentions, names_place, one_line, starts_in};
use super::command::{Act, Install, System};
use super::script::Command;
use super::stages::{At, Copies, Does, Lines, Stage, Step, commands, index};
use super::{Given, Left};

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
    /// The installs that would go but for others, by stage, instruction and number.
    pub(super) named: BTreeSet<(usize, usize, usize)>,
    /// Whether packages may come from elsewhere than the environment's.
    pub(super) elsewhere: bool,
}

/// What is decided about.
pub(super) struct Planner<'a> {
    pub(super) lines: &'a Lines<'a>,
    pub(super) stages: &'a [Stage],
    /// The stages that are built, those they start from, and those they copy from.
    pub(super) needed: BTreeSet<usize>,
    /// The stages that are built.
    pub(super) targets: BTreeSet<usize>,
    /// Whether one of these is named by its number.
    pub(super) numbered: bool,
    pub(super) given: &'a Given<'a>,
}

impl Planner<'_> {
    /// All or nothing: one thing that is not certain keeps the whole text as it is.
    pub(super) fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        if !self.asked().any(|at| matches!(at.act, Act::Installs(_) | Act::Unclear(_))) {
            return plan;
        }
        let elsewhere = self.indexes();
        if !elsewhere.is_empty() {
            return Plan { left: elsewhere, elsewhere: true, ..plan };
        }
        if let Some(long) = self.too_long() {
            return Plan { left: vec![long], ..plan };
        }
        let places = self.places();
        let later = Later::new(self, &places);
        for at in self.asked() {
            let why = match at.act {
                Act::Unclear(why) => Some((*why).to_owned()),
                Act::Installs(install) => self.needed_by(&at, install, &later),
                _ => continue,
            };
            match why {
                None => drop(plan.named.insert(at.place())),
                Some(why) => plan.left.push(self.left(&at, why)),
            }
        }
        if plan.left.is_empty() {
            plan.commands.clone_from(&plan.named);
            self.what_served(&places, &mut plan);
            self.around(&later, &mut plan);
            self.whole_steps(&mut plan);
            self.unused_stages(&mut plan);
            let obstacles = self.obstacles(&plan, &places);
            if obstacles.is_empty() {
                return plan;
            }
            plan.left = obstacles;
        }
        Plan { left: plan.left, named: plan.named, ..Plan::default() }
    }

    /// The commands of the stages that services need.
    pub(super) fn asked(&self) -> impl Iterator<Item = At<'_>> {
        self.commands().filter(|at| self.needed.contains(&at.stage))
    }

    fn commands(&self) -> impl Iterator<Item = At<'_>> {
        commands(self.stages)
    }

    fn left(&self, at: &At<'_>, why: String) -> Left {
        let text = self.shown(at.command);
        Left { line: self.line(at.command), text, why }
    }

    fn line(&self, command: &Command) -> usize {
        self.lines.line_of(command.place().start) + 1
    }

    /// A command as it stands in the text, in one line: what its variables come to may be a secret.
    pub(super) fn shown(&self, command: &Command) -> String {
        one_line(&self.lines.text[command.place()])
    }

    /// The directories in which packages are installed, as far as they are named, and where they are copied to.
    fn places(&self) -> BTreeSet<String> {
        let named = self.commands().filter_map(|at| {
            let place = at.act.place()?;
            Some([self.stages[at.stage].absolute(place), place.to_owned()])
        });
        let set = self.stages.iter().flat_map(|stage| &stage.steps).filter_map(|step| {
            let Does::Sets(variables) = &step.does else { return None };
            let own = |name: &str| matches!(name, "VIRTUAL_ENV" | "UV_PROJECT_ENVIRONMENT");
            let variable = variables.iter().find(|variable| own(&variable.name))?;
            Some(variable.value.trim_end_matches('/').to_owned())
        });
        let copied = self.stages.iter().flat_map(|stage| &stage.steps).filter_map(|step| {
            let Does::Copies(copies) = &step.does else { return None };
            let shared = ["/", "/usr", "/usr/local"].contains(&copies.target.as_str());
            (self.copies_places(copies) && !shared).then(|| copies.target.clone())
        });
        let all = named.flatten().chain(set).chain(copied);
        all.filter(|place| place.len() > 1).collect()
    }

    /// Whether what is copied from another stage is what that stage installed into, and nothing else.
    fn copies_places(&self, copies: &Copies) -> bool {
        let Some(from) = copies.from else { return false };
        let places: BTreeSet<String> = self
            .made_in(from)
            .filter_map(|at| Some(self.stages[at.stage].absolute(at.act.place()?)))
            .collect();
        let exact = |source: &String| {
            let source = source.strip_suffix("/.").unwrap_or(source).trim_end_matches('/');
            places.contains(source)
        };
        self.installs_in(from) && !copies.sources.is_empty() && copies.sources.iter().all(exact)
    }

    /// The commands of a stage and of those that it starts from.
    fn made_in(&self, stage: usize) -> impl Iterator<Item = At<'_>> {
        let own = own(self.stages, &BTreeSet::from([stage]));
        self.commands().filter(move |at| own.contains(&at.stage))
    }

    /// Whether a stage, or one that it starts from, installs.
    pub(super) fn installs_in(&self, stage: usize) -> bool {
        self.made_in(stage).any(|at| matches!(at.act, Act::Installs(_)))
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
                    Does::Copies(copies) if self.served(copies, &gone) => {
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
    fn served(&self, copies: &Copies, gone: &[&Install]) -> bool {
        let mut sources = copies.sources.iter();
        let all = match (copies.from, &copies.image) {
            (Some(from), _) => self.needed.contains(&from) && self.copies_places(copies),
            (None, Some(image)) => brings_uv(image) && sources.all(|one| is_uv(one)),
            (None, None) => sources.all(|one| is_read_by(one, gone)),
        };
        all && !copies.sources.is_empty()
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

fn takes_from(step: &Step, stage: usize) -> bool {
    matches!(&step.does, Does::Copies(copies) if copies.from == Some(stage))
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
