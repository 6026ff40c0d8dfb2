//! What of a module's steps is certain. Must not know which modules there are.

use crate::outline::{Step, Stop, Try};
use crate::steps;

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
        Step::SetItem(item) => item.of.path.names().any(|name| name == "modules"),
        Step::Call(call) => call.called.path.names().any(|name| {
            name.starts_with("install_as") || name == "compat" || name == "load_library"
        }),
        _ => false,
    }
}
