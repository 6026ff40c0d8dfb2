//! Dictionaries that configure the standard library's logging: which classes they name, and what they use without having
//! it. Must not know whether a class is there.
//!
//! <https://docs.python.org/3/library/logging.config.html#dictionary-schema-details>

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged as _;

use super::decide::text;
use crate::outline::{Logging, Said, Unheld};

/// What a dictionary names that is written out; `None` if it is none that configures logging.
pub(super) fn logging(value: &Expr) -> Option<Logging> {
    let Expr::Dict(dict) = value else { return None };
    let found = entries(dict)?;
    let has = |name: &str| found.iter().any(|(key, _)| *key == name);
    if !has("version") || !has("handlers") && !has("formatters") || has("incremental") {
        return None;
    }
    let part = |name: &str| found.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let mut logging = Logging::default();
    for (name, keys) in
        [("formatters", &["()", "class"][..]), ("filters", &["()"]), ("handlers", &["()", "class"])]
    {
        let Some(made) = part(name).and_then(dict_of) else { continue };
        for value in made.items.iter().filter_map(|item| dict_of(&item.value)) {
            let named = keys.iter().find_map(|key| get(value, key));
            logging.classes.extend(named.and_then(said));
        }
    }
    let handlers = part("handlers").and_then(dict_of).and_then(entries);
    if let Some(handlers) = handlers {
        let loggers = part("loggers").and_then(dict_of).into_iter().flat_map(|dict| &dict.items);
        let loggers = loggers.map(|item| &item.value).chain(part("root"));
        for logger in loggers.filter_map(dict_of) {
            let used = get(logger, "handlers").into_iter().flat_map(elements).filter_map(said);
            let unheld = used.filter(|used| !handlers.iter().any(|(name, _)| *name == used.text));
            logging.unheld.extend(unheld.map(|name| Unheld { kind: "handler", name }));
        }
        for (part_name, kind) in [("formatters", "formatter")] {
            let formatters = match part(part_name) {
                None => Vec::new(),
                Some(value) => match dict_of(value).and_then(entries) {
                    Some(formatters) => formatters,
                    None => continue,
                },
            };
            let used = handlers.iter().filter_map(|(_, value)| get(dict_of(value)?, kind));
            let used = used.filter_map(said);
            let unheld = used.filter(|used| !formatters.iter().any(|(name, _)| *name == used.text));
            logging.unheld.extend(unheld.map(|name| Unheld { kind, name }));
        }
    }
    Some(logging)
}

fn dict_of(value: &Expr) -> Option<&ast::ExprDict> {
    if let Expr::Dict(dict) = value { Some(dict) } else { None }
}

/// All keys with their values; `None` if one is no text, or others are taken in.
fn entries(dict: &ast::ExprDict) -> Option<Vec<(&str, &Expr)>> {
    dict.items.iter().map(|item| Some((text(item.key.as_ref()?)?, &item.value))).collect()
}

fn get<'e>(dict: &'e ast::ExprDict, name: &str) -> Option<&'e Expr> {
    let is_it = |item: &&ast::DictItem| item.key.as_ref().and_then(text) == Some(name);
    dict.items.iter().rfind(is_it).map(|item| &item.value)
}

fn elements(value: &Expr) -> &[Expr] {
    match value {
        Expr::List(list) => &list.elts,
        Expr::Tuple(tuple) => &tuple.elts,
        _ => &[],
    }
}

fn said(value: &Expr) -> Option<Said> {
    Some(Said { text: text(value)?.to_owned(), at: value.start().to_u32() })
}
