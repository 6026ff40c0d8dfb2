//! Text as it is handed to the writer: words, some of them styled. Styles are data here and become bytes only when
//! all words have been escaped, so that nobody can forget to, and no text from outside can bring a style.

use std::fmt::Display;

use crate::escape::{Form, escaped};

/// Words in their styles. On purpose it cannot be displayed: only the writer makes text of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    /// Parameters of a terminal's colour sequence.
    style: Option<&'static str>,
    text: String,
}

/// Anything that can be displayed is plain words.
impl<Text: Display> From<Text> for Line {
    fn from(text: Text) -> Self {
        Self { parts: vec![Part { style: None, text: text.to_string() }] }
    }
}

impl Line {
    fn styled(style: &'static str, text: impl Display) -> Self {
        Self { parts: vec![Part { style: Some(style), text: text.to_string() }] }
    }

    /// The line with more behind it.
    #[must_use]
    pub fn and(mut self, more: impl Into<Self>) -> Self {
        self.parts.extend(more.into().parts);
        self
    }

    /// All of it less bright, except what has a style already.
    #[must_use]
    pub fn dimmed(self) -> Self {
        self.within(DIM)
    }

    fn within(mut self, style: &'static str) -> Self {
        for part in &mut self.parts {
            part.style.get_or_insert(style);
        }
        self
    }

    /// For a terminal, or for whoever may hand it to one.
    pub fn shown(&self, color: bool, form: Form) -> String {
        self.joined(color, |text| escaped(text, form).into_owned())
    }

    /// As it is, for another program.
    pub fn exact(&self, color: bool) -> String {
        self.joined(color, str::to_owned)
    }

    fn joined(&self, color: bool, words: impl Fn(&str) -> String) -> String {
        let parts = self.parts.iter().map(|part| match part.style.filter(|_| color) {
            Some(style) => format!("\x1b[{style}m{}\x1b[0m", words(&part.text)),
            None => words(&part.text),
        });
        parts.collect()
    }
}

const DIM: &str = "2";

/// Words that stand out.
pub fn bold(text: impl Display) -> Line {
    paint("1", text)
}

/// Words that matter less.
pub fn dim(text: impl Display) -> Line {
    paint(DIM, text)
}

/// Words of what went well.
pub fn green(text: impl Display) -> Line {
    paint("32", text)
}

/// Words of what went wrong, or away.
pub fn red(text: impl Display) -> Line {
    paint("31", text)
}

/// Words in a style, by the parameters of a terminal's colour sequence.
pub fn paint(style: &'static str, text: impl Display) -> Line {
    Line::styled(style, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_those_of_the_program_and_never_of_the_text() {
        let line = Line::styled("31;1", "error:\u{1b}[0m").and(" \u{1b}[32mfine\u{1b}[0m");
        assert_eq!(
            line.shown(true, Form::People),
            "\u{1b}[31;1merror:\\u{1b}[0m\u{1b}[0m \\u{1b}[32mfine\\u{1b}[0m"
        );
        assert_eq!(line.shown(false, Form::People), "error:\\u{1b}[0m \\u{1b}[32mfine\\u{1b}[0m");
        assert_eq!(line.exact(false), "error:\u{1b}[0m \u{1b}[32mfine\u{1b}[0m");
    }

    #[test]
    fn a_style_around_a_line_leaves_its_own_ones() {
        let line = Line::from("a").and(Line::styled("31", "b")).within("2");
        assert_eq!(line.exact(true), "\u{1b}[2ma\u{1b}[0m\u{1b}[31mb\u{1b}[0m");
    }
}
