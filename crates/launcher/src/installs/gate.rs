//! What keeps a Dockerfile whole: whatever stays in it and could have to do with what would go. Owns the list of such
//! things; what would go is decided by the plan.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use super::Left;
use super::command::{Act, calls_tool, is_installer};
use super::plan::{Plan, Planner, mentions, names_place, one_line, starts_in};
use super::stages::{Copies, Does, Stage, Step, Variable};
use crate::dockerfile::shell::{commands as calls_of, is_shell, programs};

/// The most instructions of a Dockerfile that is looked at.
const LONGEST: usize = 500;

/// What leads installers to other indexes.
const INDEXES: [&str; 24] = [
    "--default-index",
    "--extra-index-url",
    "--find-links",
    "--index ",
    "--index-url",
    "--mount=type=secret",
    "--mount=type=ssh",
    ".netrc",
    ".pypirc",
    "PDM_PYPI_",
    "PIPENV_PYPI_MIRROR",
    "PIP_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_NO_INDEX",
    "POETRY_HTTP_BASIC_",
    "POETRY_REPOSITORIES_",
    "pip config",
    "pip.conf",
    "pip3 config",
    "poetry config repositories",
    "poetry source",
    "uv.toml",
];

/// What would go, and where its packages were.
#[derive(Clone, Copy)]
struct Rest<'a> {
    plan: &'a Plan,
    places: &'a BTreeSet<String>,
}

impl Planner<'_> {
    /// Instructions that lead to other indexes than the environment's.
    pub(super) fn indexes(&self) -> Vec<Left> {
        let why =
            "packages may come from an index that only it names: configure that for pyfast first";
        let found =
            self.stages.iter().flat_map(|stage| &stage.steps).filter(|step| leads_elsewhere(step));
        found.map(|step| self.step(step, why)).collect()
    }

    /// The first instruction of a text that is too long to look at.
    pub(super) fn too_long(&self) -> Option<Left> {
        let count: usize = self.stages.iter().map(|stage| stage.steps.len()).sum();
        let first = self.stages.iter().flat_map(|stage| &stage.steps).nth(LONGEST);
        first
            .filter(|_| count > LONGEST)
            .map(|step| self.step(step, &format!("the file has more than {LONGEST} instructions")))
    }

    fn step(&self, step: &Step, why: &str) -> Left {
        self.lines_left(&step.lines, why)
    }

    /// A stage by its first line.
    fn stage(&self, stage: &Stage, why: &str) -> Left {
        self.lines_left(&stage.lines, why)
    }

    fn lines_left(&self, lines: &Range<usize>, why: &str) -> Left {
        let text = one_line(&self.lines.text[self.lines.bytes(lines)]);
        Left { line: lines.start + 1, text, why: why.to_owned() }
    }

    /// What would stay though it may have to do with what goes.
    pub(super) fn obstacles(&self, plan: &Plan, places: &BTreeSet<String>) -> Vec<Left> {
        let mut found = Vec::new();
        for (at, stage) in self.stages.iter().enumerate() {
            if !self.needed.contains(&at) {
                found.push(self.stage(stage, "no service uses this stage, and something else may"));
            } else if !plan.stages.contains(&at) {
                let steps = stage.steps.iter().enumerate();
                let stays = steps.filter(|(number, _)| !plan.steps.contains(&(at, *number)));
                found.extend(stays.filter_map(|(number, step)| {
                    let why = self.obstacle(step, at, number, Rest { plan, places })?;
                    Some(self.step(step, &why))
                }));
            }
        }
        let last = self.targets.last().and_then(|target| self.stages.get(*target));
        if !plan.stages.is_empty() && self.numbered {
            let why = "a service names a stage by its number, and stages would go";
            found.extend(last.map(|stage| self.stage(stage, why)));
        }
        let started = self.given.commands.iter().find_map(|words| self.started(words, places));
        found.extend(started.zip(last).map(|(why, stage)| self.stage(stage, &why)));
        found
    }

    fn obstacle(&self, step: &Step, stage: usize, number: usize, rest: Rest<'_>) -> Option<String> {
        let Rest { plan, places } = rest;
        if !plan.stages.is_empty() && by_number(step) {
            return Some("it names a stage by its number, and stages would go".to_owned());
        }
        let old = || "it names a place where packages would not be any more".to_owned();
        match &step.does {
            Does::Runs(_) => self.run(step, stage, number, rest),
            Does::Copies(copies) => {
                let more = copies.from.is_some_and(|from| self.installs_in(from));
                let words = copies.sources.iter().chain([&copies.target]);
                if more {
                    Some(
                        "it copies something else than the environment that is made there"
                            .to_owned(),
                    )
                } else {
                    words.into_iter().any(|word| names_place(word, places)).then(old)
                }
            }
            Does::Sets(variables) => {
                let stays = |one: &&Variable| {
                    !one.place.as_ref().is_some_and(|place| plan.words.contains(place))
                };
                variables.iter().filter(stays).any(|one| names_place(&one.value, places)).then(old)
            }
            Does::Starts(words) => self.started(words, places),
            Does::Other if step.text.starts_with("ONBUILD") => {
                Some("it counts for images that are made from this one".to_owned())
            }
            Does::Other => names_place(&step.text, places).then(old),
        }
    }

    fn run(&self, step: &Step, stage: usize, number: usize, rest: Rest<'_>) -> Option<String> {
        let Rest { plan, places } = rest;
        let Does::Runs(commands) = &step.does else { return None };
        let goes = |one: usize| plan.commands.contains(&(stage, number, one));
        let all = || commands.iter().enumerate();
        let entered = all()
            .any(|(one, (_, act))| goes(one) && matches!(act, Act::Prepares { place: Some(_) }));
        let gone = self.gone_files(plan);
        for (_, (command, act)) in all().filter(|(one, _)| !goes(*one)) {
            let words = command.texts();
            if !matches!(act, Act::System(_)) && calls_tool(command) {
                return Some("it calls an installer, which may be gone then".to_owned());
            }
            if mentions(&words, places) {
                return Some("it names a place where packages would not be any more".to_owned());
            }
            if entered && matches!(act, Act::Needs) {
                return Some(
                    "it runs in the environment that would not be made any more".to_owned(),
                );
            }
            if let Some(file) =
                gone.iter().find(|file| words.iter().any(|word| word.contains(**file)))
            {
                return Some(format!("it may read {file}, which would not be copied any more"));
            }
        }
        let lends = step.mounts.iter().any(|from| self.installs_in(*from));
        lends.then(|| "it takes files of a stage that installs".to_owned())
    }

    /// The names of files whose copies go.
    fn gone_files(&self, plan: &Plan) -> BTreeSet<&str> {
        let steps = plan.steps.iter().map(|(stage, step)| &self.stages[*stage].steps[*step]);
        let copies = steps.filter_map(|step| match &step.does {
            Does::Copies(Copies { from: None, image: None, sources, .. }) => Some(sources),
            _ => None,
        });
        let names =
            copies.flatten().filter_map(|source| source.trim_end_matches('/').rsplit('/').next());
        names.map(|name| name.trim_end_matches('*')).filter(|name| !name.is_empty()).collect()
    }

    /// Why something that a container starts is no start in an environment.
    fn started(&self, words: &[String], places: &BTreeSet<String>) -> Option<String> {
        for name in self.scripts(words) {
            let Some(text) = (self.given.script)(&name) else {
                return Some(format!("{name}, which is started, cannot be read"));
            };
            let calls = calls_of(&text);
            let runs = |words: &Vec<String>| {
                starts_in(words, places) || programs(words).iter().any(|call| is_installer(call))
            };
            if names_place(&text, places) || calls.iter().any(runs) {
                return Some(format!("{name}, which is started, names the old environment"));
            }
        }
        None
    }

    /// The project's files that a command line starts.
    fn scripts(&self, words: &[String]) -> Vec<String> {
        let system = |word: &str| {
            ["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"]
                .iter()
                .any(|place| word.starts_with(place))
        };
        let copied = |word: &str| {
            self.stages.iter().flat_map(|stage| &stage.steps).any(|step| match &step.does {
                Does::Copies(copies) => copies
                    .sources
                    .iter()
                    .chain([&copies.target])
                    .any(|path| path.rsplit('/').next() == Some(word)),
                _ => false,
            })
        };
        let mut found = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let before = at.checked_sub(1).map_or("", |before| words[before].as_str());
            let first = at == 0 && word.contains('/') && !system(word);
            let read = is_shell(before) && !word.starts_with('-');
            if first
                || read
                || word.starts_with("./")
                || Path::new(word).extension().is_some_and(|end| end == "sh") && !word.contains(' ')
                || at == 0 && copied(word)
            {
                found.push(word.clone());
            } else if word.rsplit('/').next() == Some("make") {
                found.push("Makefile".to_owned());
            } else if word.contains(' ') && before.starts_with('-') && before.ends_with('c') {
                found.extend(calls_of(word).iter().flat_map(|call| self.scripts(call)));
            }
        }
        found
    }
}

/// Whether an instruction leads installers to another index.
fn leads_elsewhere(step: &Step) -> bool {
    if matches!(step.does, Does::Starts(_)) {
        return false;
    }
    let variable = step.text.split("UV_").skip(1).any(|rest| {
        ["INDEX", "DEFAULT_INDEX", "EXTRA_INDEX", "FIND_LINKS", "CONFIG_FILE", "NO_INDEX"]
            .iter()
            .any(|name| rest.starts_with(name))
    });
    let option = |word: &str| {
        ["-i", "-f"].contains(&word)
            || ["-ihttp", "-fhttp"].iter().any(|start| word.starts_with(start))
    };
    let short = match &step.does {
        Does::Runs(commands) => commands.iter().any(|(command, act)| {
            let index = matches!(act, Act::Installs(install) if install.index);
            let installs = matches!(act, Act::Installs(_) | Act::Unclear(_));
            index || installs && command.texts().iter().any(|word| option(word))
        }),
        _ => false,
    };
    variable || short || INDEXES.iter().any(|one| step.text.contains(one))
}

/// Whether an instruction takes files of a stage that it names by its number.
fn by_number(step: &Step) -> bool {
    let named = step.text.split("from=").skip(1);
    named.filter_map(|rest| rest.split([' ', ',']).next()).any(|name| name.parse::<usize>().is_ok())
}
