//! Dictionaries that configure the standard library's logging: which classes they name, and what they use without having
//! it. Must not know whether a class is there.
//!
//! <https://docs.python.org/3/library/logging.config.html#dictionary-schema-details>

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged as _;

use super::decide::text;
use crate::outline::{Bind, Bound, Configures, Logging, Outline, Said, Step, Unheld};
use crate::steps;

/// How often a program configures by one dictionary at most.
const MOST_USES: usize = 8;

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
        let held: BTreeSet<&str> = handlers.iter().map(|(name, _)| *name).collect();
        let loggers = part("loggers").and_then(dict_of).into_iter().flat_map(|dict| &dict.items);
        let loggers = loggers.map(|item| &item.value).chain(part("root"));
        for logger in loggers.filter_map(dict_of) {
            let used = get(logger, "handlers").into_iter().flat_map(elements).filter_map(said);
            let unheld = used.filter(|used| !held.contains(used.text.as_str()));
            logging.unheld.extend(unheld.map(|name| Unheld { kind: "handler", name }));
        }
        let formatters = match part("formatters") {
            None => Some(Vec::new()),
            Some(value) => dict_of(value).and_then(entries),
        };
        if let Some(formatters) = formatters {
            let held: BTreeSet<&str> = formatters.iter().map(|(name, _)| *name).collect();
            let used = handlers.iter().filter_map(|(_, value)| get(dict_of(value)?, "formatter"));
            // An empty one is none.
            let used = used.filter_map(said).filter(|used| !used.text.is_empty());
            let unheld = used.filter(|used| !held.contains(used.text.as_str()));
            logging.unheld.extend(unheld.map(|name| Unheld { kind: "formatter", name }));
        }
    }
    Some(logging)
}

/// A dictionary of a module, and how often its name comes up.
struct Written {
    logging: Arc<Logging>,
    binds: usize,
    uses: usize,
    /// Of these, calls of `dictConfig`.
    configures: usize,
}

/// The dictionaries of a module that stay as they are written out: bound once and in no branch, and used by nobody but
/// `dictConfig`.
pub(super) fn unchanged(outline: &Outline) -> BTreeMap<String, Arc<Logging>> {
    let written = outline.body.iter().filter_map(|step| match step {
        Step::Bind(Bind { name, value: Bound::Logging(logging), .. }) => {
            let logging = Arc::clone(logging);
            Some((name.to_string(), Written { logging, binds: 0, uses: 0, configures: 0 }))
        }
        _ => None,
    });
    let mut written: BTreeMap<String, Written> = written.collect();
    if written.is_empty() || outline.is_open {
        return BTreeMap::new();
    }
    steps::each_step(outline, &mut |step| match step {
        Step::Use(used) if !used.is_local => {
            if let Some(one) = written.get_mut(used.path.first()) {
                one.uses += 1;
            }
        }
        Step::Call(call) => {
            if let Some(Configures::Named(name)) = &call.configures
                && let Some(one) = written.get_mut(name.as_str())
            {
                one.configures += 1;
            }
        }
        // What is taken in with a star may have any name.
        Step::From(from) if from.names.is_empty() => {
            for one in written.values_mut() {
                one.binds += usize::from(one.binds > 0);
            }
        }
        step => steps::bound_by(step, &mut |name| {
            if let Some(one) = written.get_mut(name) {
                one.binds += 1;
            }
        }),
    });
    let stays =
        |one: &Written| one.binds == 1 && one.uses == one.configures && one.configures <= MOST_USES;
    let written = written.into_iter().filter(|(_, one)| stays(one));
    written.map(|(name, one)| (name, one.logging)).collect()
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
