//! The project's containers as the user sees them: what `up`, `down`, `restart`, `ps` and `logs` say. Owns the words;
//! what is done, and in which order, is `pyfast_stack`'s.

pub(crate) mod check;
mod events;
mod plan;
mod start;
pub(crate) mod up;
pub(crate) mod watch;

use pyfast_stack::Stack;

use crate::args::StackArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use events::Shown;

/// Reads the project as far as these services need it, and reaches the engine.
pub(crate) fn open<'a>(
    settings: &'a Settings,
    args: &StackArgs,
    services: &[String],
) -> Result<Stack<'a>, Failure> {
    let shown = Shown::new(settings.ui);
    Ok(Stack::open(settings, &args.flags(), services, &shown.events())?)
}
