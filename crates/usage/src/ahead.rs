//! Options that stand before the command that they belong to, which is where Compose has some of them. Owns the other
//! order of such a line; must not know what any option means.

use std::ffi::{OsStr, OsString};

use clap::Command;

/// What options are called behind a command, where that gives their short form another meaning.
pub(crate) type Renamed<'a> = &'a [(&'a str, &'a str)];

/// The lines that one may have meant: for each word behind an option that names a command, that command with what
/// stands before it.
pub(crate) fn orders(tree: &Command, renamed: Renamed, line: &[OsString]) -> Vec<Vec<OsString>> {
    if !line.get(1).is_some_and(|word| word.as_encoded_bytes().starts_with(b"-")) {
        return Vec::new();
    }
    let names = |at: &usize| tree.find_subcommand(&line[*at]).is_some();
    (2..line.len()).filter(names).map(|at| behind(renamed, line, at)).collect()
}

/// A line with its command, which is at `at`, in front.
pub(crate) fn behind(renamed: Renamed, line: &[OsString], at: usize) -> Vec<OsString> {
    let (before, rest) = line.split_at(at);
    let mut moved = vec![before[0].clone(), rest[0].clone()];
    for word in &before[1..] {
        let other = |(short, long): &(&str, &str)| long_form(word, short, long);
        match renamed.iter().find_map(other) {
            Some(words) => moved.extend(words),
            None => moved.push(word.clone()),
        }
    }
    moved.extend_from_slice(&rest[1..]);
    moved
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
    use super::*;

    fn meant(line: &str) -> Vec<String> {
        let tree = Command::new("tool").subcommands(["up", "down"].map(Command::new));
        let line: Vec<_> = line.split(' ').map(OsString::from).collect();
        let text = |words: Vec<OsString>| words.join(" ".as_ref()).into_string().unwrap();
        orders(&tree, &[("-f", "--file")], &line).into_iter().map(text).collect()
    }

    #[test]
    fn what_stands_before_a_command_is_put_behind_it() {
        assert_eq!(meant("tool -f a -p b up -d"), ["tool up --file a -p b -d"]);
        assert_eq!(meant("tool -fa -f=b up"), ["tool up --file a --file b"]);
        assert_eq!(meant("tool --files up"), ["tool up --files"]);
        assert_eq!(meant("tool -f up down"), ["tool up --file down", "tool down --file up"]);
        for other in ["tool up -f a", "tool a up", "tool", "tool -f a"] {
            assert!(meant(other).is_empty(), "{other}");
        }
    }
}
