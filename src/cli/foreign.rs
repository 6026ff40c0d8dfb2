//! Words of other tools that somebody types here out of habit, and what does the same. Owns the table; must not know how a
//! refusal is shown.

/// Words, and what there is instead of them.
const WORDS: &str = include_str!("foreign.txt");

/// What does here what a word does elsewhere.
pub(super) fn instead(word: &str) -> Option<&'static str> {
    let mut rows = WORDS.lines().filter_map(|row| row.split_once(": "));
    rows.find(|(words, _)| words.split(' ').any(|one| one == word)).map(|(_, instead)| instead)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_word_is_a_command_and_each_advice_names_one() {
        let commands = super::super::Cli::command();
        let mut names: Vec<&str> =
            commands.get_subcommands().map(clap::Command::get_name).collect();
        names.extend(pyfast_stack::PASSED);
        for row in WORDS.lines() {
            let (words, advice) = row.split_once(": ").expect(row);
            assert!(words.split(' ').all(|word| !names.contains(&word)), "{words}");
            let named = advice.split('`').skip(1).step_by(2);
            let ours = named.filter_map(|text| text.strip_prefix("pyfast ")?.split(' ').next());
            for command in ours {
                assert!(names.contains(&command), "`{command}` of {words} is no command");
            }
        }
    }
}
