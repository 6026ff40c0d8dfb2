//! A Dockerfile's text as instructions: lines joined, comments left out, flags and here-documents told apart. Owns the
//! grammar; must not know what an instruction is read for, nor the file system.
//!
//! Source: <https://docs.docker.com/reference/dockerfile/>

pub(crate) mod shell;

use std::collections::BTreeMap;
use std::ops::Range;

/// An instruction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Its name in upper case.
    pub(crate) word: String,
    /// Its flags (`--from=x`), as written.
    pub(crate) flags: Vec<String>,
    /// What stands behind them, as written.
    pub(crate) rest: String,
    /// The texts of its here-documents.
    pub(crate) documents: Vec<String>,
    /// The lines of the text that it stands in, counted from 0.
    pub(crate) lines: Range<usize>,
}

impl Instruction {
    /// The value of a flag; empty for one without.
    pub(crate) fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find_map(|flag| {
            let value = flag.strip_prefix("--")?.strip_prefix(name)?;
            if value.is_empty() { Some("") } else { value.strip_prefix('=') }
        })
    }

    /// The fields of each `--mount=type=bind,source=…,target=…`.
    pub(crate) fn mounts(&self) -> Vec<BTreeMap<String, String>> {
        let mounts = self.flags.iter().filter_map(|flag| flag.strip_prefix("--mount="));
        let fields = |mount: &str| {
            let fields = mount.split(',').map(|field| field.split_once('=').unwrap_or((field, "")));
            fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        mounts.map(fields).collect()
    }

    /// The words behind the flags where no shell reads them: a JSON array, or what stands between blanks.
    pub(crate) fn words(&self) -> Vec<String> {
        let array = serde_json::from_str::<Vec<String>>(&self.rest);
        array.unwrap_or_else(|_not_json| self.rest.split_whitespace().map(str::to_owned).collect())
    }
}

/// The instructions of a text.
pub(crate) fn instructions(text: &str) -> Vec<Instruction> {
    let text = text.trim_start_matches('\u{feff}');
    let escape = if directive(text, "escape").as_deref() == Some("`") { '`' } else { '\\' };
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((begin, line)) = next_line(&mut lines, escape) {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let (flags, rest) = flags(rest);
        let (word, documents) = (word.to_ascii_uppercase(), vec![]);
        let mut one = Instruction { word, flags, rest, documents, lines: 0..0 };
        if matches!(one.word.as_str(), "RUN" | "COPY" | "ADD") {
            for name in here_documents(&one.rest) {
                one.documents.extend(document(&mut lines, &name));
            }
        }
        let end = lines.clone().next().map_or_else(|| text.lines().count(), |(next, _)| next);
        one.lines = begin..end;
        found.push(one);
    }
    found
}

/// Which of the stages with these names, which may be empty, is meant by a name or a number: the last one where several
/// have it.
pub(crate) fn stage_named<'a, I>(names: I, name: &str) -> Option<usize>
where
    I: DoubleEndedIterator<Item = &'a str> + ExactSizeIterator,
{
    let count = names.len();
    let mut names = names;
    let found = names.rposition(|one| !one.is_empty() && one.eq_ignore_ascii_case(name));
    found.or_else(|| name.parse().ok().filter(|at| *at < count))
}

/// The value of a directive (`# escape=`), which stands before everything else.
pub(crate) fn directive(text: &str, name: &str) -> Option<String> {
    let text = text.trim_start_matches('\u{feff}');
    let comments = text.lines().map_while(|line| line.trim().strip_prefix('#'));
    let mut pairs = comments.map_while(|line| line.split_once('='));
    let (_, value) = pairs.find(|(found, _)| found.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().to_owned())
}

type Lines<'a> = std::iter::Enumerate<std::str::Lines<'a>>;

/// The next instruction in one line, with what was continued, and the line where it begins.
fn next_line(lines: &mut Lines<'_>, escape: char) -> Option<(usize, String)> {
    let (mut begin, mut whole) = (None, String::new());
    for (number, next) in lines {
        let trimmed = next.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        begin.get_or_insert(number);
        let next = next.trim_end();
        let Some(start) = next.strip_suffix(escape) else {
            whole.push_str(next);
            break;
        };
        whole.push_str(start);
    }
    let whole = whole.trim();
    begin.filter(|_| !whole.is_empty()).map(|begin| (begin, whole.to_owned()))
}

/// Flags of an instruction, and what stands behind them.
fn flags(rest: &str) -> (Vec<String>, String) {
    let mut found = Vec::new();
    let mut rest = rest.trim();
    while rest.starts_with("--") {
        let (flag, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        found.push(flag.to_owned());
        rest = after.trim_start();
    }
    (found, rest.to_owned())
}

/// A word that ends a here-document, and whether tabs before it and its lines do not count.
struct HereDocument {
    end: String,
    tabs: bool,
}

/// The here-documents that begin in a line.
fn here_documents(line: &str) -> Vec<HereDocument> {
    let words = line.split_whitespace().filter_map(|word| {
        let after = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
        let (tabs, name) = after.strip_prefix('-').map_or((false, after), |name| (true, name));
        let end = name.trim_matches(['"', '\'']);
        let plain = !end.is_empty() && end.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        plain.then(|| HereDocument { end: end.to_owned(), tabs })
    });
    words.collect()
}

/// The text up to a here-document's end. Without an end it is none, and its lines are instructions.
fn document(lines: &mut Lines<'_>, here: &HereDocument) -> Option<String> {
    let is_end = |(_, line): (usize, &str)| {
        let line = if here.tabs { line.trim_start_matches('\t') } else { line };
        line.trim_end() == here.end
    };
    let length = lines.clone().position(is_end)?;
    let text: Vec<&str> = lines.by_ref().take(length).map(|(_, line)| line).collect();
    lines.next();
    Some(text.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rests(text: &str) -> Vec<(String, String)> {
        instructions(text).into_iter().map(|one| (one.word, one.rest)).collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|&(word, rest)| (word.to_owned(), rest.to_owned())).collect();
        assert_eq!(rests(text), expected, "{text}");
    }

    #[test]
    fn lines_are_continued_and_comments_are_not_there() {
        check("from x\n# no\n  run a \\\n# why\n\n  && b\n", &[("FROM", "x"), ("RUN", "a   && b")]);
        check("# escape=`\nRUN a `\n b\\\nRUN c", &[("RUN", "a  b\\"), ("RUN", "c")]);
        check("\u{feff}FROM x\r\nRUN a \\\r\n b\r\n", &[("FROM", "x"), ("RUN", "a  b")]);
        check("RUN a\\\nb \\", &[("RUN", "ab")]);
    }

    #[test]
    fn here_documents_end_where_they_say_and_are_none_without_an_end() {
        let text = "RUN --mount=type=cache,target=/c <<EOF cat\na\nCOPY x y\nEOF\nCOPY <<-'A' <<B /d/\n\tA\nb\nB\nUSER me";
        let found = instructions(text);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0].documents, ["a\nCOPY x y"]);
        assert_eq!(found[0].mounts()[0]["target"], "/c");
        assert_eq!(found[1].documents, ["", "b"]);
        // A shift, and a document that nobody ends: what follows is seen.
        check(
            "RUN echo $((1<<2))\nCOPY a b\n2\n",
            &[("RUN", "echo $((1<<2))"), ("COPY", "a b"), ("2", "")],
        );
        check("RUN cat <<EOF\nCOPY a b", &[("RUN", "cat <<EOF"), ("COPY", "a b")]);
    }

    #[test]
    fn an_instruction_knows_its_lines() {
        let text = "\u{feff}# why\nFROM x\n\nRUN a \\\n# no\n && b\nRUN <<E\nc\nE\nUSER d";
        let lines: Vec<_> = instructions(text).into_iter().map(|one| one.lines).collect();
        assert_eq!(lines, [1..2, 3..6, 6..9, 9..10]);
    }

    #[test]
    fn flags_and_words_are_told_apart() {
        let copy = &instructions("COPY --from=a --link [\"b c\", \"d\"]")[0];
        assert_eq!(
            (copy.flag("from"), copy.flag("link"), copy.flag("fro")),
            (Some("a"), Some(""), None)
        );
        assert_eq!(copy.words(), ["b c", "d"]);
        assert_eq!(instructions("COPY (a)/b&c  d")[0].words(), ["(a)/b&c", "d"]);
    }

    #[test]
    fn directives_stand_before_everything_else() {
        let text = "# syntax = docker/dockerfile:1\n# escape=`\n# note\n# syntax=x\nFROM x";
        assert_eq!(directive(text, "syntax").as_deref(), Some("docker/dockerfile:1"));
        assert_eq!(directive(text, "escape").as_deref(), Some("`"));
        assert_eq!(directive("# a note\n# escape=`\nFROM x", "escape"), None);
        assert_eq!(directive("FROM x\n# escape=`", "escape"), None);
    }
}
