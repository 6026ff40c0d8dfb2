//! What is wrong with a part of a line that someone wrote. Knows nothing of files.

use std::fmt::Display;

/// What is wrong with a line, and which part of it is.
#[derive(Debug)]
pub(crate) struct Wrong<'a> {
    /// In words.
    pub(crate) reason: String,
    /// The part.
    pub(crate) part: &'a str,
    /// What the grammar of requirements files has instead.
    pub(crate) advice: Option<String>,
}

impl<'a> Wrong<'a> {
    pub(crate) fn new(reason: impl Into<String>, part: &'a str) -> Self {
        Self { reason: reason.into(), part, advice: None }
    }
}

/// For `map_err`: a part is wrong for the reason that the error gives.
pub(crate) fn at<'a, T: Display>(part: &'a str) -> impl Fn(T) -> Wrong<'a> {
    move |error| Wrong::new(first_line(&error.to_string()), part)
}

/// The first line of what a parser says; the rest of it draws the text again.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
