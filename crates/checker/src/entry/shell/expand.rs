//! What words come to when variables are put in. Owns the values that a script gives itself; must not know commands.

use std::collections::BTreeMap;

use super::lex::{Part, Variable};
use super::{Around, Known, Start, UNKNOWN};

/// The values that are known in a script.
pub(super) struct Variables<'a> {
    own: BTreeMap<String, String>,
    arguments: Vec<String>,
    around: &'a dyn Around,
}

impl<'a> Variables<'a> {
    /// Those of a script that was given these words.
    pub(super) fn new(arguments: &[String], around: &'a dyn Around) -> Self {
        Self { own: BTreeMap::new(), arguments: arguments.to_vec(), around }
    }

    /// Gives one a value.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.own.insert(name.to_owned(), value);
    }

    /// Takes words away from the front.
    pub(super) fn shift(&mut self, words: &[String]) {
        let count = words.first().map_or(Some(1), |count| count.parse().ok());
        match count {
            Some(count) if count <= self.arguments.len() => drop(self.arguments.drain(..count)),
            _ => self.arguments = vec![UNKNOWN.to_string()],
        }
    }

    /// The value of one; nothing where it is not set.
    pub(super) fn value(&self, name: &str, start: &Start) -> String {
        match self.known(name, start) {
            Known::Value(value) => value,
            Known::Unset => String::new(),
            Known::Unknown => UNKNOWN.to_string(),
        }
    }

    fn known(&self, name: &str, start: &Start) -> Known {
        if let Ok(number) = name.parse::<usize>() {
            let sure = self.arguments.iter().take(number).all(|word| !word.contains(UNKNOWN));
            return match self.arguments.get(number.wrapping_sub(1)) {
                Some(word) if sure => Known::Value(word.clone()),
                None if sure => Known::Unset,
                _ => Known::Unknown,
            };
        }
        match self.own.get(name).or_else(|| start.variables.get(name)) {
            Some(value) if value.contains(UNKNOWN) => Known::Unknown,
            Some(value) => Known::Value(value.clone()),
            None => self.around.variable(name),
        }
    }

    /// The words that these parts come to; a variable without quotes may be none, or several.
    pub(super) fn expand(&self, parts: &[Part], start: &Start) -> Vec<String> {
        match parts {
            [Part::Variable(one)] if one.name == "@" || one.name == "*" && !one.quoted => {
                return self.arguments.clone();
            }
            [Part::Text(empty), Part::Variable(one)] if empty.is_empty() && one.name == "@" => {
                return self.arguments.clone();
            }
            [Part::Variable(one)] if !one.quoted => {
                let value = self.put_in(one, start);
                return value.split_whitespace().map(str::to_owned).collect();
            }
            _ => {}
        }
        let mut word = String::new();
        for part in parts {
            match part {
                Part::Text(text) => word.push_str(text),
                Part::Variable(one) => {
                    let value = self.put_in(one, start);
                    let splits = !one.quoted && value.contains(char::is_whitespace);
                    word.push_str(if splits { "\0" } else { &value });
                }
                Part::Unknown => word.push(UNKNOWN),
            }
        }
        vec![word]
    }

    fn put_in(&self, one: &Variable, start: &Start) -> String {
        let otherwise = || one.otherwise.clone().unwrap_or_default();
        match self.known(&one.name, start) {
            _ if one.name == "@" || one.name == "*" => UNKNOWN.to_string(),
            Known::Value(value) if value.is_empty() && one.or_empty => otherwise(),
            Known::Value(value) => value,
            Known::Unset => otherwise(),
            Known::Unknown => UNKNOWN.to_string(),
        }
    }
}
