//! Calling the user's own Compose for a project. Owns what an interrupt does to it; which calls there are is others', its
//! command line is the launcher's.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use pyfast_crew::interrupt::{Ended, Interrupts, patiently};
use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::composer::Composer;
use pyfast_launcher::engine::Engine as _;

use crate::compose_version::find;
use crate::error::{Error, Interruption};
use crate::event::Event;
use crate::stack::Stack;

/// Commands of Compose that there is nothing to add to.
pub const PASSED: [&str; 8] = ["build", "config", "cp", "exec", "pull", "start", "stop", "top"];

/// How long an interrupted Compose has to finish what it is doing. One that is killed while it recreates a container
/// leaves a renamed one behind.
const PATIENCE: Duration = Duration::from_secs(10);

impl Stack<'_> {
    /// The user's Compose.
    pub(crate) fn composer(&self) -> Result<Composer, Error> {
        find(&self.settings.variables).ok_or(Error::NoCompose)
    }

    /// Calls Compose for the project, the override included.
    ///
    /// # Errors
    /// [`Error::NoCompose`], what it fails with, and [`Error::Interrupted`].
    pub fn compose(&self, arguments: &[&str]) -> Result<String, Error> {
        let composer = self.composer()?;
        self.mend_override()?;
        let call = self.description.call(self.connection.engine.host().clone());
        let act = composer.run(&call, arguments, &self.description.variables);
        let said = match arguments.first() {
            // A build that is given up leaves nothing half-made.
            Some(&"build") => self.connection.wait(act)?,
            first => self.patient(act, composer.name(), first.unwrap_or(&""))?,
        };
        for line in said.lines().filter(|line| !line.trim().is_empty()) {
            self.tell(Event::ComposeSaid { composer: composer.name(), line: line.to_owned() });
        }
        Ok(said)
    }

    /// Has Compose take this process' place, for the project with its override. It comes back with what is in the way.
    pub fn leave_to_compose(&self, arguments: &[OsString]) -> Error {
        let composer = match self.composer() {
            Ok(composer) => composer,
            Err(error) => return error,
        };
        if let Err(error) = self.mend_override() {
            return error;
        }
        let call = self.description.call(self.connection.engine.host().clone());
        let mut command = composer.instead(&call, arguments, &self.description.variables);
        let source = command.exec();
        LaunchError::ComposeCall { command: composer.name().to_owned(), source }.into()
    }

    /// Waits for an act of Compose; interrupted, until it is done with it, for a while.
    fn patient(
        &self,
        act: impl Future<Output = Result<String, LaunchError>>,
        composer: &'static str,
        subcommand: &str,
    ) -> Result<String, Error> {
        let told = || self.tell(Event::ComposeInterrupted { composer, patience: PATIENCE });
        let mut interrupts = Interrupts::take();
        let ended = self
            .connection
            .runtime
            .block_on(async { patiently(act, &mut interrupts, PATIENCE, told).await });
        let ended = match ended {
            Ended::Done(said) => return Ok(said?),
            Ended::Late(Ok(_)) => Interruption::Done,
            Ended::Late(Err(error)) => Interruption::Failed(Box::new(error)),
            Ended::GivenUp => Interruption::Killed,
        };
        Err(Error::Interrupted { composer, subcommand: subcommand.to_owned(), ended })
    }
}
