//! The command line, read, and what its parser says: help, versions, and refusals that repeat what was given. Owns that
//! such a repetition cannot steer the terminal; must not know any option.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use pyfast_terminal::{Form, escaped};
use pyfast_usage::{Help, advise, before, blamed, number, prepared, without_colors};

/// Reads the command line, and the words from the first command on that is one of another program's (`passed`); says
/// what is wrong with it, or what was asked about it, and gives the exit code that belongs to that.
pub(crate) fn parse_arguments<Arguments: Parser>(
    help: &Help<'_>,
    instead: fn(&str) -> Option<&'static str>,
    passed: &[&str],
) -> Result<(Arguments, Vec<OsString>), ExitCode> {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some((own, words)) = before(passed, Arguments::command, &words)
        && let Ok(read) = parse_words(own.into_iter())
    {
        return Ok((read, words));
    }
    // The tree is large: who is understood pays for one.
    parse_words(words.iter().cloned()).map(|read| (read, Vec::new())).map_err(|said| {
        let shown = |one: &OsString| escaped(&one.to_string_lossy(), Form::People).into_owned();
        let shown = words.iter().map(shown).map(OsString::from);
        // The same refusal, of what may be shown.
        let mut said = parse_words::<Arguments>(shown).err().unwrap_or(said);
        advise(&mut said, instead);
        let command = prepared(Arguments::command(), &variable);
        if let Some(answer) = help.answer(&said, &words, command.clone()) {
            return show(&answer);
        }
        show(&number(blamed(said, &command, &words, &variable), &command))
    })
}

/// Reads words that were typed, with variables for what they do not say.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn parse_words<Arguments: Parser>(
    words: impl Iterator<Item = OsString>,
) -> Result<Arguments, clap::Error> {
    let matches = prepared(Arguments::command(), &variable).try_get_matches_from(words)?;
    Arguments::from_arg_matches(&matches)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the parser reads variables by itself: what they say must be known before it does"
)]
fn variable(name: &OsStr) -> Option<OsString> {
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
