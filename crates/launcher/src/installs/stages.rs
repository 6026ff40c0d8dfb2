//! A Dockerfile's stages with what their instructions do, each with its lines. Owns the reading; decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::command::Act;
use super::script::{Command, Form, Joint, Script, Word, script};
use crate::dockerfile::shell::{commands as calls_of, expand, is_shell, programs};
use crate::dockerfile::{Instruction, directive, instructions, stage_named};

/// A stage.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: String,
    /// The stage that it starts from.
    pub(super) parent: Option<usize>,
    /// The stages that it copies or mounts from.
    pub(super) lenders: BTreeSet<usize>,
    /// The lines of its `FROM`.
    pub(super) lines: Range<usize>,
    pub(super) steps: Vec<Step>,
    directory: String,
    variables: BTreeMap<String, String>,
}

/// An instruction.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) lines: Range<usize>,
    /// All of its text in one line, in single blanks.
    pub(super) text: String,
    /// The stages that it mounts files from.
    pub(super) mounts: BTreeSet<usize>,
    pub(super) does: Does,
}

/// What an instruction does.
#[derive(Debug)]
pub(super) enum Does {
    /// It runs commands, each with what that is.
    Runs(Vec<(Command, Act)>),
    /// It copies.
    Copies(Copies),
    /// It sets variables; at least one.
    Sets(Vec<Variable>),
    /// It says how a container starts, or is asked whether it is well.
    Starts(Vec<String>),
    /// Nothing of interest.
    Other,
}

/// What an instruction copies.
#[derive(Debug)]
pub(super) struct Copies {
    /// The stage that it copies from.
    pub(super) from: Option<usize>,
    /// The image, or what else, that it copies from.
    pub(super) image: Option<String>,
    pub(super) sources: Vec<String>,
    /// Where to, absolute.
    pub(super) target: String,
}

/// A command with where it is.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) stage: usize,
    pub(super) step: usize,
    pub(super) number: usize,
    pub(super) command: &'a Command,
    pub(super) act: &'a Act,
}

impl At<'_> {
    /// Stage, instruction and number.
    pub(super) fn place(&self) -> (usize, usize, usize) {
        (self.stage, self.step, self.number)
    }
}

/// All commands of stages, in their order.
pub(super) fn commands(stages: &[Stage]) -> impl Iterator<Item = At<'_>> {
    let steps = stages.iter().enumerate().flat_map(|(stage, found)| {
        found.steps.iter().enumerate().map(move |(step, one)| (stage, step, one))
    });
    steps.flat_map(|(stage, step, one)| {
        let commands: &[(Command, Act)] = match &one.does {
            Does::Runs(commands) => commands,
            _ => &[],
        };
        commands.iter().enumerate().map(move |(number, (command, act))| At {
            stage,
            step,
            number,
            command,
            act,
        })
    })
}

/// A variable that an instruction sets.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    /// Where it stands in the text; `None` where it cannot be taken out by itself.
    pub(super) place: Option<Range<usize>>,
}

/// A text with the places of its lines.
pub(super) struct Lines<'a> {
    pub(super) text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let ends = text.split_inclusive('\n').scan(0, |at, line| {
            *at += line.len();
            Some(*at)
        });
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// Lines as bytes.
    pub(super) fn bytes(&self, lines: &Range<usize>) -> Range<usize> {
        let at = |line: usize| self.starts.get(line).copied().unwrap_or(self.text.len());
        at(lines.start)..at(lines.end)
    }

    /// The line that a byte is in.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    pub(super) fn line(&self, number: usize) -> &'a str {
        &self.text[self.bytes(&(number..number + 1))]
    }
}

/// Reads a text. `arguments` are those of the build.
pub(super) fn stages(
    lines: &Lines<'_>,
    arguments: &BTreeMap<String, Option<String>>,
) -> Vec<Stage> {
    let escape = if directive(lines.text, "escape").as_deref() == Some("`") { '`' } else { '\\' };
    let mut stages: Vec<Stage> = Vec::new();
    let mut outer = BTreeMap::new();
    for one in instructions(lines.text) {
        match (one.word.as_str(), stages.last_mut()) {
            ("FROM", _) => {
                let stage = begun(&one, &outer, &stages);
                stages.push(stage);
            }
            ("ARG", None) => argument(&one, arguments, &BTreeMap::new(), &mut outer),
            (_, None) => {}
            (_, Some(_)) => {
                let Some((stage, before)) = stages.split_last_mut() else { continue };
                stage.note(&one, arguments, &outer);
                let reader = Reader { lines, escape, stage, before };
                let does = reader.read(&one);
                let mounts = mounted(&one).into_iter().filter_map(|name| index(before, &name));
                let mounts: BTreeSet<usize> = mounts.collect();
                stage.lenders.extend(&mounts);
                stage.lenders.extend(one.flag("from").and_then(|name| index(before, name)));
                if let Does::Copies(copies) = &does {
                    stage.lenders.extend(copies.from);
                }
                stage.steps.push(Step {
                    lines: one.lines.clone(),
                    text: whole(&one),
                    mounts,
                    does,
                });
            }
        }
    }
    stages
}

/// All that an instruction says.
fn whole(one: &Instruction) -> String {
    let parts = std::iter::once(&one.word).chain(&one.flags).chain([&one.rest]);
    let words = parts.chain(&one.documents).flat_map(|part| part.split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}

/// The stage of a name or number.
pub(super) fn index(stages: &[Stage], name: &str) -> Option<usize> {
    stage_named(stages.iter().map(|stage| stage.name.as_str()), name)
}

fn begun(one: &Instruction, outer: &BTreeMap<String, String>, stages: &[Stage]) -> Stage {
    let rest = expand(&one.rest, &|name| outer.get(name).cloned());
    let mut words = rest.split_whitespace();
    let base = words.next().unwrap_or_default();
    let named = |stage: &Stage| !stage.name.is_empty() && stage.name.eq_ignore_ascii_case(base);
    let parent = stages.iter().rposition(named);
    let below = parent.map(|at| &stages[at]);
    Stage {
        name: words.nth(1).unwrap_or_default().to_owned(),
        parent,
        lenders: BTreeSet::new(),
        lines: one.lines.clone(),
        steps: Vec::new(),
        directory: below.map_or_else(|| "/".to_owned(), |stage| stage.directory.clone()),
        variables: below.map(|stage| stage.variables.clone()).unwrap_or_default(),
    }
}

/// What `ARG` says.
fn argument(
    one: &Instruction,
    given: &BTreeMap<String, Option<String>>,
    outer: &BTreeMap<String, String>,
    known: &mut BTreeMap<String, String>,
) {
    let (name, default) = match one.rest.split_once('=') {
        Some((name, default)) => (name.trim(), Some(default.trim().trim_matches(['"', '\'']))),
        None => (one.rest.trim(), None),
    };
    let default = default.map(|text| expand(text, &|name| known.get(name).cloned()));
    let value = given.get(name).cloned().flatten().or(default).or_else(|| outer.get(name).cloned());
    if let Some(value) = value.filter(|value| !value.contains('$')) {
        known.insert(name.to_owned(), value);
    }
}

/// The stages and images that files are mounted from.
fn mounted(one: &Instruction) -> Vec<String> {
    one.mounts().into_iter().filter_map(|mut mount| mount.remove("from")).collect()
}

impl Stage {
    /// Takes note of what an instruction says of variables and the directory.
    fn note(
        &mut self,
        one: &Instruction,
        given: &BTreeMap<String, Option<String>>,
        outer: &BTreeMap<String, String>,
    ) {
        match one.word.as_str() {
            "ARG" => argument(one, given, outer, &mut self.variables),
            "WORKDIR" => {
                let path = expand(&one.rest, &|name| self.variables.get(name).cloned());
                self.directory = self.absolute(path.trim_matches(['"', '\'']));
            }
            _ => {}
        }
    }

    /// A path of the image, seen from the working directory.
    pub(super) fn absolute(&self, path: &str) -> String {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        match path {
            "" | "." => self.directory.clone(),
            path if path.starts_with(['/', '~', '$']) => path.to_owned(),
            path => format!("{}/{path}", self.directory.trim_end_matches('/')),
        }
    }
}

struct Reader<'a, 'b> {
    lines: &'a Lines<'b>,
    escape: char,
    stage: &'a mut Stage,
    before: &'a [Stage],
}

impl Reader<'_, '_> {
    fn read(self, one: &Instruction) -> Does {
        match one.word.as_str() {
            "RUN" => Does::Runs(self.run(one)),
            "COPY" | "ADD" if one.documents.is_empty() => {
                let known = |name: &str| self.stage.variables.get(name).cloned();
                let mut sources: Vec<String> =
                    one.words().iter().map(|word| expand(word, &known)).collect();
                let target = sources.pop().unwrap_or_default();
                let target = self.stage.absolute(&target);
                let from = one.flag("from").map(|name| expand(name, &known));
                let stage = from.as_deref().and_then(|name| index(self.before, name));
                let image = from.filter(|_| stage.is_none());
                Does::Copies(Copies { from: stage, image, sources, target })
            }
            "ENV" => match self.sets(one) {
                variables if variables.is_empty() => Does::Other,
                variables => Does::Sets(variables),
            },
            "CMD" | "ENTRYPOINT" | "HEALTHCHECK" => Does::Starts(self.starts(one)),
            _ => Does::Other,
        }
    }

    fn starts(&self, one: &Instruction) -> Vec<String> {
        let known = |name: &str| self.stage.variables.get(name).cloned();
        let rest = one.rest.strip_prefix("CMD").unwrap_or(&one.rest);
        let array = serde_json::from_str::<Vec<String>>(rest.trim());
        let lines = array.map_or_else(|_shell| calls_of(rest), |words| vec![words]);
        lines.into_iter().flatten().map(|word| expand(&word, &known)).collect()
    }

    /// The text behind an instruction's name, as words.
    fn script(&self, one: &Instruction) -> Script {
        let first = one.lines.start..one.lines.start + 1;
        let bytes = self.lines.bytes(if one.documents.is_empty() { &one.lines } else { &first });
        let raw = &self.lines.text[bytes.clone()];
        let own = raw.len() - raw.trim_start_matches('\u{feff}').trim_start().len();
        let end = bytes.start + raw.trim_end().len();
        let start = (bytes.start + own + one.word.len()).min(end);
        let known = |name: &str| self.stage.variables.get(name).cloned();
        script(self.lines.text, start..end, Form::Instruction(self.escape), &known)
    }

    fn run(&self, one: &Instruction) -> Vec<(Command, Act)> {
        if let Ok(words) = serde_json::from_str::<Vec<String>>(&one.rest) {
            let place = self.lines.bytes(&one.lines);
            let word = |text| Word { text, place: place.clone(), open: false, valued: false };
            if words.is_empty() {
                return Vec::new();
            }
            let command = Command { words: words.into_iter().map(word).collect(), joint: None };
            let act = Act::of(&command);
            return vec![(command, act)];
        }
        let mut script = self.script(one);
        if let Some(first) = script.commands.first_mut() {
            let flags = first.words.iter().take_while(|word| word.text.starts_with("--")).count();
            first.words.drain(..flags);
        }
        script.commands.retain(|command| !command.words.is_empty());
        if !one.documents.is_empty() {
            script = match self.document(one, &script) {
                Some(script) => script,
                None => Script { branches: true, ..script },
            };
        }
        if script.branches {
            return vec![self.branching(one, &script)];
        }
        let acts: Vec<Act> = script.commands.iter().map(Act::of).collect();
        let joints: Vec<_> = script.commands.iter().map(|command| command.joint).collect();
        let depends = |at: usize| {
            let next = joints.get(at + 1).copied().flatten();
            joints[at] == Some(Joint::Other) || next == Some(Joint::Other)
        };
        let checked = acts.into_iter().enumerate().map(|(at, act)| match act {
            Act::Installs(_) | Act::Prepares { .. } if depends(at) => {
                Act::Unclear("what else runs depends on it")
            }
            Act::System(_) if depends(at) => Act::Plain,
            act => act,
        });
        let checked: Vec<Act> = checked.collect();
        script.commands.into_iter().zip(checked).collect()
    }

    /// The script of a here-document, where a shell reads it and nothing else.
    fn document(&self, one: &Instruction, line: &Script) -> Option<Script> {
        let [command] = line.commands.as_slice() else { return None };
        let words = command.texts();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let reads = match words.as_slice() {
            [here] => here.starts_with("<<"),
            [program, flags @ .., here] => {
                is_shell(program)
                    && flags.iter().all(|flag| flag.starts_with('-'))
                    && here.starts_with("<<")
            }
            [] => false,
        };
        let below = one.lines.start + 1..one.lines.end.checked_sub(1)?;
        if !reads || one.documents.len() != 1 || below.is_empty() {
            return None;
        }
        let known = |name: &str| self.stage.variables.get(name).cloned();
        Some(script(self.lines.text, self.lines.bytes(&below), Form::Document, &known))
    }

    /// A script of which nothing can be taken out, as one command.
    fn branching(&self, one: &Instruction, script: &Script) -> (Command, Act) {
        let place = self.lines.bytes(&one.lines);
        let text =
            if one.documents.is_empty() { one.rest.clone() } else { one.documents.join("\n") };
        let keyword = |word: &String| {
            matches!(word.as_str(), "if" | "then" | "else" | "elif" | "do" | "while" | "!" | "{")
        };
        let ends =
            |word: &str| matches!(word, "fi" | "done" | "esac" | "}" | "[[" | "case" | "for");
        let calls = calls_of(&text)
            .into_iter()
            .map(|words| words.into_iter().skip_while(keyword).collect::<Vec<_>>());
        let calls: Vec<_> = calls
            .filter(|words| words.first().is_some_and(|word| !ends(word)))
            .flat_map(|words| programs(&words))
            .collect();
        let act = match Act::of_script(&calls) {
            Act::Unclear(_) => Act::Unclear("it stands among conditions, loops or documents"),
            act => act,
        };
        let words = script.commands.iter().flat_map(Command::texts);
        let words =
            words.map(|text| Word { text, place: place.clone(), open: true, valued: false });
        let words = words.collect();
        (Command { words, joint: None }, act)
    }

    fn sets(self, one: &Instruction) -> Vec<Variable> {
        let script = self.script(one);
        let [command] = script.commands.as_slice() else { return Vec::new() };
        let mut found = Vec::new();
        for word in &command.words {
            let Some((name, value)) = word.text.split_once('=') else { break };
            let (name, value) = (name.to_owned(), value.to_owned());
            found.push(Variable { name, value, place: Some(word.place.clone()) });
        }
        if let (true, [name, value @ ..]) = (found.is_empty(), command.words.as_slice()) {
            let value: Vec<_> = value.iter().map(|word| word.text.as_str()).collect();
            let (name, value) = (name.text.clone(), value.join(" "));
            found.push(Variable { name, value, place: None });
        }
        for variable in found.iter().filter(|variable| !variable.value.contains('$')) {
            self.stage.variables.insert(variable.name.clone(), variable.value.clone());
        }
        found
    }
}
