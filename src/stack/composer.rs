//! Calling the user's own Compose for a project. Owns what an interrupt does to it; which calls there are is others', its
//! command line is the launcher's.

use std::time::Duration;

use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::composer::Composer;
use pyfast_launcher::engine::Engine as _;

use super::Launcher;
use crate::failure::{Code, Failure};
use pyfast_crew::interrupt::{Ended, Interrupts, patiently};
use pyfast_settings::Variables;

/// How long an interrupted Compose has to finish what it is doing. One that is killed while it recreates a container
/// leaves a renamed one behind.
const PATIENCE: Duration = Duration::from_secs(10);

/// The user's Compose.
pub(crate) fn find(environment: &Variables) -> Option<Composer> {
    let config = pyfast_crew::engine::docker_config(environment);
    let path = environment.get("PATH").unwrap_or_default();
    Composer::find(path.as_ref(), config.as_deref())
}

impl Launcher<'_> {
    /// The user's Compose, or what to do without one.
    pub(crate) fn composer(&self) -> Result<Composer, Failure> {
        find(&self.settings.variables).ok_or_else(|| {
            Failure::new(
                "no-compose",
                "cannot create containers: neither `docker compose` nor `docker-compose` is there"
                    .to_owned(),
                Code::Usage,
            )
            .hint("install Docker's Compose plugin, or `docker-compose` in PATH")
        })
    }

    /// Calls Compose for the project, the override included.
    pub(crate) fn compose(&self, arguments: &[&str]) -> Result<String, Failure> {
        let composer = self.composer()?;
        let call = self.stack.call(self.connection.engine.host().clone());
        let act = composer.run(&call, arguments, &self.stack.variables);
        let said = match arguments.first() {
            // A build that is given up leaves nothing half-made.
            Some(&"build") => self.connection.wait(act)?,
            first => self.patient(act, composer.name(), first.unwrap_or(&""))?,
        };
        for line in said.lines().filter(|line| !line.trim().is_empty()) {
            self.ui().detail(format!("{}: {line}", composer.name()));
        }
        Ok(said)
    }

    /// Waits for an act of Compose; interrupted, until it is done with it, for a while.
    fn patient(
        &self,
        act: impl Future<Output = Result<String, LaunchError>>,
        name: &str,
        subcommand: &str,
    ) -> Result<String, Failure> {
        let told = || {
            self.ui().warning(format!(
                "interrupted: {name} may finish what it is doing, for at most {} s; Ctrl-C again kills it",
                PATIENCE.as_secs()
            ));
        };
        let mut interrupts = Interrupts::take();
        let ended = self
            .connection
            .runtime
            .block_on(async { patiently(act, &mut interrupts, PATIENCE, told).await });
        let interrupted = Failure::interrupted();
        Err(match ended {
            Ended::Done(said) => return Ok(said?),
            Ended::Late(Ok(_)) => interrupted
                .hint(format!("{name} was done with `{subcommand}`; do the same again to go on")),
            Ended::Late(Err(error)) => interrupted.cause(error.to_string()),
            Ended::GivenUp => interrupted
                .cause(format!("{name} was killed, and may have left containers half-made"))
                .hint("`pyfast ps` shows what there is; `pyfast down` removes it"),
        })
    }
}
