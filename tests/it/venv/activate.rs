//! `bin/activate` and its like, read by real shells.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::shells::{Shell, shells};
use super::world;
use crate::support::python::{check, python};
use crate::support::ran::Ran;
use crate::support::synced::Synced;
use crate::support::world::World;

/// What activation sets.
const SET: [&str; 3] = ["VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PATH"];

/// The path by which a shell that was told of `.venv` knows the environment.
fn known(shell: Shell, world: &World, current: &Path) -> PathBuf {
    if shell.knows_way { world.project.join(".venv") } else { current.to_owned() }
}

/// What is printed of these variables in an environment at this place.
fn active(at: &Path, prompt: &str, path: &str) -> String {
    let at = at.display();
    format!("<{at}>\n<{prompt}>\n<{at}/bin:{path}>\n")
}

const INACTIVE: &str = "<unset>\n<unset>\n</usr/bin:/bin>\n";

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Activates, by a relative path, runs a program of the environment, and leaves it.
fn check_all(world: &World) {
    let current = world.require(&["a==1.0"]).sync(&[]).current();
    for shell in shells() {
        let (source, say) = (shell.source(Path::new(".venv/bin")), shell.say(&SET));
        let said = shell.run(&world.project, &lines(&[&source, &say, "say-a", "deactivate", &say]));
        let expected = active(&known(shell, world, &current), "project", "/usr/bin:/bin");
        assert_eq!(said, format!("{expected}a 1.0\n{INACTIVE}"), "{shell:?}");
    }
}

#[test]
fn each_shell_activates_an_environment_and_leaves_it() {
    check_all(&world());
}

#[test]
fn paths_that_a_shell_would_take_apart_are_taken_as_they_are() {
    let mut world = world();
    let odd = "it's \"a\" $HOME `id`\n%x !y \\z ünï*";
    world.project = world.path(odd).join("project");
    world.root = world.path(odd).join("root");
    fs_err::create_dir_all(&world.project).unwrap();
    check_all(&world);
}

#[test]
fn a_path_with_a_colon_which_search_paths_cannot_have_is_not_taken() {
    let mut world = world();
    world.project = world.path("a:b");
    fs_err::create_dir_all(&world.project).unwrap();
    let current = world.require(&["a==1.0"]).sync(&[]).current();
    for shell in shells() {
        let source = shell.source(Path::new(".venv/bin"));
        let said =
            shell.run(&world.project, &[source, "say-a".into(), shell.say(&["VIRTUAL_ENV"])]);
        assert_eq!(said, format!("a 1.0\n<{}>\n", current.display()), "{shell:?}");
    }
}

#[test]
fn an_activated_shell_follows_a_later_sync() {
    let world = world();
    for shell in shells() {
        world.require(&["a==1.0"]).sync(&[]);
        let mut sync = world.command(&["sync", "--quiet", "-r", "requirements.txt"]);
        sync.env_clear();
        let words = std::iter::once(sync.get_program()).chain(sync.get_args());
        let words = words.map(|word| format!("'{}'", word.to_str().unwrap()));
        let sync = words.collect::<Vec<_>>().join(" ");
        let change = "sed -i s/1.0/2.0/ requirements.txt";
        let source = shell.source(Path::new(".venv/bin"));
        let said = shell.run(&world.project, &lines(&[&source, "say-a", change, &sync, "say-a"]));
        assert_eq!(said, "a 1.0\na 2.0\n", "{shell:?}");
    }
}

#[test]
fn activating_twice_is_activating_once() {
    let world = world();
    let current = world.require(&["a==1.0"]).sync(&[]).current();
    for shell in shells() {
        let source = shell.source(&world.project.join(".venv/bin"));
        let say = shell.say(&SET);
        let said = shell.run(&world.project, &lines(&[&source, &source, &say, "deactivate", &say]));
        let expected = active(&known(shell, &world, &current), "project", "/usr/bin:/bin");
        assert_eq!(said, format!("{expected}{INACTIVE}"), "{shell:?}");
    }
}

#[test]
fn an_environment_of_another_tool_is_left_before_and_after() {
    let world = world();
    let current = world.require(&["a==1.0"]).sync(&[]).current();
    let other = world.path("other");
    check(Command::new(python()).args(["-m", "venv", "--without-pip"]).arg(&other));
    for shell in shells() {
        let (theirs, ours) =
            (shell.source(&other.join("bin")), shell.source(Path::new(".venv/bin")));
        let say = shell.say(&["VIRTUAL_ENV", "PATH"]);
        let steps = [shell.at_work(), &theirs, &ours, &say, &theirs, &say, "deactivate", &say];
        let at = |at: &Path| format!("<{0}>\n<{0}/bin:/usr/bin:/bin>\n", at.display());
        let expected =
            at(&known(shell, &world, &current)) + &at(&other) + "<unset>\n</usr/bin:/bin>\n";
        assert_eq!(shell.lenient().run(&world.project, &lines(&steps)), expected, "{shell:?}");
    }
}

#[test]
fn pythonhome_is_put_aside_and_comes_back() {
    let world = world();
    world.require(&["a==1.0"]).sync(&[]);
    for shell in shells() {
        let (source, say) = (shell.source(Path::new(".venv/bin")), shell.say(&["PYTHONHOME"]));
        let steps = lines(&[&source, &say, "say-a", "deactivate", &say]);
        let said = shell.run_with(&world.project, &[("PYTHONHOME", "/nowhere")], &steps);
        assert_eq!(said, "<unset>\na 1.0\n</nowhere>\n", "{shell:?}");
    }
}

#[test]
fn each_way_to_the_script_is_the_way_to_the_environment() {
    let world = world();
    let current = world.require(&["a==1.0"]).sync(&[]).current();
    let venv = world.project.join(".venv");
    for shell in shells().filter(|shell| shell.knows_way) {
        for (from, bin, expected) in [
            (".venv/bin", ".", &venv),
            (".venv/lib", "../bin", &venv),
            (".", "./.venv/bin/../bin", &venv),
            (".", current.join("bin").to_str().unwrap(), &current),
        ] {
            let from = world.project.join(from);
            let go = format!("cd '{}'", from.display());
            let steps = [go, shell.source(Path::new(bin)), shell.say(&["VIRTUAL_ENV"])];
            let said = shell.run(&world.project, &steps);
            assert_eq!(said, format!("<{}>\n", expected.display()), "{shell:?} {bin}");
        }
    }
}

#[test]
fn environments_of_volumes_are_activated_where_containers_see_them() {
    let world = world().in_volume();
    let synced = world.require(&["a==1.0"]).sync(&[]);
    for shell in shells() {
        let source = shell.source(&synced.current().join("bin"));
        let said = shell.run(&world.project, &[source, "say-a".into(), shell.say(&SET)]);
        let at = if shell.knows_way { synced.current() } else { synced.environment() };
        assert_eq!(said, format!("a 1.0\n{}", active(&at, "pyfast", "/usr/bin:/bin")), "{shell:?}");
    }
}

#[test]
fn an_embedded_interpreter_activates_by_this_file() {
    let world = world();
    world.require(&["a==1.0"]).sync(&[]);
    let code = "path = '.venv/bin/activate_this.py'; exec(open(path).read(), {'__file__': path}); \
        import a_cli, os, sys; a_cli.main(); print(sys.prefix, os.environ['VIRTUAL_ENV'])";
    let mut command = Command::new(python());
    command.args(["-I", "-c", code]).current_dir(&world.project);
    let venv = world.project.join(".venv");
    assert_eq!(check(&mut command), format!("a 1.0\n{0} {0}\n", venv.display()));
}

/// What a sync without `--python` gives, in a shell with these variables.
fn sync_in(world: &World, variables: &[(&str, String)]) -> Synced {
    let mut command = world.bare(&["sync", "--json", "--root"]);
    command.arg(&world.root).args(&world.index_flags).envs(variables.iter().cloned());
    Synced::of(Ran::of(command))
}

#[test]
fn a_sync_in_an_activated_shell_finds_nothing_new() {
    let world = world();
    world.require(&["a==1.0"]);
    // A name that the interpreter does not have where it is.
    let bin = world.path("bin");
    fs_err::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(python(), bin.join("python3")).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let first = sync_in(&world, &[("PATH", path.clone())]);
    world.index.stop();
    for at in [world.project.join(".venv"), first.current(), first.environment()] {
        let path = format!("{}/bin:{path}", at.display());
        let again = sync_in(&world, &[("PATH", path), ("VIRTUAL_ENV", at.display().to_string())]);
        assert_eq!((again.changed(), again.id()), (false, first.id()), "{}", at.display());
        assert!(again.ran.stderr.contains("nothing to do"), "{}", again.ran);
        assert!(!again.ran.stderr.contains("warning"), "{}", again.ran);
    }
}
