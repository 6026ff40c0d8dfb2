//! What a condition comes to for a Python on Linux, as far as its text says. Must not know what hangs on it.

use char_str::CharString;
use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{self as ast, CmpOp, Expr, Number, UnaryOp};

use crate::outline::{Path, Test};
use crate::version::PythonVersion;

/// What decides a branch.
pub(super) fn decide(test: &Expr, version: PythonVersion) -> Test {
    match known(test, version) {
        Some(value) => Test::Known(value),
        None => match is_main(test) {
            Some(value) => Test::IsMain(value),
            None if asks(test) => Test::Asks,
            None => Test::Unknown,
        },
    }
}

/// A dotted path of names.
pub(super) fn path(expression: &Expr) -> Option<Path> {
    if let Expr::Name(name) = expression {
        return Some(Path::new(name.id.clone()));
    }
    let mut dotted = CharString::new();
    add_names(expression, &mut dotted).then(|| Path::new(dotted))
}

fn add_names(expression: &Expr, dotted: &mut CharString) -> bool {
    match expression {
        Expr::Name(name) => dotted.push_str(&name.id),
        Expr::Attribute(attribute) if add_names(&attribute.value, dotted) => {
            dotted.push('.');
            dotted.push_str(&attribute.attr);
        }
        _ => return false,
    }
    true
}

/// Whether it is a dotted path of these names.
pub(super) fn is_path(expression: &Expr, names: &[&str]) -> bool {
    let Some((last, before)) = names.split_last() else { return false };
    match expression {
        Expr::Name(name) => before.is_empty() && name.id == *last,
        Expr::Attribute(attribute) => {
            attribute.attr.as_str() == *last && is_path(&attribute.value, before)
        }
        _ => false,
    }
}

/// Whether it is a dotted path of any names.
pub(super) fn is_dotted(expression: &Expr) -> bool {
    match expression {
        Expr::Name(_) => true,
        Expr::Attribute(attribute) => is_dotted(&attribute.value),
        _ => false,
    }
}

/// The last name of a dotted path.
pub(super) fn last_name(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(&name.id),
        Expr::Attribute(attribute) => is_dotted(&attribute.value).then(|| attribute.attr.as_str()),
        _ => None,
    }
}

/// The text of a literal.
pub(super) fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::StringLiteral(literal) => Some(literal.value.to_str()),
        _ => None,
    }
}

fn known(test: &Expr, version: PythonVersion) -> Option<bool> {
    match test {
        Expr::BooleanLiteral(literal) => Some(literal.value),
        Expr::NoneLiteral(_) => Some(false),
        Expr::NumberLiteral(literal) => match &literal.value {
            Number::Int(number) => number.as_u8().map(|number| number != 0),
            _ => None,
        },
        Expr::Name(_) | Expr::Attribute(_) => match last_name(test)? {
            "TYPE_CHECKING" | "PY2" | "IS_WINDOWS" => Some(false),
            "PY3" | "__debug__" => Some(true),
            _ => None,
        },
        Expr::UnaryOp(ast::ExprUnaryOp { op: UnaryOp::Not, operand, .. }) => {
            known(operand, version).map(|value| !value)
        }
        Expr::BoolOp(ast::ExprBoolOp { op, values, .. }) => {
            let stops = matches!(op, ast::BoolOp::Or);
            let values: Vec<_> = values.iter().map(|value| known(value, version)).collect();
            if values.contains(&Some(stops)) {
                Some(stops)
            } else {
                values.iter().all(|value| *value == Some(!stops)).then_some(!stops)
            }
        }
        Expr::Compare(ast::ExprCompare { left, ops, comparators, .. }) => {
            let ([op], [right]) = (&**ops, &**comparators) else { return None };
            compared(left, *op, right, version)
        }
        Expr::Call(call) => {
            let Expr::Attribute(method) = &*call.func else { return None };
            let prefix = text(call.arguments.args.first()?)?;
            let is_platform = is_path(&method.value, &["sys", "platform"]);
            (is_platform && &method.attr == "startswith").then(|| "linux".starts_with(prefix))
        }
        _ => None,
    }
}

fn compared(left: &Expr, op: CmpOp, right: &Expr, version: PythonVersion) -> Option<bool> {
    if let Some(right) = text(right) {
        let left = if is_path(left, &["sys", "platform"]) {
            "linux"
        } else if is_path(left, &["os", "name"]) {
            "posix"
        } else if matches!(left, Expr::Call(call) if is_path(&call.func, &["platform", "system"])) {
            "Linux"
        } else if is_path(left, &["sys", "implementation", "name"]) {
            "cpython"
        } else if matches!(left, Expr::Call(call) if is_path(&call.func, &["platform", "python_implementation"]))
        {
            "CPython"
        } else {
            return None;
        };
        return match op {
            CmpOp::Eq => Some(left == right),
            CmpOp::NotEq => Some(left != right),
            _ => None,
        };
    }
    let (mut ours, theirs) = (numbers_of(left, version)?, numbers(right)?);
    // What follows the minor number is not known; it only counts where the first two are equal.
    let is_whole = !is_path(left, &["sys", "version_info"]);
    if is_whole || theirs.len() < ours.len() {
        if theirs.len() > ours.len() {
            return None;
        }
        if !is_whole {
            // (3, 12, 1, …) is greater than (3, 12).
            ours.push(1);
        }
    } else if theirs[..2] == ours[..] {
        if theirs.len() > 2 {
            return None;
        }
        ours.push(1);
    }
    let order = ours.cmp(&theirs);
    match op {
        CmpOp::Eq => Some(order.is_eq()),
        CmpOp::NotEq => Some(order.is_ne()),
        CmpOp::Lt => Some(order.is_lt()),
        CmpOp::LtE => Some(order.is_le()),
        CmpOp::Gt => Some(order.is_gt()),
        CmpOp::GtE => Some(order.is_ge()),
        _ => None,
    }
}

/// `sys.version_info` and parts of it.
fn numbers_of(expression: &Expr, version: PythonVersion) -> Option<Vec<u8>> {
    let whole = vec![version.major, version.minor];
    match expression {
        Expr::Subscript(subscript) if is_path(&subscript.value, &["sys", "version_info"]) => {
            match &*subscript.slice {
                Expr::Slice(ast::ExprSlice {
                    lower: None, upper: Some(upper), step: None, ..
                }) => {
                    let upper = usize::from(*numbers(upper)?.first()?);
                    (upper <= 2).then(|| whole[..upper].to_vec())
                }
                index => {
                    let index = usize::from(*numbers(index)?.first()?);
                    whole.get(index).map(|number| vec![*number])
                }
            }
        }
        _ if is_path(expression, &["sys", "version_info"]) => Some(whole),
        _ if is_path(expression, &["sys", "version_info", "major"]) => Some(vec![version.major]),
        _ if is_path(expression, &["sys", "version_info", "minor"]) => Some(vec![version.minor]),
        _ => None,
    }
}

fn numbers(expression: &Expr) -> Option<Vec<u8>> {
    match expression {
        Expr::NumberLiteral(literal) => match &literal.value {
            Number::Int(number) => Some(vec![number.as_u8()?]),
            _ => None,
        },
        Expr::Tuple(tuple) => {
            let numbers: Option<Vec<_>> = tuple.elts.iter().map(numbers).collect();
            Some(numbers?.concat())
        }
        _ => None,
    }
}

/// Whether it is true for the process' first module, or for all others.
fn is_main(test: &Expr) -> Option<bool> {
    match test {
        Expr::Compare(ast::ExprCompare { left, ops, comparators, .. }) => {
            let ([op], [right]) = (&**ops, &**comparators) else { return None };
            let is_name = |side: &Expr| is_path(side, &["__name__"]);
            let is_main = |side: &Expr| text(side) == Some("__main__");
            if !(is_name(left) && is_main(right) || is_name(right) && is_main(left)) {
                return None;
            }
            match op {
                CmpOp::Eq => Some(true),
                CmpOp::NotEq => Some(false),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether whoever reads this name looks at what is there.
pub(super) fn is_asking(name: &str) -> bool {
    matches!(
        name,
        "find_spec"
            | "environ"
            | "getenv"
            | "hasattr"
            | "globals"
            | "locals"
            | "vars"
            | "dir"
            | "modules"
            | "find_loader"
            | "getattr"
            | "available"
            | "is_installed"
            | "__import__"
            | "import_module"
    )
}

/// Whether a condition asks if something is there: what it guards is not looked at.
pub(super) fn asks(test: &Expr) -> bool {
    struct Asks(bool);
    impl<'a> Visitor<'a> for Asks {
        fn visit_expr(&mut self, expression: &'a Expr) {
            self.0 |= last_name(expression).is_some_and(is_asking);
            if let Expr::Compare(compare) = expression {
                self.0 |= compare.ops.iter().any(|op| matches!(op, CmpOp::In | CmpOp::NotIn));
            }
            walk_expr(self, expression);
        }
    }
    let mut asks = Asks(false);
    asks.visit_expr(test);
    asks.0
}

#[cfg(test)]
mod tests {
    use ruff_python_parser::parse_expression;

    use super::*;

    #[test]
    fn conditions_are_decided_for_the_target() {
        let version = PythonVersion { major: 3, minor: 11 };
        let check = |text: &str, expected: Test| {
            let parsed = parse_expression(text).unwrap();
            assert_eq!(decide(parsed.expr(), version), expected, "{text}");
        };
        check("sys.version_info >= (3, 11)", Test::Known(true));
        check("sys.version_info > (3, 11)", Test::Known(true));
        check("sys.version_info <= (3, 11)", Test::Known(false));
        check("sys.version_info < (3, 12)", Test::Known(true));
        check("sys.version_info >= (3, 11, 4)", Test::Unknown);
        check("sys.version_info >= (3, 10, 4)", Test::Known(true));
        check("sys.version_info >= (3,)", Test::Known(true));
        check("sys.version_info[0] == 2", Test::Known(false));
        check("sys.version_info[:2] == (3, 11)", Test::Known(true));
        check("sys.version_info.minor < 9", Test::Known(false));
        check("TYPE_CHECKING or False", Test::Known(false));
        check("not typing.TYPE_CHECKING", Test::Known(true));
        check("sys.platform.startswith('win') and DEBUG", Test::Known(false));
        check("os.name != 'nt'", Test::Known(true));
        check("DEBUG", Test::Unknown);
        check("not __debug__", Test::Known(false));
        check("sys.implementation.name == 'pypy'", Test::Known(false));
        check("'__main__' == __name__", Test::IsMain(true));
        check("'X' in os.environ", Test::Asks);
        check("os.getenv('X')", Test::Asks);
        check("importlib.util.find_spec('x') is not None", Test::Asks);
    }
}
