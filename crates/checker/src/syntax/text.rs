//! From a file's bytes to its text, as Python's tokenizer does it: mark, declared encoding, UTF-8. Must not know grammar.

use encoding_rs::{Encoding, UTF_8};
use ruff_source_file::{LineIndex, OneIndexed};
use ruff_text_size::TextSize;

use crate::library::ReadFiles;

/// A file's text, with its lines.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) content: String,
    lines: LineIndex,
}

/// Why there is no text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoText {
    /// Python refuses it too, at this line.
    Refused { line: usize, why: String },
    /// What Python makes of it is not known here.
    Unknown,
}

/// A line and a column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineColumn {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Text {
    /// The text of a file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, NoText> {
        if bytes.len() as u64 > ReadFiles::LARGEST {
            return Err(NoText::Unknown);
        }
        let marked = bytes.strip_prefix(b"\xef\xbb\xbf");
        let bytes = marked.unwrap_or(bytes);
        // Only the search for whether there is one goes many bytes at a time.
        if bytes.contains(&0) {
            let at = bytes.iter().position(|byte| *byte == 0).unwrap_or_default();
            let why = "the file has a NUL byte".to_owned();
            return Err(NoText::Refused { line: line_of(bytes, at), why });
        }
        let content = match declared(bytes) {
            Some(name) => decoded(bytes, &name, marked.is_some())?,
            None => utf8(bytes)?,
        };
        let lines = LineIndex::from_source_text(&content);
        Ok(Self { content, lines })
    }

    /// Where an offset is.
    pub(crate) fn line_column(&self, offset: u32) -> LineColumn {
        let place = self.lines.line_column(TextSize::new(offset), &self.content);
        LineColumn { line: place.line.get(), column: place.column.get() }
    }

    /// A line by its number, from 1.
    pub(crate) fn numbered(&self, line: usize) -> Option<&str> {
        let line = OneIndexed::new(line)?;
        (line.get() <= self.lines.line_count())
            .then(|| &self.content[self.lines.line_range(line, &self.content)])
    }
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    let before = &bytes[..at];
    let ends = |byte: &(usize, &u8)| match byte.1 {
        b'\n' => true,
        b'\r' => bytes.get(byte.0 + 1) != Some(&b'\n'),
        _ => false,
    };
    1 + before.iter().enumerate().filter(ends).count()
}

fn utf8(bytes: &[u8]) -> Result<String, NoText> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(NoText::Refused {
            line: line_of(bytes, error.valid_up_to()),
            why: "the file is not UTF-8, and its first two lines declare no other encoding"
                .to_owned(),
        }),
    }
}

/// The encoding that a comment in the first two lines declares (PEP 263); the second counts only if the first is no code.
fn declared(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
    let first = lines.next()?;
    let second = match lines.next() {
        Some(b"") if bytes.get(first.len()) == Some(&b'\r') => lines.next(),
        second => second,
    };
    let is_code = |line: &[u8]| {
        let rest = line.trim_ascii_start();
        !rest.is_empty() && rest[0] != b'#'
    };
    cookie(first).or_else(|| if is_code(first) { None } else { cookie(second?) })
}

/// What a line declares: `coding`, then `:` or `=`, blanks, the name.
fn cookie(line: &[u8]) -> Option<String> {
    let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\x0c'))?;
    if line[start] != b'#' {
        return None;
    }
    let comment = String::from_utf8_lossy(&line[start..]).into_owned();
    comment.match_indices("coding").find_map(|(at, word)| {
        let rest = comment[at + word.len()..].strip_prefix([':', '='])?;
        let rest = rest.trim_start_matches([' ', '\t']);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
        let name = &rest[..end.unwrap_or(rest.len())];
        (!name.is_empty()).then(|| name.to_ascii_lowercase().replace('_', "-"))
    })
}

fn decoded(bytes: &[u8], name: &str, is_marked: bool) -> Result<String, NoText> {
    if name == "utf-8" || name.starts_with("utf-8-") || name == "utf8" && !is_marked {
        return utf8(bytes);
    }
    if is_marked {
        // Not even `utf8` is what Python expects behind the mark.
        let why = format!("the file begins with UTF-8's mark and declares the encoding `{name}`");
        return Err(NoText::Refused { line: 1, why });
    }
    if matches!(name, "ascii" | "us-ascii") {
        // The web reads more into this name than Python does.
        let wrong = bytes.iter().position(|byte| !byte.is_ascii());
        return match wrong {
            None => utf8(bytes),
            Some(at) => Err(NoText::Refused {
                line: line_of(bytes, at),
                why: "the file declares that it is ASCII, and is not".to_owned(),
            }),
        };
    }
    let label = python_alias(name);
    match Encoding::for_label(label.as_bytes()) {
        Some(encoding) if encoding != UTF_8 => {
            let (text, _) = encoding.decode_without_bom_handling(bytes);
            Ok(text.into_owned())
        }
        // Python has more codecs, and packages bring some of their own.
        _ => Err(NoText::Unknown),
    }
}

/// Names that Python has for what encodings are called elsewhere.
fn python_alias(name: &str) -> String {
    match name {
        "latin-1" | "latin1" | "iso-latin-1" | "8859" => "iso-8859-1".to_owned(),
        "latin-9" => "iso-8859-15".to_owned(),
        _ => match name.strip_prefix("cp125") {
            Some(last) => format!("windows-125{last}"),
            None => name.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, NoText> {
        Text::read(bytes).map(|text| text.content)
    }

    #[test]
    fn the_declared_encoding_counts_in_the_first_two_lines_alone() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(read(bytes).as_deref(), Ok(expected), "{bytes:?}");
        };
        check(b"# -*- coding: latin-1 -*-\n'\xe9'", "# -*- coding: latin-1 -*-\n'\u{e9}'");
        check(b"#!/bin/sh\r\n# coding=cp1252\r\n'\x80'", "#!/bin/sh\r\n# coding=cp1252\r\n'€'");
        check(b"\xef\xbb\xbf# coding: utf_8\n'\xc3\xa9'", "# coding: utf_8\n'é'");
        check("x = 1\n# coding: latin-1\n'é'".as_bytes(), "x = 1\n# coding: latin-1\n'é'");
    }

    #[test]
    fn what_python_does_not_decode_has_its_line() {
        let check = |bytes: &[u8], expected: usize| match read(bytes) {
            Err(NoText::Refused { line, .. }) => assert_eq!(line, expected, "{bytes:?}"),
            other => panic!("{bytes:?}: {other:?}"),
        };
        check(b"x = 1\r\ny = '\xe9'\n", 2);
        check(b"x = 1\ny = 2\n\nz\0 = 3\n", 4);
        check(b"# coding: ascii\n\n'\xc3\xa9'\n", 3);
        check(b"\xef\xbb\xbf# coding: latin-1\n", 1);
        check(b"\xef\xbb\xbf# coding: utf8\n", 1);
    }

    #[test]
    fn of_codecs_that_packages_bring_nothing_is_known() {
        assert_eq!(read(b"# coding: pyxl\nx"), Err(NoText::Unknown));
    }
}
