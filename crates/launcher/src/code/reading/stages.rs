//! The stages of a Dockerfile, each with what it starts from. Owns their names; must not know what instructions do.

use super::scope::Scope;
use super::{Question, instructions, is_known};
use crate::dockerfile::{Instruction, stage_named};

/// A stage.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: String,
    /// What it starts from, as named.
    pub(super) base: String,
    /// The stage that this is.
    pub(super) parent: Option<usize>,
    /// The arguments that stand before all stages.
    pub(super) outer: Scope,
    pub(super) instructions: Vec<Instruction>,
}

/// The stages of a text; `None` where it cannot be told what they start from.
pub(super) fn stages(question: &Question<'_>) -> Option<Vec<Stage>> {
    if !is_known(question.text) || question.arguments.contains_key("BUILDKIT_SYNTAX") {
        return None;
    }
    let mut stages: Vec<Stage> = Vec::new();
    let mut outer = Scope::default();
    for one in instructions(question.text) {
        match (one.word.as_str(), stages.last_mut()) {
            ("FROM", _) => {
                let mut words = one.rest.split_whitespace();
                let base = outer.expand(words.next()?)?;
                let name = match (words.next(), words.next(), words.next()) {
                    (None, ..) => "",
                    (Some(word), Some(name), None) if word.eq_ignore_ascii_case("AS") => name,
                    _ => return None,
                };
                let named = |stage: &Stage| {
                    !stage.name.is_empty() && stage.name.eq_ignore_ascii_case(&base)
                };
                let parent = stages.iter().rposition(named);
                let (name, outer) = (name.to_owned(), outer.clone());
                stages.push(Stage { name, base, parent, outer, instructions: Vec::new() });
            }
            ("ARG", None) => outer.note(&one, question.arguments, &Scope::default()),
            (_, None) => return None,
            (_, Some(stage)) => stage.instructions.push(one),
        }
    }
    (!stages.is_empty()).then_some(stages)
}

/// The stage of a name or number.
pub(super) fn named(stages: &[Stage], name: &str) -> Option<usize> {
    stage_named(stages.iter().map(|stage| stage.name.as_str()), name)
}
