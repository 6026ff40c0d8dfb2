//! A place in a text that someone wrote, with the line it is in, as it is shown below an error.
//! Knows nothing of what is wrong there.

use std::fmt;

/// The most characters of a line that are shown.
const SHOWN: usize = 120;
/// How many of them are before the place, where the line is longer.
const BEFORE: usize = 40;

/// A place in a file, and its line as it may be shown: without credentials and control characters, and
/// only the part around the place of a line that is very long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The line, counted from 1. With continuations it may be further down than the requirement's first.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is shown of the line.
    pub text: String,
    /// How many characters of `text` are before the place.
    pub before: usize,
    /// How many characters the place has, at least one.
    pub width: usize,
}

impl Spot {
    /// The place at `column` of a line, `width` characters wide.
    pub fn new(line: usize, column: usize, text: &str, width: usize) -> Self {
        let at = text.char_indices().nth(column - 1).map_or(text.len(), |(at, _)| at);
        let mut shown = crate::safe_url::redact(text);
        let mut before = column - 1;
        if shown != text {
            // What follows the place is the same, unless the place is in what is not shown.
            let kept = shown.ends_with(&text[at..]).then(|| shown.len() - (text.len() - at));
            before = shown[..kept.unwrap_or(0)].chars().count();
        }
        shown = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let length = shown.chars().count();
        if length > SHOWN {
            let skipped = before.saturating_sub(BEFORE);
            let middle: String = shown.chars().skip(skipped).take(SHOWN).collect();
            let (head, tail) = (skipped > 0, skipped + SHOWN < length);
            before = before - skipped + usize::from(head);
            shown = [if head { "…" } else { "" }, &middle, if tail { "…" } else { "" }].concat();
        }
        let rest = shown.chars().count().saturating_sub(before);
        Self { line, column, text: shown, before, width: width.clamp(1, rest.max(1)) }
    }
}

/// Where in `whole` its part begins, in bytes; the start for anything that is no part of it.
pub(crate) fn offset(whole: &str, part: &str) -> usize {
    let at = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    if at <= whole.len() && whole.is_char_boundary(at) { at } else { 0 }
}

impl fmt::Display for Spot {
    /// The line below its number's margin, and a mark under the place: three lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let (space, mark) = (" ".repeat(self.before), "^".repeat(self.width));
        write!(f, "{margin} |\n{number} | {}\n{margin} | {space}{mark}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(line: usize, whole: &str, part: &str) -> Spot {
        let column = whole[..offset(whole, part)].chars().count() + 1;
        Spot::new(line, column, whole, part.chars().count())
    }

    #[test]
    fn the_mark_is_under_the_part() {
        let line = "é b >>= 1";
        let spot = within(7, line, &line[5..8]);
        assert_eq!((spot.line, spot.column, spot.width), (7, 5, 3));
        assert_eq!(spot.to_string(), "  |\n7 | é b >>= 1\n  |     ^^^");
    }

    #[test]
    fn credentials_are_not_shown_and_do_not_move_the_mark() {
        let line = "a @ https://user:secret@h.test/x ; bad";
        let spot = within(1, line, &line[35..]);
        assert_eq!(spot.text, "a @ https://****@h.test/x ; bad");
        assert_eq!((spot.column, &spot.text[spot.before..]), (36, "bad"));
        let inside = within(1, line, &line[12..16]);
        assert!(!inside.to_string().contains("secret"));
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let line = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let spot = within(1, &line, &line[500..501]);
        assert_eq!(spot.text.chars().nth(spot.before), Some('!'));
        assert!(spot.text.chars().count() < 130 && spot.column == 501);
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(Spot::new(1, 1, "a\u{1b}[31m\tb", 1).text, "a [31m b");
    }
}
