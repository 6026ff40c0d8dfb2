//! The command line, read, and what its parser says: help, versions, and refusals that repeat what was given. Owns that
//! such a repetition cannot steer the terminal; must not know any option.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

use pyfast_terminal::{Form, escaped};

use super::environment;

/// Reads the command line, and the words from the first command on that is one of another program's (`passed`); says
/// what is wrong with it, and gives the exit code that belongs to that.
pub(crate) fn parse_arguments<Arguments: Parser>(
    instead: fn(&str) -> Option<&'static str>,
    passed: &[&str],
) -> Result<(Arguments, Vec<OsString>), ExitCode> {
    let command = environment::prepared(Arguments::command());
    let read = |arguments: Vec<OsString>| {
        let matches = command.clone().try_get_matches_from(arguments)?;
        Arguments::from_arg_matches(&matches)
    };
    let mut own: Vec<OsString> = std::env::args_os().collect();
    let is_passed = |word: &OsString| passed.iter().any(|one| word == *one);
    let is_command = |word: &OsString| is_passed(word) || command.find_subcommand(word).is_some();
    if let Some(at) = own.iter().skip(1).position(is_command).filter(|at| is_passed(&own[at + 1])) {
        let words = own.split_off(at + 1);
        // What stands before it is read as for a command that needs nothing more.
        own.push("ps".into());
        if let Ok(read) = read(own) {
            return Ok((read, words));
        }
    }
    read(std::env::args_os().collect()).map(|read| (read, Vec::new())).map_err(|said| {
        let arguments = std::env::args_os();
        let shown = arguments.map(|one| escaped(&one.to_string_lossy(), Form::People).into_owned());
        // The same refusal, of what may be shown.
        let mut said = read(shown.map(OsString::from).collect()).err().unwrap_or(said);
        advise(&mut said, instead);
        show(&environment::blamed(said, &command))
    })
}

/// Reads words that were typed before, with the same variables for what they do not say.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn parse_words<Arguments: Parser>(
    words: impl Iterator<Item = OsString>,
) -> Result<Arguments, clap::Error> {
    let matches = environment::prepared(Arguments::command()).try_get_matches_from(words)?;
    Arguments::from_arg_matches(&matches)
}

/// Puts what does the same here in the place of the parser's guess at what an unknown command was to be.
fn advise(said: &mut clap::Error, instead: fn(&str) -> Option<&'static str>) {
    let advice = match said.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => instead(word),
        _ => None,
    };
    if let Some(advice) = advice {
        said.remove(ContextKind::SuggestedSubcommand);
        let advice = ContextValue::StyledStrs(vec![StyledStr::from(advice)]);
        said.insert(ContextKind::Suggested, advice);
    }
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

/// The parser's own escapes taken out: it has no other way to say where they are.
fn without_colors(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        match rest.strip_prefix('m') {
            Some(rest) => plain.push_str(rest),
            None => plain.extend(["\x1b[", part]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_are_taken_out() {
        let text = "\u{1b}[1;31merror:\u{1b}[0m a \u{1b}[2J \u{1b}]0;x\u{7}\u{1b}[m";
        assert_eq!(without_colors(text), "error: a \u{1b}[2J \u{1b}]0;x\u{7}");
    }
}
