//! The scripts that put an environment in front in a shell: their names, and how a path is written for each shell.
//! Every text is this crate's own, with the variables and functions that such scripts of other tools have, so that
//! each undoes the other. Must not know where an environment is.

use std::borrow::Cow;

/// A script of `bin/`.
struct Script {
    name: &'static str,
    text: &'static str,
    /// How the shell takes a text literally.
    quote: fn(&str) -> String,
}

const SCRIPTS: [Script; 6] = [
    Script { name: "activate", text: include_str!("activation/activate"), quote: posix },
    Script { name: "activate.csh", text: include_str!("activation/activate.csh"), quote: csh },
    Script { name: "activate.fish", text: include_str!("activation/activate.fish"), quote: fish },
    Script { name: "activate.nu", text: include_str!("activation/activate.nu"), quote: nu },
    Script { name: "Activate.ps1", text: include_str!("activation/Activate.ps1"), quote: power },
    Script {
        name: "activate_this.py",
        text: include_str!("activation/activate_this.py"),
        quote: nu,
    },
];

/// What shells show of an environment that has no name of its own.
const NAMELESS: &str = "pyfast";

/// Whether a script of `bin/` is one of these.
pub(super) fn is_own(name: &str) -> bool {
    SCRIPTS.iter().any(|script| script.name == name)
}

/// The scripts, by their names, of an environment that Python sees at `at`, for shells that do not tell by which way
/// they reached it.
pub(super) fn scripts(at: &str, prompt: Option<&str>) -> Vec<(&'static str, String)> {
    let prompt = prompt.map_or(Cow::Borrowed(NAMELESS), |prompt| Cow::Owned(plain(prompt)));
    let script = |script: &Script| {
        let text = script.text.replace("@PROMPT@", &(script.quote)(&prompt));
        (script.name, text.replace("@AT@", &(script.quote)(at)))
    };
    SCRIPTS.iter().map(script).collect()
}

/// A name without anything that shells expand in their prompts each time they show one.
fn plain(name: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-' | '+' | '@');
    name.chars().map(|c| if fits(c) { c } else { '-' }).collect()
}

fn posix(text: &str) -> String {
    format!("'{}'", text.replace('\'', r#"'"'"'"#))
}

/// Events of its history and ends of lines count between quotes too.
fn csh(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''").replace('!', r"\!").replace('\n', "\\\n"))
}

fn fish(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// It takes typographic quotes for plain ones.
fn power(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        quoted.push(c);
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
    }
    quoted.push('\'');
    quoted
}

/// Nushell's double quotes, and Python's.
fn nu(text: &str) -> String {
    let text = text.replace('\\', r"\\").replace('"', r#"\""#);
    format!("\"{}\"", text.replace('\n', r"\n").replace('\r', r"\r"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Paths that a shell would take apart.
    const PATHS: [&str; 5] = [
        "/plain/path",
        "/with space/it's \"quoted\"/`id`/$HOME/$(id)",
        "/back\\slash/\\n/!!/!x/#y/%z/*?[a]{b}~;&|<>",
        "/line\nbreak/tab\there",
        "/ünïcode/\u{2018}typographic\u{2019}/\u{65e5}\u{672c}",
    ];

    /// A program says a path as it is.
    fn check(program: &[&str], quote: fn(&str) -> String, say: &str) {
        for path in PATHS {
            let script = say.replace("@AT@", &quote(path));
            let output = Command::new(program[0]).args(&program[1..]).arg(&script).output();
            let Ok(output) = output else {
                // Shells that this machine does not have.
                assert!(!["sh", "bash", "python3"].contains(&program[0]), "{program:?}");
                return;
            };
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(said.trim_end_matches('\n'), path, "{program:?}: {script}");
        }
    }

    #[test]
    fn a_path_is_written_so_that_each_shell_takes_it_as_it_is() {
        check(&["sh", "-c"], posix, "printf %s @AT@");
        check(&["bash", "-c"], posix, "printf %s @AT@");
        check(&["zsh", "-fc"], posix, "printf %s @AT@");
        check(&["fish", "-c"], fish, "printf %s @AT@");
        check(&["tcsh", "-fc"], csh, "setenv X @AT@\nprintenv X");
        check(&["python3", "-c"], nu, "print(@AT@)");
    }

    #[test]
    fn power_shell_gets_each_of_its_quotes_twice() {
        assert_eq!(power("a'b\u{2019}c\u{201b}$x"), "'a''b\u{2019}\u{2019}c\u{201b}\u{201b}$x'");
    }

    /// Whether everything in a script of PowerShell is closed that was opened, outside of texts and comments.
    fn is_balanced(text: &str) -> bool {
        let (mut open, mut quote) = (Vec::new(), None);
        let code = text.lines().filter(|line| !line.starts_with('#'));
        for c in code.flat_map(str::chars) {
            if let Some(begun) = quote {
                quote = Some(begun).filter(|&begun| begun != c);
                continue;
            }
            match c {
                '\'' | '"' => quote = Some(c),
                '(' => open.push(')'),
                '{' => open.push('}'),
                '[' => open.push(']'),
                ')' | '}' | ']' if open.pop() != Some(c) => return false,
                _ => {}
            }
        }
        open.is_empty() && quote.is_none()
    }

    #[test]
    fn power_shells_script_closes_what_it_opens_and_undoes_what_it_does() {
        assert!(is_balanced("{ '}' }") && !is_balanced("{ '}'") && !is_balanced("(]"));
        let (_, text) = scripts("/it's", Some("shop")).into_iter().nth(4).unwrap();
        assert!(is_balanced(&text), "{text}");
        let (undo, does) = text.split_once("deactivate -NonDestructive").unwrap();
        let set = does
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("$env:")?.split_once(" = "));
        let set: Vec<&str> = set.map(|(name, _)| name).collect();
        assert_eq!(set.len(), 6, "{set:?}");
        for name in set {
            assert!(
                undo.contains(&format!(":{name}")) || undo.contains(&format!("'{name}'")),
                "{name}"
            );
        }
    }

    #[test]
    fn nothing_of_a_name_is_expanded_by_a_prompt() {
        assert_eq!(plain("my shop-1.0_x+y@z"), "my shop-1.0_x+y@z");
        assert_eq!(plain("\u{e9}t\u{e9}"), "\u{e9}t\u{e9}");
        assert_eq!(plain("$(id)`id`\\u%n!\u{1b}[31m'\"\n"), "--id--id--u-n---31m---");
    }

    #[test]
    fn every_script_is_complete() {
        for (name, text) in scripts("/there", Some("shop")) {
            assert!(!text.contains("@AT@") && !text.contains("@PROMPT@"), "{name}");
            assert!(text.contains("shop"), "{name}");
            assert!(text.contains("/there") || name == "activate_this.py", "{name}");
            assert!(is_own(name) && text.ends_with('\n'), "{name}");
        }
        assert!(!is_own("activate-global-python-argcomplete"));
        let nameless = scripts("/there", None);
        assert!(nameless.iter().all(|(name, text)| text.contains(NAMELESS) || is_own(name)));
    }
}
