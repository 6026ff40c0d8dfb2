//! The options that follow a requirement on its line.

use super::BuildSettings;
use crate::hash::{Digest, OtherDigest, OtherKind};
use crate::option_words::{nearest, unquote};
use crate::wrong::{Wrong, at};

/// Splits `name==1 --hash=…` into the requirement and its options.
pub(crate) fn split_options(line: &str) -> (&str, &str) {
    let space = |at: usize| line[..at].ends_with(char::is_whitespace);
    let starts = line.match_indices("--").chain(line.match_indices("-C")).map(|(at, _)| at);
    match starts.filter(|at| space(*at)).min() {
        Some(start) => (line[..start].trim(), line[start..].trim_end()),
        None => (line.trim(), ""),
    }
}

/// Options of one requirement.
#[derive(Default)]
pub(super) struct Options {
    pub(super) hashes: Vec<Digest>,
    pub(super) settings: BuildSettings,
    pub(super) ignored: Vec<String>,
}

/// Options that pip takes from any line, and that have no effect on the line of a requirement.
const WITHOUT_EFFECT: [(&str, bool); 9] = [
    ("--global-option", true),
    ("--index-url", true),
    ("--extra-index-url", true),
    ("--find-links", true),
    ("--trusted-host", true),
    ("--no-index", false),
    ("--pre", false),
    ("--prefer-binary", false),
    ("--require-hashes", false),
];

impl Options {
    pub(super) fn read(text: &str) -> Result<Self, Wrong<'_>> {
        let mut options = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (word, after) = word(rest)?;
            let (name, value, after) = match word.split_once('=') {
                Some((name, _)) => {
                    let (value, _) = unquote(&word[name.len() + 1..]).unwrap_or_default();
                    (name, Some((value, word)), after)
                }
                None if takes_value(word) && !after.is_empty() => {
                    let (next, after) = self::word(after)?;
                    (word, Some((unquote(next).unwrap_or_default().0, next)), after)
                }
                None => (word, None, after),
            };
            rest = after;
            match (name, value) {
                ("--hash", Some((value, part))) => {
                    options.hashes.push(hash(&value).map_err(at(part))?);
                }
                ("--config-settings" | "--config-setting" | "-C", Some((value, part))) => {
                    let (key, value) = value
                        .split_once('=')
                        .ok_or_else(|| Wrong::new("a setting is written KEY=VALUE", part))?;
                    options.settings.entry(key.to_owned()).or_default().push(value.to_owned());
                }
                ("--hash" | "--config-settings" | "--config-setting" | "-C", None) => {
                    return Err(Wrong::new(format!("{name} needs a value"), word));
                }
                _ if WITHOUT_EFFECT.iter().any(|(known, _)| *known == name) => {
                    options.ignored.push(name.to_owned());
                }
                _ => {
                    let near = nearest(name).map(|near| format!("was `{near}` meant?"));
                    let reason = format!("`{word}` is not an option of a requirement");
                    return Err(Wrong { advice: near, ..Wrong::new(reason, word) });
                }
            }
        }
        // What has a SHA-256 is known by it: other kinds say nothing more.
        if options.hashes.iter().any(|digest| digest.sha256().is_some()) {
            options.hashes.retain(|digest| digest.sha256().is_some());
        }
        Ok(options)
    }
}

/// The value of `--hash`, as pip takes it.
fn hash(value: &str) -> Result<Digest, String> {
    let (kind, digits) = value.split_once(':').ok_or("--hash must be written as sha256:DIGEST")?;
    if kind == "sha256" {
        return digits.parse().map(Digest::Sha256).map_err(|error| format!("--hash: {error}"));
    }
    let strong = OtherKind::ALL.into_iter().filter(|kind| kind.is_strong());
    let Some(kind) = strong.into_iter().find(|strong| strong.name() == kind) else {
        return Err(format!("--hash: {kind} is too weak or unknown; use sha256"));
    };
    let wrong = || format!("--hash: `{digits}` is not a {} digest", kind.name());
    OtherDigest::new(kind, digits).map(Digest::Other).ok_or_else(wrong)
}

fn takes_value(name: &str) -> bool {
    ["--hash", "--config-settings", "--config-setting", "-C"].contains(&name)
        || WITHOUT_EFFECT.contains(&(name, true))
}

/// The first word as it is written, quotes and all, and what follows it.
fn word(text: &str) -> Result<(&str, &str), Wrong<'_>> {
    let (_, length) = unquote(text).ok_or_else(|| Wrong::new("a quote is not closed", text))?;
    Ok((&text[..length], text[length..].trim_start()))
}
