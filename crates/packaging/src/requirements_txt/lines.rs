//! From the bytes of a requirements file to its logical lines, each knowing where in the file its parts
//! are. Knows nothing of what a line means.

use std::collections::{BTreeMap, BTreeSet};

use crate::spot::Spot;

/// A requirements file's text.
pub(super) struct Text {
    /// Its lines as they are in the file, without their ends.
    physical: Vec<String>,
}

/// Lines that belong together, joined, without comment.
#[derive(Debug)]
pub(super) struct LogicalLine {
    /// The number of the first one, counted from 1.
    pub(super) number: usize,
    /// Their content, which variables may have been put into.
    pub(super) text: String,
    pieces: Vec<Piece>,
}

/// A part of a logical line that comes from one place.
#[derive(Debug, Clone)]
struct Piece {
    /// Where it begins in the logical line, in bytes.
    at: usize,
    /// The line in the file, counted from 1.
    line: usize,
    /// The column of its first character, counted from 1.
    column: usize,
    /// Characters of the variable's name, where this is its value.
    variable: Option<usize>,
}

impl Text {
    /// Decodes a file (rule 40).
    ///
    /// # Errors
    /// What it is not, and the line of the first byte that is wrong.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Undecodable> {
        Ok(Self::new(&decode(bytes)?))
    }

    pub(super) fn new(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        // As Python splits lines, so that pip and this count alike.
        let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
        Self { physical: text.split(ends).map(str::to_owned).collect() }
    }

    /// The lines joined as they are in the file.
    pub(super) fn whole(&self) -> String {
        self.physical.join("\n")
    }

    /// A place of a logical line: `length` bytes from `offset` on.
    pub(super) fn spot(&self, line: &LogicalLine, offset: usize, length: usize) -> Spot {
        let (piece, next) = line.piece(offset);
        let end = (offset + length).min(next).min(line.text.len());
        let inside = line.text.get(piece.at..offset).unwrap_or_default().chars().count();
        let width = line.text.get(offset..end).unwrap_or_default().chars().count();
        let (column, width) = match piece.variable {
            Some(name) => (piece.column, name),
            None => (piece.column + inside, width),
        };
        let text = self.physical.get(piece.line - 1).map(String::as_str).unwrap_or_default();
        Spot::new(piece.line, column, text, width)
    }

    /// Joins continuations, drops comments and blank lines.
    pub(super) fn logical(&self) -> Vec<LogicalLine> {
        let mut lines = Vec::new();
        let mut pending: Option<LogicalLine> = None;
        for (index, line) in self.physical.iter().enumerate() {
            let comment = line.trim_start().starts_with('#');
            // A comment line ends a continuation and is none itself.
            let continued = (!comment).then(|| line.strip_suffix('\\')).flatten();
            // pip takes all of them away.
            let continued = continued.map(|line| line.trim_end_matches('\\'));
            let mut joined = pending.take().unwrap_or_else(|| LogicalLine {
                number: index + 1,
                text: String::new(),
                pieces: Vec::new(),
            });
            let piece = Piece { at: joined.text.len(), line: index + 1, column: 1, variable: None };
            joined.pieces.push(piece);
            // Text copied from web pages brings no-break spaces along.
            let content = if comment { "" } else { continued.unwrap_or(line) };
            let spaces = ['\u{a0}', '\u{202f}', '\u{2007}', '\u{feff}'];
            joined.text.push_str(&content.replace(spaces, " "));
            if continued.is_some() {
                pending = Some(joined);
            } else {
                lines.push(joined);
            }
        }
        lines.extend(pending);
        lines.iter_mut().for_each(LogicalLine::trim);
        lines.retain(|line| !line.text.is_empty());
        lines
    }
}

impl LogicalLine {
    /// Its content alone.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// The piece that has a byte, and where the next one begins.
    fn piece(&self, offset: usize) -> (&Piece, usize) {
        let after = self.pieces.partition_point(|piece| piece.at <= offset).max(1);
        let next = self.pieces.get(after).map_or(usize::MAX, |piece| piece.at);
        (&self.pieces[after - 1], next)
    }

    /// Drops the comment and the space around.
    fn trim(&mut self) {
        let content = strip_comment(&self.text).trim_end();
        let (length, cut) = (content.len(), content.len() - content.trim_start().len());
        self.text.truncate(length);
        if cut > 0 {
            *self = self.rebuilt(|line, new| new.copy(line, cut, length));
        }
    }

    /// Replaces `${NAME}` where NAME is set; anything else stays as it is (rule 41). Every name that
    /// could be a variable's is put into `used`.
    pub(super) fn expand(
        &mut self,
        variables: &BTreeMap<String, String>,
        used: &mut BTreeSet<String>,
    ) {
        if !self.text.contains("${") {
            return;
        }
        *self = self.rebuilt(|line, new| {
            let mut done = 0;
            while let Some(start) = line.text[done..].find("${").map(|at| done + at) {
                let Some(length) = line.text[start..].find('}') else { break };
                let name = &line.text[start + 2..start + length];
                new.copy(line, done, start);
                done = start + length + 1;
                if is_variable_name(name) {
                    used.insert(name.to_owned());
                }
                match variables.get(name).filter(|_| is_variable_name(name)) {
                    Some(value) => new.replace(line, start, done, value),
                    None => new.copy(line, start, done),
                }
            }
            new.copy(line, done, line.text.len());
        });
    }

    /// The names that could be variables' (rule 41), whatever becomes of them.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let places = self.text.split("${").skip(1);
        let names = places.filter_map(|after| after.split_once('}')).map(|(name, _)| name);
        names.filter(|name| is_variable_name(name))
    }

    /// A line made out of this one's parts.
    fn rebuilt(&self, make: impl FnOnce(&Self, &mut Self)) -> Self {
        let mut new = Self { number: self.number, text: String::new(), pieces: Vec::new() };
        make(self, &mut new);
        if new.pieces.is_empty() {
            new.pieces.push(self.pieces[0].clone());
        }
        new
    }

    fn copy(&mut self, from: &Self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            let (piece, next) = from.piece(at);
            let skipped = from.text[piece.at..at].chars().count();
            let column = piece.column + if piece.variable.is_some() { 0 } else { skipped };
            self.pieces.push(Piece { at: self.text.len(), column, ..piece.clone() });
            let stop = next.min(end);
            self.text.push_str(&from.text[at..stop]);
            at = stop;
        }
    }

    fn replace(&mut self, from: &Self, start: usize, end: usize, value: &str) {
        let (piece, _) = from.piece(start);
        let column = piece.column + from.text[piece.at..start].chars().count();
        let variable = Some(from.text[start..end].chars().count());
        self.pieces.push(Piece { at: self.text.len(), line: piece.line, column, variable });
        self.text.push_str(value);
    }
}

fn is_variable_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Drops a comment: `#` at the start or after white space, so that URL fragments survive.
fn strip_comment(line: &str) -> &str {
    let mut before = ' ';
    for (index, character) in line.char_indices() {
        if character == '#' && before.is_whitespace() {
            return &line[..index];
        }
        before = character;
    }
    line
}

/// A file that is no text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Undecodable {
    /// The line of the first byte that is wrong, where that is known.
    pub(super) line: Option<usize>,
    /// The encoding that it is not in.
    pub(super) encoding: String,
}

/// Text of a file (rule 40): a byte-order mark decides, else a coding line (PEP 263), else UTF-8.
fn decode(bytes: &[u8]) -> Result<String, Undecodable> {
    Ok(decode_named(bytes)?.0)
}

/// The same, with the encoding.
pub(super) fn decode_named(
    bytes: &[u8],
) -> Result<(String, &'static encoding_rs::Encoding), Undecodable> {
    let encoding = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None => match declared(bytes) {
            Some(label) => encoding_rs::Encoding::for_label(label.as_bytes())
                .ok_or(Undecodable { line: None, encoding: label })?,
            None => encoding_rs::UTF_8,
        },
    };
    let (text, _, broken) = encoding.decode(bytes);
    if !broken {
        return Ok((text.into_owned(), encoding));
    }
    let wrong = str::from_utf8(bytes).err().filter(|_| encoding == encoding_rs::UTF_8);
    let line = wrong.map(|error| bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count());
    Err(Undecodable { line, encoding: encoding.name().to_owned() })
}

/// The label of the encoding that a comment of the first two lines declares.
fn declared(bytes: &[u8]) -> Option<String> {
    let lines = bytes.split(|byte| *byte == b'\n').take(2);
    let comments = lines.filter(|line| line.trim_ascii_start().starts_with(b"#"));
    let name = comments.map(String::from_utf8_lossy).find_map(|line| {
        let (_, after) = line.split_once("coding")?;
        let after = after.strip_prefix([':', '='])?.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
        Some(after[..end.unwrap_or(after.len())].to_ascii_lowercase().replace('_', "-"))
    })?;
    // Python's spellings that are no labels of the encoding standard.
    Some(match name.as_str() {
        "latin-1" | "iso-latin-1" => "latin1".to_owned(),
        "utf-8-sig" | "utf8-sig" => "utf-8".to_owned(),
        _ => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(usize, &str)]) {
        let lines = Text::new(text).logical();
        let lines: Vec<(usize, &str)> =
            lines.iter().map(|line| (line.number, line.text.as_str())).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn rule_40_lines_are_joined_and_comments_dropped() {
        check("a\r\nb # c\n\n#d\ne\\\n>=1\nu#f", &[(1, "a"), (2, "b"), (5, "e>=1"), (7, "u#f")]);
        check("a \\\n# comment\nb", &[(1, "a"), (3, "b")]);
        check("# comment \\\nb", &[(2, "b")]);
        check("a\\", &[(1, "a")]);
        check("a\rb", &[(1, "a"), (2, "b")]);
        check("a\u{c}b", &[(1, "a"), (2, "b")]);
        check("a>=1,\\\r\n<2", &[(1, "a>=1,<2")]);
        check("a\u{a0}>=1\u{a0}# c", &[(1, "a >=1")]);
    }

    #[test]
    fn rule_40_a_mark_or_a_coding_line_names_the_encoding() {
        let latin = b"# -*- coding: latin-1 -*-\na # \xe9";
        assert_eq!(decode(latin).as_deref(), Ok("# -*- coding: latin-1 -*-\na # \u{e9}"));
        assert_eq!(
            decode(b"#!x\n# vim: set fileencoding=cp1252 :\n\x80").map(|t| t.ends_with('\u{20ac}')),
            Ok(true)
        );
        assert_eq!(decode(b"\xef\xbb\xbfa").as_deref(), Ok("a"));
        assert_eq!(decode(b"\xff\xfea\0").as_deref(), Ok("a"));
        assert_eq!(decode(b"\xfe\xff\0a").as_deref(), Ok("a"));
        let late = decode(b"a\n\n# coding: latin-1\n\xe9").expect_err("only the first two count");
        assert_eq!((late.line, late.encoding.as_str()), (Some(4), "UTF-8"));
        assert_eq!(
            decode(b"# coding: nonsense\na").map_err(|e| e.encoding),
            Err("nonsense".into())
        );
    }

    #[test]
    fn rule_41_variables_are_expanded_only_where_set() {
        let variables = BTreeMap::from([("TOKEN".to_owned(), "x".to_owned())]);
        let mut used = BTreeSet::new();
        let mut line = Text::new("${TOKEN} ${OTHER} $TOKEN ${").logical().remove(0);
        line.expand(&variables, &mut used);
        assert_eq!(line.text, "x ${OTHER} $TOKEN ${");
        assert_eq!(used.into_iter().collect::<Vec<_>>(), ["OTHER", "TOKEN"]);
    }

    #[track_caller]
    fn check_spot(text: &str, part: &str, expected: (usize, usize)) {
        let variables = BTreeMap::from([("V".to_owned(), "a long value".to_owned())]);
        let text = Text::new(text);
        let mut line = text.logical().remove(0);
        line.expand(&variables, &mut BTreeSet::new());
        let offset = line.text.find(part).expect("a part");
        let spot = text.spot(&line, offset, part.len());
        assert_eq!((spot.line, spot.column), expected, "{spot}");
    }

    #[test]
    fn a_place_of_a_logical_line_is_found_in_the_file() {
        check_spot("a bad", "bad", (1, 3));
        check_spot("\n  é bad # c", "bad", (2, 5));
        check_spot("a \\\n  bad", "bad", (2, 3));
        check_spot("a\\\n\\\n bad \\\n end", "end", (4, 2));
        check_spot("\\\n bad", "bad", (2, 2));
        check_spot("x ${V} bad", "bad", (1, 8));
        check_spot("x ${V} bad", "long", (1, 3));
        check_spot("x ${V} \\\n ${V} bad", "bad", (2, 7));
    }
}
