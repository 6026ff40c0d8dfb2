//! Conditions that hang on names of the program, and values that are used as such. Must not know what the names are.

use std::sync::Arc;

use ruff_python_ast::{self as ast, CmpOp, Expr, UnaryOp};

use super::decide::{asks, decide, path, text};
use super::flow::Builder;
use super::logging::logging;
use super::uses::strings;
use crate::outline::{Bound, Name, Named, Test};

impl Builder<'_> {
    /// What decides a branch.
    pub(super) fn test(&self, test: &Expr) -> Test {
        match decide(test, self.version) {
            Test::Unknown => self.by_names(test),
            known => known,
        }
    }

    fn by_names(&self, test: &Expr) -> Test {
        match test {
            Expr::Name(_) | Expr::Attribute(_) => {
                self.named(test).map_or(Test::Unknown, Test::Name)
            }
            Expr::UnaryOp(ast::ExprUnaryOp { op: UnaryOp::Not, operand, .. }) => {
                match self.test(operand) {
                    Test::Unknown => Test::Unknown,
                    test => Test::Not(Box::new(test)),
                }
            }
            Expr::BoolOp(ast::ExprBoolOp { op, values, .. }) => {
                let tests: Vec<Test> = values.iter().map(|value| self.test(value)).collect();
                match op {
                    _ if tests.iter().all(|test| *test == Test::Unknown) => Test::Unknown,
                    ast::BoolOp::And => Test::All(tests),
                    ast::BoolOp::Or => Test::Any(tests),
                }
            }
            Expr::Compare(ast::ExprCompare { left, ops, comparators, .. }) => {
                match (&**ops, &**comparators) {
                    ([op], [Expr::NoneLiteral(_)]) => self.compared_with_none(left, *op),
                    _ => self.of([&**left].into_iter().chain(comparators)),
                }
            }
            Expr::Call(call) => self.of([&*call.func]),
            _ => Test::Unknown,
        }
    }

    fn compared_with_none(&self, left: &Expr, op: CmpOp) -> Test {
        match (self.named(left), op) {
            (Some(named), CmpOp::Is | CmpOp::Eq) => Test::IsNone(named),
            (Some(named), CmpOp::IsNot | CmpOp::NotEq) => Test::Not(Box::new(Test::IsNone(named))),
            _ => Test::Unknown,
        }
    }

    /// What decides whether a case of a `match` is taken.
    pub(super) fn matched(&self, subject: &Expr) -> Test {
        if asks(subject) { Test::Asks } else { self.of([subject]) }
    }

    fn of<'e>(&self, expressions: impl IntoIterator<Item = &'e Expr>) -> Test {
        let names: Vec<Named> =
            expressions.into_iter().filter_map(|expression| self.named(expression)).collect();
        if names.is_empty() { Test::Unknown } else { Test::Of(names) }
    }

    fn named(&self, expression: &Expr) -> Option<Named> {
        let path = path(expression)?;
        let is_local = self.scoping.is_local(path.first());
        Some(Named { path, is_local })
    }

    /// What a name gets; `adds`: to what it was.
    pub(super) fn value_of(&self, value: &Expr, adds: bool) -> Bound {
        if let Some(items) = strings(value) {
            return Bound::Strings { items, adds };
        }
        if adds {
            return Bound::Anything;
        }
        if let Some(path) = path(value) {
            return Bound::Alias(path);
        }
        if let Some(logging) = logging(value) {
            return Bound::Logging(Arc::new(logging));
        }
        match value {
            Expr::NoneLiteral(_) => Bound::Nothing,
            Expr::StringLiteral(_) => named(value).map_or(Bound::Anything, Bound::Text),
            _ => match self.test(value) {
                Test::Unknown => Bound::Anything,
                test => Bound::Tested(Box::new(test)),
            },
        }
    }
}

/// A text that may name something: words between dots.
fn named(value: &Expr) -> Option<Name> {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    };
    let text = text(value).filter(|text| text.contains('.') && text.len() < 200)?;
    text.split('.').all(is_word).then(|| text.into())
}
