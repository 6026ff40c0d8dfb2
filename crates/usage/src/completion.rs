//! What may come next on a line that is being typed. Owns how a line is read that is not complete, what the tree itself knows
//! of it, and the scripts of the shells; what is in no tree (packages, services) is asked for. Must not know any command.

mod line;

use clap::{Arg, Command};

pub use line::{Line, whole_words};

/// A shell that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// Bash, from 4.4 on.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly interactive shell.
    Fish,
}

impl Shell {
    /// The script that has this shell ask the program what may come next.
    pub fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("completion/pyfast.bash"),
            Self::Zsh => include_str!("completion/pyfast.zsh"),
            Self::Fish => include_str!("completion/pyfast.fish"),
        }
    }
}

/// What a shell completes by itself, as it alone knows how names of files are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Own {
    /// Nothing.
    #[default]
    Nothing,
    /// Files and directories.
    Files,
    /// Directories alone.
    Directories,
    /// Programs.
    Programs,
}

impl Own {
    /// The word that the scripts know.
    fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Files => "files",
            Self::Directories => "directories",
            Self::Programs => "programs",
        }
    }

    /// What a value of this argument is, by its type and its name in the help.
    fn of(argument: &Arg) -> Self {
        let mut names = argument.get_value_names().unwrap_or_default().iter();
        let is_path = argument.get_value_hint() == clap::ValueHint::AnyPath;
        match names.next() {
            Some(name) if *name == "DIR" => Self::Directories,
            Some(name) if is_path || name.contains("FILE") || name.contains("PATH") => Self::Files,
            _ => Self::Nothing,
        }
    }
}

/// A word that may come next.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The word, whole.
    pub word: String,
    /// What it means, in a line; may be empty.
    pub meaning: String,
}

impl Candidate {
    /// A word that says enough.
    pub fn plain(word: impl Into<String>) -> Self {
        Self { word: word.into(), meaning: String::new() }
    }
}

/// What may come next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Next {
    /// Words.
    pub words: Vec<Candidate>,
    /// What the shell adds.
    pub own: Own,
}

impl Next {
    /// What may come next on a line. `values` gives those of an argument that no tree has.
    pub fn of(line: &Line, values: &dyn Fn(&Line, &Arg) -> Option<Vec<Candidate>>) -> Self {
        let mut next = match line.awaited {
            Some(argument) => Self {
                own: own(line, argument),
                words: values(line, argument).unwrap_or_else(|| possible(argument)),
            },
            None => Self { words: commands(line.command), own: Own::Nothing },
        };
        let is_option = line.word.starts_with('-');
        // Where a value is awaited whose names nobody knows, an option is none.
        let is_idle = line.awaited.is_none() && next == Self::default();
        if line.may_be_option && (is_option || is_idle) {
            next = Self { words: options(line.command), own: Own::Nothing };
        }
        next.words
            .retain(|one| one.word.starts_with(&line.word) && !line.earlier.contains(&one.word));
        for one in &mut next.words {
            one.word.insert_str(0, &line.before);
        }
        next
    }

    /// The same as the scripts read it: what the shell adds, then a line for each word.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.own.word());
        for Candidate { word, meaning } in &self.words {
            // Neither a word nor what it means steers the terminal, or begins another line.
            let clean = |text: &str| text.replace(char::is_control, " ");
            text.extend([clean(word).as_str(), "\t", &clean(meaning), "\n"]);
        }
        text
    }
}

/// A tree without what nobody is shown, for lists of all that there is.
pub fn shown(tree: &Command) -> Command {
    let below = tree.get_subcommands().filter(|below| !below.is_hide_set()).map(shown);
    let options = tree.get_arguments().filter(|one| !one.is_hide_set()).cloned();
    let about = tree.get_about().cloned().unwrap_or_default();
    Command::new(tree.get_name().to_owned()).about(about).args(options).subcommands(below)
}

/// What the shell adds: a command that is to be run has arguments of its own, which may be files.
fn own(line: &Line, argument: &Arg) -> Own {
    match argument.is_trailing_var_arg_set() {
        true if line.earlier.is_empty() => Own::Programs,
        true => Own::Files,
        false => Own::of(argument),
    }
}

/// The values that a tree has for an argument.
fn possible(argument: &Arg) -> Vec<Candidate> {
    let values = argument.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    let candidate = |value: clap::builder::PossibleValue| Candidate {
        word: value.get_name().to_owned(),
        meaning: value.get_help().map(ToString::to_string).unwrap_or_default(),
    };
    values.map(candidate).collect()
}

fn commands(command: &Command) -> Vec<Candidate> {
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set());
    let candidate = |below: &Command| Candidate {
        word: below.get_name().to_owned(),
        meaning: below.get_about().map(ToString::to_string).unwrap_or_default(),
    };
    shown.map(candidate).collect()
}

fn options(command: &Command) -> Vec<Candidate> {
    let shown = command.get_arguments().filter(|one| !one.is_hide_set());
    let candidates = shown.filter_map(|one| {
        let meaning = one.get_help().map(ToString::to_string).unwrap_or_default();
        let meaning = meaning.lines().next().unwrap_or_default().to_owned();
        Some(Candidate { word: format!("--{}", one.get_long()?), meaning })
    });
    candidates.collect()
}

#[cfg(test)]
mod tests;
