//! Names that modules of the standard library have in some versions of Python alone. Must not know who asks.

use super::lines;
use crate::version::PythonVersion;

/// A line for a module and the versions that have the names.
const NAMES: &str = include_str!("names.txt");

/// Whether a Python lacks a public name that others have in a module of the standard library; what helps.
pub(crate) fn lacking(module: &str, name: &str, version: PythonVersion) -> Option<String> {
    let mut all = lines(NAMES).filter_map(|line| {
        let (known, rest) = line.split_once(' ').filter(|(known, _)| *known == module)?;
        let (range, names) = rest.split_once(' ')?;
        let (first, last) = range.split_once('-')?;
        names.split(' ').any(|one| one == name).then_some((known, first, last))
    });
    let (_, first, last) = all.next()?;
    let first: u8 = first.parse().ok()?;
    if version.minor < first {
        let elsewhere = match module {
            "typing" => format!(": take it from `typing_extensions`, or write for {version}"),
            _ => String::new(),
        };
        return Some(format!("Python has it since 3.{first}{elsewhere}"));
    }
    let last: u8 = last.parse().ok().filter(|last| *last < version.minor)?;
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
