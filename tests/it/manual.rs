//! Pages of the manual: one a command, of the same text as the help, and such that `man` has nothing to say against them.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::environment;
use crate::support::ran::{Ran, USAGE};
use crate::support::world::World;
use crate::usage::commands;

const MAN: &str = "/usr/bin/man";

/// Writes all pages, and gives their names.
fn written(world: &World) -> Vec<String> {
    let ran = Ran::of(world.bare(&["man", "--output", "pages/man1"])).ok();
    assert!(ran.stderr.contains("pages into pages/man1"), "{ran}");
    let entries = fs_err::read_dir(world.project.join("pages/man1")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// A page as a terminal shows it, and what `man` said of it; `None` where there is no `man`, and nobody requires one.
fn rendered(page: &Path) -> Option<(String, String)> {
    if !Path::new(MAN).exists() && environment("PYFAST_REQUIRE_SHELLS").is_none() {
        return None;
    }
    let mut man = Command::new(MAN);
    man.args(["--warnings", "-E", "UTF-8", "-P", "cat", "-l"]).arg(page);
    man.env("MANWIDTH", "80").env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    let output = man.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8 was asked for");
    Some((text(output.stdout), text(output.stderr)))
}

#[test]
fn every_command_has_a_page_with_examples() {
    let world = World::new();
    let pages = written(&world);
    let commands = commands(&world);
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        let name = format!("pyfast-{command}.1");
        assert!(pages.contains(&name), "{name} is not in {pages:?}");
        let text = world.read(&format!("pages/man1/{name}"));
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "SEE ALSO"] {
            assert!(
                text.contains(&format!("\n.SH \"{section}\""))
                    || text.contains(&format!("\n.SH {section}")),
                "{name} has no {section}:\n{text}"
            );
        }
    }
    assert!(pages.contains(&"pyfast-env-rm.1".to_owned()), "{pages:?}");
    for hidden in ["answer", "build-source", "complete", "help"] {
        assert!(!pages.contains(&format!("pyfast-{hidden}.1")), "{hidden} is for nobody to read");
    }
}

#[test]
fn pages_are_shown_without_a_warning() {
    let world = World::new();
    for name in written(&world) {
        let page = world.project.join("pages/man1").join(&name);
        let Some((shown, said)) = rendered(&page) else { return };
        assert_eq!(said, "", "{name}");
        assert!(shown.contains("NAME") && shown.contains("SYNOPSIS"), "{name}:\n{shown}");
    }
}

#[test]
fn a_page_says_what_the_help_says() {
    let world = World::new();
    let page = Ran::of(world.bare(&["man", "sync"])).ok().stdout;
    fs_err::write(world.project.join("sync.1"), &page).unwrap();
    let Some((shown, _)) = rendered(&world.project.join("sync.1")) else { return };
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace("‐ ", "");
    let (shown, help) = (flat(&shown), Ran::of(world.bare(&["sync", "--help"])).ok().stdout);
    for text in [
        "pyfast-sync - Make the environment exactly what the requirements say",
        "Print results and errors only",
        "pyfast sync -r backend/requirements.txt --python 3.12",
    ] {
        assert!(shown.contains(text), "{text}:\n{shown}");
    }
    let lines = help.lines().map(str::trim).filter(|line| line.starts_with('-'));
    let options = lines.flat_map(str::split_whitespace).filter(|word| word.starts_with("--"));
    let options: Vec<&str> = options.collect();
    assert!(options.len() > 40, "{options:?}");
    for option in options {
        let option = option.trim_end_matches("...");
        assert!(shown.contains(option), "{option} is not in the page");
    }
}

#[test]
fn a_page_of_no_command_is_refused() {
    let world = World::new();
    Ran::of(world.bare(&["man", "snyc"])).refused(USAGE, &["pyfast snyc"]);
    let ran = Ran::of(world.bare(&["man", "env", "rm"])).ok();
    assert!(ran.stdout.contains("PYFAST-ENV-RM"), "{ran}");
}
