//! What variables and the working directory are at an instruction. Owns which values are certain; must not know files.

use std::collections::BTreeMap;

use super::BaseImage;
use super::filled::Filled;
use crate::code::places::{Place, is_within, resolve};
use crate::dockerfile::Instruction;
use crate::dockerfile::shell::expand;

/// Variables and directory; a value of `None` is one that is not known.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    environment: BTreeMap<String, Option<String>>,
    arguments: BTreeMap<String, Option<String>>,
    directory: Option<String>,
    /// Whether the image below may have variables that go before arguments.
    opaque: bool,
    /// Directories that are certainly there.
    directories: Vec<String>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            environment: BTreeMap::new(),
            arguments: BTreeMap::new(),
            directory: Some("/".to_owned()),
            opaque: false,
            directories: vec!["/".to_owned()],
        }
    }
}

impl Scope {
    /// At the first instruction on an image.
    pub(super) fn of(base: &BaseImage) -> Self {
        let known = base.environment.iter();
        let environment = known.map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
        let directory = if base.working_dir.is_empty() { "/" } else { &base.working_dir };
        let directory = (!base.absent).then(|| directory.to_owned());
        Self { environment, directory, opaque: base.absent, ..Self::default() }
    }

    /// The directory and the variables.
    pub(super) fn into_parts(self) -> (Option<String>, BTreeMap<String, Option<String>>) {
        (self.directory, self.environment)
    }

    /// Arguments of one stage are not those of the next, or are, as the builder will have it.
    pub(super) fn begin_stage(&mut self) {
        for value in self.arguments.values_mut() {
            *value = None;
        }
    }

    /// Where a path is, seen from the working directory; `None` where that is not known.
    pub(super) fn resolve(&self, path: &str) -> Option<Place> {
        let from = if path.starts_with('/') { "/" } else { self.directory.as_deref()? };
        resolve(from, path)
    }

    /// Where an instruction may leave something: around the working directory, and where its words or the variables that
    /// they name say. Anywhere if one of these is not known.
    pub(super) fn filled_by(&self, one: &Instruction) -> Filled {
        let Some(directory) = self.directory.clone() else { return Filled::Somewhere };
        let mut words = [&one.flags.join(" "), &one.rest, &one.documents.join(" ")]
            .map(String::as_str)
            .join(" ");
        let named = |name: &str| {
            words.contains(&format!("${name}")) || words.contains(&format!("${{{name}"))
        };
        let variables = self.environment.iter().chain(&self.arguments);
        let values: Option<Vec<&str>> =
            variables.filter(|(name, _)| named(name)).map(|(_, value)| value.as_deref()).collect();
        let Some(values) = values else { return Filled::Somewhere };
        words.extend(values.into_iter().flat_map(|value| [" ", value]));
        Filled::Around { directory, words }
    }

    /// Whether a path is a directory for certain.
    pub(super) fn is_directory(&self, path: &str) -> bool {
        self.directories.iter().any(|known| is_within(known, path))
    }

    /// A word with its variables replaced; `None` where one of them is not known, or quotes would have to be read.
    pub(super) fn expand(&self, word: &str) -> Option<String> {
        let value = |name: &str| {
            let argument = || self.arguments.get(name).filter(|_| !self.opaque);
            self.environment.get(name).or_else(argument).cloned().flatten()
        };
        // A default would stand for a value that is only not known here.
        let mut inner = word.split("${").skip(1).map(|rest| rest.split('}').next().unwrap_or(rest));
        if inner.any(|name| !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')) {
            return None;
        }
        let expanded = expand(word, &value);
        let plain = !expanded.contains(['$', '"', '\'', '\\']);
        plain.then_some(expanded)
    }

    /// Takes note of what an instruction says of variables and directories. `outer` has the arguments that stand
    /// before all stages.
    pub(super) fn note(
        &mut self,
        one: &Instruction,
        given: &BTreeMap<String, String>,
        outer: &Self,
    ) {
        match one.word.as_str() {
            "ARG" => {
                for (name, default) in assignments(&one.rest) {
                    let value = match (given.get(&name), default) {
                        (Some(value), _) => Some(value.clone()),
                        (None, Some(default)) => self.unquoted(&default),
                        (None, None) => outer.arguments.get(&name).cloned().flatten(),
                    };
                    self.arguments.insert(name, value);
                }
            }
            "ENV" => {
                let found = assignments(&one.rest);
                let old_form = found.first().is_some_and(|(_, value)| value.is_none());
                // All values are those from before the instruction.
                let values: Vec<_> = found
                    .into_iter()
                    .take(if old_form { 1 } else { usize::MAX })
                    .map(|(name, value)| (name, value.and_then(|value| self.unquoted(&value))))
                    .collect();
                self.environment.extend(values);
            }
            "WORKDIR" => {
                let path = self.unquoted(one.rest.trim());
                let place = path.and_then(|path| self.resolve(&path));
                self.directory = place.map(|place| place.path);
                self.directories.extend(self.directory.clone());
            }
            _ => {}
        }
    }

    fn unquoted(&self, text: &str) -> Option<String> {
        let inner = ['"', '\''].iter().find_map(|quote| {
            text.strip_prefix(*quote)?.strip_suffix(*quote).map(|inner| (*quote, inner))
        });
        match inner {
            // Nothing is replaced in single quotes.
            Some(('\'', inner)) => (!inner.contains(['\'', '$', '\\'])).then(|| inner.to_owned()),
            Some((_, inner)) => self.expand(inner),
            None => self.expand(text),
        }
    }
}

/// `NAME=value` and `NAME`, in their order; a value in quotes with them.
fn assignments(text: &str) -> Vec<(String, Option<String>)> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (String::new(), None);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (_, '\\') => {
                word.push(c);
                word.extend(characters.next());
                continue;
            }
            (None, c) if c.is_whitespace() => {
                words.push(std::mem::take(&mut word));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    words.push(word);
    let words = words.into_iter().filter(|word| !word.is_empty());
    let pair = |word: String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word, None),
    };
    words.map(pair).collect()
}
