//! What an image starts with, as far as its Dockerfile says: words, directory, variables. Must not know files.

use std::collections::BTreeMap;

use super::scope::Scope;
use super::stages::stages;
use super::{Question, chain, target};
use crate::dockerfile::Instruction;
use crate::dockerfile::shell::{commands, programs};
use crate::installs::is_installer;

/// What the instructions of a target's stages leave behind; nothing is known of what the image below has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The words that come first; `None` where no instruction says any.
    pub(crate) entrypoint: Option<Vec<String>>,
    /// The words behind them; `None` where no instruction says any.
    pub(crate) command: Option<Vec<String>>,
    /// The working directory; `None` where it is not certain.
    pub(crate) directory: Option<String>,
    /// Variables that are set; `None` is a value that is not certain.
    pub(crate) environment: BTreeMap<String, Option<String>>,
    /// Whether a command that runs after files were copied may make others beside them.
    pub(crate) makes_files: bool,
    /// Where sources of somebody else's are put; empty for where the command runs.
    pub(crate) fetched: Vec<String>,
}

/// Programs that make no modules of a project, besides what installs packages.
const LEAVE: [&str; 26] = [
    ":",
    "[",
    "addgroup",
    "adduser",
    "apk",
    "apt",
    "apt-get",
    "cd",
    "chmod",
    "chown",
    "dnf",
    "echo",
    "export",
    "groupadd",
    "ldconfig",
    "mkdir",
    "pip",
    "pip3",
    "rm",
    "rmdir",
    "set",
    "test",
    "true",
    "update-ca-certificates",
    "useradd",
    "usermod",
];

/// How the target ends; `None` where the text is not understood.
pub(crate) fn ending(question: &Question<'_>) -> Option<Ending> {
    let stages = stages(question)?;
    let chain = chain(&stages, target(&stages, question.target)?);
    let base = stages[*chain.first()?].base.as_str();
    let mut scope = question.bases.get(base).map(Scope::of).unwrap_or_default();
    let mut ending = Ending::default();
    let mut has_files = false;
    for at in chain {
        scope.begin_stage();
        for one in &stages[at].instructions {
            match one.word.as_str() {
                "CMD" => ending.command = Some(words(one)),
                "ENTRYPOINT" => ending.entrypoint = Some(words(one)),
                "COPY" | "ADD" => has_files = true,
                "RUN" => {
                    ending.makes_files |= has_files && may_make_files(one);
                    ending.fetched.extend(fetched(one));
                }
                _ => scope.note(one, question.arguments, &stages[at].outer),
            }
        }
    }
    (ending.directory, ending.environment) = scope.into_parts();
    Some(ending)
}

/// Whether a command may make modules of a project: a generator, a compiler, a download, a script of which nothing is known.
fn may_make_files(one: &Instruction) -> bool {
    let array = serde_json::from_str::<Vec<String>>(&one.rest);
    let all = array.map_or_else(|_not_json| commands(&one.rest), |words| vec![words]);
    let leaves = |words: &Vec<String>| {
        let called = programs(words);
        !called.is_empty() && called.iter().all(|words| leaves_files(words))
    };
    // What a here-document says is not read.
    let writes = one.rest.contains('>') && one.rest.contains(".py");
    writes || !one.documents.is_empty() || !all.iter().all(leaves)
}

/// Where a command puts what it clones.
fn fetched(one: &Instruction) -> Vec<String> {
    let calls = commands(&one.rest).into_iter();
    let clones = calls.filter(|words| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        matches!(words[..], ["git" | "hg", "clone", ..] | ["svn", "checkout" | "co", ..])
    });
    let into = |words: Vec<String>| {
        let last = words.last().filter(|last| last.starts_with('/'));
        last.cloned().unwrap_or_default()
    };
    clones.map(into).collect()
}

fn leaves_files(call: &[String]) -> bool {
    let words: Vec<&str> = call.iter().map(String::as_str).collect();
    let makes_none = match words[..] {
        ["python" | "python3", "-m", "compileall" | "ensurepip" | "venv", ..]
        | ["python" | "python3", "manage.py", "collectstatic" | "compilemessages" | "check", ..]
        | ["poetry" | "pdm" | "pipenv", "config" | "lock", ..] => true,
        _ => words.first().is_none_or(|program| LEAVE.contains(program)),
    };
    makes_none || is_installer(call)
}

/// The words of an instruction: an array, else a line for the shell.
fn words(one: &Instruction) -> Vec<String> {
    let array = serde_json::from_str::<Vec<String>>(&one.rest);
    array.unwrap_or_else(|_not_json| vec!["/bin/sh".into(), "-c".into(), one.rest.clone()])
}
