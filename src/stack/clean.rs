//! Starting fresh: what `up --clean` removes first. Owns the question about volumes; Compose does the removing.

use std::io::IsTerminal as _;

use super::{Launcher, Volumes};
use crate::failure::Failure;

/// Removes the project's containers, and its named volumes where the user agrees; where services are named, their
/// containers and nothing else: volumes and networks may be others' too.
pub(super) fn clean(
    launcher: &Launcher<'_>,
    services: &[String],
    volumes: Volumes,
) -> Result<(), Failure> {
    if !services.is_empty() {
        let services = services.iter().map(String::as_str);
        let arguments = ["rm", "--stop", "--force"].into_iter().chain(services.clone());
        launcher.compose(&arguments.collect::<Vec<_>>())?;
        let services = services.collect::<Vec<_>>().join(", ");
        launcher.ui().note(format!("Removed the containers of {services} (volumes are kept)"));
        return Ok(());
    }
    let volumes = volumes == Volumes::Remove || {
        let ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        ask && launcher.ui().ask("Remove the project's named volumes and their data too?")
    };
    let arguments: &[&str] = if volumes { &["down", "--volumes"] } else { &["down"] };
    launcher.compose(arguments)?;
    let kept =
        if volumes { "and named volumes" } else { "(named volumes are kept; --yes removes them)" };
    launcher.ui().note(format!("Removed containers {kept}"));
    Ok(())
}
