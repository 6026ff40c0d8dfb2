//! Commands of compose files that are run in containers. Owns how one is run and how its failure is told; must not know
//! when one is due.

use std::time::Duration;

use crate::code::not_put;
use crate::compose_file::Hook;
use crate::engine::{Container, ExecOutcome, ExecWanted, Services};
use crate::error::Error;

/// How long one may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// Runs a command that a compose file names, to its end.
///
/// # Errors
/// [`Error::HookFailed`] with what it printed, where it does not end well.
pub async fn run<E: Services>(engine: &E, container: &Container, hook: &Hook) -> Result<(), Error> {
    let set =
        |(name, value): (&String, &Option<String>)| Some(format!("{name}={}", value.as_ref()?));
    let wanted = ExecWanted {
        argv: hook.command.clone(),
        user: hook.user.clone(),
        privileged: hook.privileged,
        working_dir: hook.working_dir.clone(),
        environment: hook.environment.iter().filter_map(set).collect(),
    };
    let ended = engine.exec_as(&container.id, &wanted, PATIENCE).await;
    let said = match ended.map_err(|error| not_put(container, error))? {
        ExecOutcome::Ended { code: 0, .. } => return Ok(()),
        ExecOutcome::Ended { code, output } => format!("ended with {code}: {output}"),
        ExecOutcome::TimedOut => format!("goes on for more than {} s", PATIENCE.as_secs()),
    };
    let reason = format!("`{}` {said}", hook.command.join(" "));
    Err(Error::HookFailed { container: container.name.clone(), reason })
}
