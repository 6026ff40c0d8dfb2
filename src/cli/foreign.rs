//! Words of other tools that somebody types here out of habit, and what does the same. Owns the table; must not know how a
//! refusal is shown.

/// Words, and what there is instead of them.
const WORDS: &str = "\
install i: `pyfast sync` installs what the requirements say, `pyfast add NAME` adds to them
uninstall rm erase: `pyfast remove NAME` takes a package out of the requirements, and away
freeze: `pyfast list` lists what is installed as requirements, `pyfast export` what is locked
compile resolve: `pyfast lock --format requirements -o FILE` writes `name==version` lines
upgrade update up-to-date: `pyfast sync -U` takes the newest versions, `-P NAME` of one package; `pyfast lock` has both
venv virtualenv create: `pyfast sync` makes the environment, and `.venv` leads to it
shell activate: `. .venv/bin/activate`, or `pyfast run bash`
pip: `pyfast sync`, `add`, `remove`, `list` and `show` do what pip does here
python python3: `pyfast run python` runs it in the environment
exec x tool uvx: `pyfast run CMD` runs a command in the environment; `docker compose exec` in a container
start: `pyfast up` starts the project's containers
stop: `pyfast down` stops and removes the project's containers, `docker compose stop` leaves them
build: `pyfast up --rebuild` builds images; wheels of sources are built by `pyfast sync`
pull images: `docker compose pull` does that; `pyfast up` pulls what is missing
check: `pyfast list --check` looks at what packages need, `pyfast lock --check` at the lock, `pyfast verify` at files
prune: `pyfast gc` removes what nothing needs any more
clean purge self: `pyfast cache clean` empties the cache; with --all nothing is left behind
envs environments: `pyfast env list` lists the environments
info config status debug: `pyfast doctor` says what is found, and from where
download wheel: `pyfast export --wheels DIR` puts the lock's wheels into a directory
hash: `pyfast lock --format requirements --hashes -o -` writes the digests
watch: `pyfast up --watch`";

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
        let names: Vec<&str> = commands.get_subcommands().map(clap::Command::get_name).collect();
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
