//! The shell script of a `RUN` as commands that know where in the text they stand, so that one can be taken out and the
//! rest stays as its author wrote it. Owns words, quotes, separators and variables; must not know what commands mean.

use std::ops::Range;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Without quotes, with the values of its variables.
    pub(super) text: String,
    /// Where it stands, in bytes of the whole text.
    pub(super) place: Range<usize>,
    /// Whether what it comes to is only known when it runs.
    pub(super) open: bool,
    /// Whether the value of a variable is in it.
    pub(super) valued: bool,
}

/// What stands before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    /// It runs if the one before succeeded, or whatever that did: `&&`, `;`, a line.
    Next,
    /// It depends on the one before in another way: `||`, `|`, `&`.
    Other,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    /// What joins it to the one before; `None` for the first.
    pub(super) joint: Option<Joint>,
}

impl Command {
    pub(super) fn place(&self) -> Range<usize> {
        let ends = self.words.first().zip(self.words.last());
        ends.map_or(0..0, |(first, last)| first.place.start..last.place.end)
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.words.iter().map(|word| word.text.clone()).collect()
    }
}

/// A script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) commands: Vec<Command>,
    /// Whether it has more than one command after the other: conditions, loops, functions, subshells.
    pub(super) branches: bool,
}

/// How a script's text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In an instruction: a line ends it unless it is continued by this character, lines of comments are not there.
    Instruction(char),
    /// In a here-document: a line ends a command.
    Document,
}

/// Words that begin something that is more than a command.
const BRANCHES: [&str; 17] = [
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac",
    "function", "{", "}", "!", "[[",
];

/// Reads what stands at `place` of a text. `value` knows variables.
pub(super) fn script(
    text: &str,
    place: Range<usize>,
    form: Form,
    value: &dyn Fn(&str) -> Option<String>,
) -> Script {
    let mut reader = Reader { text, at: place.start, end: place.end, form, value, ..Reader::new() };
    while reader.at < reader.end {
        reader.step();
    }
    reader.end_command(Joint::Next);
    let mut script = Script { commands: reader.commands, branches: reader.branches };
    script.branches |= script.commands.iter().any(|command| {
        command.words.first().is_some_and(|word| BRANCHES.contains(&word.text.as_str()))
    });
    script
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    end: usize,
    form: Form,
    value: &'a dyn Fn(&str) -> Option<String>,
    commands: Vec<Command>,
    words: Vec<Word>,
    word: Option<Word>,
    joint: Option<Joint>,
    quote: Option<char>,
    branches: bool,
}

impl<'a> Reader<'a> {
    fn new() -> Self {
        Self {
            text: "",
            at: 0,
            end: 0,
            form: Form::Document,
            value: &|_| None,
            commands: Vec::new(),
            words: Vec::new(),
            word: None,
            joint: None,
            quote: None,
            branches: false,
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..self.end]
    }

    fn step(&mut self) {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return };
        if self.continued() || self.comment() {
            return;
        }
        match (self.quote, c) {
            (Some(quote), c) if c == quote => {
                self.quote = None;
                self.grow("", 1);
            }
            (Some('\''), c) => self.push(c),
            (_, '\\') => {
                let next = rest[1..].chars().next();
                // In double quotes it stands for itself before most characters.
                let kept = self.quote.is_some() && !next.is_some_and(|c| "\"\\$`".contains(c));
                let taken: String = if kept { "\\".into() } else { next.into_iter().collect() };
                let length = if kept { 1 } else { 1 + next.map_or(0, char::len_utf8) };
                self.grow(&taken, length);
            }
            (_, '$') => self.variable(rest),
            (_, '`') => {
                let length = rest[1..].find('`').map_or(rest.len(), |end| end + 2);
                self.open(length);
            }
            (None, '\'' | '"') => {
                self.quote = Some(c);
                self.grow("", 1);
            }
            (None, '\n') => self.separate(Joint::Next, 1),
            (None, c) if c.is_whitespace() => {
                self.end_word();
                self.at += c.len_utf8();
            }
            (None, '&' | ';' | '|') => self.separator(rest),
            (None, '(' | ')') => {
                self.branches = true;
                self.separate(Joint::Other, 1);
            }
            (_, c) => self.push(c),
        }
    }

    /// Passes over a line's end that does not count, with the lines behind it that are not there.
    fn continued(&mut self) -> bool {
        let escape = match self.form {
            Form::Instruction(escape) => escape,
            Form::Document => '\\',
        };
        let Some(after) = self.rest().strip_prefix(escape) else { return false };
        let line = after.split('\n').next().unwrap_or(after);
        if !line.trim().is_empty() || after.len() == line.len() {
            return false;
        }
        self.at += escape.len_utf8() + line.len() + 1;
        if self.form == Form::Document {
            return true;
        }
        while self.at < self.end {
            let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
            if !line.trim().is_empty() && !line.trim().starts_with('#') {
                break;
            }
            self.at += line.len();
        }
        true
    }

    /// Passes over a shell's own comment.
    fn comment(&mut self) -> bool {
        if self.quote.is_some() || self.word.is_some() || !self.rest().starts_with('#') {
            return false;
        }
        let line = self.rest().split('\n').next().unwrap_or_default();
        // In an instruction all lines are one, and the comment goes on to its end.
        let ends = self.form == Form::Document || self.at + line.len() + 1 >= self.end;
        self.branches |= !ends;
        self.at = if ends { self.at + line.len() } else { self.end };
        true
    }

    fn separator(&mut self, rest: &str) {
        let before = self.text[..self.at].chars().next_back();
        if rest.starts_with('&') && (before == Some('>') || rest[1..].starts_with('>')) {
            // A redirection: `2>&1`, `&>file`.
            self.push('&');
        } else if rest.starts_with("&&") {
            self.separate(Joint::Next, 2);
        } else if rest.starts_with(';') {
            self.separate(Joint::Next, 1);
        } else {
            self.separate(Joint::Other, if rest.starts_with("||") { 2 } else { 1 });
        }
    }

    fn variable(&mut self, rest: &str) {
        if rest.starts_with("$(") {
            let mut depth = 0_usize;
            let end = rest.char_indices().find(|(_, c)| {
                match c {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => return false,
                }
                depth == 0
            });
            return self.open(end.map_or(rest.len(), |(end, _)| end + 1));
        }
        let (length, name, default) = crate::dockerfile::shell::variable(rest);
        let value = (self.value)(name).filter(|value| !value.is_empty());
        match value.or(default.map(str::to_owned)) {
            // A shell would make several words of it, or look for files.
            Some(value) if self.quote.is_some() || !value.contains([' ', '\t', '*', '$']) => {
                self.grow(&value, length);
                if let Some(word) = &mut self.word {
                    word.valued = true;
                }
            }
            _ => self.open(length),
        }
    }

    fn push(&mut self, c: char) {
        self.grow(c.encode_utf8(&mut [0; 4]), c.len_utf8());
    }

    /// Something that is only known when it runs.
    fn open(&mut self, length: usize) {
        let raw = self.rest()[..length].to_owned();
        self.grow(&raw, length);
        if let Some(word) = &mut self.word {
            word.open = true;
        }
    }

    fn grow(&mut self, text: &str, length: usize) {
        let at = self.at;
        let begun = || Word { text: String::new(), place: at..at, open: false, valued: false };
        let word = self.word.get_or_insert_with(begun);
        word.text.push_str(text);
        word.place.end = at + length;
        self.at += length;
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self, next: Joint) {
        self.end_word();
        if !self.words.is_empty() {
            let words = std::mem::take(&mut self.words);
            self.commands.push(Command { words, joint: self.joint });
            self.joint = Some(next);
        } else if next == Joint::Other && self.joint.is_some() {
            self.joint = Some(next);
        }
    }

    fn separate(&mut self, joint: Joint, length: usize) {
        self.end_command(joint);
        self.at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, form: Form) -> Script {
        let known = |name: &str| match name {
            "V" => Some("1.2".to_owned()),
            "MANY" => Some("a b".to_owned()),
            _ => None,
        };
        script(text, 0..text.len(), form, &known)
    }

    #[track_caller]
    fn check(text: &str, form: Form, expected: &[&[&str]]) -> Script {
        let script = read(text, form);
        let found: Vec<Vec<String>> = script.commands.iter().map(Command::texts).collect();
        assert_eq!(found, expected, "{text}");
        for word in script.commands.iter().flat_map(|command| &command.words) {
            let raw = &text[word.place.clone()];
            assert!(!raw.starts_with(' ') && !raw.ends_with(' '), "{raw:?}");
        }
        script
    }

    const LINE: Form = Form::Instruction('\\');

    #[test]
    fn commands_are_found_over_lines_and_comments() {
        check(
            "a b \\\n# why\n\n  'c d' \\\r\n && e=\"$V\" f;g",
            LINE,
            &[&["a", "b", "c d"], &["e=1.2", "f"], &["g"]],
        );
        check(
            "set -e\na b \\\n c # why\n\n# no\nd",
            Form::Document,
            &[&["set", "-e"], &["a", "b", "c"], &["d"]],
        );
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "RUN a \"b c\"x && d";
        let script = script(text, 4..text.len(), LINE, &|_| None);
        let raw = |command: &Command| text[command.place()].to_owned();
        let raw: Vec<_> = script.commands.iter().map(raw).collect();
        assert_eq!(raw, ["a \"b c\"x", "d"]);
    }

    #[test]
    fn what_only_a_run_shows_is_open() {
        let script = check(
            "a $V $NO $(b; c) `d e` \"$MANY\" $MANY ${W:-w}",
            LINE,
            &[&["a", "1.2", "$NO", "$(b; c)", "`d e`", "a b", "$MANY", "w"]],
        );
        let open: Vec<bool> = script.commands[0].words.iter().map(|word| word.open).collect();
        assert_eq!(open, [false, false, true, true, true, false, true, false]);
        assert!(!script.branches);
    }

    #[test]
    fn joints_and_branches_are_told() {
        let joints = |text: &str| -> Vec<Option<Joint>> {
            read(text, LINE).commands.iter().map(|command| command.joint).collect()
        };
        assert_eq!(joints("a && b; c"), [None, Some(Joint::Next), Some(Joint::Next)]);
        assert_eq!(joints("a || b | c 2>&1"), [None, Some(Joint::Other), Some(Joint::Other)]);
        for text in ["if a; then b; fi", "for x in a; do b; done", "(a && b)", "f() { a; }"] {
            assert!(read(text, LINE).branches, "{text}");
        }
        assert!(read("a # b \\\n && c", LINE).branches, "the comment goes on");
        assert!(!read("echo if && a", LINE).branches);
    }

    #[test]
    fn nothing_makes_it_fail() {
        for text in ["", "\\", "'", "\"a", "$", "${", "$(", "`", "a\\", "é|ü", "((", "&", "a &&"]
        {
            read(text, LINE);
            read(text, Form::Document);
        }
    }
}
