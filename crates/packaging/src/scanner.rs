//! Going through a short text from left to right, by characters, so that no place in it is ever between
//! the bytes of one. Knows no grammar.

use std::ops::Range;

/// Why a text could not be read, and which part of it is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// In words.
    pub reason: String,
    /// The part, in bytes of the text.
    pub at: Range<usize>,
}

/// A text, and how far it has been read.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// How many bytes have been read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character, which stays unread.
    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Reads the next character if it is this one.
    pub(crate) fn eat(&mut self, wanted: char) -> bool {
        let next = self.rest().strip_prefix(wanted);
        if next.is_some() {
            self.at += wanted.len_utf8();
        }
        next.is_some()
    }

    /// Reads a word, which no letter, digit or underscore may follow.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(word) else { return false };
        let ends = !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if ends {
            self.at += word.len();
        }
        ends
    }

    /// Reads characters as long as they are of a kind.
    pub(crate) fn take(&mut self, kind: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let (taken, _) = rest.split_at(rest.find(|c| !kind(c)).unwrap_or(rest.len()));
        self.at += taken.len();
        taken
    }

    /// Reads white space.
    pub(crate) fn skip_space(&mut self) {
        self.take(char::is_whitespace);
    }

    /// What was read from `start` to here.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// What was read from `start` to here is wrong.
    pub(crate) fn wrong_since(&self, start: usize, reason: impl Into<String>) -> Unreadable {
        Unreadable { reason: reason.into(), at: start..self.at }
    }

    /// Something else had to be here: `wanted`, in words.
    pub(crate) fn expected(&self, wanted: &str) -> Unreadable {
        let (found, end) = match self.peek() {
            Some(c) => (format!("`{c}`"), self.at + c.len_utf8()),
            None => ("its end".to_owned(), self.at),
        };
        Unreadable { reason: format!("expected {wanted}, found {found}"), at: self.at..end }
    }
}
