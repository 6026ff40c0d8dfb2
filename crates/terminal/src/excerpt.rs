//! A line of a file with a mark below a place in it. Must not know what is wrong there.

use crate::line::{Line, paint};

/// The line of this number, with a mark below `width` characters that follow the first `before` of its text.
pub fn excerpt(number: usize, text: &str, before: usize, width: usize) -> [Line; 2] {
    let number = number.to_string();
    let margin = " ".repeat(number.len());
    let mark = paint("31;1", "^".repeat(width));
    [
        paint("34;1", format!("{number} |")).and(format!(" {text}")),
        paint("34;1", format!("{margin} |")).and(format!(" {}", " ".repeat(before))).and(mark),
    ]
}
