//! Commands of Compose that this program has nothing to add to: they are passed on, with the project's own override.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;

use crate::args::StackArgs;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use crate::stack::open;

/// The commands.
pub(crate) const PASSED: [&str; 8] =
    ["build", "config", "cp", "exec", "pull", "start", "stop", "top"];

/// Puts Compose in the place of this process.
pub(crate) fn run(words: &[OsString], settings: &Settings) -> Result<ExitCode, Failure> {
    let stack = open(settings, &StackArgs::default(), &[])?;
    let mut command = stack.compose_instead(words)?;
    let error = command.exec();
    let program = command.get_program().display().to_string();
    Err(Failure::new("no-compose", format!("cannot run `{program}`: {error}"), Code::Usage))
}
