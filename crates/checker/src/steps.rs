//! All steps of a module or a block, and the names that they bind. Must not know files, nor what becomes of a step.

use std::collections::BTreeSet;

use crate::outline::{Imported, Outline, Step, Try};

/// Each step of a module, of its functions too.
pub(crate) fn each_step(outline: &Outline, act: &mut dyn FnMut(&Step)) {
    each(&outline.body, act);
    for function in &outline.functions {
        each(&function.body, act);
    }
}

/// Each of these steps, with those inside of them.
pub(crate) fn each(steps: &[Step], act: &mut dyn FnMut(&Step)) {
    for step in steps {
        act(step);
        match step {
            Step::Branch { then, otherwise, .. } => {
                each(then, act);
                each(otherwise, act);
            }
            Step::Loop { body, orelse, .. } => {
                each(body, act);
                each(orelse, act);
            }
            Step::Try(attempt) => {
                let Try { body, handlers, orelse, finally } = &**attempt;
                each(body, act);
                for handler in handlers {
                    each(&handler.body, act);
                }
                each(orelse, act);
                each(finally, act);
            }
            Step::Class(class) => each(&class.body, act),
            Step::Perhaps(steps) => each(steps, act),
            _ => {}
        }
    }
}

/// The names of the module that these steps may bind.
pub(crate) fn bound(steps: &[Step]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    each(steps, &mut |step| names.extend(bound_by(step).into_iter().map(str::to_owned)));
    names
}

/// The names of the module that a step binds itself, whatever is in it.
pub(crate) fn bound_by(step: &Step) -> Vec<&str> {
    match step {
        Step::Bind(bind) if !bind.is_local => vec![&bind.name],
        Step::Class(class) if !class.is_local => vec![&class.name],
        Step::Import(import) if !import.is_local => vec![import.bound()],
        Step::From(from) if !from.is_local => from.names.iter().map(Imported::bound).collect(),
        _ => Vec::new(),
    }
}

/// Whether a module may have a name by its own text.
pub(crate) fn may_bind(outline: &Outline, name: &str) -> bool {
    let mut may = outline.is_open || outline.globals.iter().any(|global| global == name);
    each(&outline.body, &mut |step| {
        let binds = bound_by(step).iter().any(|bound| [name, "__getattr__"].contains(bound));
        may |= binds || matches!(step, Step::From(from) if from.names.is_empty());
    });
    may
}
