//! The command line, read, and what its parser says: help, versions, and refusals that repeat what was given. Owns that
//! such a repetition cannot steer the terminal; must not know any option.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use pyfast_terminal::{Form, escaped};
use pyfast_usage::{Read, Reading, without_colors};

/// Reads the command line; says what is wrong with it, or what was asked about it, and gives the exit code that belongs to
/// that.
pub(crate) fn parse_arguments<Arguments: Parser>(
    reading: &Reading<'_>,
) -> Result<Read<Arguments>, ExitCode> {
    let words: Vec<OsString> = std::env::args_os().collect();
    reading.read(&words).map_err(|said| show(&said))
}

/// Reads words that were typed, with variables for what they do not say.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn parse_words<Arguments: Parser>(
    words: impl Iterator<Item = OsString>,
) -> Result<Arguments, clap::Error> {
    pyfast_usage::parse(Arguments::command(), words, &variable)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the parser reads variables by itself: what they say must be known before it does"
)]
pub(crate) fn variable(name: &OsStr) -> Option<OsString> {
    std::env::var_os(name)
}

fn show(said: &clap::Error) -> ExitCode {
    let plain = without_colors(&said.render().ansi().to_string());
    let shown = escaped(&plain, Form::People);
    let _ = if shown == plain {
        said.print()
    } else {
        // The value of a variable. Its own colours are lost, which whoever sets such values can do without.
        std::io::stderr().lock().write_all(shown.as_bytes())
    };
    u8::try_from(said.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
