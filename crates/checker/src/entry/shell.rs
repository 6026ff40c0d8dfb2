//! What a shell runs of a text, in its order: variables put in, folders changed, and which of the commands have to work
//! for the service to go on. Owns the shell's own words; must not know any program. Where a script decides by what only
//! running it would tell, the rest of it is left out.

mod expand;
mod lex;

use super::start::{Start, UNKNOWN};
use super::{Around, Known};
use expand::Variables;
use lex::{Part, Token};

/// A command that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Its words; what is not known of them is [`UNKNOWN`].
    pub(super) words: Vec<String>,
    /// Where it runs.
    pub(super) start: Start,
    /// Whether nothing goes on when it fails.
    pub(super) needed: bool,
}

/// What is run of a text that was given these words.
pub(super) fn runs(
    text: &str,
    arguments: &[String],
    start: &Start,
    around: &dyn Around,
) -> Vec<Run> {
    let Some(tokens) = lex::tokens(text) else { return Vec::new() };
    let mut shell = Shell {
        variables: Variables::new(arguments, around),
        start: start.clone(),
        stops: false,
        runs: Vec::new(),
        last: Vec::new(),
    };
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        let Some(left) = shell.list(rest) else { return shell.runs };
        rest = left;
    }
    for index in shell.last {
        shell.runs[index].needed = true;
    }
    shell.runs
}

struct Shell<'a> {
    variables: Variables<'a>,
    start: Start,
    /// Whether it ends with the first command that fails (`set -e`).
    stops: bool,
    runs: Vec<Run>,
    /// Those of the last list that would fail with it.
    last: Vec<usize>,
}

/// What becomes of the shell after a command.
#[derive(PartialEq, Eq)]
enum Then {
    /// It goes on.
    On,
    /// It is another program now, or has ended.
    Ended,
    /// What it goes on with is not known.
    Lost,
}

/// Words that open what is one command to the shell, and those that close it.
const OPENING: [&str; 8] = ["if", "case", "for", "while", "until", "select", "{", "[["];
const CLOSING: [&str; 5] = ["fi", "esac", "done", "}", "]]"];
/// Words after which a command begins.
const BEFORE: [&str; 9] = ["then", "do", "else", "elif", "if", "while", "until", "!", "{"];
/// Within a command that may be run or not these leave open what comes after it.
const DECIDING: [&str; 10] =
    ["exec", "exit", "return", "set", ".", "source", "eval", "shift", "cd", "trap"];

impl<'t> Shell<'_> {
    /// Reads commands up to the end of their list; `None` where the shell ends or is not understood any more.
    fn list(&mut self, tokens: &'t [Token]) -> Option<&'t [Token]> {
        let (mut rest, mut members) = (tokens, Vec::new());
        let (mut alternative, mut sole) = (false, true);
        let end = loop {
            let (command, left) = self.command(rest)?;
            let (operator, left) = left.split_first().unwrap_or((&Token::Next, &[]));
            rest = left;
            let piped = *operator == Token::Pipe;
            sole &= !matches!(operator, Token::And | Token::Or | Token::Pipe);
            let exits = command.first().and_then(Token::plain) == Some("exit");
            if !alternative {
                let then = self.simple(command, &mut members, piped)?;
                if then == Then::Ended && sole {
                    self.need(&members);
                    return None;
                }
            }
            match operator {
                Token::And | Token::Pipe => {}
                // `a || exit` ends with `a`.
                Token::Or => alternative = true,
                operator => break (operator, exits),
            }
        };
        let (operator, exits) = end;
        self.last.clear();
        match operator {
            Token::Background => {}
            _ if alternative && exits => {
                self.need(&members);
            }
            _ if alternative => {}
            _ => {
                if self.stops {
                    self.need(&members[members.len().saturating_sub(1)..]);
                }
                self.last = members;
            }
        }
        Some(skip_ends(rest))
    }

    fn need(&mut self, members: &[usize]) {
        for &member in members {
            self.runs[member].needed = true;
        }
    }

    /// The next command's tokens, and those behind it. What may be run or not is passed over.
    fn command(&mut self, tokens: &'t [Token]) -> Option<(&'t [Token], &'t [Token])> {
        let first = tokens.first().and_then(Token::plain);
        let compound = first.is_some_and(|word| OPENING.contains(&word) || word == "function")
            || tokens.first() == Some(&Token::Open)
            || tokens.get(1) == Some(&Token::Open);
        if compound {
            let end = compound_end(tokens)?;
            self.passed_over(&tokens[..end])?;
            return Some((&[], &tokens[end..]));
        }
        let end = tokens.iter().position(|token| !matches!(token, Token::Word(_)));
        let end = end.unwrap_or(tokens.len());
        if matches!(tokens.get(end), Some(Token::Open | Token::Close)) {
            return None;
        }
        Some(tokens.split_at(end))
    }

    /// Forgets what a command that may be run or not may change.
    fn passed_over(&mut self, tokens: &[Token]) -> Option<()> {
        for token in tokens {
            let Token::Word(parts) = token else { continue };
            if token.plain().is_some_and(|word| DECIDING.contains(&word)) {
                return None;
            }
            if let Some(Part::Text(text)) = parts.first() {
                let name = text.split('=').next().unwrap_or(text);
                self.variables.set(name, UNKNOWN.to_string());
                self.start.variables.remove(name);
            }
        }
        Some(())
    }

    /// A command of words alone.
    fn simple(&mut self, tokens: &[Token], members: &mut Vec<usize>, piped: bool) -> Option<Then> {
        let mut words = Vec::new();
        for token in tokens {
            let Token::Word(parts) = token else { return None };
            words.extend(self.variables.expand(parts, &self.start));
        }
        let own = words.iter().take_while(|word| assignment(word).is_some()).count();
        let assigned: Vec<String> = words.drain(..own).collect();
        let Some(program) = words.first().cloned() else {
            for (name, value) in assigned.iter().filter_map(|word| assignment(word)) {
                self.assign(name, value);
            }
            return Some(Then::On);
        };
        if let Some(then) = self.built_in(&program, &words[1..]) {
            return Some(then).filter(|then| *then != Then::Lost);
        }
        let mut start = self.start.clone();
        for (name, value) in assigned.iter().filter_map(|word| assignment(word)) {
            start.variables.insert(name.to_owned(), value.to_owned());
        }
        let ends = program == "exec" && words.len() > 1;
        if !piped {
            members.push(self.runs.len());
        }
        self.runs.push(Run { words, start, needed: false });
        Some(if ends { Then::Ended } else { Then::On })
    }

    fn assign(&mut self, name: &str, value: &str) {
        if let Some(exported) = self.start.variables.get_mut(name) {
            value.clone_into(exported);
        }
        self.variables.set(name, value.to_owned());
    }

    /// What the shell does itself; `None` is no word of its own.
    fn built_in(&mut self, program: &str, words: &[String]) -> Option<Then> {
        match program {
            "export" => {
                for word in words.iter().filter(|word| !word.starts_with('-')) {
                    let (name, value) = match assignment(word) {
                        Some((name, value)) => (name, value.to_owned()),
                        None => (word.as_str(), self.variables.value(word, &self.start)),
                    };
                    self.start.variables.insert(name.to_owned(), value);
                }
            }
            "cd" => match words {
                [folder] if !folder.contains(UNKNOWN) && folder != "-" => self.start.enter(folder),
                _ => return Some(Then::Lost),
            },
            "set" => match words.first().map(String::as_str) {
                Some(flags) if flags.starts_with('-') && flags.len() > 1 && flags != "--" => {
                    self.stops |= flags.contains('e') && !flags.starts_with("--")
                        || words.iter().any(|word| word == "errexit");
                }
                Some(flags) if flags.starts_with('+') => self.stops &= !flags.contains('e'),
                _ => return Some(Then::Lost),
            },
            // An environment that is activated so is the one that the programs are looked for in anyway.
            "." | "source" if words.first().is_some_and(|file| file.ends_with("/activate")) => {}
            "." | "source" | "eval" | "return" | "getopts" | "alias" => return Some(Then::Lost),
            "exit" => return Some(Then::Ended),
            "shift" => self.variables.shift(words),
            "read" | "unset" => {
                for name in words {
                    self.variables.set(name, UNKNOWN.to_string());
                    self.start.variables.remove(name);
                }
            }
            _ => return None,
        }
        Some(Then::On)
    }
}

/// `NAME=VALUE`.
pub(super) fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let mut letters = name.chars();
    let first = letters.next()?;
    let fits = (first == '_' || first.is_ascii_alphabetic())
        && letters.all(|c| c == '_' || c.is_ascii_alphanumeric());
    fits.then_some((name, value))
}

fn skip_ends(tokens: &[Token]) -> &[Token] {
    let ends = tokens.iter().take_while(|token| **token == Token::Next).count();
    &tokens[ends..]
}

/// Where the command ends that begins with one of [`OPENING`], a bracket or a function's name.
fn compound_end(tokens: &[Token]) -> Option<usize> {
    let (mut open, mut brackets, mut begins) = (0_usize, 0_usize, true);
    let named = tokens.get(1) == Some(&Token::Open)
        || tokens.first().and_then(Token::plain) == Some("function");
    let mut opened = false;
    for (at, token) in tokens.iter().enumerate() {
        let word = token.plain().filter(|_| begins);
        match (token, word) {
            (Token::Open, _) => brackets += 1,
            // Patterns of `case` close what they did not open.
            (Token::Close, _) => brackets = brackets.saturating_sub(1),
            (_, Some(word)) if OPENING.contains(&word) => open += 1,
            (_, Some(word)) if CLOSING.contains(&word) => open = open.checked_sub(1)?,
            (_, _) if token.plain() == Some("]]") => open = open.checked_sub(1)?,
            _ => {}
        }
        begins =
            !matches!(token, Token::Word(_)) || word.is_some_and(|word| BEFORE.contains(&word));
        opened |= open > 0 || brackets > 0 && !named;
        if opened && open == 0 && brackets == 0 {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests;
