//! What is said of a line that is not understood. Must not know any command.

use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Puts what does the same here in the place of the parser's guess at what an unknown command was to be.
pub(crate) fn advise(said: &mut clap::Error, instead: fn(&str) -> Option<&'static str>) {
    let advice = match said.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => instead(word),
        _ => None,
    };
    if let Some(advice) = advice {
        said.remove(ContextKind::SuggestedSubcommand);
        let advice = ContextValue::StyledStrs(vec![StyledStr::from(advice)]);
        said.insert(ContextKind::Suggested, advice);
    }
}

/// Says which option a stray word belongs behind that looks like the name of a file: other tools take such files without one.
pub(crate) fn place(said: &mut clap::Error, command: &Command, option: &str) {
    let Some(ContextValue::String(word)) = said.get(ContextKind::InvalidArg) else { return };
    // A requirement has dots, too, in its version or its URL.
    let is_file = !word.starts_with('-')
        && !word.contains([':', '=', '<', '>', '~', '!', ';', '@', '['])
        && [".txt", ".in", ".toml"].iter().any(|ending| word.ends_with(ending));
    let option = command.get_arguments().find(|argument| argument.get_id() == option);
    if said.kind() != ErrorKind::UnknownArgument {
        return;
    }
    let Some(short) = option.and_then(clap::Arg::get_short).filter(|_| is_file) else { return };
    let advice = StyledStr::from(format!("to read the file, use '-{short} {word}'"));
    said.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![advice]));
}

/// Says in words for people what is wrong with a number.
pub(crate) fn number(said: clap::Error, command: &Command) -> clap::Error {
    let text = |kind| said.get(kind).map(ToString::to_string).unwrap_or_default();
    let (value, option) = (text(ContextKind::InvalidValue), text(ContextKind::InvalidArg));
    let reason = std::error::Error::source(&said).map(ToString::to_string).unwrap_or_default();
    let why = match reason.as_str() {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            if option.contains("SECONDS") {
                "not a number of seconds"
            } else {
                "not a whole number"
            }
        }
        "number too large to fit in target type" => "too large a number",
        "number would be zero for non-zero type" => "it must be at least 1",
        _ => return said,
    };
    let message = format!("invalid value '{value}' for '{option}': {why}");
    clap::Error::raw(said.kind(), message).with_cmd(command)
}

/// The parser's own escapes taken out of what it says: it has no other way to say where they are.
#[must_use]
pub fn without_colors(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        match rest.strip_prefix('m') {
            Some(rest) => plain.push_str(rest),
            None => plain.extend(["\x1b[", part]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_are_taken_out() {
        let text = "\u{1b}[1;31merror:\u{1b}[0m a \u{1b}[2J \u{1b}]0;x\u{7}\u{1b}[m";
        assert_eq!(without_colors(text), "error: a \u{1b}[2J \u{1b}]0;x\u{7}");
    }
}
