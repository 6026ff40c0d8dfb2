//! What a build takes from its context, and of which of it nothing is built: copies at the end of the target's stages,
//! behind which no instruction runs anything. Owns what counts as certain; must not know the files that are there.
//!
//! Whatever is not certain is `None` (all of the context counts) or a copy from which something may be built.

mod ending;
mod filled;
mod scope;
mod stages;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use self::ending::ending;
use self::filled::Filled;
use self::scope::Scope;
use self::stages::{Stage, stages};
use super::places::{Place, clean};
use crate::dockerfile::{Instruction, directive, instructions};

/// What is known of an image that a build starts from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseImage {
    /// Whether it is not present, so that variables and directory are not known. A builder may keep it to itself.
    pub absent: bool,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// Its directory.
    pub working_dir: String,
    /// Whether it has instructions for those who build on it (`ONBUILD`).
    pub triggers: bool,
}

/// What shapes the reading of a Dockerfile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    /// Its text.
    pub(crate) text: &'a str,
    /// The build's arguments.
    pub(crate) arguments: &'a BTreeMap<String, String>,
    /// The stage that is built; `None` is the last.
    pub(crate) target: Option<&'a str>,
    /// The images that are present, by the names that Dockerfiles give them.
    pub(crate) bases: &'a BTreeMap<String, BaseImage>,
}

/// What comes into an image, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Files of the context from which something may be built. Where they are in the image, if they are and it is known.
    Read { sources: Vec<String>, place: Option<Place> },
    /// Files of the context that are copied, and that is all. `covers` says whether something else may be at the place
    /// already, of which the steps before do not tell.
    Copied {
        sources: Vec<String>,
        place: Place,
        owner: Option<String>,
        mode: Option<u32>,
        covers: bool,
    },
    /// Something from elsewhere, at this path or below.
    Foreign { path: String },
}

/// A syntax whose instructions are those of the reference.
const SYNTAX: &str = "docker/dockerfile:1";
/// Instructions that neither read nor change files of the context that an image has.
const QUIET: [&str; 13] = [
    "ARG",
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// The images from elsewhere that a build starts from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bases {
    /// The one that the target's own stages start from.
    pub own: String,
    /// All of them.
    pub all: BTreeSet<String>,
    /// The instructions of the target's own stages.
    pub words: Vec<String>,
}

impl Bases {
    /// Whether the history of an image that was built so, newest instruction first, shows that the image below did
    /// nothing with the context: it is a builder's own, and would have done so by its `ONBUILD`.
    pub fn are_plain_by(&self, history: &[String]) -> bool {
        let said: Vec<&str> = history.iter().map(|line| instruction(line)).collect();
        let own = || self.words.iter().rev().map(String::as_str);
        // Labels of a build's own are one more instruction to some builders.
        let labelled = said.strip_prefix(&["LABEL"]).unwrap_or(&said);
        [&said[..], labelled].into_iter().any(|said| {
            let below = said.get(self.words.len()..).unwrap_or_default();
            // With the first of all the files of a system came.
            let Some((_, above_first)) = below.split_last() else { return false };
            let built = said.iter().copied().take(self.words.len()).eq(own());
            built && !above_first.iter().any(|word| matches!(*word, "COPY" | "ADD"))
        })
    }
}

/// The instruction that a line of a history tells of, in the words of either builder.
fn instruction(line: &str) -> &str {
    let quiet = line.strip_prefix("/bin/sh -c #(nop)");
    let word = quiet.unwrap_or(line).split_whitespace().next().unwrap_or_default();
    let known = word == "RUN" || word == "COPY" || word == "ADD" || QUIET.contains(&word);
    if quiet.is_some() || known { word } else { "RUN" }
}

/// The images that a build starts from; `None` where a name is not known.
pub(crate) fn base_images(question: &Question<'_>) -> Option<Bases> {
    let stages = stages(question)?;
    let target = target(&stages, question.target)?;
    let (own, others) = needed(&stages, target)?;
    let first = |at: &&usize| stages[**at].parent.is_none();
    let all = own.iter().chain(&others).filter(first).map(|at| stages[*at].base.clone());
    let words = chain(&stages, target).into_iter().flat_map(|at| &stages[at].instructions);
    // What is for those who build on it is in no history.
    let words = words.map(|one| one.word.clone()).filter(|word| word != "ONBUILD");
    let base = stages[*chain(&stages, target).first()?].base.clone();
    Some(Bases { own: base, all: all.collect(), words: words.collect() })
}

/// What a build takes from its context; `None` where that is not certain.
pub(crate) fn read(question: &Question<'_>) -> Option<Vec<Step>> {
    let stages = stages(question)?;
    let target = target(&stages, question.target)?;
    let (own, others) = needed(&stages, target)?;
    let mut steps = Vec::new();
    for at in &others {
        let acts = acts(&stages, *at, question)?.into_iter();
        steps.extend(acts.filter_map(|(_, act)| match act {
            Act::Local(local) => Some(Step::Read { sources: local.sources, place: None }),
            _ => None,
        }));
    }
    let acts = acts(&stages, target, question)?;
    // What a stage has that others copy from may be in what they make of it.
    let lent: BTreeSet<usize> = own.intersection(&others).copied().collect();
    let ended = acts.iter().rposition(|(_, act)| act.ends()).map_or(0, |at| at + 1);
    let mut filled = Vec::new();
    for (index, (stage, act)) in acts.into_iter().enumerate() {
        match act {
            Act::Run(by) => filled.push(by),
            Act::Foreign(Some(path)) => steps.push(Step::Foreign { path }),
            Act::Foreign(None) => filled.push(Filled::Somewhere),
            Act::Local(local) => {
                let carried = index >= ended && !lent.contains(&stage);
                steps.push(local.step(carried, &filled));
            }
        }
    }
    Some(steps)
}

/// What an instruction does with files.
#[derive(Debug)]
enum Act {
    /// It runs something, with whatever the image has, and may leave something there.
    Run(Filled),
    /// It takes files of the context.
    Local(Local),
    /// It puts something at a path that is not of the context, or at one that is not known.
    Foreign(Option<String>),
}

impl Act {
    /// Whether of what came before it nothing can be said any more.
    fn ends(&self) -> bool {
        match self {
            Self::Run(_) | Self::Foreign(None) => true,
            Self::Foreign(Some(_)) => false,
            Self::Local(local) => local.place.is_none(),
        }
    }
}

/// Files of the context that an instruction takes.
#[derive(Debug, Default)]
struct Local {
    sources: Vec<String>,
    place: Option<Place>,
    owner: Option<String>,
    mode: Option<u32>,
    /// Whether it does more than to copy.
    more: bool,
}

impl Local {
    fn step(self, carried: bool, filled: &[Filled]) -> Step {
        let Self { sources, place, owner, mode, more } = self;
        match place {
            Some(place) if carried && !more => {
                // Every image has something there.
                let covers = place.path == "/" || filled.iter().any(|by| by.may_be_at(&place.path));
                Step::Copied { sources, place, owner, mode, covers }
            }
            place => Step::Read { sources, place },
        }
    }
}

/// The stages that make the target, and those that they copy from, with what these are made from.
fn needed(stages: &[Stage], target: usize) -> Option<(BTreeSet<usize>, BTreeSet<usize>)> {
    let own: BTreeSet<usize> = chain(stages, target).into_iter().collect();
    let (mut others, mut open) = (BTreeSet::new(), Vec::new());
    for at in &own {
        open.extend(lenders(stages, *at)?);
    }
    while let Some(at) = open.pop() {
        for at in chain(stages, at) {
            if others.insert(at) {
                open.extend(lenders(stages, at)?);
            }
        }
    }
    Some((own, others))
}

/// A stage and those that it starts from, the first of all in front.
fn chain(stages: &[Stage], at: usize) -> Vec<usize> {
    let mut chain = vec![at];
    while let Some(parent) = chain.last().and_then(|at| stages[*at].parent) {
        chain.push(parent);
    }
    chain.reverse();
    chain
}

fn target(stages: &[Stage], name: Option<&str>) -> Option<usize> {
    match name.filter(|name| !name.is_empty()) {
        None => stages.len().checked_sub(1),
        Some(name) => stages::named(stages, name),
    }
}

/// The stages from which the instructions of one copy or mount.
fn lenders(stages: &[Stage], at: usize) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    for one in &stages[at].instructions {
        let mounted = one.mounts().into_iter().filter_map(|mut mount| mount.remove("from"));
        let copied = one.flag("from").map(str::to_owned);
        for name in copied.into_iter().chain(mounted) {
            if name.contains('$') {
                return None;
            }
            found.extend(stages::named(&stages[..at], &name));
        }
    }
    Some(found)
}

/// What the instructions of a stage do with files, and those of the stages it starts from.
fn acts(stages: &[Stage], at: usize, question: &Question<'_>) -> Option<Vec<(usize, Act)>> {
    let chain = chain(stages, at);
    let base = &stages[*chain.first()?].base;
    let mut scope = match base.as_str() {
        "scratch" => Scope::default(),
        name => question.bases.get(name).filter(|base| !base.triggers).map(Scope::of)?,
    };
    // Who made the image below may have worked in its directory.
    let mut found = vec![(chain[0], Act::Run(scope.filled_by(&Instruction::default())))];
    for at in chain {
        scope.begin_stage();
        for one in &stages[at].instructions {
            let word = one.word.as_str();
            match word {
                "RUN" => {
                    let sources = mounted(one, &scope)?;
                    if !sources.is_empty() {
                        found.push((at, Act::Local(Local { sources, ..Local::default() })));
                    }
                    found.push((at, Act::Run(scope.filled_by(one))));
                }
                "COPY" | "ADD" => {
                    found.extend(copied(one, &mut scope)?.into_iter().map(|act| (at, act)));
                }
                // For those who build on it, of which there are none here.
                "ONBUILD" if stages.iter().all(|stage| stage.parent != Some(at)) => {}
                _ if QUIET.contains(&word) => {
                    scope.note(one, question.arguments, &stages[at].outer);
                }
                _ => return None,
            }
        }
    }
    Some(found)
}

/// The files of the context that are mounted while something runs.
fn mounted(one: &Instruction, scope: &Scope) -> Option<Vec<String>> {
    let mut sources = Vec::new();
    for mount in one.mounts() {
        let kind = mount.get("type").map_or("bind", String::as_str);
        if kind != "bind" || mount.contains_key("from") {
            continue;
        }
        let source = mount.get("source").or_else(|| mount.get("src"));
        sources.push(clean(&scope.expand(source.map_or("", String::as_str))?));
    }
    Some(sources)
}

/// What `COPY` and `ADD` do. `None` where it is not known what they take.
fn copied(one: &Instruction, scope: &mut Scope) -> Option<Vec<Act>> {
    let mut words = one.words();
    let place = words.pop().and_then(|word| scope.expand(&word));
    let place = place.and_then(|place| scope.resolve(&place));
    let path = place.as_ref().map(|place| place.path.clone());
    if one.flag("from").is_some() {
        return Some(vec![Act::Foreign(path)]);
    }
    let mut local = Local { place, ..Local::default() };
    for flag in &one.flags {
        let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
        match (name, value) {
            ("--chown", owner) => {
                local.owner = scope.expand(owner);
                local.more |= local.owner.is_none();
            }
            ("--chmod", mode) => {
                local.mode = u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777);
                local.more |= local.mode.is_none();
            }
            ("--link", "" | "true" | "false") | ("--checksum" | "--keep-git-dir", _) => {}
            // They change which files come where.
            ("--exclude" | "--parents" | "--unpack", _) => {
                local.more = true;
                local.place = None;
            }
            _ => return None,
        }
    }
    let inline = !one.documents.is_empty();
    let mut foreign = false;
    for word in words {
        if inline && word.contains("<<") || one.word == "ADD" && is_remote(&word) {
            foreign = true;
        } else {
            local.sources.push(clean(&scope.expand(&word)?));
        }
    }
    if let Some(place) = &mut local.place {
        let several = local.sources.len() > 1 || local.sources.iter().any(|one| is_pattern(one));
        place.directory |= several || scope.is_directory(&place.path);
        // Archives among them would be unpacked.
        place.archives = one.word == "ADD";
    }
    let mut acts = Vec::new();
    if foreign || local.place.is_none() {
        acts.push(Act::Foreign(path.filter(|_| local.place.is_some())));
    }
    if !local.sources.is_empty() {
        acts.push(Act::Local(local));
    }
    Some(acts)
}

/// What a pattern may be made of.
pub(crate) fn is_pattern(source: &str) -> bool {
    source.contains(['*', '?', '[', '\\'])
}

fn is_remote(word: &str) -> bool {
    ["http://", "https://", "git@", "git://", "ssh://"].iter().any(|start| word.starts_with(start))
}

/// Whether a Dockerfile's text is one of the reference's syntax.
fn is_known(text: &str) -> bool {
    directive(text, "syntax").is_none_or(|syntax| {
        let known = syntax.strip_prefix("docker.io/").unwrap_or(&syntax);
        known.strip_prefix(SYNTAX).is_some_and(|rest| {
            !rest.contains("labs")
                && rest.chars().next().is_none_or(|c| matches!(c, '.' | '@' | '-'))
        })
    })
}

#[cfg(test)]
mod tests;
