//! The README's two commands on a fresh Debian: a C compiler, Python and `venv`, no pip.
//!
//! Left out, to stay within minutes: the compiling, which does not depend on what this is about (the first command has
//! the program that is built already in the place of `cargo run --`), and of the second, `docker/test.sh`, everything
//! but the unit tests, because the rest needs an engine within the container. The unit tests are those that find the
//! Python of the machine, its pip and its venv.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::world::{PYFAST, World, text};

const FRESH: &str = "pyfast-test/fresh:bookworm";
const SOURCE: &str = env!("CARGO_MANIFEST_DIR");

/// Runs a command in a new container of the fresh Debian, in a writable copy of the sources at their own place.
fn run(world: &World, mounts: &[&Path], directory: &Path, command: &[&str]) -> Output {
    let mut arguments = ["run", "--rm", "--network", "host"].map(str::to_owned).to_vec();
    // A machine may trust more than a distribution does.
    let certificates = Path::new("/etc/ssl/certs");
    for mount in [&[Path::new(PYFAST), certificates], mounts].concat() {
        arguments.push("--volume".to_owned());
        arguments.push(format!("{0}:{0}:ro", mount.display()));
    }
    arguments.extend(["--volume".to_owned(), format!("{SOURCE}:/source:ro")]);
    // Without cargo, snapshots are looked for where this says.
    arguments.extend(["--env".to_owned(), format!("INSTA_WORKSPACE_ROOT={SOURCE}")]);
    arguments.extend([FRESH, "sh", "-euc"].map(str::to_owned));
    let script = format!(
        "mkdir -p {SOURCE}\n\
         tar -C /source --exclude=./target --exclude=./.git -cf - . | tar -C {SOURCE} -xf -\n\
         cd {}\n\
         exec \"$@\"",
        directory.display()
    );
    arguments.extend([script, "sh".to_owned()]);
    arguments.extend(command.iter().map(|word| (*word).to_owned()));
    world.docker(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The words of the README's only line that begins so.
fn command_of_the_readme(beginning: &str) -> Vec<String> {
    let readme = fs_err::read_to_string(Path::new(SOURCE).join("README.md")).unwrap();
    let lines: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix(beginning)).collect();
    let [line] = lines.as_slice() else { panic!("`{beginning}` is there {} times", lines.len()) };
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_first_command_of_the_readme_runs_the_example() {
    let Some(world) = World::new("fresh-run") else { return };
    let words = command_of_the_readme("cargo run --");
    let mut command = vec![PYFAST];
    command.extend(words.iter().map(String::as_str));
    let output = run(&world, &[], Path::new(SOURCE), &command);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.ends_with("{'mean': 3.0}\n"), "{printed}");
}

#[test]
fn without_any_pip_the_error_says_what_to_install() {
    let Some(world) = World::new("fresh-no-pip") else { return };
    let script =
        format!("rm -r /usr/share/python-wheels && exec {PYFAST} lock -r requirements.txt");
    let directory = Path::new(SOURCE).join("examples/hello");
    let output = run(&world, &[], &directory, &["sh", "-c", &script]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
    let said = text(&output.stderr);
    assert!(said.contains("python3-pip") && said.contains("python3-venv"), "{said}");
    let script = script.replace("lock -r requirements.txt", "doctor");
    let output = run(&world, &[], &directory, &["sh", "-c", &script]);
    let told = text(&output.stdout);
    assert!(told.contains("python3-pip") && told.contains("python3-venv"), "{told}");
}

/// The programs of unit tests that `docker/test.sh` runs, each with the directory it runs in. They are built already
/// when that script runs this; whoever starts this test alone waits for them.
fn unit_tests() -> Vec<(PathBuf, PathBuf)> {
    let words = ["test", "--no-run", "--workspace", "--lib", "--bins", "--message-format", "json"];
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(words).current_dir(SOURCE);
    // What cargo tells a test of its package is none of this one's: build scripts that ask for it would be run anew, and
    // everything above them be built again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        }) {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let messages = text(&output.stdout);
    let messages = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let programs = messages.filter_map(|message| {
        let program = message["executable"].as_str()?;
        let manifest = Path::new(message["manifest_path"].as_str()?);
        let of_tests = message["profile"]["test"] == true;
        of_tests.then(|| (PathBuf::from(program), manifest.parent().unwrap().to_owned()))
    });
    programs.collect()
}

#[test]
fn the_unit_tests_of_the_second_command_pass() {
    let Some(world) = World::new("fresh-tests") else { return };
    let programs = unit_tests();
    assert!(programs.len() > 5, "{programs:?}");
    let mut failed = Vec::new();
    for (program, directory) in &programs {
        let output = run(&world, &[program], directory, &[program.to_str().unwrap()]);
        if !output.status.success() {
            failed.push(format!("{}: {}", program.display(), text(&output.stdout)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
