//! Variables in texts: `$V ${V} ${V:-d} ${V-d} ${V:?e} ${V?e} ${V:+r} ${V+r} $$`, nested. Owns the syntax and what was
//! asked for; must not know where values come from.

use std::collections::BTreeMap;

use indexmap::IndexSet;

/// Bytes that variables may come to in all places together. Each line of a `.env` may repeat the one before ten times.
const LARGEST: usize = 16 << 20;
/// Levels of expressions within one another.
const DEEPEST: usize = 100;
/// Characters of a wrong text that a message repeats.
const SHOWN: usize = 80;

/// What variables may still come to. One goes through all files of a project.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(LARGEST)
    }
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.0.checked_sub(bytes);
        self.0 = left.ok_or_else(|| format!("its variables come to more than {LARGEST} bytes"))?;
        Ok(())
    }
}

/// Values of variables, and a record of those that were asked for.
#[derive(Debug, Default)]
pub(super) struct Variables {
    values: BTreeMap<String, String>,
    /// Every variable asked for, with its value.
    pub(super) used: BTreeMap<String, Option<String>>,
    /// Unset ones that nothing stood in for, in the order in which they were met.
    pub(super) unset: IndexSet<String>,
    pub(super) budget: Budget,
}

impl Variables {
    pub(super) fn new(values: BTreeMap<String, String>, budget: Budget) -> Self {
        Self { values, budget, ..Self::default() }
    }

    pub(super) fn get(&mut self, name: &str) -> Option<String> {
        let value = self.values.get(name).cloned();
        self.used.insert(name.to_owned(), value.clone());
        value
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// Takes over what was asked for, and spent, elsewhere.
    pub(super) fn absorb(&mut self, other: Self) {
        self.used.extend(other.used);
        self.unset.extend(other.unset);
        self.budget = other.budget;
    }

    /// The text with its variables replaced.
    ///
    /// # Errors
    /// The reason, where the text is malformed, a required variable is missing, or it all comes to too much.
    pub(super) fn interpolate(&mut self, text: &str) -> Result<String, String> {
        self.replace(text, 0)
    }

    fn replace(&mut self, text: &str, depth: usize) -> Result<String, String> {
        if depth > DEEPEST {
            return Err(format!("its variables nest deeper than {DEEPEST} levels"));
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(index) = rest.find('$') {
            out.push_str(&rest[..index]);
            rest = &rest[index + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let end = closing(after).ok_or_else(|| {
                    format!("`${{` is not closed in `{}` (write `$$` for `$`)", shown(text))
                })?;
                let value = self.expression(&after[..end], depth)?;
                self.budget.spend(value.len())?;
                out.push_str(&value);
                rest = &after[end + 1..];
            } else {
                let (name, after) = split_name(rest);
                if name.is_empty() {
                    // As Compose 2 has it: it begins no variable, and stays.
                    out.push('$');
                    continue;
                }
                let value = self.plain(name);
                self.budget.spend(value.len())?;
                out.push_str(&value);
                rest = after;
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn plain(&mut self, name: &str) -> String {
        self.get(name).unwrap_or_else(|| {
            self.unset.insert(name.to_owned());
            String::new()
        })
    }

    /// What stands between the braces.
    fn expression(&mut self, text: &str, depth: usize) -> Result<String, String> {
        let (name, rest) = split_name(text);
        if name.is_empty() {
            return Err(format!("`${{{}}}` names no variable", shown(text)));
        }
        if rest.is_empty() {
            return Ok(self.plain(name));
        }
        let (empty_too, operator) = match rest.strip_prefix(':') {
            Some(operator) => (true, operator),
            None => (false, rest),
        };
        let value = self.get(name).filter(|value| !(empty_too && value.is_empty()));
        let mut characters = operator.chars();
        match (characters.next(), value) {
            (Some('-' | '?'), Some(value)) => Ok(value),
            (Some('-'), None) | (Some('+'), Some(_)) => {
                self.replace(characters.as_str(), depth + 1)
            }
            (Some('+'), None) => Ok(String::new()),
            (Some('?'), None) => {
                let message = self.replace(characters.as_str(), depth + 1)?;
                let message = if message.is_empty() { "it is not set" } else { &message };
                Err(format!("the variable {name} is required: {message}"))
            }
            _ => Err(format!("`${{{}}}` is no known form of a variable", shown(text))),
        }
    }
}

/// The beginning of a text that may be a whole file.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The index of the brace that closes an expression.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut index) = (0, 0);
    while index < bytes.len() {
        match bytes[index] {
            b'$' if bytes.get(index + 1) == Some(&b'$') => index += 1,
            b'$' if bytes.get(index + 1) == Some(&b'{') => (depth, index) = (depth + 1, index + 1),
            b'}' if depth == 0 => return Some(index),
            b'}' => depth -= 1,
            _ => {}
        }
        index += 1;
    }
    None
}

/// A variable's name, and what follows it.
fn split_name(text: &str) -> (&str, &str) {
    let usual = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return ("", text);
    }
    text.split_at(text.find(|c| !usual(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let values = [("A", "a"), ("E", "")];
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Variables::new(values.collect(), Budget::default())
    }

    #[test]
    fn every_form_gives_what_compose_gives() {
        for (text, expected) in [
            ("$A-${A}", "a-a"),
            ("$$A $${A}", "$A ${A}"),
            ("${N:-d}${E:-d}${A:-d}", "dda"),
            ("${N-d}${E-d}", "d"),
            ("${A:+r}${E:+r}${N:+r}", "r"),
            ("${A+r}${E+r}${N+r}", "rr"),
            ("${A:?no}${E?no}", "a"),
            ("${N:-${E:-${A}}}", "a"),
            ("${N:-x$$y}", "x$y"),
            ("${N:-a:b}", "a:b"),
            ("5 $ each $1 ^.+$", "5 $ each $1 ^.+$"),
        ] {
            assert_eq!(variables().interpolate(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_missing_required_variable_says_its_message() {
        let refuse = |text: &str| variables().interpolate(text).unwrap_err();
        assert_eq!(refuse("${N:?set $A first}"), "the variable N is required: set a first");
        assert_eq!(refuse("${E:?}"), "the variable E is required: it is not set");
        assert!(refuse("${A").contains("not closed"));
        assert!(refuse("${A!x}").contains("no known form"));
    }

    #[test]
    fn only_variables_that_nothing_stands_in_for_count_as_unset() {
        let mut variables = variables();
        variables.interpolate("$N ${M:-d} ${A:-$K} ${N}").unwrap();
        assert_eq!(variables.unset.into_iter().collect::<Vec<_>>(), ["N"]);
    }

    #[test]
    fn expressions_nest_to_a_depth_and_no_deeper() {
        let nested = |depth: usize| {
            variables().interpolate(&format!("{}x{}", "${N:-".repeat(depth), "}".repeat(depth)))
        };
        assert_eq!(nested(DEEPEST).as_deref(), Ok("x"));
        // More would end the process by its stack.
        let refused = nested(100_000).unwrap_err();
        assert_eq!(refused, "its variables nest deeper than 100 levels");
    }

    #[test]
    fn a_message_repeats_the_beginning_of_a_long_text() {
        let refused = variables().interpolate(&"${A".repeat(100_000)).unwrap_err();
        assert!(refused.contains("is not closed") && refused.len() < 500, "{}", refused.len());
    }
}
