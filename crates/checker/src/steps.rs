//! All steps of a module or a block, and the names that they bind. Must not know files, nor what becomes of a step.

use std::collections::BTreeSet;

use crate::outline::{Name, Outline, Step, Try};

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
pub(crate) fn bound(steps: &[Step]) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    each(steps, &mut |step| {
        bound_by(step, &mut |name| {
            names.insert(name.into());
        });
    });
    names
}

/// The names of the module that a step binds itself, whatever is in it.
pub(crate) fn bound_by(step: &Step, act: &mut dyn FnMut(&str)) {
    match step {
        Step::Bind(bind) if !bind.is_local => act(&bind.name),
        Step::Class(class) if !class.is_local => act(&class.name),
        Step::Import(import) if !import.is_local => act(import.bound()),
        Step::From(from) if !from.is_local => from.names.iter().for_each(|name| act(name.bound())),
        _ => {}
    }
}

/// Whether a step binds a name of the module itself.
pub(crate) fn binds(step: &Step, name: &str) -> bool {
    let mut is_it = false;
    bound_by(step, &mut |bound| is_it |= bound == name);
    is_it
}
