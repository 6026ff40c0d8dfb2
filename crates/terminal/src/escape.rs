//! Characters that a terminal would obey instead of showing them. Owns which these are and how they are
//! written; must not know where text comes from or goes to.

use std::borrow::Cow;
use std::fmt::Write as _;

/// How an escape is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `\u{1b}`, for people.
    People,
    /// `\u001b`, as JSON wants it: such characters stand in its strings only.
    Json,
}

/// The text with everything escaped that is not to be seen as it is. Lines and tabs stay: messages have them.
pub fn escaped(text: &str, form: Form) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match form {
            // The end of a line in programs' output and in files of other systems.
            Form::People if c == '\r' && rest.peek() == Some(&'\n') => {}
            _ if !is_obeyed(c) => shown.push(c),
            Form::People => shown.extend(c.escape_unicode()),
            Form::Json => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            }
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal acts upon a character, or orders text by it, or shows nothing for it: control characters, and
/// the formatting characters that let a text look like another.
fn is_obeyed(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Directions of text, zero widths, invisible operators, separators of lines, marks of annotations, tags.
        '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_nothing_else() {
        let check = |text: &str, expected: &str| assert_eq!(escaped(text, Form::People), expected);
        check("a\u{1b}]0;PWN\u{7}b", "a\\u{1b}]0;PWN\\u{7}b");
        check("\u{0}\u{8}\u{b}\u{7f}", "\\u{0}\\u{8}\\u{b}\\u{7f}");
        check("\u{9b}31m\u{85}", "\\u{9b}31m\\u{85}");
        check("\u{202e}a\u{2066}\u{2069}\u{200e}\u{200f}", {
            "\\u{202e}a\\u{2066}\\u{2069}\\u{200e}\\u{200f}"
        });
        check("\u{200b}\u{feff}\u{2028}", "\\u{200b}\\u{feff}\\u{2028}");
        check("over\rwritten", "over\\u{d}written");
        check("one\r\n\ttwo ✗ → é 漢 🐍\n", "one\n\ttwo ✗ → é 漢 🐍\n");
    }

    #[test]
    fn what_needs_no_escape_is_not_copied() {
        assert!(matches!(escaped("plain\n", Form::People), Cow::Borrowed("plain\n")));
    }

    #[test]
    fn json_stays_json_and_says_the_same() {
        let value = serde_json::json!({ "a\u{202e}": "\u{1b}]0;x\u{7}\u{7f}\u{9b}\u{e0041}\r\n" });
        let text = value.to_string();
        let shown = escaped(&text, Form::Json);
        assert!(!shown.contains(is_obeyed), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
