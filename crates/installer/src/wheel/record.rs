//! RECORD: the list of a distribution's files with digest and size. Reads the wheel's, writes ours; how the wheel's
//! is compared with the wheel is in `check`.
//!
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file>

pub(crate) mod check;
pub(crate) mod digest;

use std::borrow::Cow;
use std::collections::BTreeSet;

use pyfast_packaging::hash::Sha256;

use crate::error::Refusal;
pub(crate) use digest::{Checker, RecordHash};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A row of RECORD, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The path as it is written.
    pub(crate) path: String,
    /// What it says of the content.
    pub(crate) told: Told,
    /// The size; `None` where it is none.
    pub(crate) size: Option<u64>,
}

/// What a row says of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// No digest, or none that counts.
    Nothing,
    /// A digest, and whether it is written as it should be.
    Digest(RecordHash, bool),
}

/// The rows of a wheel's RECORD. What cannot be understood of one is left out of it: RECORD is the publisher's note
/// about the files, and what tells that they are the right ones is the digest of the whole archive.
pub(crate) fn parse(content: &[u8]) -> Result<Vec<Row>, Refusal> {
    let mut rows = Vec::new();
    let mut reader = csv::ReaderBuilder::new();
    for record in reader.has_headers(false).flexible(true).from_reader(content).records() {
        let record = record
            .map_err(|error| Refusal::archive(format!("has an unreadable RECORD: {error}")))?;
        let field = |index| record.get(index).unwrap_or_default().trim();
        let told = match RecordHash::parse(field(1)) {
            Some((hash, as_it_should)) => Told::Digest(hash, as_it_should),
            None => Told::Nothing,
        };
        rows.push(Row { path: field(0).to_owned(), told, size: field(2).parse().ok() });
    }
    Ok(rows)
}

/// A row as we write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// Relative to the directory that packages are imported from.
    pub(crate) path: String,
    /// What the file is; `None` for RECORD itself.
    pub(crate) content: Option<Content>,
}

/// What is known of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    /// Its digest.
    pub(crate) sha256: Sha256,
    /// Its length in bytes.
    pub(crate) size: u64,
}

impl Content {
    /// That of bytes at hand.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { sha256: Sha256::of(bytes), size: bytes.len() as u64 }
    }
}

/// A RECORD of these rows, sorted by path.
pub(crate) fn write(mut rows: Vec<Written>) -> Vec<u8> {
    rows.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    let mut text = String::with_capacity(rows.len() * 100);
    for row in &rows {
        push(row, &mut text);
    }
    text.into_bytes()
}

/// A RECORD that [`write()`] made, with more rows put where they belong.
pub(crate) fn extend(record: &str, mut rows: Vec<Written>) -> Vec<u8> {
    rows.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    let mut text = String::with_capacity(record.len() + rows.len() * 100);
    let (mut rows, mut rest) = (rows.iter().peekable(), record);
    while let Some(first) = rows.peek() {
        // One of the same path stays before it, so that each turn places a row.
        let less = known_rows(rest).take_while(|row| *row.path <= *first.path);
        let (before, after) = rest.split_at(less.map(|row| row.length).sum());
        text.push_str(before);
        let next = known_rows(after).next();
        while let Some(row) =
            rows.next_if(|row| next.as_ref().is_none_or(|next| *row.path < *next.path))
        {
            push(row, &mut text);
        }
        rest = after;
    }
    text.push_str(rest);
    text.into_bytes()
}

/// A RECORD that [`write()`] made, without the rows of these paths.
pub(crate) fn without<'a>(record: &'a str, paths: &BTreeSet<&str>) -> Cow<'a, str> {
    if paths.is_empty() {
        return record.into();
    }
    let (mut text, mut rest) = (String::with_capacity(record.len()), record);
    for row in known_rows(record) {
        let (own, after) = rest.split_at(row.length);
        if !paths.contains(&*row.path) {
            text.push_str(own);
        }
        rest = after;
    }
    (text + rest).into()
}

/// A row that [`push`] wrote.
struct Known<'a> {
    path: Cow<'a, str>,
    /// With the end of its line, in bytes.
    length: usize,
}

/// The rows of a text that [`write()`] made. Reading what others write takes a library; this is read whenever an
/// environment is composed, and most of it is passed over.
fn known_rows(mut text: &str) -> impl Iterator<Item = Known<'_>> {
    std::iter::from_fn(move || {
        let (path, end) = match text.strip_prefix('"') {
            None => (Cow::Borrowed(&text[..text.find(',')?]), 0),
            Some(quoted) => {
                // A quotation mark in a path is written twice.
                let marks = quoted.match_indices('"').map(|(at, _)| at);
                let mut pairs = marks.peekable();
                let end = loop {
                    let mark = pairs.next()?;
                    if pairs.next_if_eq(&(mark + 1)).is_none() {
                        break mark;
                    }
                };
                (Cow::Owned(quoted[..end].replace("\"\"", "\"")), end + 1)
            }
        };
        let length = end + text[end..].find('\n')? + 1;
        text = &text[length..];
        Some(Known { path, length })
    })
}

fn push(Written { path, content }: &Written, text: &mut String) {
    if path.contains([',', '"', '\n', '\r']) {
        text.push('"');
        text.push_str(&path.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(path);
    }
    match content {
        Some(Content { sha256, size }) => {
            text.push_str(",sha256=");
            encode(&sha256.0, text);
            text.push(',');
            text.push_str(&size.to_string());
        }
        None => text.push_str(",,"),
    }
    text.push('\n');
}

/// URL-safe base64 without padding.
fn encode(bytes: &[u8], text: &mut String) {
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        let bits = bits << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            let index = bits >> (18 - 6 * place) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_are_read_as_far_as_they_can_be() {
        let digest = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        let text = format!("./a.py,sha256={digest},0\nx/RECORD,,\nb.py,md5=xyz,ten\nc.py\n");
        let row = |path: &str, told, size| Row { path: path.into(), told, size };
        let empty = Told::Digest(RecordHash::Sha256(Sha256::of(b"").0.to_vec()), true);
        let expected = [
            row("./a.py", empty, Some(0)),
            row("x/RECORD", Told::Nothing, None),
            row("b.py", Told::Nothing, None),
            row("c.py", Told::Nothing, None),
        ];
        assert_eq!(parse(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn rows_are_written_sorted_and_quoted() {
        let rows = vec![
            Written { path: "x/RECORD".into(), content: None },
            Written { path: "a,\"b".into(), content: Some(Content::of(b"")) },
        ];
        let text = String::from_utf8(write(rows)).unwrap();
        let digest = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(text, format!("\"a,\"\"b\",sha256={digest},0\nx/RECORD,,\n"));
    }

    #[test]
    fn rows_are_put_where_they_belong() {
        let row = |path: &str| Written {
            path: path.to_owned(),
            content: Some(Content::of(path.as_bytes())),
        };
        let record = write(vec![row("b"), row("d,\"e"), row("d\nb"), row("x/RECORD")]);
        let more = vec![row("z"), row("a"), row("c"), row("d,f")];
        let all = ["a", "b", "c", "d\nb", "d,\"e", "d,f", "x/RECORD", "z"].map(row);
        let extended = extend(std::str::from_utf8(&record).unwrap(), more);
        assert_eq!(extended, write(all.to_vec()));
    }

    #[test]
    fn nothing_is_lost_of_a_record_that_was_cut() {
        let row = |path: &str| Written { path: path.to_owned(), content: None };
        for cut in ["", "a", "\"a\"\"", "\"a\"", "a,,"] {
            let extended = extend(cut, vec![row("b"), row("c")]);
            assert_eq!(String::from_utf8(extended).unwrap(), format!("b,,\nc,,\n{cut}"));
        }
    }

    proptest! {
        #[test]
        fn rows_are_put_between_any_others(
            known in proptest::collection::btree_set("[ab,\"\n]{1,4}", 0..6),
            more in proptest::collection::btree_set("[ab,\"\n]{1,4}", 0..4),
        ) {
            let rows = |paths: &BTreeSet<String>| -> Vec<Written> {
                paths.iter().map(|path| Written { path: path.clone(), content: None }).collect()
            };
            let record = String::from_utf8(write(rows(&known))).unwrap();
            let mut all = rows(&known);
            all.extend(rows(&more));
            prop_assert_eq!(extend(&record, rows(&more)), write(all));
        }

        #[test]
        fn no_record_makes_the_parser_panic(content: Vec<u8>) {
            let _ = parse(&content);
        }

        #[test]
        fn what_is_written_is_read(names in proptest::collection::btree_set("[^\\p{C} ./][^\\p{C} ]*", 1..5)) {
            let rows = names.iter().map(|name| Written {
                path: name.clone(),
                content: Some(Content::of(name.as_bytes())),
            });
            let read = parse(&write(rows.collect())).unwrap();
            let read: Vec<String> = read.into_iter().map(|row| row.path).collect();
            let written: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
            prop_assert_eq!(read, written);
        }
    }
}
