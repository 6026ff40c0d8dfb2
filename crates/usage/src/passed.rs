//! Commands of another program that are passed on to it as they are. Owns where on a line one begins; must not know what
//! any does.

use std::ffi::OsString;

use clap::Command;

/// A line whose first command is one of `passed`: what stands before it, and the words from the command on.
pub(crate) fn before(
    passed: &[&str],
    tree: impl FnOnce() -> Command,
    line: &[OsString],
) -> Option<(Vec<OsString>, Vec<OsString>)> {
    let is_passed = |word: &&OsString| passed.iter().any(|one| *word == one);
    let at = 1 + line.iter().skip(1).position(|word| is_passed(&word))?;
    let (own, words) = line.split_at(at);
    let tree = tree();
    if own.iter().skip(1).any(|word| tree.find_subcommand(word).is_some()) {
        return None;
    }
    Some((own.to_vec(), words.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_command_of_a_line_is_passed_on() {
        let tree = Command::new("tool").subcommand(Command::new("run"));
        let split = |line: &str| {
            let line: Vec<_> = line.split(' ').map(OsString::from).collect();
            let (own, words) = before(&["exec", "stop"], || tree.clone(), &line)?;
            let text = |words: Vec<OsString>| words.join(" ".as_ref()).into_string().unwrap();
            Some((text(own), text(words)))
        };
        let expected = |own: &str, words: &str| Some((own.to_owned(), words.to_owned()));
        assert_eq!(split("tool exec -it a"), expected("tool", "exec -it a"));
        assert_eq!(split("tool -q --x y stop -q"), expected("tool -q --x y", "stop -q"));
        assert_eq!(split("tool run exec"), None);
        assert_eq!(split("tool other"), None);
    }
}
