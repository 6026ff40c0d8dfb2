//! Comments that say that a line is meant as it is. Must not know files.

use crate::finding::{Finding, Rule};

impl Finding {
    /// Whether the comment of a line, which it is about, says that it is meant so.
    pub fn is_meant(&self, line: &str) -> bool {
        is_suppressed(line, self.rule)
    }
}

/// Whether the comment of a line silences a rule: `# pyfast: ignore`, `# pyfast: ignore[missing-module]`, and on imports
/// what people have there for other tools already.
fn is_suppressed(line: &str, rule: Rule) -> bool {
    let comments = line.match_indices('#').map(|(at, _)| line[at + 1..].trim_start());
    let is_import = {
        let line = line.trim_start();
        line.starts_with("import ") || line.starts_with("from ")
    };
    for comment in comments {
        if let Some(rest) = comment.strip_prefix("pyfast:") {
            let Some(rest) = rest.trim_start().strip_prefix("ignore") else { continue };
            let Some(list) = rest.strip_prefix('[') else { return true };
            let list = list.split(']').next().unwrap_or_default();
            if list.split(',').any(|name| name.trim() == rule.name()) {
                return true;
            }
        }
        // `noqa: F401` says that the import is not used, not that it may be missing.
        let is_theirs = comment.starts_with("type: ignore")
            || comment.strip_prefix("noqa").is_some_and(|rest| !rest.trim_start().starts_with(':'));
        if is_import && is_theirs && matches!(rule, Rule::MissingModule | Rule::MissingName) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_silence_what_they_name() {
        let check = |line: &str, rule: Rule, expected: bool| {
            assert_eq!(is_suppressed(line, rule), expected, "{line}");
        };
        check("import a  # pyfast: ignore", Rule::ImportCycle, true);
        check("import a  # pyfast: ignore[missing-module, syntax]", Rule::MissingModule, true);
        check("import a  # pyfast: ignore[missing-module]", Rule::MissingName, false);
        check("import a  # type: ignore[import]", Rule::MissingModule, true);
        check("import a  # noqa", Rule::MissingModule, true);
        check("import a  # noqa: F401", Rule::MissingModule, false);
        check("a.b()  # type: ignore", Rule::MissingName, false);
        check("x = '# pyfast'  # why", Rule::UndefinedName, false);
    }
}
