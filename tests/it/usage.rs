//! Help, wrong usage, and settings.

use crate::support::ran::{EITHER, Ran, USAGE};
use crate::support::terminal::at_terminal;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Runs `pyfast` with exactly these arguments.
#[track_caller]
fn bare(world: &World, args: &[&str]) -> Ran {
    Ran::of(world.bare(args))
}

/// The commands that `pyfast --help` lists.
pub(crate) fn commands(world: &World) -> Vec<String> {
    let help = bare(world, &["--help"]).ok().stdout;
    let (_, list) = help.split_once("Commands:\n").expect("help has a list of commands");
    list.lines()
        .take_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("    "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn help_lists_the_commands() {
    let names = commands(&World::new());
    for name in ["lock", "sync", "run", "bench"] {
        assert!(names.iter().any(|one| one == name), "{name} is not in {names:?}");
    }
}

#[test]
fn help_of_each_command_has_examples() {
    let world = World::new();
    let names = commands(&world);
    assert!(!names.is_empty());
    for name in &names {
        let help = bare(&world, &[name, "--help"]).ok().stdout;
        assert!(help.to_lowercase().contains("example"), "{name}:\n{help}");
        assert!(help.contains(&format!("pyfast {name}")), "{name}:\n{help}");
    }
}

#[test]
fn version_is_printed() {
    let ran = bare(&World::new(), &["--version"]).ok();
    assert_eq!(ran.stdout, format!("pyfast {}\n", env!("CARGO_PKG_VERSION")));
    // Also by a command whose words are otherwise those of another program.
    for command in ["run", "sync", "env"] {
        let ran = bare(&World::new(), &[command, "--version"]).ok();
        assert_eq!(ran.stdout, format!("pyfast-{command} {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn completions_are_printed() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = bare(&world, &["completions", shell]).ok();
        assert!(ran.stdout.contains("pyfast"), "{shell}: {ran}");
    }
}

#[test]
fn unknown_flag_is_wrong_usage() {
    let world = World::new();
    for command in ["lock", "sync", "run", "bench"] {
        bare(&world, &[command, "--no-such-flag"]).refused(USAGE, &["--no-such-flag"]);
    }
}

#[test]
fn short_f_is_a_place_of_wheels_a_compose_file_or_refused() {
    let world = World::new();
    Wheel::new("a", "5.0").build().write_to(&world.project.join("wheels"));
    world.require(&["a"]);
    let locked = world.lock(&["--no-index", "-f", "wheels"]).ok();
    assert!(world.read("pylock.toml").contains("a-5.0-py3-none-any.whl"), "{locked}");
    // The file that is named is read, and not the one with the usual name.
    world.write("compose.yaml", "services: {usual: {image: x}}\n");
    world.write("other.yml", "services: {other: {image: x, depends_on: [absent]}}\n");
    for command in ["up", "down", "restart", "ps"] {
        let ran = bare(&world, &[command, "-f", "other.yml"]);
        ran.refused(USAGE, &["absent"]);
    }
    bare(&world, &["logs", "-f", "--file", "other.yml"]).refused(USAGE, &["absent"]);
    let refused = bare(&world, &["list", "-f", "wheels"]);
    refused.refused(USAGE, &["'-f'"]);
}

#[test]
fn flags_of_compose_mean_here_what_they_mean_there() {
    let world = World::new();
    // Each line is understood when the file is what is wrong.
    world.write("compose.yaml", "services: {web: {image: x, depends_on: ['${V:-absent}']}}\n");
    for line in [
        "up -d --build --wait",
        "down -v",
        "ps -q",
        "logs -f -n 5 -t web",
        "exec -it -e A=b web ls -la",
        "-q stop -t 5 web",
        "--project . config --services",
        "cp web:/a -",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        bare(&world, &words).refused(USAGE, &["the project has no service `absent`"]);
    }
    world.write("other.env", "V=of-the-file\n");
    let ran = bare(&world, &["up", "--env-file", "other.env"]);
    ran.refused(USAGE, &["the project has no service `of-the-file`"]);
    bare(&world, &["ps", "-p", "Not A Name"]).refused(USAGE, &["Not A Name", "lower-case letters"]);
    world.write("compose.yaml", "services: {web: {image: x}}\n");
    bare(&world, &["up", "--scale", "wbe=2"]).refused(USAGE, &["no service `wbe`", "web"]);
    bare(&world, &["up", "--scale", "web"]).refused(USAGE, &["SERVICE=NUMBER"]);
    // A command of this program keeps its words.
    bare(&world, &["run", "exec"]).refused(EITHER, &["no environment"]);
}

#[test]
fn short_f_means_what_compose_and_pip_mean_by_it() {
    let world = World::new();
    let long = |command: &String| {
        let help = bare(&world, &[command, "--help"]).ok().stdout;
        let mut lines = help.lines().filter_map(|line| line.trim().strip_prefix("-f, --"));
        lines.next().map(|long| long.split([' ', '\n']).next().unwrap_or_default().to_owned())
    };
    let with = |option: &str| -> Vec<String> {
        let commands = commands(&world).into_iter();
        commands.filter(|command| long(command).as_deref() == Some(option)).collect()
    };
    assert_eq!(with("file"), ["check", "up", "down", "restart", "ps", "doctor"]);
    assert_eq!(with("follow"), ["logs"]);
    assert_eq!(with("find-links"), ["lock", "sync", "add", "remove", "run", "bench", "outdated"]);
    assert_eq!(with("files"), ["show"]);
}

#[test]
fn flags_of_a_comparison_that_make_no_sense_are_refused() {
    let world = World::new();
    for args in [
        &["--runs", "0"][..],
        &["--latency", "5"],
        &["--local-mirror", "--bandwidth", "0"],
        &["--vs", "pyfast"],
        &["--scenario", "nonsense"],
        &["--import", "os path"],
    ] {
        bare(&world, &[&["bench"], args].concat()).refused(USAGE, &[args[args.len() - 2]]);
    }
    let help = bare(&world, &["bench", "--help"]).ok().stdout;
    for word in ["cold-lock", "incremental-volume", "rollback", "container", "pip-no-cache"] {
        assert!(help.contains(&format!("- {word}:")), "{word}:\n{help}");
    }
}

#[test]
fn unknown_command_is_wrong_usage() {
    let world = World::new();
    bare(&world, &["snyc"]).refused(USAGE, &["snyc", "sync"]);
}

#[test]
fn a_file_that_stands_alone_is_told_its_option() {
    let world = World::new();
    for command in ["sync", "lock"] {
        let advice = ["'requirements.txt'", "'-r requirements.txt'"];
        bare(&world, &[command, "requirements.txt"]).refused(USAGE, &advice);
    }
    // Neither is a file that could be meant, nor has `gc` an option for one.
    for line in [
        ["sync", "flask"],
        ["sync", "flask==3.0.1"],
        ["lock", "a/b-1.0-py3-none-any.whl"],
        ["sync", "a@file:///a.toml"],
        ["sync", "--no/such.txt"],
        ["gc", "requirements.txt"],
    ] {
        let ran = bare(&world, &line).refused(USAGE, &[line[1]]);
        assert!(!ran.stderr.contains("-r "), "{line:?}: {ran}");
    }
}

#[test]
fn the_first_help_fits_the_smallest_terminal_and_has_every_command() {
    let world = World::new();
    let help = bare(&world, &["-h"]).ok().stdout;
    assert!(help.lines().count() <= 22, "with the prompt, a terminal has 24 lines:\n{help}");
    for line in help.lines() {
        assert!(line.chars().count() <= 60, "{line:?}");
    }
    for name in commands(&world) {
        let named = help.split_whitespace().any(|word| word == name);
        assert!(named, "{name} is not in\n{help}");
    }
    // What was forgotten is what the help says.
    for args in [&[][..], &["-v"], &["-q"]] {
        let ran = bare(&world, args).refused(USAGE, &[]);
        assert_eq!(ran.stderr, help, "{args:?}");
    }
}

#[test]
fn a_commands_help_begins_with_what_is_its_own() {
    let world = World::new();
    let help = |args: &[&str]| bare(&world, args).ok().stdout;
    let of_index = "--index-url";
    for command in ["sync", "lock", "add", "up", "export"] {
        let (short, long) = (help(&[command, "-h"]), help(&[command, "--help"]));
        assert!(!short.contains(of_index), "{command}:\n{short}");
        assert!(short.contains(&format!("`pyfast {command} --help` has more options")), "{short}");
        assert!(long.contains(of_index) && !long.contains("has more options"), "{long}");
    }
    for command in ["history", "ps", "gc", "cache", "completions"] {
        let long = help(&[command, "--help"]);
        assert!(!long.contains(of_index) && long.contains("--project"), "{command}:\n{long}");
    }
    assert_eq!(help(&["help", "up"]), help(&["up", "--help"]));
    // An option that means nothing to a command may be given all the same.
    bare(&world, &["history", "--index-url", "http://127.0.0.1:1/", "--root", "r"]).ok();
}

#[test]
fn help_is_coloured_on_a_terminal_alone() {
    let mut world = World::new();
    let escape = '\u{1b}';
    for args in [&["-h"][..], &["sync", "-h"], &["sync", "--help"]] {
        let shown = at_terminal(&world.bare(args)).ok().stdout;
        assert!(shown.contains("\u{1b}[1m\u{1b}[3") || shown.contains("\u{1b}[1;3"), "{shown:?}");
        assert!(!bare(&world, args).ok().stdout.contains(escape), "{args:?}");
    }
    world.env.insert("NO_COLOR".to_owned(), "1".to_owned());
    let shown = at_terminal(&world.bare(&["-h"])).ok().stdout;
    assert!(!shown.contains(escape), "{shown:?}");
}

#[test]
fn what_is_no_number_is_said_to_be_none() {
    let world = World::new();
    let check = |args: &[&str], words: &[&str]| {
        let ran = bare(&world, args).refused(USAGE, words);
        assert!(!ran.stderr.contains("digit"), "{ran}");
    };
    check(
        &["run", "--wait", "x", "true"],
        &["'x' for '--wait <SECONDS>'", "not a number of seconds"],
    );
    check(&["up", "--timeout", ""], &["--timeout", "not a number of seconds"]);
    check(&["gc", "--keep", "1.5"], &["--keep", "not a whole number"]);
    check(&["bench", "--runs", "many"], &["--runs", "not a whole number"]);
    check(&["tree", "--depth", "99999999999999999999999"], &["--depth", "too large"]);
}

#[test]
fn wrong_value_names_the_possible_ones() {
    let world = World::new();
    let args = ["lock", "-r", "x", "--index-strategy", "best"];
    bare(&world, &args).refused(USAGE, &["best", "first-index"]);
    let args = ["lock", "-r", "x", "--prerelease", "maybe"];
    bare(&world, &args).refused(USAGE, &["maybe", "if-necessary"]);
}

#[test]
fn locked_and_frozen_exclude_each_other() {
    let world = World::new();
    bare(&world, &["sync", "--locked", "--frozen"]).refused(USAGE, &["--locked", "--frozen"]);
}

#[test]
fn unknown_key_of_pyfast_toml_names_the_nearest() {
    let world = World::new();
    world.require(&["a"]);
    world.write("pyfast.toml", "[index]\nstategy = \"first-index\"\n");
    world.lock(&[]).refused(EITHER, &["pyfast.toml", "stategy", "strategy"]);
}

#[test]
fn pyfast_toml_that_is_no_toml_is_shown_with_its_line() {
    let world = World::new();
    world.require(&["a"]);
    world.write("pyfast.toml", "[index]\nurl = \n");
    world.lock(&[]).refused(EITHER, &["pyfast.toml", "2"]);
}

#[test]
fn project_is_the_nearest_parent_with_a_pyfast_toml() {
    let mut world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    let text = "[env.default]\nrequirements = [\"requirements.txt\"]\n";
    world.write("pyfast.toml", text);
    world.require(&["a"]);
    let below = world.project.join("deep/er");
    fs_err::create_dir_all(&below).unwrap();
    world.env.insert("PYFAST_ROOT".to_owned(), world.root.display().to_string());
    let mut command = world.bare(&["sync", "--python", &world.python]);
    command.args(&world.index_flags).current_dir(&below);
    Ran::of(command).ok();
    assert!(world.project.join(".venv/bin/python").exists());
    assert!(!below.join(".venv").exists());
}

#[test]
fn root_is_the_users_data_directory_by_default() {
    let mut world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    let sync = |world: &World| {
        let mut command =
            world.bare(&["sync", "-r", "requirements.txt", "--python", &world.python]);
        command.args(&world.index_flags);
        Ran::of(command).ok();
    };
    sync(&world);
    assert!(world.path("home/.local/share/pyfast/store/v1/wheels").is_dir());
    let data = world.path("data").display().to_string();
    world.env.insert("XDG_DATA_HOME".to_owned(), data);
    sync(&world);
    assert!(world.path("data/pyfast/store/v1/wheels").is_dir());
}

#[test]
fn colours_are_used_when_asked_for_and_not_with_no_color() {
    let mut world = World::new();
    world.require(&["a"]);
    let always = world.lock(&["--color", "always"]).refused(&[1], &["a"]);
    assert!(always.stderr.contains('\u{1b}'), "{always}");
    let never = world.lock(&["--color", "never"]).refused(&[1], &["a"]);
    assert!(!never.stderr.contains('\u{1b}'), "{never}");
    world.env.insert("NO_COLOR".to_owned(), "1".to_owned());
    let ran = world.lock(&[]).refused(&[1], &["a"]);
    assert!(!ran.stderr.contains('\u{1b}'), "{ran}");
}

#[test]
fn container_engine_that_does_not_answer_is_3() {
    let mut world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    let socket = format!("unix://{}", world.path("no-engine.sock").display());
    world.env.insert("DOCKER_HOST".to_owned(), socket);
    let mut command = world.bare(&["sync", "--json", "-r", "requirements.txt"]);
    command.args(["--volume", "pyfast-it-nothing", "--image", "pyfast-it:none"]);
    command.args(&world.index_flags);
    Ran::of(command).refused_with_hint(&[3], &["no-engine.sock"]);
}

#[test]
fn wrong_index_url_is_named() {
    let mut world = World::new();
    for url in ["not a url", "ftp://127.0.0.1/simple/"] {
        world.index_flags[1] = url.to_owned();
        world.require(&["a"]).lock(&[]).refused(EITHER, &[url]);
    }
}

#[test]
fn failure_names_no_secret_of_the_environment() {
    let mut world = World::new();
    world.index.stop();
    let url = world.index.url_with("user", "s3cr3t");
    world.index_flags.clear();
    world.env.insert("PIP_INDEX_URL".to_owned(), url);
    let ran = world.require(&["a"]).lock(&["-v"]).refused(&[1], &["127.0.0.1"]);
    assert!(!ran.stderr.contains("s3cr3t"), "{ran}");
}

#[test]
fn help_is_a_command_too() {
    let world = World::new();
    let ran = bare(&world, &["help", "sync"]).ok();
    assert_eq!(ran.stdout, bare(&world, &["sync", "--help"]).ok().stdout);
    assert!(bare(&world, &["help"]).ok().stdout.contains("Commands:"));
}

#[test]
fn words_of_other_tools_name_what_does_the_same() {
    let world = World::new();
    for (word, ours) in [
        ("install", "pyfast sync"),
        ("compile", "pyfast lock --format requirements"),
        ("upgrade", "pyfast sync -U"),
        ("venv", ".venv"),
        ("shell", "pyfast run"),
        ("python", "pyfast run python"),
    ] {
        let ran = bare(&world, &[word, "x"]).refused(USAGE, &[word, ours]);
        assert!(!ran.stderr.contains("similar"), "{ran}");
    }
    let ran = bare(&world, &["synk"]).refused(USAGE, &["sync"]);
    assert!(ran.stderr.contains("similar"), "{ran}");
}
