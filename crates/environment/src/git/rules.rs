//! Rules of a repository that keep files out of it: the format of `.gitignore`, as far as one path asks. Must not know the
//! file system.
//!
//! Source: <https://git-scm.com/docs/gitignore>

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Rules, each file's with how many directories below the top it is; those of later files win.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<(usize, Gitignore)>);

impl Rules {
    /// Adds the rules of a file `depth` directories below the top.
    pub(super) fn add(&mut self, depth: usize, text: &str) {
        let mut builder = GitignoreBuilder::new("");
        for line in text.lines() {
            // A rule that cannot be read matches nothing, as with git.
            let _ = builder.add_line(None, line);
        }
        self.0.extend(builder.build().ok().map(|rules| (depth, rules)));
    }

    /// Whether a file at this path from the top, or a directory that it is in, is left out.
    pub(super) fn covers(&self, path: &[&str]) -> bool {
        (1..=path.len()).any(|length| {
            let says = |(depth, rules): &(usize, Gitignore)| {
                let below = path.get(*depth..length).filter(|below| !below.is_empty())?;
                let says = rules.matched(below.join("/"), length < path.len());
                (!says.is_none()).then(|| says.is_ignore())
            };
            self.0.iter().rev().find_map(says).unwrap_or_default()
        })
    }
}

/// The rule for this path from the top and no other.
pub(super) fn exactly(path: &[&str]) -> String {
    let mut rule = String::new();
    for part in path {
        rule.push('/');
        for c in part.chars() {
            if matches!(c, '\\' | '*' | '?' | '[' | ' ') {
                rule.push('\\');
            }
            rule.push(c);
        }
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &[&str], expected: bool) {
        let mut rules = Rules::default();
        rules.add(0, text);
        assert_eq!(rules.covers(path), expected, "{text:?} {path:?}");
    }

    #[test]
    fn a_link_is_covered_by_rules_for_files() {
        for rule in [
            ".venv",
            "/.venv",
            ".venv*",
            "*env",
            ".*",
            "*",
            "**/.venv",
            ".v?nv",
            "\\.venv",
            ".venv  ",
            ".[v]env",
            ".[!a-u]env",
            "[.]venv",
        ] {
            check(rule, &[".venv"], true);
        }
        for rule in [
            ".venv/", "venv", "# .venv", "", "!.venv", "a/.venv", ".venv/*", ".[!v]env", ".[v",
            ".venv\\",
        ] {
            check(rule, &[".venv"], false);
        }
        check(".venv\n!.venv", &[".venv"], false);
        check("!.venv\n.venv", &[".venv"], true);
    }

    #[test]
    fn directories_above_cover_it_too() {
        let path = ["a", "b", ".venv"];
        for rule in
            ["a", "a/", "b/", "/a/b", "a/b/.venv", "**/b", "a/**", "a/**/.venv", "/*/*/.venv"]
        {
            check(rule, &path, true);
        }
        for rule in ["/b", "b/.venv", "/.venv", "a/.venv", "*/.venv"] {
            check(rule, &path, false);
        }
    }

    #[test]
    fn a_file_in_a_directory_below_counts_from_there() {
        let mut rules = Rules::default();
        rules.add(0, ".venv");
        rules.add(1, "!/.venv");
        assert!(!rules.covers(&["a", ".venv"]));
        assert!(rules.covers(&[".venv"]));
        assert!(rules.covers(&["a", "b", ".venv"]));
    }

    #[test]
    fn an_exact_rule_covers_its_path() {
        for path in [&[".venv"][..], &["a b", ".venv"], &["x*[y]?\\", "!z", ".venv"]] {
            check(&exactly(path), path, true);
        }
        check(&exactly(&["x*", ".venv"]), &["xy", ".venv"], false);
    }
}
