//! Options that stand before the command that they belong to, which is where Compose has some of them. Owns which word of
//! such a line is the command, and the line's other order; must not know what any option means.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

/// How lines may be written.
pub(crate) struct Ahead<'a> {
    /// Commands of another program, which have the options of `nothing_more` before them.
    pub(crate) passed: &'a [&'a str],
    pub(crate) nothing_more: &'a str,
    /// What options are called behind a command, where that gives their short form another meaning.
    pub(crate) renamed: &'a [(&'a str, &'a str)],
}

impl Ahead<'_> {
    /// Where the command of a line is: behind options of its own and their values, and nothing else. `None` where that is
    /// no word of the line, or where more than one could be it.
    pub(crate) fn command_at(&self, tree: &Command, line: &[OsString]) -> Option<usize> {
        let is_it = |at: &usize| {
            let name =
                if self.is_passed(&line[*at]) { self.nothing_more.as_ref() } else { &*line[*at] };
            let command = tree.find_subcommand(name);
            command.is_some_and(|command| self.only_options([command, tree], &line[1..*at]))
        };
        let mut found = (1..line.len()).filter(is_it);
        found.next().filter(|_| found.next().is_none())
    }

    pub(crate) fn is_passed(&self, word: &OsStr) -> bool {
        self.passed.iter().any(|one| word == *one)
    }

    /// Whether words are options and their values, each whole.
    fn only_options(&self, trees: [&Command; 2], words: &[OsString]) -> bool {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.to_str().and_then(|word| self.wants_value(trees, word)) {
                None => return false,
                Some(true) if words.next().is_none() => return false,
                Some(_) => {}
            }
        }
        true
    }

    /// Whether the value of an option is the next word; `None` for what is no option.
    fn wants_value(&self, trees: [&Command; 2], word: &str) -> Option<bool> {
        let find = |is_it: &dyn Fn(&Arg) -> bool| {
            trees.iter().flat_map(|tree| tree.get_arguments()).find(|one| is_it(one))
        };
        let by_long = |name: &str| {
            find(&|one| {
                let others = one.get_all_aliases().unwrap_or_default();
                one.get_long() == Some(name) || others.contains(&name)
            })
        };
        let takes = |one: &Arg| {
            let least = one.get_num_args().map_or(1, |count| count.min_values());
            one.get_action().takes_values() && least > 0
        };
        if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
            let (name, value) =
                long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            return by_long(name).map(|one| takes(one) && value.is_none());
        }
        let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty())?;
        for (at, letter) in letters.char_indices() {
            let renamed = |(short, _): &&(&str, &str)| {
                short.strip_prefix('-') == Some(&letters[at..at + letter.len_utf8()])
            };
            let long =
                self.renamed.iter().find(renamed).and_then(|(_, long)| long.strip_prefix("--"));
            let one =
                long.and_then(by_long).or_else(|| find(&|one| one.get_short() == Some(letter)))?;
            if takes(one) {
                return Some(at + letter.len_utf8() == letters.len());
            }
        }
        Some(false)
    }

    /// A line with its command, which is at `at`, in front.
    pub(crate) fn behind(&self, line: &[OsString], at: usize) -> Vec<OsString> {
        let (before, rest) = line.split_at(at);
        let mut moved = vec![before[0].clone(), rest[0].clone()];
        for word in &before[1..] {
            let other = |(short, long): &(&str, &str)| long_form(word, short, long);
            match self.renamed.iter().find_map(other) {
                Some(words) => moved.extend(words),
                None => moved.push(word.clone()),
            }
        }
        moved.extend_from_slice(&rest[1..]);
        moved
    }
}

/// An option in its long form, with the value that stands with it.
fn long_form(word: &OsStr, short: &str, long: &str) -> Option<Vec<OsString>> {
    let value = word.to_str()?.strip_prefix(short)?;
    let value = value.strip_prefix('=').unwrap_or(value);
    let value = Some(value).filter(|value| !value.is_empty());
    Some(std::iter::once(long).chain(value).map(OsString::from).collect())
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    const AHEAD: Ahead<'_> =
        Ahead { passed: &["exec", "stop"], nothing_more: "ps", renamed: &[("-f", "--file")] };

    /// The line with its command in front.
    fn meant(line: &str) -> Option<String> {
        let file = || Arg::new("file").short('f').long("file");
        let name = || Arg::new("name").short('p');
        let flag =
            |letter: char| Arg::new(letter.to_string()).short(letter).action(ArgAction::SetTrue);
        let words = || Arg::new("words").num_args(..);
        let with_file =
            |command: &'static str| Command::new(command).arg(file()).arg(name()).arg(words());
        let tree = Command::new("tool")
            .arg(flag('q').global(true))
            .arg(Arg::new("root").long("root").global(true))
            .subcommands(["up", "ps"].map(with_file))
            .subcommand(
                Command::new("logs")
                    .arg(file().short(None))
                    .arg(flag('f'))
                    .arg(name())
                    .arg(words()),
            )
            .subcommand(Command::new("add").arg(words()));
        let line: Vec<_> = line.split(' ').map(OsString::from).collect();
        let at = AHEAD.command_at(&tree, &line)?;
        Some(AHEAD.behind(&line, at).join(" ".as_ref()).into_string().unwrap())
    }

    #[test]
    fn options_before_a_command_are_put_behind_it() {
        for (line, expected) in [
            ("tool up -f a", "tool up -f a"),
            ("tool -f a -p b up -d", "tool up --file a -p b -d"),
            ("tool -fa -f=b -qpc up", "tool up --file a --file b -qpc"),
            ("tool -f a logs -f up", "tool logs --file a -f up"),
            ("tool -f a ps up", "tool ps --file a up"),
            ("tool -p up up", "tool up -p up"),
            ("tool -f up ps", "tool ps --file up"),
            ("tool --root=x -p logs stop web", "tool stop --root=x -p logs web"),
            ("tool -p stop exec -it a", "tool exec -p stop -it a"),
        ] {
            assert_eq!(meant(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn words_that_are_no_options_are_not_passed_over() {
        for line in [
            "tool",
            "tool -f up",
            "tool web stop",
            "tool install exec",
            "tool -q uv add x",
            "tool --root x install up",
            "tool -- stop",
            "tool -q web stop",
            "tool -x up",
            "tool --files up up",
            "tool -f a b up",
        ] {
            assert_eq!(meant(line), None, "{line}");
        }
    }
}
