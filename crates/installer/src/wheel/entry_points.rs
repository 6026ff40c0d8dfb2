//! `entry_points.txt`: the scripts that a distribution wants to have made.
//!
//! <https://packaging.python.org/en/latest/specifications/entry-points/>

use serde::{Deserialize, Serialize};

use crate::error::Refusal;

/// The most that the name of a file has, in bytes.
const LONGEST_NAME: usize = 255;

/// A script that calls a function of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPoint {
    /// The script's file name in `bin/`.
    pub name: String,
    /// The module to import, with dots.
    pub module: String,
    /// The object to call, with dots.
    pub attribute: String,
    /// Whether it belongs to the group `gui_scripts`.
    pub gui: bool,
}

/// The scripts of an `entry_points.txt`; other groups are left to whoever reads them.
pub(crate) fn parse(text: &str) -> Result<Vec<EntryPoint>, Refusal> {
    let mut group = "";
    let mut found: Vec<EntryPoint> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            group = header.trim();
            continue;
        }
        if !matches!(group, "console_scripts" | "gui_scripts") {
            continue;
        }
        let refuse = |reason: &str| {
            let line: String = line.chars().take(200).collect();
            Refusal::entry("entry_points.txt", format!("{reason}: `{}`", line.escape_debug()))
        };
        let (name, value) = line.split_once('=').ok_or_else(|| refuse("has a line without `=`"))?;
        let name = name.trim();
        check_script_name(name).map_err(refuse)?;
        let (module, attribute) =
            reference(value).ok_or_else(|| refuse("has a script that is not `module:function`"))?;
        let point = EntryPoint {
            name: name.to_owned(),
            module: module.to_owned(),
            attribute: attribute.to_owned(),
            gui: group == "gui_scripts",
        };
        // A name in both groups is one file: the console's.
        match found.iter_mut().find(|known| known.name == point.name) {
            None => found.push(point),
            Some(known) if known.gui => *known = point,
            Some(_) => {}
        }
    }
    Ok(found)
}

/// Whether a script may have this name in `bin/`. The format only recommends letters, digits and `_ . -`: compilers in
/// wheels are named `clang++`.
pub(crate) fn check_script_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err("has a script whose name could leave bin/");
    }
    if name.contains(char::is_control) {
        return Err("has a script with a control character in its name");
    }
    if name.len() > LONGEST_NAME {
        return Err("has a script with a name longer than a file's may be");
    }
    if is_interpreter(name) {
        return Err("has a script that would replace the interpreter");
    }
    Ok(())
}

/// Whether a file of this name in `bin/` would be taken for a Python interpreter.
pub(crate) fn is_interpreter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".exe").or_else(|| name.strip_suffix(".py")).unwrap_or(&name);
    ["python", "pypy", "graalpy"].iter().any(|interpreter| {
        let rest = name.strip_prefix(interpreter);
        let rest = rest.map(|rest| rest.strip_prefix('w').unwrap_or(rest));
        rest.is_some_and(|rest| {
            let version = rest.trim_end_matches(['t', 'd']);
            version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        })
    })
}

/// `module:attribute`, with or without spaces and extras.
fn reference(value: &str) -> Option<(&str, &str)> {
    let value = match value.split_once('[') {
        Some((value, extras)) => {
            extras.trim_end().strip_suffix(']')?;
            value
        }
        None => value,
    };
    let (module, attribute) = value.split_once(':')?;
    let (module, attribute) = (module.trim(), attribute.trim());
    (is_dotted_name(module) && is_dotted_name(attribute)).then_some((module, attribute))
}

fn is_dotted_name(name: &str) -> bool {
    name.split('.').all(|part| {
        let begins = |c: char| c == '_' || c.is_alphabetic();
        part.starts_with(begins) && part.chars().all(|c| c == '_' || c.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<&[(&str, &str, &str)], &str>) {
        let found = parse(text);
        match expected {
            Ok(expected) => {
                let found = found.unwrap();
                let found: Vec<_> = found
                    .iter()
                    .map(|point| {
                        (point.name.as_str(), point.module.as_str(), point.attribute.as_str())
                    })
                    .collect();
                assert_eq!(found, expected, "{text:?}");
            }
            Err(reason) => {
                let error = found.unwrap_err().to_string();
                assert!(error.contains(reason), "{text:?}: {error}");
            }
        }
    }

    #[test]
    fn scripts_are_read_and_other_groups_are_left() {
        check(
            "# comment\n[console_scripts]\na-b = pkg.cli:main\nc=pkg : Group.run [extra]\n\
             [pytest11]\nx = not a reference\n[gui_scripts]\nd = pkg:gui\n",
            Ok(&[("a-b", "pkg.cli", "main"), ("c", "pkg", "Group.run"), ("d", "pkg", "gui")]),
        );
        check("", Ok(&[]));
    }

    #[test]
    fn names_that_leave_bin_or_replace_the_interpreter_are_refused() {
        for name in ["../evil", "/abs", "", "..", ".x", "a/b"] {
            check(&format!("[console_scripts]\n{name} = a:b"), Err("could leave bin/"));
        }
        for name in ["a\0", "a\u{1b}[2J"] {
            check(&format!("[console_scripts]\n{name} = a:b"), Err("a control character"));
        }
        check(&format!("[console_scripts]\n{} = a:b", "x".repeat(256)), Err("longer than"));
        for name in
            ["python", "Python3", "python3.11", "pythonw", "PYPY3", "python3.13t", "python.exe"]
        {
            check(&format!("[console_scripts]\n{name} = a:b"), Err("replace the interpreter"));
        }
        check("[console_scripts]\npython-dotenv = a:b", Ok(&[("python-dotenv", "a", "b")]));
    }

    #[test]
    fn names_that_the_format_merely_advises_against_are_taken() {
        for name in ["cc++", "my tool", "a:b", "größe", "x@1.0", "~"] {
            check(&format!("[console_scripts]\n{name} = a:b"), Ok(&[(name, "a", "b")]));
        }
    }

    #[test]
    fn values_that_carry_code_are_refused() {
        for value in [
            "a",
            "a:b; import os",
            "a:b()",
            ":b",
            "a:",
            "a..b:c",
            "1a:b",
            "a:b [x",
            "os:system('x')",
        ] {
            check(&format!("[console_scripts]\nx = {value}"), Err("not `module:function`"));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*|(\\[console_scripts\\]\n(\\PC*\n)*)") {
            if let Ok(points) = parse(&text) {
                for point in points {
                    prop_assert!(check_script_name(&point.name).is_ok());
                }
            }
        }
    }
}
