//! Variables of the environment that stand for options: which of them count, and what a switch may say. Must not know any
//! option, and looks at no variable itself.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

/// What says no. An empty variable, as compose files pass on what is not set, says nothing.
const OFF: [&str; 6] = ["0", "false", "f", "no", "n", "off"];
const ON: [&str; 6] = ["1", "true", "t", "yes", "y", "on"];

/// Between the values of a list in a variable, as pip has it; an option that has one says so by this delimiter.
const LIST: char = ' ';

/// Tells what a variable says.
pub type Lookup<'a> = &'a dyn Fn(&OsStr) -> Option<OsString>;

/// The parser, with variables that say nothing left out.
pub(crate) fn prepared(command: Command, variables: Lookup) -> Command {
    let own = command.mut_args(|argument| {
        // Only a variable has its list in one word: what is typed is one value, blanks included.
        let is_list = argument.get_value_delimiter() == Some(LIST);
        let argument = if is_list { argument.value_delimiter(None) } else { argument };
        let Some(value) = value(&argument, variables) else { return argument };
        let switch = matches!(argument.get_action(), ArgAction::SetTrue);
        if value.trim().is_empty() || switch && is_one_of(&value, &OFF) {
            // No variable has this name: the parser cannot be told to look at none.
            argument.env("").hide_env(true)
        } else if is_list {
            let words: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
            argument.env("").hide_env(true).default_values(words).hide_default_value(true)
        } else if switch {
            argument.value_parser(switched)
        } else {
            argument
        }
    });
    own.mut_subcommands(|below| prepared(below, variables))
}

/// What the variable of an argument says.
fn value(argument: &Arg, variables: Lookup) -> Option<String> {
    Some(variables(argument.get_env()?)?.to_string_lossy().into_owned())
}

fn is_one_of(value: &str, words: &[&str]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(value))
}

/// The parser of a switch: of its variable, as the command line gives it no value.
fn switched(value: &str) -> Result<bool, String> {
    match () {
        () if is_one_of(value, &ON) => Ok(true),
        // The parser's own default is among them.
        () if is_one_of(value, &OFF) => Ok(false),
        () => Err("it says neither yes (1, true, yes, on) nor no (0, false, no, off)".to_owned()),
    }
}

/// Names the variable in a refusal of its value, where no word that was typed names the option.
pub(crate) fn blamed(
    mut error: clap::Error,
    command: &Command,
    words: &[OsString],
    variables: Lookup,
) -> clap::Error {
    let of_value = matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation);
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let long =
        shown.trim_start_matches('-').split([' ', '=']).next().unwrap_or_default().to_owned();
    let typed = words.iter().any(|word| {
        word.to_string_lossy()
            .strip_prefix("--")
            .is_some_and(|word| word.split('=').next() == Some(long.as_str()))
    });
    let variable = variable(command, &long, variables).filter(|_| of_value && !typed);
    if let Some(variable) = variable {
        let whose = format!("{variable}, which stands for --{long}");
        error.insert(ContextKind::InvalidArg, ContextValue::String(whose));
    }
    error
}

/// The variable of an option, where it is set.
fn variable(command: &Command, long: &str, variables: Lookup) -> Option<String> {
    let mut own = command.get_arguments().filter(|argument| argument.get_long() == Some(long));
    let own = own.find(|argument| value(argument, variables).is_some());
    let own = own.and_then(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()));
    own.or_else(|| command.get_subcommands().find_map(|below| variable(below, long, variables)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_list_and_a_typed_word_is_one_value() {
        let read = |words: &[&str], said: Option<&str>| -> Vec<String> {
            let place = Arg::new("place").long("place").env("PLACES").action(ArgAction::Append);
            let place = place.value_delimiter(LIST).global(true);
            let tree = Command::new("x").arg(place).subcommand(Command::new("below"));
            let lookup = |name: &OsStr| said.filter(|_| name == "PLACES").map(OsString::from);
            let words = ["x"].iter().chain(words);
            let matches = prepared(tree, &lookup).try_get_matches_from(words).expect("read");
            matches.get_many("place").into_iter().flatten().cloned().collect()
        };
        assert_eq!(read(&["--place", "a b", "below", "--place=c"], None).len(), 1);
        assert_eq!(read(&["--place", "a b", "--place", "c"], Some("d e")), ["a b", "c"]);
        assert_eq!(read(&["below", "--place", "a b"], Some("d e")), ["a b"]);
        assert_eq!(read(&["--place", "a b", "below"], Some("d e")), ["a b"]);
        assert_eq!(read(&[], Some(" d  e ")), ["d", "e"]);
        assert_eq!(read(&["below"], Some("d e")), ["d", "e"]);
        assert_eq!(read(&[], Some(" ")), [""; 0]);
    }

    #[test]
    fn switches_are_said_as_people_say_them() {
        for (word, expected) in
            [("1", true), ("YES", true), ("On", true), ("off", false), ("0", false)]
        {
            assert_eq!(switched(word), Ok(expected), "{word}");
        }
        for word in ["2", "maybe", " ", "truee"] {
            assert!(switched(word).is_err(), "{word}");
        }
    }
}
