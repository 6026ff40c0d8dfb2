//! Rules of the house that a compiler does not know, held over the source itself.

mod circles;
mod modules;
mod page;
mod signatures;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use circles::{circles, in_words, rooms};
use modules::Crate;
use page::{beginning, names};
use signatures::Signature;

/// Every Rust file of the program below a folder, without those that are tests alone.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs")
            && !["tests.rs", "fixtures.rs"].iter().any(|name| path.ends_with(name))
        {
            found.push(path);
        }
    }
}

/// The lines of code of these folders, each with its place; comments and unit tests are left out.
fn code(folders: &[&str]) -> Vec<(String, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in folders {
        sources(&top.join(folder), &mut files);
    }
    let mut lines = Vec::new();
    for file in files {
        let text = fs_err::read_to_string(&file).unwrap();
        let place = file.strip_prefix(top).unwrap().display().to_string();
        let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (index, line) in program.lines().enumerate() {
            let code = line.trim();
            if !code.starts_with("//") {
                lines.push((format!("{place}:{}", index + 1), code.to_owned()));
            }
        }
    }
    assert!(lines.len() > 1000, "the source was not found");
    lines
}

/// Lines that have one of these texts, but for files whose reason stands beside their name.
fn check(folders: &[&str], forbidden: &[&str], but: &[(&str, &str)]) {
    let lines = code(folders);
    let found: Vec<String> = lines
        .iter()
        .filter(|(_, code)| forbidden.iter().any(|text| code.contains(text)))
        .filter(|(place, _)| !but.iter().any(|(file, _)| place.starts_with(file)))
        .map(|(place, code)| format!("{place}: {code}"))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    for (file, _) in but {
        assert!(lines.iter().any(|(place, _)| place.starts_with(file)), "{file} is gone");
    }
}

const PROGRAM: [&str; 14] = [
    "src",
    "crates/crew/src",
    "crates/environment/src",
    "crates/index/src",
    "crates/installer/src",
    "crates/launcher/src",
    "crates/native/src",
    "crates/packaging/src",
    "crates/remote/src",
    "crates/resolver/src",
    "crates/settings/src",
    "crates/stack/src",
    "crates/terminal/src",
    "crates/usage/src",
];

#[test]
fn paths_below_a_root_are_spelt_in_their_own_crate_alone() {
    let forbidden = [
        "store/v1",
        "envs/v1",
        "cache/v1",
        "\"projects",
        "\"locks",
        "\"envs",
        "\"store\"",
        "\"tmp\"",
        "\"layout\")",
        "join(\"current\")",
        "history.jsonl",
        "env.json",
        ".pyfast-volume",
        "/bin/pyfast\")",
    ];
    let but = [
        ("crates/installer/src/build/hook.rs", "TMPDIR of a build, in its own directory"),
        ("src/doctor/", "words for people, and lists of its own"),
    ];
    check(&PROGRAM, &forbidden, &but);
}

#[test]
fn nothing_below_a_root_is_changed_by_name() {
    let forbidden = [
        "remove_dir_all(",
        "fs_err::remove_file(",
        "set_permissions(&",
        "fs_err::rename",
        "fs::rename(",
        "hard_link(&",
        "fs_err::write(",
        "fs_err::os::unix::fs::symlink(",
        "fs_err::create_dir",
        "renameat(",
        "unlinkat(",
        "symlinkat(",
        "mkdirat(",
        "openat(",
        "openat2(",
        "linkat(",
        "canonicalize(",
    ];
    let but = [
        ("crates/installer/src/build.rs", "the build's own directory"),
        ("crates/installer/src/build/", "the build's own directory, and sources of the user's"),
    ];
    check(&["crates/installer/src", "crates/launcher/src/entry"], &forbidden, &but);
}

/// The libraries' folders, and the command line's.
fn crates() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = fs_err::read_dir(top.join("crates")).unwrap();
    let mut crates: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path().join("src")).collect();
    crates.push(top.join("src"));
    crates.sort();
    assert!(crates.iter().all(|folder| folder.is_dir()));
    crates
}

#[test]
fn no_circle_of_modules_goes_through_more_than_three_rooms() {
    let mut found = String::new();
    let mut arrows_in_all = 0;
    for folder in crates() {
        let arrows = Crate::read(&folder).arrows();
        arrows_in_all += arrows.values().map(BTreeSet::len).sum::<usize>();
        for circle in circles(&arrows).into_iter().filter(|circle| rooms(circle) > 3) {
            writeln!(found, "{}: {}", folder.display(), in_words(&circle, &arrows)).unwrap();
        }
    }
    assert!(found.is_empty(), "{found}");
    assert!(arrows_in_all > 500, "the paths of the code were not found");
}

/// The most that a reader is shown at once of a library.
const NAMES: usize = 30;

#[test]
fn a_library_is_a_page_that_says_where_to_begin() {
    let mut found = String::new();
    for folder in crates() {
        let Ok(page) = fs_err::read_to_string(folder.join("lib.rs")) else { continue };
        let names = names(&page);
        let place = folder.display();
        assert!(!names.is_empty(), "{place}: its names were not found");
        if names.len() > NAMES {
            writeln!(found, "{place}: {} names, {NAMES} at most: {names:?}", names.len()).unwrap();
        }
        if names.contains("*") {
            writeln!(found, "{place}: hands on all of a module, so that nobody sees what").unwrap();
        }
        if beginning(&page).is_none_or(|name| !names.contains(&name)) {
            writeln!(found, "{place}: its opening does not say at which of its names to begin")
                .unwrap();
        }
    }
    assert!(found.is_empty(), "{found}");
}

/// How long the command line may be, which only speaks.
const LINES: usize = 8_000;

#[test]
fn the_command_line_is_short_because_it_only_speaks() {
    let mut files = Vec::new();
    every_source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let lines = files.iter().map(|file| fs_err::read_to_string(file).unwrap().lines().count());
    let lines: usize = lines.sum();
    assert!(lines > LINES / 2, "the source was not found");
    assert!(
        lines <= LINES,
        "src has {lines} lines, {LINES} at most: what is no words is a library's"
    );
}

#[test]
fn every_file_opens_with_what_it_owns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    // Files of tests are read as much as others.
    for folder in ["src", "crates", "tests", "benches", "fuzz/fuzz_targets"] {
        every_source(&root.join(folder), &mut files);
    }
    let mute = |file: &&PathBuf| !fs_err::read_to_string(file).unwrap().starts_with("//! ");
    let mute: Vec<_> = files.iter().filter(mute).collect();
    assert!(mute.is_empty(), "{mute:?}");
}

#[test]
fn no_signature_has_a_tuple() {
    let (mut found, mut functions) = (String::new(), 0);
    let mut files = Vec::new();
    for folder in crates() {
        sources(&folder, &mut files);
    }
    for file in files {
        let text = fs_err::read_to_string(&file).unwrap();
        let program = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for signature in Signature::all(program) {
            functions += 1;
            if signature.has_tuple() {
                writeln!(found, "{}: {}", file.display(), signature.name).unwrap();
            }
        }
    }
    assert!(found.is_empty(), "{found}");
    assert!(functions > 3000, "the source was not found");
}

#[test]
fn tuples_of_signatures_are_found_wherever_they_stand() {
    let check = |text: &str, expected: bool| {
        let signatures = Signature::all(text);
        assert_eq!(signatures.len(), 1, "{text}");
        assert_eq!(signatures[0].has_tuple(), expected, "{text}");
    };
    check("fn f((a, b): (u8, u8)) {}", true);
    check("fn f(&self, (a, b): &Pair) {}", true);
    check("fn f<T: Fn(u8) -> (u8, u8)>(a: T, range: &'a mut (u8, u8)) {}", true);
    check("fn f<T: Fn((u8, u8)) -> u8>(a: T) -> (u8, u8) { (1, 2) }", false);
    check("pub(crate) fn f(a: &(dyn Fn(u8, u8) + Sync), b: (), c: Vec<(u8, u8)>) {}", false);
    check(
        "fn f(a: Map<u8, (u8, u8)>, b: [u8; 2], Pair { a, b }: Pair) where T: A<(u8, u8)> {}",
        false,
    );
}

/// The numbers of a text after `rule` or `rules`, as comments (`rules 7 and 36`) and names of tests
/// (`rules_2_to_4_are`) have them.
fn rules(text: &str) -> Vec<usize> {
    let mut numbers = Vec::new();
    let lower = text.to_ascii_lowercase();
    for (start, _) in lower.match_indices("rule") {
        let before = lower[..start].chars().next_back();
        if before.is_some_and(char::is_alphanumeric) {
            continue;
        }
        let after = lower[start + "rule".len()..].trim_start_matches('s');
        if !after.starts_with([' ', '_']) {
            continue;
        }
        for word in after.split([' ', '_', ',']).filter(|word| !word.is_empty()) {
            let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
            match digits.parse() {
                Ok(number) => numbers.push(number),
                Err(_) if ["and", "to"].contains(&word) => continue,
                Err(_) => break,
            }
            if digits.len() < word.len() && !word.ends_with(',') {
                break;
            }
        }
    }
    numbers
}

#[test]
fn numbers_of_rules_are_found_in_comments_and_names() {
    let check = |text: &str, expected: &[usize]| assert_eq!(rules(text), expected, "{text}");
    check("// by rule 24.", &[24]);
    check("(rules 9, 14 and 30)", &[9, 14, 30]);
    check("/// Rule 13: one interpreter, not 3", &[13]);
    check("fn rules_2_to_4_specifiers_become_ranges() {", &[2, 4]);
    check("fn rule_43_a_line() {", &[43]);
    check("the rules of the format; overrule 5; ruler 7", &[]);
}

#[test]
fn rules_that_are_named_have_their_sentence() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs_err::read_to_string(top.join("docs/resolution-rules.md")).unwrap();
    let written: Vec<usize> = document
        .lines()
        .filter_map(|line| line.strip_prefix("- **Rule ")?.split_once(".** ")?.0.parse().ok())
        .collect();
    assert_eq!(written, (1..=written.len()).collect::<Vec<_>>(), "the list has a gap");
    let mut files = Vec::new();
    for folder in ["src", "crates", "tests"] {
        every_source(&top.join(folder), &mut files);
    }
    let mut named = 0;
    for file in files.iter().filter(|file| !file.ends_with("tests/it/tidy.rs")) {
        for (index, line) in fs_err::read_to_string(file).unwrap().lines().enumerate() {
            for rule in rules(line) {
                named += 1;
                let place = format!("{}:{}", file.display(), index + 1);
                assert!(written.contains(&rule), "{place}: rule {rule} has no sentence");
            }
        }
    }
    assert!(named > 50, "the source was not found");
}

/// Every Rust file below a folder.
fn every_source(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            every_source(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}
