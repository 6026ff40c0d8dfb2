//! Lines of a small tree, each with what may come next.

use clap::{Arg, ArgAction, Command, value_parser};

use super::*;

fn tree() -> Command {
    let env = Arg::new("env").long("env").global(true).help("Which one");
    let run = Command::new("run")
        .about("Run it")
        .arg(Arg::new("file").short('r').long("requirements").value_name("FILE"))
        .arg(Arg::new("no_sync").short('n').long("no-sync").action(ArgAction::SetTrue))
        .arg(
            Arg::new("command")
                .num_args(1..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_name("CMD"),
        );
    let remove = Command::new("remove").arg(Arg::new("names").num_args(1..).value_name("NAME"));
    let vs = Arg::new("vs").long("vs").value_delimiter(',').value_parser(["pip", "uv"]);
    let root = Arg::new("root").long("root").value_name("DIR").value_parser(value_parser!(String));
    let hidden = Arg::new("secret").long("secret").hide(true).action(ArgAction::SetTrue);
    let bench = Command::new("bench").arg(vs).arg(root).arg(hidden);
    let below = Command::new("rm").about("Remove some");
    let env_command = Command::new("env").subcommand(below);
    let answer = Command::new("answer").hide(true);
    let mut tree = Command::new("pyfast").arg(env).disable_help_subcommand(true);
    tree = tree.subcommands([run, remove, bench, env_command, answer]);
    tree.build();
    tree
}

/// What comes next after these words, the last of which is being typed.
#[track_caller]
fn check(words: &str, expected: &[&str], own: Own) {
    let tree = tree();
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    let line = Line::read(&tree, &words);
    let values = |line: &Line, argument: &Arg| {
        let known = |words: &[&str]| Some(words.iter().copied().map(Candidate::plain).collect());
        match argument.get_id().as_str() {
            "names" => known(&["idna", "rich", "six"]),
            "env" => known(&["default", "dash"]),
            "command" if line.earlier.is_empty() => known(&["pytest"]),
            _ => None,
        }
    };
    let next = Next::of(&line, &values);
    let found: Vec<&str> = next.words.iter().map(|one| one.word.as_str()).collect();
    assert_eq!((found.as_slice(), next.own), (expected, own), "{words:?}");
}

#[test]
fn commands_come_first_and_hidden_ones_never() {
    check("", &["run", "remove", "bench", "env"], Own::Nothing);
    check("r", &["run", "remove"], Own::Nothing);
    check("env ", &["rm"], Own::Nothing);
    check("answer", &[], Own::Nothing);
}

#[test]
fn values_of_arguments_are_asked_for_and_none_is_offered_twice() {
    check("remove ", &["idna", "rich", "six"], Own::Nothing);
    check("remove six i", &["idna"], Own::Nothing);
    check("remove six rich ", &["idna"], Own::Nothing);
    check("remove --env d", &["default", "dash"], Own::Nothing);
    check("remove --env=da", &["--env=dash"], Own::Nothing);
    check("--env dash remove s", &["six"], Own::Nothing);
}

#[test]
fn options_come_where_a_dash_is_typed() {
    check("run --", &["--requirements", "--no-sync", "--env", "--help"], Own::Nothing);
    check("bench --", &["--vs", "--root", "--env", "--help"], Own::Nothing);
    check("bench ", &["--vs", "--root", "--env", "--help"], Own::Nothing);
    check("bench --s", &[], Own::Nothing);
}

#[test]
fn values_of_the_tree_may_be_a_list() {
    check("bench --vs ", &["pip", "uv"], Own::Nothing);
    check("bench --vs pip,", &["pip,pip", "pip,uv"], Own::Nothing);
    check("bench --vs=pip,u", &["--vs=pip,uv"], Own::Nothing);
}

#[test]
fn files_come_where_files_go() {
    check("run -r ", &[], Own::Files);
    check("run -nr ", &[], Own::Files);
    check("bench --root ", &[], Own::Directories);
}

#[test]
fn a_command_that_is_run_has_arguments_of_its_own() {
    check("run ", &["pytest"], Own::Programs);
    check("run -n py", &["pytest"], Own::Programs);
    check("run -- ", &["pytest"], Own::Programs);
    check("run pytest --", &[], Own::Files);
    check("run -- pytest --en", &[], Own::Files);
    check("run -- pytest remove ", &[], Own::Files);
}

#[test]
fn what_is_printed_is_one_line_a_word() {
    let words = vec![Candidate { word: "a\nb".to_owned(), meaning: "\u{1b}[2Jc".to_owned() }];
    let next = Next { words, own: Own::Files };
    assert_eq!(next.text(), "files\na b\t [2Jc\n");
}

#[test]
fn parts_of_a_word_that_a_shell_broke_are_put_together() {
    let check = |words: &[&str], breaks: bool, expected: &[&str]| {
        let words: Vec<_> = words.iter().map(Into::into).collect();
        assert_eq!(whole_words(&words, breaks), expected, "{words:?}");
    };
    check(&["sync", "--env", "=", "da"], true, &["sync", "--env=da"]);
    check(&["sync", "--env", "="], true, &["sync", "--env="]);
    check(&["sync", "--env", "=", "da"], false, &["sync", "--env", "=", "da"]);
    check(&["=", "a", ""], true, &["=a", ""]);
}
