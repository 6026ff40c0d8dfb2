//! The grammar of requirements files: what every error shows, and forms that other tools take.

use std::path::Path;

use super::check;
use crate::support::ran::EITHER;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Locking fails, and standard error has these lines one below the other.
#[track_caller]
fn check_shown(text: &str, expected: &str) {
    let world = World::new();
    world.write("requirements.txt", text);
    let stderr = world.lock(&[]).refused(EITHER, &[]).stderr;
    assert!(stderr.contains(expected), "{stderr}\n— lacks —\n{expected}");
}

#[test]
fn a_bad_requirement_is_shown_with_a_mark_below() {
    check_shown(
        "a\nb >>= 1  # c\n",
        "requirements.txt:2:3: cannot read the requirement `b >>= 1`: no such comparison operator \">>=\"",
    );
    check_shown("a\nb >>= 1  # c\n", "2 | b >>= 1  # c\n  |   ^^^^^\n");
}

#[test]
fn the_place_is_that_of_the_physical_line() {
    check_shown("a \\\n  ==1 \\\n  --hash=md5:0\n", "requirements.txt:3:3: ");
    check_shown("a \\\n  ==1 \\\n  --hash=md5:0\n", "3 |   --hash=md5:0\n  |   ^^^^^^^^^^^^\n");
}

#[test]
fn a_bad_option_has_a_hint() {
    check_shown(
        "--index-ulr x\n",
        "1 | --index-ulr x\n  | ^^^^^^^^^^^\nhint: was `--index-url` meant?",
    );
    check_shown("requirements.txt\n", "hint: was `-r requirements.txt` meant?");
}

#[test]
fn a_missing_file_is_shown_where_it_is_named() {
    check_shown("a\n-c gone.txt\n", "2 | -c gone.txt\n  |    ^^^^^^^^\n");
}

#[test]
fn scripts_get_the_place() {
    let world = World::new();
    world.write("requirements.txt", "é ; os_name ~~ 'x'\n");
    let ran = world.pyfast(&["lock", "-r", "requirements.txt", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).expect("an answer in JSON");
    let place = &answer["error"]["place"];
    assert_eq!((place["line"].as_u64(), place["column"].as_u64()), (Some(1), Some(1)), "{answer}");
    assert_eq!(place["file"], "requirements.txt");
    assert_eq!(place["text"], "é ; os_name ~~ 'x'");
}

#[test]
fn a_dependency_of_a_project_file_is_shown() {
    let world = World::new();
    world.write(
        "pyproject.toml",
        "[project]\nname = \"p\"\ndependencies = [\n  \"a\", \"b >>= 1\",\n]\n",
    );
    let ran = world.pyfast(&["lock", "-r", "pyproject.toml"]);
    let stderr = ran.refused(EITHER, &["pyproject.toml:4:11: "]).stderr;
    assert!(stderr.contains("4 |   \"a\", \"b >>= 1\",\n  |           ^^^^^\n"), "{stderr}");
}

#[test]
fn a_dependency_of_a_script_is_shown() {
    let world = World::new();
    world.write("s.py", "#!x\n# /// script\n# dependencies = ['b >>= 1']\n# ///\n");
    let ran = world.pyfast(&["lock", "-r", "s.py"]);
    let stderr = ran.refused(EITHER, &["s.py:3:22: "]).stderr;
    assert!(stderr.contains("3 | # dependencies = ['b >>= 1']\n"), "{stderr}");
}

#[test]
fn secrets_are_not_shown_with_the_line() {
    let mut world = World::new();
    world.env.insert("TOKEN".to_owned(), "secret".to_owned());
    world.write("requirements.txt", "a @ https://u:${TOKEN}@h.test/a.zip --bad\nb");
    let ran = world.lock(&[]).refused(EITHER, &["requirements.txt:1:37: "]);
    assert!(!ran.stderr.contains("secret") && !ran.stdout.contains("secret"), "{ran}");
}

#[test]
fn the_project_s_root_is_a_variable() {
    let world = World::new();
    let wheel = Wheel::new("a", "1.0").build();
    wheel.write_to(&world.project);
    let line = format!("a @ file://${{PROJECT_ROOT}}/{}", wheel.filename);
    check(&world, &[&line], &["a==1.0"]);
}

#[test]
fn a_package_is_upgraded_no_further_than_its_limit() {
    let world = World::new();
    for version in ["1.0", "1.5", "2.0"] {
        world.index.add(&Wheel::new("a", version)).add(&Wheel::new("b", version));
    }
    world.write("old.txt", "a==1.0\nb==1.0\n");
    world.pyfast(&["lock", "-r", "old.txt"]).ok();
    world.require(&["a", "b"]);
    assert_eq!(world.locked(&["-P", "a<2"]), ["a==1.5", "b==1.0"]);
    assert_eq!(world.locked(&[]), ["a==1.5", "b==1.0"], "the limit was for one lock only");
    assert_eq!(world.locked(&["-P", "a"]), ["a==2.0", "b==1.0"]);
    world.lock(&["-P", "a~1"]).refused(EITHER, &["no limit of versions"]);
    assert!(Path::new(&world.project).join("pylock.toml").is_file());
}
