//! What signatures are made of: the parameters of each function of a text, by their marks. Knows no types.

use super::modules::tokens;

/// A function, and its parameters as words and marks.
pub(crate) struct Signature {
    pub(crate) name: String,
    parameters: Vec<Vec<String>>,
}

impl Signature {
    /// The functions of a text.
    pub(crate) fn all(text: &str) -> Vec<Self> {
        let tokens = tokens(text);
        let named =
            |at: &usize| tokens[*at] == "fn" && tokens.get(at + 1).is_some_and(|t| t != "(");
        let found = (0..tokens.len()).filter(named).map(|at| Self {
            name: tokens[at + 1].clone(),
            parameters: parameters(&tokens[at + 2..]),
        });
        found.collect()
    }

    /// Whether a parameter is a tuple, taken apart or whole: what belongs together has a name of its own, and what does
    /// not are parameters of their own.
    pub(crate) fn has_tuple(&self) -> bool {
        self.parameters.iter().any(|parameter| {
            let typed =
                parameter.iter().position(|token| token == ":").map(|at| &parameter[at + 1..]);
            is_tuple(parameter) || typed.is_some_and(is_tuple)
        })
    }
}

/// Whether a pattern or a type is one, behind a reference too; `&(dyn A + B)` and `()` are none.
fn is_tuple(tokens: &[String]) -> bool {
    let mut rest = tokens.iter().map(String::as_str).peekable();
    while let Some(token) = rest.next_if(|token| matches!(*token, "&" | "\'" | "mut")) {
        if token == "\'" {
            rest.next();
        }
    }
    rest.next() == Some("(") && !matches!(rest.next(), Some("dyn" | "impl" | ")"))
}

/// How deep in brackets the reading of a text is.
#[derive(Default)]
struct Nesting {
    depth: usize,
    is_arrow: bool,
}

impl Nesting {
    /// Takes a mark in; tells whether it stood outside of all brackets.
    fn is_outside(&mut self, token: &str) -> bool {
        let before = self.depth;
        match token {
            "<" | "(" | "[" | "{" => self.depth += 1,
            ">" if self.is_arrow => {}
            ">" | ")" | "]" | "}" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.is_arrow = token == "-";
        before == 0
    }
}

/// The parameters behind a function's name.
fn parameters(tokens: &[String]) -> Vec<Vec<String>> {
    let mut nesting = Nesting::default();
    // The bounds of type parameters stand before the list.
    let list = tokens.iter().position(|token| nesting.is_outside(token) && token == "(");
    let list = &tokens[list.map_or(tokens.len(), |at| at + 1)..];
    let mut parameters = vec![Vec::new()];
    let mut nesting = Nesting::default();
    for token in list {
        match (token.as_str(), nesting.is_outside(token)) {
            (")", true) => break,
            (",", true) => parameters.push(Vec::new()),
            _ => parameters.last_mut().expect("one is begun").push(token.clone()),
        }
    }
    parameters
}
