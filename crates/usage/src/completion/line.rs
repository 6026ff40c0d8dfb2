//! A line that is being typed, read as far as it goes. Owns which argument its last word belongs to.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command};

/// A line that is being typed.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    /// The command that it is of.
    pub command: &'a Command,
    /// The argument that the last word is a value of.
    pub awaited: Option<&'a Arg>,
    /// Whether the last word may be an option.
    pub may_be_option: bool,
    /// The values that this argument has already.
    pub earlier: Vec<String>,
    /// Options with their values, as far as they were typed; by the names of their arguments.
    pub given: Vec<(&'a str, String)>,
    /// What stays in front of the last word: `--env=`.
    pub before: String,
    /// The last word, as far as it was typed.
    pub word: String,
}

/// Words as a shell hands them over. One that breaks them at `=` has the parts put together again.
pub fn whole_words(words: &[OsString], breaks_at_equals: bool) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    let mut goes_on = false;
    for word in words.iter().map(|word| word.to_string_lossy()) {
        let is_break = breaks_at_equals && word == "=";
        match whole.last_mut() {
            Some(last) if is_break || goes_on => last.push_str(&word),
            _ => whole.push(word.into_owned()),
        }
        goes_on = is_break;
    }
    whole
}

/// How far a line was read.
struct Reading<'a> {
    command: &'a Command,
    /// How many values without an option there were.
    values: Vec<String>,
    given: Vec<(&'a str, String)>,
    /// An option whose value comes next.
    open: Option<&'a Arg>,
    /// Whether what comes are values alone.
    only_values: bool,
}

impl<'a> Line<'a> {
    /// Reads the words after the program's own name; the last one is being typed. The tree is built.
    pub fn read(command: &'a Command, words: &[String]) -> Self {
        let (last, before) = words.split_last().map_or(("", words), |(last, rest)| (last, rest));
        let mut reading = Reading {
            command,
            values: Vec::new(),
            given: Vec::new(),
            open: None,
            only_values: false,
        };
        for word in before {
            reading.take(word);
        }
        reading.end(last)
    }
}

impl Line<'_> {
    /// The paths that were typed as values of an option, by the name of its argument.
    pub fn paths(&self, option: &str) -> Vec<PathBuf> {
        let given = self.given.iter().filter(|(name, _)| *name == option);
        given.map(|(_, value)| value.into()).collect()
    }
}

impl<'a> Reading<'a> {
    fn take(&mut self, word: &str) {
        if let Some(option) = self.open.take()
            && !(is_free(option) && word.starts_with('-'))
        {
            self.given.push((option.get_id().as_str(), word.to_owned()));
        } else if self.only_values {
            self.values.push(word.to_owned());
        } else if word == "--" {
            self.only_values = true;
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
            let option = self.long(name).filter(|option| takes_values(option));
            match (option, value) {
                (Some(option), Some(value)) => {
                    self.given.push((option.get_id().as_str(), value.to_owned()));
                }
                (Some(option), None) => self.open = Some(option),
                (None, _) => {}
            }
        } else if word.len() > 1 && word.starts_with('-') {
            self.shorts(&word[1..]);
        } else if let Some(below) = self.command.find_subcommand(word)
            && self.values.is_empty()
        {
            self.command = below;
        } else {
            self.values.push(word.to_owned());
            self.only_values |= self.positional().is_some_and(Arg::is_trailing_var_arg_set);
        }
    }

    /// Flags behind one dash; the first that takes a value has the rest for it.
    fn shorts(&mut self, flags: &str) {
        for (at, flag) in flags.char_indices() {
            let Some(option) = self.options().find(|one| one.get_short() == Some(flag)) else {
                continue;
            };
            if takes_values(option) {
                match &flags[at + flag.len_utf8()..] {
                    "" => self.open = Some(option),
                    value => self.given.push((option.get_id().as_str(), value.to_owned())),
                }
                return;
            }
        }
    }

    fn end(self, last: &str) -> Line<'a> {
        let mut line = Line {
            command: self.command,
            awaited: None,
            may_be_option: false,
            earlier: Vec::new(),
            given: self.given.clone(),
            before: String::new(),
            word: last.to_owned(),
        };
        let is_dashed = last.starts_with('-');
        let named = last.strip_prefix("--").and_then(|long| long.split_once('='));
        if let Some(option) = self.open.filter(|option| !(is_free(option) && is_dashed)) {
            line.awaited = Some(option);
        } else if let Some((name, value)) = named.filter(|_| !self.only_values) {
            line.awaited = self.long(name).filter(|option| takes_values(option));
            (line.before, line.word) = (format!("--{name}="), value.to_owned());
        } else {
            line.awaited = self.next_positional();
            line.may_be_option = !self.only_values;
            line.earlier = self.values;
        }
        if let Some(option) = line.awaited.filter(|one| !one.is_positional()) {
            let given = line.given.iter().filter(|(name, _)| option.get_id() == *name);
            line.earlier = given.map(|(_, value)| value.clone()).collect();
        }
        // Of a list in one word, the last is being typed.
        let delimiter = line.awaited.and_then(Arg::get_value_delimiter);
        if let Some(at) = delimiter.and_then(|delimiter| line.word.rfind(delimiter)) {
            let rest = line.word.split_off(at + 1);
            line.before.push_str(&std::mem::replace(&mut line.word, rest));
        }
        line
    }

    fn options(&self) -> impl Iterator<Item = &'a Arg> + use<'a> {
        self.command.get_arguments().filter(|one| !one.is_positional())
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        self.options().find(|one| {
            let aliases = one.get_visible_aliases().unwrap_or_default();
            one.get_long() == Some(name) || aliases.contains(&name)
        })
    }

    /// The argument that the last value belongs to.
    fn positional(&self) -> Option<&'a Arg> {
        let count = self.values.len();
        self.at(count.saturating_sub(1))
    }

    fn next_positional(&self) -> Option<&'a Arg> {
        self.at(self.values.len())
    }

    /// The argument of a value by its place; the last may take many.
    fn at(&self, place: usize) -> Option<&'a Arg> {
        let all: Vec<&Arg> = self.command.get_positionals().collect();
        let many = |one: &&Arg| one.get_num_args().is_some_and(|range| range.max_values() > 1);
        all.get(place).copied().or_else(|| all.last().copied().filter(many))
    }
}

/// Whether an option may stand without its value.
fn is_free(option: &Arg) -> bool {
    option.get_num_args().is_some_and(|range| range.min_values() == 0)
}

fn takes_values(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Set | ArgAction::Append)
}
