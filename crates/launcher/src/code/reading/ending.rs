//! What an image starts with, as far as its Dockerfile says: words, directory, variables. Must not know files.

use std::collections::BTreeMap;

use super::scope::Scope;
use super::stages::stages;
use super::{Question, chain, target};
use crate::dockerfile::Instruction;

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
}

/// How the target ends; `None` where the text is not understood.
pub(crate) fn ending(question: &Question<'_>) -> Option<Ending> {
    let stages = stages(question)?;
    let chain = chain(&stages, target(&stages, question.target)?);
    let base = stages[*chain.first()?].base.as_str();
    let mut scope = question.bases.get(base).map(Scope::of).unwrap_or_default();
    let mut ending = Ending::default();
    for at in chain {
        scope.begin_stage();
        for one in &stages[at].instructions {
            match one.word.as_str() {
                "CMD" => ending.command = Some(words(one)),
                "ENTRYPOINT" => ending.entrypoint = Some(words(one)),
                _ => scope.note(one, question.arguments, &stages[at].outer),
            }
        }
    }
    (ending.directory, ending.environment) = scope.into_parts();
    Some(ending)
}

/// The words of an instruction: an array, else a line for the shell.
fn words(one: &Instruction) -> Vec<String> {
    let array = serde_json::from_str::<Vec<String>>(&one.rest);
    array.unwrap_or_else(|_not_json| vec!["/bin/sh".into(), "-c".into(), one.rest.clone()])
}
