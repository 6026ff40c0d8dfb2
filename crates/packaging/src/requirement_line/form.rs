//! Texts that the parser of requirements does not survive or understand, and so never sees.

use std::borrow::Cow;

/// The markers whose values are versions.
const VERSIONS: [&str; 3] = ["python_version", "python_full_version", "implementation_version"];

/// Has lists of versions in markers (`python_version not in '3.10, 3.12'`, rule 24) written without
/// commas, which the parser would take for part of a version. Everything stays where it is.
pub fn spaced_lists(text: &str) -> Cow<'_, str> {
    if !text.contains(',') || !text.contains(" in") {
        return Cow::Borrowed(text);
    }
    let (mut quote, mut list) = (None, false);
    let mut spaced = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if open == c => quote = None,
            None if matches!(c, '\'' | '"') => {
                quote = Some(c);
                list = is_in_of_versions(&text[..at]);
            }
            _ => {}
        }
        spaced.push(if c == ',' && quote.is_some() && list { ' ' } else { c });
    }
    Cow::Owned(spaced)
}

/// Whether a text ends in `python_version in` or the like.
fn is_in_of_versions(text: &str) -> bool {
    let before = |text: &str, word: &str| {
        let rest = text.trim_end().strip_suffix(word)?;
        rest.ends_with(char::is_whitespace).then(|| rest.trim_end().len())
    };
    let Some(end) = before(text, "in") else { return false };
    let end = before(&text[..end], "not").unwrap_or(end);
    VERSIONS.iter().any(|name| text[..end].ends_with(name))
}

/// Refuses what the parser of requirements does not survive: names that end in a separator, and a
/// nesting that no legal requirement has.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn check_form(text: &str) -> Result<(), String> {
    if nesting(text) > 100 {
        return Err("it nests parentheses more than 100 deep".to_owned());
    }
    if let Some((_, marker)) = text.split_once(';') {
        check_marker(marker)?;
    }
    let (name, rest) = split_name(text.trim_start());
    let extras = rest.trim_start().strip_prefix('[').unwrap_or_default();
    let extras = extras.split(']').next().unwrap_or_default().split(',');
    let extras = extras.map(|extra| split_name(extra.trim_start()).0);
    match std::iter::once(name).chain(extras).find(|name| name.ends_with(['.', '-', '_'])) {
        Some(name) => Err(format!("the name `{name}` does not end with a letter or digit")),
        None => Ok(()),
    }
}

/// Refuses what the reader of markers cannot do with: the one number that has no successor, and words that
/// are not ASCII outside of quotes.
///
/// # Errors
/// What is wrong, in words.
pub fn check_marker(marker: &str) -> Result<(), String> {
    let largest = u64::MAX.to_string();
    let mut numbers = marker.split(|c: char| !c.is_ascii_digit());
    if numbers.any(|number| number.trim_start_matches('0') == largest) {
        return Err(format!("{largest} is too large a number in a marker"));
    }
    let mut quote = None;
    for c in marker.chars() {
        match quote {
            Some(open) if open == c => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if !c.is_ascii() => return Err(format!("`{c}` has no meaning in a marker")),
            _ => {}
        }
    }
    Ok(())
}

/// The letters, digits and separators that a text begins with, and the rest.
fn split_name(text: &str) -> (&str, &str) {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.split_at(text.find(|c| !part(c)).unwrap_or(text.len()))
}

/// The deepest nesting of brackets in `text`.
pub fn nesting(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_24_lists_of_versions_lose_their_commas_and_nothing_else_does() {
        let check = |text: &str, expected: &str| assert_eq!(spaced_lists(text), expected);
        check("a ; python_version not in '3.10, 3.12'", "a ; python_version not in '3.10  3.12'");
        check(
            "python_version in \"3.9,3.10\" and os_name=='a,b'",
            "python_version in \"3.9 3.10\" and os_name=='a,b'",
        );
        check(
            "a>=1,<2 ; sys_platform in 'linux, win32'",
            "a>=1,<2 ; sys_platform in 'linux, win32'",
        );
        check("a>=1,<2", "a>=1,<2");
    }
}
