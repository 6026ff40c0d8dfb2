//! Names that modules of the standard library have in some versions of Python alone. Must not know who asks.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::lines;
use crate::version::PythonVersion;

/// A line for a module and the versions that have the names.
const NAMES: &str = include_str!("names.txt");

/// The versions that have a name: the first minor one, and the last where there is one.
#[derive(Clone, Copy)]
struct Range {
    first: u8,
    last: Option<u8>,
}

/// The table by modules and names: every attribute of a module of the standard library is looked up in it.
static RANGES: LazyLock<FxHashMap<(&str, &str), Range>> = LazyLock::new(|| {
    let all = lines(NAMES).filter_map(|line| {
        let (module, rest) = line.split_once(' ')?;
        let (range, names) = rest.split_once(' ')?;
        let (first, last) = range.split_once('-')?;
        let range = Range { first: first.parse().ok()?, last: last.parse().ok() };
        Some(names.split(' ').map(move |name| ((module, name), range)))
    });
    all.flatten().collect()
});

/// Whether a Python lacks a public name that others have in a module of the standard library; what helps.
pub(crate) fn lacking(module: &str, name: &str, version: PythonVersion) -> Option<String> {
    let Range { first, last } = *RANGES.get(&(module, name))?;
    if version.minor < first {
        let elsewhere = match module {
            "typing" => format!(": take it from `typing_extensions`, or write for {version}"),
            _ => String::new(),
        };
        return Some(format!("Python has it since 3.{first}{elsewhere}"));
    }
    let last = last.filter(|last| *last < version.minor)?;
    let elsewhere = match module {
        "collections" => format!(": write `collections.abc.{name}`"),
        _ => String::new(),
    };
    Some(format!("Python had it until 3.{last}{elsewhere}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lacking_before_it_came_and_after_it_went() {
        let lacks = |module, name, minor| {
            lacking(module, name, PythonVersion { major: 3, minor }).is_some()
        };
        assert!(lacks("typing", "override", 11) && !lacks("typing", "override", 12));
        assert!(lacks("collections", "Mapping", 14) && !lacks("collections", "Mapping", 9));
        assert!(!lacks("collections", "OrderedDict", 8) && !lacks("typing", "other", 8));
    }

    #[test]
    fn the_table_is_in_order_and_whole() {
        let known: Vec<&str> = lines(NAMES).collect();
        let modules: Vec<&str> = known.iter().filter_map(|line| line.split(' ').next()).collect();
        assert!(modules.is_sorted() && known.iter().all(|line| line.split(' ').count() > 2));
    }
}
