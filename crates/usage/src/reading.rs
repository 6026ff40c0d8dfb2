//! The way from a line to what it asks for, or to what is wrong with it. A start is mostly the building of the tree of all
//! commands: a line is read with the commands alone that it names, and with all only where it is not understood so.

use std::ffi::OsString;

use clap::{Command, Parser};
use pyfast_terminal::{Form, escaped};

use crate::ahead::Ahead;
use crate::help::Help;
use crate::refusal::{advise, number, place};
use crate::variables::{Lookup, blamed, prepared};

/// Declares the commands, each a variant with its arguments, as `clap::Subcommand` derives them, and `named`, which adds
/// those of them to a tree whose names are among some words.
#[macro_export]
macro_rules! commands {
    ($(#[$about:meta])* $seen:vis enum $name:ident { $($variant:ident($arguments:ty),)* }) => {
        $(#[$about])*
        #[derive(Debug, clap::Subcommand)]
        $seen enum $name { $($variant($arguments),)* }

        impl $name {
            /// A tree with the commands whose names are among the words.
            $seen fn named(mut tree: clap::Command, words: &[std::ffi::OsString]) -> clap::Command {
                $(if let Some(word) = $crate::name_of(stringify!($variant), words) {
                    tree = tree.subcommand(<$arguments as clap::Args>::augment_args(clap::Command::new(word)));
                })*
                tree
            }
        }
    };
}

/// The name of a variant's command, where it is among the words.
#[doc(hidden)]
pub fn name_of(variant: &str, words: &[OsString]) -> Option<String> {
    let is_it = |word: &&str| {
        let mut letters = word.bytes();
        let all = variant.bytes().enumerate().all(|(index, letter)| {
            let begins = index > 0 && letter.is_ascii_uppercase();
            (!begins || letters.next() == Some(b'-'))
                && letters.next() == Some(letter.to_ascii_lowercase())
        });
        all && letters.next().is_none()
    };
    words.iter().filter_map(|word| word.to_str()).find(is_it).map(str::to_owned)
}

/// How lines are read.
pub struct Reading<'a> {
    /// How help is laid out.
    pub help: &'a Help<'a>,
    /// What does the same as a command of another tool.
    pub instead: fn(&str) -> Option<&'static str>,
    /// The option that names a file, by its id, where a command has it.
    pub files: &'a str,
    /// Commands of another program, which are passed on to it.
    pub passed: &'a [&'a str],
    /// The command whose options those have before them.
    pub nothing_more: &'a str,
    /// What options are called behind a command that may stand before it, too.
    pub renamed: &'a [(&'a str, &'a str)],
    /// The tree with the commands alone that are among words.
    pub named: fn(&[OsString]) -> Command,
    /// Variables that stand for options.
    pub variables: Lookup<'a>,
}

/// A line that was read.
pub struct Read<Arguments> {
    /// What it asks for.
    pub arguments: Arguments,
    /// The words of another program, from its command on; none where no such command was named.
    pub passed: Vec<OsString>,
}

impl Reading<'_> {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, or what it asks about; nothing in it steers a terminal.
    pub fn read<Arguments: Parser>(
        &self,
        words: &[OsString],
    ) -> Result<Read<Arguments>, clap::Error> {
        let ahead = self.ahead();
        if words.iter().any(|word| ahead.is_passed(word))
            && let Some(read) = self.passed_on(words)
        {
            return Ok(read);
        }
        let said = match parse((self.named)(words), words.to_vec(), self.variables)
            .or_else(|_not_so| parse(Arguments::command(), words.to_vec(), self.variables))
        {
            Ok(arguments) => return Ok(Read { arguments, passed: Vec::new() }),
            Err(said) => said,
        };
        match ahead.command_at(&Arguments::command(), words).filter(|at| *at > 1) {
            None => Err(self.refusal::<Arguments>(said, words)),
            Some(at) => {
                let words = ahead.behind(words, at);
                parse(Arguments::command(), words.clone(), self.variables)
                    .map(|arguments| Read { arguments, passed: Vec::new() })
                    .map_err(|said| self.refusal::<Arguments>(said, &words))
            }
        }
    }

    fn ahead(&self) -> Ahead<'_> {
        let Self { passed, nothing_more, renamed, .. } = self;
        Ahead { passed, nothing_more, renamed }
    }

    /// A line whose command is another program's: what stands before it, and the words from it on.
    fn passed_on<Arguments: Parser>(&self, words: &[OsString]) -> Option<Read<Arguments>> {
        let ahead = self.ahead();
        let at = ahead.command_at(&Arguments::command(), words)?;
        let (own, passed) = words.split_at(at);
        if !passed.first().is_some_and(|word| ahead.is_passed(word)) {
            return None;
        }
        let mut own = own.to_vec();
        own.push(self.nothing_more.into());
        let read = |line| parse(Arguments::command(), line, self.variables);
        let arguments = read(own.clone()).or_else(|_| read(ahead.behind(&own, at))).ok()?;
        Some(Read { arguments, passed: passed.to_vec() })
    }

    fn refusal<Arguments: Parser>(&self, said: clap::Error, words: &[OsString]) -> clap::Error {
        let shown = |one: &OsString| escaped(&one.to_string_lossy(), Form::People).into_owned();
        let shown: Vec<_> = words.iter().map(shown).map(OsString::from).collect();
        // The same refusal, of what may be shown.
        let again = parse::<Arguments>(Arguments::command(), shown, self.variables);
        let mut said = again.err().unwrap_or(said);
        advise(&mut said, self.instead);
        let tree = Arguments::command();
        if let Some(named) = words.iter().skip(1).find_map(|word| tree.find_subcommand(word)) {
            place(&mut said, named, self.files);
        }
        let command = prepared(Arguments::command(), self.variables);
        if let Some(answer) = self.help.answer(&said, words, command.clone()) {
            return answer;
        }
        number(blamed(said, &command, words, self.variables), &command)
    }
}

/// Reads words by a tree, with variables for what they do not say.
///
/// # Errors
/// What is wrong with them.
pub fn parse<Arguments: Parser>(
    tree: Command,
    words: impl IntoIterator<Item = OsString>,
    variables: Lookup,
) -> Result<Arguments, clap::Error> {
    let matches = prepared(tree, variables).try_get_matches_from(words)?;
    Arguments::from_arg_matches(&matches)
}

#[cfg(test)]
mod tests {
    use clap::{Args, CommandFactory as _};

    use super::*;

    #[derive(Debug, Args)]
    struct Common {
        #[arg(long, global = true)]
        place: Option<String>,
    }

    #[derive(Debug, Args)]
    struct Nothing {}

    #[derive(Debug, Args)]
    struct Words {
        #[arg(last = true)]
        words: Vec<OsString>,
    }

    commands! {
        /// What there is.
        enum Known {
            Run(Words),
            BuildSource(Nothing),
        }
    }

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        common: Common,
        #[command(subcommand)]
        known: Known,
    }

    fn named(words: &[OsString]) -> Command {
        Known::named(Common::augment_args(Command::new("tool")), words)
    }

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_commands_that_words_name_are_those_of_the_whole_tree() {
        for command in Line::command().get_subcommands() {
            let tree = named(&words(&format!("tool {}", command.get_name())));
            let found: Vec<_> = tree.get_subcommands().map(Command::get_name).collect();
            assert_eq!(found, [command.get_name()]);
        }
        for none in
            ["tool", "tool ru", "tool runs", "tool buildsource", "tool build-source-", "tool -run"]
        {
            assert_eq!(named(&words(none)).get_subcommands().count(), 0, "{none}");
        }
    }

    #[test]
    fn a_line_means_the_same_with_the_commands_that_it_names_as_with_all() {
        let none = |_: &std::ffi::OsStr| None;
        for line in [
            "tool run",
            "tool --place run run -- build-source",
            "tool run --place=x -- run",
            "tool build-source --place run",
            "tool --place x build-source",
        ] {
            let few: Line = parse(named(&words(line)), words(line), &none).unwrap();
            let all: Line = parse(Line::command(), words(line), &none).unwrap();
            assert_eq!(format!("{few:?}"), format!("{all:?}"), "{line}");
        }
        for line in ["tool", "tool --place run", "tool --place run x", "tool run x", "tool --help"]
        {
            assert!(parse::<Line>(named(&words(line)), words(line), &none).is_err(), "{line}");
        }
    }
}
