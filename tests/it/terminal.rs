//! Texts of others never steer the terminal: names, reasons and arguments with control characters are shown escaped,
//! and data for another program is exact.

use std::process::Command;

use crate::support::page::File;
use crate::support::ran::{Ran, USAGE};
use crate::support::terminal::at_terminal;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Sets the title of a terminal's window.
const TITLE: &str = "\u{1b}]0;PWN\u{7}";
/// The same as it is shown.
const SHOWN: &str = "\\u{1b}]0;PWN\\u{7}";

/// What reached the terminal or another program's standard error: the title as text, and nothing that steers.
#[track_caller]
fn expect_shown(ran: &Ran, text: &str) {
    assert!(text.contains(SHOWN), "the text is not shown; {ran}");
    let steers = |c: char| matches!(c, '\u{1b}' | '\u{7}' | '\u{9b}' | '\u{202e}');
    assert!(!text.contains(steers), "{text:?}");
}

/// Runs a command with a terminal and without one.
#[track_caller]
fn check(command: Command, codes: &[i32]) {
    let ran = at_terminal(&command);
    assert!(ran.code().is_some_and(|code| codes.contains(&code)), "{ran}");
    expect_shown(&ran, &ran.stdout);
    let ran = Ran::of(command);
    expect_shown(&ran, &ran.stderr);
}

/// Arguments without colours, of which there would be some.
fn plain(world: &World, args: &[&str]) -> Command {
    let mut command = world.bare(args);
    command.env("NO_COLOR", "1");
    command
}

#[test]
fn names_in_pyfast_toml() {
    let world = World::new();
    world.require(&["a"]);
    for text in [
        "[project]\nname = \"\\u001b]0;PWN\\u0007\\u202e\"\n",
        "[project]\n\"\\u001b]0;PWN\\u0007\\u009b\" = 1\n",
        "[env.default]\nrequirements = [\"\\u001b]0;PWN\\u0007\"]\n",
        "[env.default]\npython = \"\\u001b]0;PWN\\u0007\"\n",
        "[env.default]\nexclude-dependencies = [\"\\u001b]0;PWN\\u0007\"]\n",
    ] {
        world.write("pyfast.toml", text);
        check(plain(&world, &["lock"]), USAGE);
    }
}

#[test]
fn lines_of_pyfast_toml_that_cannot_be_read() {
    let world = World::new();
    world.write("pyfast.toml", &format!("a = = '{TITLE}'\n"));
    // The line is named and not shown.
    let ran = at_terminal(&plain(&world, &["lock"]));
    assert!(ran.code().is_some_and(|code| USAGE.contains(&code)), "{ran}");
    assert!(ran.stdout.contains("pyfast.toml:1`: "), "{ran}");
    assert!(!ran.stdout.contains(['\u{1b}', '\u{7}']), "{:?}", ran.stdout);
}

#[test]
fn files_that_requirements_name() {
    let world = World::new();
    world.require(&[&format!("-r {TITLE}.txt")]);
    check(plain(&world, &["lock", "--python", &world.python]), &[1, 2]);
}

#[test]
fn arguments_that_the_command_line_does_not_know() {
    let mut world = World::new();
    check(plain(&world, &[TITLE]), USAGE);
    check(plain(&world, &["lock", "--format", TITLE]), USAGE);
    world.env.insert("PYFAST_PRERELEASE".to_owned(), TITLE.to_owned());
    check(plain(&world, &["lock"]), USAGE);
}

#[test]
fn reasons_of_an_index() {
    let world = World::new();
    let wheel = Wheel::new("a", "2.0").build();
    world.index.publish(File::new(wheel).yanked(&format!("eats {TITLE} data\u{9b}31m")));
    let ran = world.require(&["a==2.0"]).lock(&[]).ok();
    expect_shown(&ran, &ran.stderr);
    let ran = world.require(&["a==2.0", "a==3.0"]).lock(&["-v"]);
    assert!(!ran.stderr.contains(['\u{1b}', '\u{9b}']), "{:?}", ran.stderr);
}

#[test]
fn histories_that_another_wrote() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]).sync(&[]);
    let projects = fs_err::read_dir(world.root.join("projects")).unwrap();
    let project = projects.map(Result::unwrap).next().expect("it has been synced").path();
    let id = "\\u001b]0;PWN\\u0007\\u202e";
    let line = format!("{{\"id\":\"{id}\",\"at\":1,\"by\":\"{id}\"}}\n");
    fs_err::write(project.join("default/history.jsonl"), line).unwrap();
    let history = |args: &[&str]| world.command(&[&["history", "--color", "never"], args].concat());
    let ran = at_terminal(&history(&[])).ok();
    expect_shown(&ran, &ran.stdout);
    let ran = Ran::of(history(&[])).ok();
    assert!(ran.stdout.contains(TITLE), "another program gets what there is; {ran}");
    let ran = at_terminal(&history(&["--json"])).ok();
    assert_eq!(ran.json()[0]["id"], format!("{TITLE}\u{202e}"), "{ran}");
    assert!(!ran.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", ran.stdout);
}

#[test]
fn services_and_images_of_a_compose_file() {
    let world = World::new();
    world.require(&["a"]);
    let title = "\\e]0;PWN\\a";
    world.write(
        "compose.yaml",
        &format!("services:\n  a: {{image: \"python:3.12{title}\", command: \"{title}\"}}\n"),
    );
    check(plain(&world, &["init", "--print"]), &[0, 1, 2]);
    world.write("compose.yaml", &format!("services:\n  \"{title}\": {{image: 'python:3'}}\n"));
    check(plain(&world, &["init", "--print"]), &[0, 1, 2]);
}

#[test]
fn colours_of_the_program_stay() {
    let world = World::new();
    let ran = at_terminal(&world.bare(&["lock", "-r", "absent.txt"]));
    assert!(ran.stdout.contains("\u{1b}[31;1merror:\u{1b}[0m "), "{:?}", ran.stdout);
    let ran = at_terminal(&world.bare(&["--help"])).ok();
    assert!(ran.stdout.contains("\u{1b}["), "{:?}", ran.stdout);
}
