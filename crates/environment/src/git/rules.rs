//! Rules of a repository that keep files out of it: the format of `.gitignore`, as far as one path asks. Where a rule
//! has a set of characters in brackets it is taken not to match. Must not know the file system.
//!
//! Source: <https://git-scm.com/docs/gitignore>

/// Rules, each in the file of a directory that is so many below the top; later ones win.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<(usize, Rule)>);

#[derive(Debug)]
struct Rule {
    /// Whether it takes back what earlier ones say.
    keeps: bool,
    /// Whether it means directories alone.
    directories: bool,
    /// Whether it begins at its file's directory, and not anywhere below.
    anchored: bool,
    parts: Vec<String>,
}

impl Rules {
    /// Adds the rules of a file `depth` directories below the top.
    pub(super) fn add(&mut self, depth: usize, text: &str) {
        self.0.extend(text.lines().filter_map(Rule::read).map(|rule| (depth, rule)));
    }

    /// Whether a file at this path from the top, or a directory that it is in, is left out.
    pub(super) fn covers(&self, path: &[&str]) -> bool {
        (1..=path.len()).any(|length| {
            let directory = length < path.len();
            let says = |(depth, rule): &&(usize, Rule)| {
                *depth < length && rule.matches(&path[*depth..length], directory)
            };
            self.0.iter().rev().find(says).is_some_and(|(_, rule)| !rule.keeps)
        })
    }
}

impl Rule {
    fn read(line: &str) -> Option<Self> {
        let line = line.trim_end();
        if line.starts_with('#') {
            return None;
        }
        let (keeps, line) = line.strip_prefix('!').map_or((false, line), |line| (true, line));
        let (directories, line) = line.strip_suffix('/').map_or((false, line), |line| (true, line));
        let anchored = line.contains('/');
        let parts: Vec<String> =
            line.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        (!parts.is_empty()).then_some(Self { keeps, directories, anchored, parts })
    }

    fn matches(&self, path: &[&str], directory: bool) -> bool {
        if self.directories && !directory {
            return false;
        }
        let parts: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        if self.anchored {
            return match_parts(&parts, path);
        }
        path.last().is_some_and(|name| match_name(parts[0].as_bytes(), name.as_bytes()))
    }
}

fn match_parts(rule: &[&str], path: &[&str]) -> bool {
    match (rule, path) {
        ([], []) => true,
        (["**"], _) => !path.is_empty(),
        (["**", rest @ ..], _) => {
            (0..=path.len()).any(|skipped| match_parts(rest, &path[skipped..]))
        }
        ([first, rest @ ..], [name, below @ ..]) => {
            match_name(first.as_bytes(), name.as_bytes()) && match_parts(rest, below)
        }
        _ => false,
    }
}

fn match_name(rule: &[u8], name: &[u8]) -> bool {
    match (rule, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|taken| match_name(rest, &name[taken..])),
        ([b'[', ..], _) => false,
        ([b'\\', literal, rest @ ..], [first, below @ ..]) => {
            literal == first && match_name(rest, below)
        }
        ([b'?', rest @ ..], [_, below @ ..]) => match_name(rest, below),
        ([byte, rest @ ..], [first, below @ ..]) => byte == first && match_name(rest, below),
        _ => false,
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
            ".venv", "/.venv", ".venv*", "*env", ".*", "*", "**/.venv", ".v?nv", "\\.venv",
            ".venv  ",
        ] {
            check(rule, &[".venv"], true);
        }
        for rule in
            [".venv/", "venv", "# .venv", "", "!.venv", "a/.venv", ".venv/*", ".[v]env", ".venv\\"]
        {
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
