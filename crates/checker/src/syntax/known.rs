//! What Python itself brings, by name, and a literal that installers write. Must not know who asks.

use std::collections::BTreeMap;

use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_python_parser::parse_module;
use ruff_python_stdlib::{builtins, sys};

use super::decide::text;
use super::uses::targets;
use crate::version::PythonVersion;

/// Whether a name is there without anybody binding it.
pub(crate) fn is_builtin(name: &str, version: PythonVersion) -> bool {
    let by_site = ["copyright", "credits", "exit", "help", "license", "quit", "WindowsError"];
    builtins::is_python_builtin(name, version.minor, false) || by_site.contains(&name)
}

/// Whether a name is that of an exception that Python brings, in any version.
pub(crate) fn is_exception(name: &str) -> bool {
    builtins::is_exception(name, u8::MAX)
}

/// Whether a module is part of the interpreter's own program, so that no file comes before it.
pub(crate) fn is_builtin_module(version: PythonVersion, name: &str) -> bool {
    sys::is_builtin_module(version.minor, name)
}

/// A dictionary of texts that a module assigns to a name.
pub(crate) fn mapping(bytes: &[u8], name: &str) -> Option<BTreeMap<String, String>> {
    let source = std::str::from_utf8(bytes).ok()?;
    let parsed = parse_module(source).ok()?;
    let value = parsed.suite().iter().find_map(|statement| match statement {
        Stmt::Assign(ast::StmtAssign { targets: assigned, value, .. }) => {
            assigned.iter().any(|target| targets(target) == [name]).then_some(&**value)
        }
        Stmt::AnnAssign(ast::StmtAnnAssign { target, value, .. }) => {
            value.as_deref().filter(|_| targets(target) == [name])
        }
        _ => None,
    })?;
    let Expr::Dict(dict) = value else { return None };
    let items = dict.items.iter().map(|item| {
        let key = item.key.as_ref().and_then(text)?;
        Some((key.to_owned(), text(&item.value)?.to_owned()))
    });
    items.collect()
}
