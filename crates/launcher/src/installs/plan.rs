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
            self.around(&mut plan);
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

    /// Why an install stays.
    fn needed_by(&self, at: &At<'_>, install: &Install, later: &Later<'_>) -> Option<String> {
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
        let why = match (&self.given.compiled, self.compiling(plan)) {
            (Some(package), _) => Some(format!("{package} may have to be compiled in this image")),
            (None, Some(other)) => Some(format!("{other} may compile")),
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

    /// What stays and may compile.
    fn compiling(&self, plan: &Plan) -> Option<String> {
        let compiles = |words: &[String]| {
            words
                .iter()
                .flat_map(|word| word.split(|c: char| !"+-".contains(c) && !c.is_alphanumeric()))
                .any(|word| COMPILING.contains(&word))
        };
        if self.given.commands.iter().any(|words| compiles(words)) {
            return Some("what a service starts".to_owned());
        }
        let stays = |at: &At<'_>| !plan.commands.contains(&at.place());
        let other = self.asked().filter(stays).find(|at| match at.act {
            Act::System(_) => false,
            Act::Needs => true,
            _ => compiles(&at.command.texts()),
        });
        if let Some(other) = other {
            return Some(format!("`{}`", self.shown(other.command)));
        }
        let steps = self.needed.iter().flat_map(|stage| &self.stages[*stage].steps);
        let starts = steps.filter_map(|step| match &step.does {
            Does::Starts(words) if compiles(words) => Some(step.lines.start + 1),
            _ => None,
        });
        starts.map(|line| format!("what line {line} starts")).next()
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
                idle && at.command.words.first().is_some_and(|word| word.text != "set")
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
pub(super) fn starts_in(words: &[String], places: &BTreeSet<String>) -> bool {
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

/// Programs that compile, or call what does.
const COMPILING: [&str; 21] = [
    "c++",
    "cargo",
    "cc",
    "clang",
    "clang++",
    "cmake",
    "configure",
    "g++",
    "gcc",
    "gfortran",
    "go",
    "ld",
    "make",
    "meson",
    "ninja",
    "node-gyp",
    "npm",
    "pkg-config",
    "pnpm",
    "rustc",
    "yarn",
];

/// What may need what was installed before it; found once for all installs.
struct Later<'a> {
    places: &'a BTreeSet<String>,
    needing: Vec<At<'a>>,
    /// The stages with the line, and the text, of what starts containers in an old environment.
    starting: Vec<(usize, usize, String)>,
    /// Of each stage those that are made from it.
    dependents: Vec<BTreeSet<usize>>,
}

impl<'a> Later<'a> {
    fn new(planner: &'a Planner<'_>, places: &'a BTreeSet<String>) -> Self {
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

/// Lines of an instruction as one, without comments and marks of continuation.
pub(super) fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let words = lines.flat_map(|line| line.trim_end_matches('\\').split_whitespace());
    let text = words.collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Whether a requirement's address has what may be a password.
pub(super) fn has_login(requirement: &str) -> bool {
    requirement.split("://").skip(1).any(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        host.contains('@') || rest.contains('?')
    })
}

pub(super) fn mentions(words: &[String], places: &BTreeSet<String>) -> bool {
    words.iter().any(|word| names_place(word, places))
}

/// Whether a text names a directory in which packages were.
pub(super) fn names_place(text: &str, places: &BTreeSet<String>) -> bool {
    let known = ["site-packages", "dist-packages"];
    known.iter().any(|one| text.contains(one))
        || places.iter().any(|place| text.contains(place.as_str()))
}

impl Variable {
    /// Whether it leads to a place where packages were installed, and nowhere else.
    fn leads_to(&self, places: &BTreeSet<String>) -> bool {
        let value = self.value.trim_matches('"');
        let binary = |part: &str| {
            let place = part.strip_suffix("/bin").unwrap_or(part);
            places.contains(place)
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

/// Whether a file is one of uv's programs.
fn is_uv(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("uv" | "uvx"))
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
