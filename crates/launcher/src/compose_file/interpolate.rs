//! Variables in texts: `$V ${V} ${V:-d} ${V-d} ${V:?e} ${V?e} ${V:+r} ${V+r} $$`, nested. Owns the syntax and what was
//! asked for; must not know where values come from.

use std::collections::BTreeMap;

/// Values of variables, and a record of those that were asked for.
#[derive(Debug, Default)]
pub(super) struct Variables {
    values: BTreeMap<String, String>,
    /// Every variable asked for, with its value.
    pub(super) used: BTreeMap<String, Option<String>>,
    /// Unset ones that nothing stood in for, in the order in which they were met.
    pub(super) unset: Vec<String>,
}

impl Variables {
    pub(super) fn new(values: BTreeMap<String, String>) -> Self {
        Self { values, ..Self::default() }
    }

    pub(super) fn get(&mut self, name: &str) -> Option<String> {
        let value = self.values.get(name).cloned();
        self.used.insert(name.to_owned(), value.clone());
        value
    }

    /// The text with its variables replaced.
    ///
    /// # Errors
    /// The reason, where the text is malformed or a required variable is missing.
    pub(super) fn interpolate(&mut self, text: &str) -> Result<String, String> {
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
                    format!("`${{` is not closed in `{text}` (write `$$` for `$`)")
                })?;
                out.push_str(&self.expression(&after[..end])?);
                rest = &after[end + 1..];
            } else {
                let (name, after) = split_name(rest);
                if name.is_empty() {
                    return Err(format!("a name must follow `$` in `{text}` (write `$$` for `$`)"));
                }
                out.push_str(&self.plain(name));
                rest = after;
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn plain(&mut self, name: &str) -> String {
        self.get(name).unwrap_or_else(|| {
            if !self.unset.iter().any(|unset| unset == name) {
                self.unset.push(name.to_owned());
            }
            String::new()
        })
    }

    /// What stands between the braces.
    fn expression(&mut self, text: &str) -> Result<String, String> {
        let (name, rest) = split_name(text);
        if name.is_empty() {
            return Err(format!("`${{{text}}}` names no variable"));
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
            (Some('-'), None) | (Some('+'), Some(_)) => self.interpolate(characters.as_str()),
            (Some('+'), None) => Ok(String::new()),
            (Some('?'), None) => {
                let message = self.interpolate(characters.as_str())?;
                let message = if message.is_empty() { "it is not set" } else { &message };
                Err(format!("the variable {name} is required: {message}"))
            }
            _ => Err(format!("`${{{text}}}` is no known form of a variable")),
        }
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
        Variables::new(values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
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
        assert!(refuse("5 $ each").contains("must follow"));
        assert!(refuse("${A!x}").contains("no known form"));
    }

    #[test]
    fn only_variables_that_nothing_stands_in_for_count_as_unset() {
        let mut variables = variables();
        variables.interpolate("$N ${M:-d} ${A:-$K} ${N}").unwrap();
        assert_eq!(variables.unset, ["N"]);
    }
}
