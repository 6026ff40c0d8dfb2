//! Options of a requirements file: their names and how they are written. Knows nothing of what they do.

use crate::wrong::Wrong;

/// Options of a file that take a value.
const VALUED: &[(&str, &str)] = &[
    ("-r", "--requirement"),
    ("-c", "--constraint"),
    ("-i", "--index-url"),
    ("-i", "--pypi-url"),
    ("", "--extra-index-url"),
    ("-f", "--find-links"),
    ("", "--no-binary"),
    ("", "--only-binary"),
    ("", "--trusted-host"),
    ("", "--use-feature"),
];
/// Those that take none.
const SWITCHES: &[&str] = &["--no-index", "--require-hashes", "--pre", "--prefer-binary"];

/// One option as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written<'a> {
    /// Its long name.
    pub(crate) name: &'static str,
    /// Its value, quotes and backslashes taken away, and the text that it is written as.
    pub(crate) value: Option<(String, &'a str)>,
    /// What follows it.
    pub(crate) after: &'a str,
}

/// What is no option.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotAnOption<'a> {
    /// What is wrong with it.
    pub(crate) reason: &'static str,
    /// The words that are wrong.
    pub(crate) part: &'a str,
    /// What may have been meant.
    pub(crate) advice: Option<String>,
}

impl<'a> NotAnOption<'a> {
    fn new(reason: &'static str, part: &'a str) -> Self {
        Self { reason, part, advice: None }
    }
}

impl<'a> From<NotAnOption<'a>> for Wrong<'a> {
    fn from(refused: NotAnOption<'a>) -> Self {
        Wrong { advice: refused.advice, ..Wrong::new(refused.reason, refused.part) }
    }
}

fn unknown(word: &str) -> NotAnOption<'_> {
    if !word.starts_with('-') {
        // pip drops such words without a sign.
        return NotAnOption::new(
            "what follows the options is none; a requirement has its own line",
            word,
        );
    }
    if OF_REQUIREMENTS.contains(&word) {
        let advice = "a comment line ends a continuation, as does a line without `\\`".to_owned();
        let reason = "this option needs a requirement before it";
        return NotAnOption { advice: Some(advice), ..NotAnOption::new(reason, word) };
    }
    let advice = nearest(word).map(|near| format!("was `{near}` meant?"));
    NotAnOption { advice, ..NotAnOption::new("not an option pip knows", word) }
}

/// Options of single requirements.
const OF_REQUIREMENTS: [&str; 3] = ["--hash", "--config-settings", "--global-option"];

/// Splits the first option off. As pip does, a long name may be shortened where it stays the only one.
pub(crate) fn take(text: &str) -> Result<Written<'_>, NotAnOption<'_>> {
    let end = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    if let Some(name) = switch(word) {
        if rest.starts_with('=') {
            return Err(NotAnOption::new("it takes no value", word));
        }
        return Ok(Written { name, value: None, after: rest });
    }
    let (name, rest) = valued(word, rest, text).ok_or_else(|| unknown(word))?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').map_or(rest, str::trim_start);
    if rest.is_empty() {
        return Err(NotAnOption::new("its value is missing", word));
    }
    let (value, length) =
        unquote(rest).ok_or_else(|| NotAnOption::new("a quote is not closed", rest))?;
    let (written, after) = rest.split_at(length);
    if value.is_empty() {
        return Err(NotAnOption::new("its value is missing", word));
    }
    Ok(Written { name, value: Some((value, written)), after })
}

fn long_names() -> impl Iterator<Item = &'static str> {
    SWITCHES.iter().copied().chain(VALUED.iter().map(|(_, long)| *long))
}

fn only_one(word: &str) -> Option<&'static str> {
    let mut found = long_names().filter(|name| word.len() > 2 && name.starts_with(word));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn switch(word: &str) -> Option<&'static str> {
    let exact = SWITCHES.iter().copied().find(|name| *name == word);
    exact.or_else(|| only_one(word).filter(|name| SWITCHES.contains(name)))
}

/// An option that takes a value, and what follows its name.
fn valued<'a>(word: &str, rest: &'a str, text: &'a str) -> Option<(&'static str, &'a str)> {
    if word.starts_with("--") {
        let exact = VALUED.iter().map(|(_, long)| *long).find(|long| *long == word);
        return exact.or_else(|| only_one(word)).map(|name| (name, rest));
    }
    // `-rfile` is an option with its value.
    let (short, long) =
        VALUED.iter().find(|(short, _)| !short.is_empty() && text.starts_with(short))?;
    Some((*long, &text[short.len()..]))
}

/// The known option that a word is nearly, those of single requirements among them.
pub(crate) fn nearest(word: &str) -> Option<&'static str> {
    let known = long_names().chain(OF_REQUIREMENTS).chain(["--editable"]);
    let known = known.map(|name| (strsim::damerau_levenshtein(word, name), name));
    let near = known.filter(|(distance, name)| *distance <= 1 + name.len() / 5);
    near.min().map(|(_, name)| name)
}

/// The first word of a shell's line: its text, and how many bytes it is written with. `None` where a
/// quote is not closed.
pub(crate) fn unquote(text: &str) -> Option<(String, usize)> {
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (None, c) if c.is_whitespace() => return Some((word, at)),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), c) if c == open => quote = None,
            (None, '\\') => word.push(characters.next()?.1),
            (Some('"'), '\\') => {
                let (_, next) = characters.next()?;
                if !['"', '\\'].contains(&next) {
                    word.push('\\');
                }
                word.push(next);
            }
            (_, c) => word.push(c),
        }
    }
    quote.is_none().then_some((word, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_42_options_are_taken_in_every_spelling() {
        for line in [
            "-rx.txt",
            "-r x.txt",
            "-r=x.txt",
            "--requirement 'x.txt'",
            "-r \"x.txt\"",
            "--requirement=x.txt",
            "--requirem x.txt",
            "-r x'.'txt",
            "-r x\\.txt",
        ] {
            let taken = take(line).expect(line);
            let value = taken.value.map(|(value, _)| value);
            assert_eq!((taken.name, value.as_deref()), ("--requirement", Some("x.txt")), "{line}");
            assert_eq!(taken.after, "", "{line}");
        }
        assert_eq!(
            take("--pre -i u").map(|taken| (taken.name, taken.after)),
            Ok(("--pre", " -i u"))
        );
        let quoted = take("-r 'a b.txt' --pre").expect("an option");
        assert_eq!(quoted.value, Some(("a b.txt".to_owned(), "'a b.txt'")));
    }

    #[track_caller]
    fn check_refused(line: &str, reason: &str, near: Option<&str>) {
        let refused = take(line).expect_err(line);
        assert!(refused.reason.contains(reason), "{line}: {}", refused.reason);
        let near = near.map(|near| format!("was `{near}` meant?"));
        assert_eq!(refused.advice, near, "{line}");
    }

    #[test]
    fn other_options_are_refused_and_a_near_one_is_named() {
        check_refused("--requirementx", "not an option", Some("--requirement"));
        check_refused("--index-ulr u", "not an option", Some("--index-url"));
        check_refused("--hashs=sha256:0", "not an option", Some("--hash"));
        check_refused("--nonsense", "not an option", None);
        check_refused("--no", "not an option", None);
        check_refused("-r", "value is missing", None);
        check_refused("--extra-index-url=", "value is missing", None);
        check_refused("-r 'x.txt", "not closed", None);
        check_refused("--pre=yes", "takes no value", None);
        check_refused("a", "its own line", None);
    }
}
