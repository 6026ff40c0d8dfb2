//! `.dockerignore`: which paths of a context are left out. Owns the rules of the format, which are Go's
//! `filepath.Match` with `**`; must not know the file system.
//!
//! Source: <https://docs.docker.com/build/concepts/context/#dockerignore-files>

/// The rules of one file, in their order: the last that matches decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    parts: Vec<String>,
    keeps: bool,
}

/// Which rules match a path, for the paths below it: a rule that matches a directory matches all in it.
pub(crate) type Matched = Vec<bool>;

impl Ignore {
    /// Reads the file's text.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rules = text.lines().filter(|line| !line.starts_with('#')).filter_map(Rule::parse);
        Self { rules: rules.collect() }
    }

    /// Adds paths that are left out whatever the file says.
    pub(crate) fn and(mut self, paths: impl IntoIterator<Item = Vec<String>>) -> Self {
        self.rules.extend(paths.into_iter().map(|parts| Rule {
            parts: parts.iter().map(|part| escape(part)).collect(),
            keeps: false,
        }));
        self
    }

    /// Nothing matched yet: the context's own directory.
    pub(crate) fn root(&self) -> Matched {
        vec![false; self.rules.len()]
    }

    /// Whether a path is left out, and which rules match it; `parent` is the answer for its directory.
    pub(crate) fn check(&self, path: &[&str], parent: &Matched) -> (bool, Matched) {
        let mut ignored = false;
        let matched = self.rules.iter().zip(parent).map(|(rule, inherited)| {
            let hit = *inherited || match_parts(&rule.parts, path);
            if hit {
                ignored = !rule.keeps;
            }
            hit
        });
        let matched = matched.collect();
        (ignored, matched)
    }

    /// Whether something below a directory that is left out could be kept.
    pub(crate) fn may_keep_below(&self, directory: &[&str]) -> bool {
        self.rules.iter().any(|rule| rule.keeps && may_lie_below(&rule.parts, directory))
    }
}

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let (keeps, pattern) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        let mut parts: Vec<String> = Vec::new();
        for part in pattern.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part.to_owned()),
            }
        }
        // `.` alone means the context itself, which cannot be left out.
        (!parts.is_empty()).then_some(Self { parts, keeps })
    }
}

fn escape(part: &str) -> String {
    let mut escaped = String::with_capacity(part.len());
    for c in part.chars() {
        if matches!(c, '*' | '?' | '[' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn match_parts(pattern: &[String], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => {
            // At the end it stands for everything inside, in between for any number of directories.
            if rest.is_empty() {
                return !path.is_empty();
            }
            (0..=path.len()).any(|skip| match_parts(rest, &path[skip..]))
        }
        Some((first, rest)) => path.split_first().is_some_and(|(name, below)| {
            match_name(first.as_bytes(), name.as_bytes()) && match_parts(rest, below)
        }),
    }
}

fn may_lie_below(pattern: &[String], directory: &[&str]) -> bool {
    match (pattern.split_first(), directory.split_first()) {
        (Some((first, _)), _) if first.contains("**") => true,
        (Some((first, rest)), Some((name, below))) => {
            match_name(first.as_bytes(), name.as_bytes()) && may_lie_below(rest, below)
        }
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// Whether a name is one that a pattern without slashes means.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match_name(pattern.as_bytes(), name.as_bytes())
}

/// One name against one pattern: `*`, `?`, `[a-z]`, `[^a]`, `\` before a character.
fn match_name(pattern: &[u8], name: &[u8]) -> bool {
    let Some((&first, rest)) = pattern.split_first() else { return name.is_empty() };
    match first {
        b'*' => (0..=name.len()).any(|taken| match_name(rest, &name[taken..])),
        b'?' => {
            let width = leading_character(name);
            width > 0 && match_name(rest, &name[width..])
        }
        b'[' => match_class(rest, name),
        b'\\' if !rest.is_empty() => match_literal(rest[0], &rest[1..], name),
        literal => match_literal(literal, rest, name),
    }
}

fn match_literal(literal: u8, rest: &[u8], name: &[u8]) -> bool {
    name.first() == Some(&literal) && match_name(rest, &name[1..])
}

/// Bytes of the first character.
fn leading_character(name: &[u8]) -> usize {
    match name.first() {
        None => 0,
        Some(0..=0xbf) => 1,
        Some(0xc0..=0xdf) => 2.min(name.len()),
        Some(0xe0..=0xef) => 3.min(name.len()),
        Some(_) => 4.min(name.len()),
    }
}

fn match_class(pattern: &[u8], name: &[u8]) -> bool {
    let Some(end) = pattern.iter().skip(1).position(|&byte| byte == b']').map(|at| at + 1) else {
        return false;
    };
    let Some((&byte, below)) = name.split_first() else { return false };
    let (negated, class) = match pattern[0] {
        b'^' => (true, &pattern[1..end]),
        _ => (false, &pattern[..end]),
    };
    let mut found = false;
    let mut at = 0;
    while at < class.len() {
        if class.get(at + 1) == Some(&b'-') && at + 2 < class.len() {
            found |= (class[at]..=class[at + 2]).contains(&byte);
            at += 3;
        } else {
            found |= class[at] == byte;
            at += 1;
        }
    }
    found != negated && match_name(&pattern[end + 1..], below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a path is left out, walked to as a walk does.
    fn ignored(text: &str, path: &str) -> bool {
        let ignore = Ignore::parse(text);
        let parts: Vec<&str> = path.split('/').collect();
        let mut matched = ignore.root();
        let mut out = false;
        for depth in 1..=parts.len() {
            (out, matched) = ignore.check(&parts[..depth], &matched);
        }
        out
    }

    #[track_caller]
    fn check(text: &str, out: &[&str], kept: &[&str]) {
        for path in out {
            assert!(ignored(text, path), "{path} is kept by {text:?}");
        }
        for path in kept {
            assert!(!ignored(text, path), "{path} is left out by {text:?}");
        }
    }

    #[test]
    fn patterns_are_anchored_at_the_context() {
        check("*.pyc", &["a.pyc"], &["b/a.pyc", "a.py"]);
        check("/build/", &["build", "build/x/y"], &["src/build"]);
        check("./a/../b", &["b", "b/c"], &["a"]);
        check("*/temp*", &["a/temp", "a/tempx/y"], &["temp", "a/b/temp"]);
        check("file?", &["file1", "fileä"], &["file", "file12"]);
        check("[a-c]x\n[^q]y", &["ax", "by"], &["dx", "qy"]);
        check("a\\*", &["a*"], &["ab"]);
    }

    #[test]
    fn two_stars_span_directories() {
        check("**/__pycache__", &["__pycache__", "a/b/__pycache__/c.pyc"], &["a/pycache"]);
        check("a/**", &["a/b", "a/b/c"], &["a", "b"]);
        check("a/**/z", &["a/z", "a/b/c/z"], &["z"]);
        check("**/*.log", &["x.log", "a/b/x.log"], &["x.txt"]);
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        check("*.md\n!README.md", &["a.md"], &["README.md"]);
        check("*\n!src\n!app/*.py", &["x", "app/y.txt"], &["src", "src/a/b", "app/m.py"]);
        check("!README.md\n*.md", &["README.md"], &[]);
    }

    #[test]
    fn comments_and_empty_lines_say_nothing() {
        check("\u{feff}# no\n\n  \n .git \r\n!\n.\n", &[".git"], &["# no", "a"]);
    }

    #[test]
    fn directories_in_which_nothing_can_be_kept_need_no_look() {
        let ignore = Ignore::parse("*\n!src/app\n!docs/**/*.md");
        assert!(ignore.may_keep_below(&["src"]));
        assert!(ignore.may_keep_below(&["docs", "deep"]));
        assert!(!ignore.may_keep_below(&["node_modules"]));
    }

    #[test]
    fn further_paths_are_taken_literally() {
        let ignore = Ignore::parse("!a/*").and([vec!["a".into(), "r*.txt".into()]]);
        let root = ignore.root();
        let (_, a) = ignore.check(&["a"], &root);
        assert!(ignore.check(&["a", "r*.txt"], &a).0);
        assert!(!ignore.check(&["a", "req.txt"], &a).0);
    }
}
