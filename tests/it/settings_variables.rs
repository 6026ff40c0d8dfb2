//! Variables of the environment: switches as everybody writes them, nothing said by empty ones, refusals that name the
//! variable, colours as other programs have them.

use crate::support::ran::{EITHER, Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1"));
    world.require(&["a"]);
    world
}

fn run(world: &World, args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = world.command(args);
    command.envs(variables.iter().copied());
    Ran::of(command)
}

#[test]
fn switches_are_said_as_everybody_says_them() {
    let world = world();
    for word in ["1", "true", "TRUE", "yes", "Y", "on", "t"] {
        run(&world, &["lock"], &[("PYFAST_OFFLINE", word)]).refused(EITHER, &["offline"]);
    }
    for word in ["", "0", "false", "No", "OFF", "n", "f"] {
        run(&world, &["lock"], &[("PYFAST_OFFLINE", word)]).ok();
    }
    run(&world, &["sync"], &[("PYFAST_LOCKED", "0"), ("PYFAST_COMPILE", "no")]).ok();
    run(&world, &["sync", "--frozen"], &[("PYFAST_LOCKED", "0")]).ok();
    let json = run(&world, &["sync"], &[("PYFAST_JSON", "1")]).ok();
    assert!(json.stdout.starts_with('{'), "{json}");
}

#[test]
fn an_empty_variable_says_nothing() {
    let world = world();
    let mut names: Vec<String> = Vec::new();
    for command in ["sync", "lock", "run", "up", "gc"] {
        let help = run(&world, &[command, "--help"], &[]).ok().stdout;
        let parts = help.split("PYFAST_").skip(1);
        names.extend(parts.map(|part| {
            let end =
                part.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(part.len());
            format!("PYFAST_{}", &part[..end])
        }));
    }
    names.sort();
    names.dedup();
    assert!(names.len() > 40, "{names:?}");
    let empty: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let synced = run(&world, &["sync", "--json"], &empty).ok();
    assert!(synced.stdout.contains("\"a\""), "{synced}");
    run(&world, &["run", "--", "true"], &empty).ok();
}

#[test]
fn refusals_name_the_variable() {
    let world = world();
    for (variable, value) in [
        ("PYFAST_OFFLINE", "maybe"),
        ("PYFAST_LINK_MODE", "soft"),
        ("PYFAST_CONCURRENT_BUILDS", "many"),
        ("PYFAST_EXCLUDE_NEWER", "tomorrow"),
    ] {
        run(&world, &["sync"], &[(variable, value)]).refused(USAGE, &[variable, value]);
    }
    let flag = run(&world, &["sync", "--link-mode", "hard"], &[]).refused(USAGE, &["'--link-mode"]);
    assert!(!flag.stderr.contains("PYFAST_LINK_MODE"), "{flag}");
}

#[test]
fn colours_are_forced_and_forbidden_as_elsewhere() {
    let world = world();
    let colored = |variables: &[(&str, &str)]| {
        run(&world, &["sync", "--reinstall"], variables).ok().stderr.contains('\u{1b}')
    };
    assert!(!colored(&[]));
    assert!(colored(&[("FORCE_COLOR", "1")]));
    assert!(colored(&[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&[("FORCE_COLOR", "0")]));
    assert!(!colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colored(&[("FORCE_COLOR", "1"), ("PYFAST_COLOR", "never")]));
}

#[test]
fn variables_count_where_the_last_request_is_repeated() {
    let world = world();
    run(&world, &["sync", "-r", "requirements.txt"], &[]).ok();
    for word in ["true", "1", "yes"] {
        let repeated = run(&world, &["run", "true"], &[("PYFAST_REQUIRE_HASHES", word)]);
        repeated.refused(EITHER, &["hashes are required"]);
    }
    run(&world, &["run", "true"], &[("PYFAST_REQUIRE_HASHES", "0"), ("PYFAST_PRERELEASE", "")])
        .ok();
}
