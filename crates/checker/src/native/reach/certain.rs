//! What of a module's steps is certain. Must not know which modules there are.

use crate::outline::{Outline, Step, Stop, Try};
use crate::reached::absolute;
use crate::steps;

/// Whether a module may have a name by itself, so that no submodule is imported for it. That it imports the submodule itself
/// does not count.
pub(super) fn may_bind(outline: &Outline, module: &str, name: &str) -> bool {
    let mut may = outline.is_open || outline.globals.iter().any(|global| global == name);
    steps::each(&outline.body, &mut |step| {
        may |= match step {
            Step::Bind(bind) => !bind.is_local && [name, "__getattr__"].contains(&&*bind.name),
            Step::Class(class) => !class.is_local && class.name == name,
            Step::Import(import) => import.bound() == name,
            Step::From(from) => {
                let is_itself = absolute(from, module).is_some_and(|from| from == module);
                let mut others = from.names.iter().filter(|one| !is_itself || one.name != name);
                from.names.is_empty() || others.any(|one| one.bound() == name)
            }
            _ => false,
        };
    });
    may
}

/// Whether a `try` goes on without what is imported in it. A handler that only says it better does not.
pub(super) fn goes_on(attempt: &Try) -> bool {
    attempt.handlers.iter().any(|handler| {
        // The name of what is handled goes behind everything else.
        let last = handler.body.iter().rfind(|step| !matches!(step, Step::Unbind(_)));
        let raises = matches!(last, Some(Step::Stop(Stop::Raises(_))));
        let mut else_imports = false;
        steps::each(&handler.body, &mut |step| {
            else_imports |= matches!(step, Step::Import(_) | Step::From(_));
        });
        !raises || else_imports
    })
}

/// Whether these steps, taken or not, may be the last ones that are certain.
pub(super) fn may_end(steps: &[Step], is_own: bool) -> bool {
    let mut ends = false;
    steps::each(steps, &mut |step| {
        ends |= match step {
            Step::Stop(Stop::Exits) => true,
            Step::Stop(Stop::Raises(_)) => is_own,
            step => is_own && changes_modules(step),
        };
    });
    ends
}

/// Whether another module may stand where a later import looks.
pub(super) fn changes_modules(step: &Step) -> bool {
    match step {
        Step::OpensModules => true,
        Step::SetItem(item) => item.of.path.iter().any(|name| name == "modules"),
        Step::Call(call) => call.called.path.iter().any(|name| {
            name.starts_with("install_as") || name == "compat" || name == "load_library"
        }),
        _ => false,
    }
}
