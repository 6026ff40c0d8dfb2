//! What modules of the standard library take from each other. Must not know which of them are there.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::lines;

/// A line for a module: what it imports while it is imported.
const USES: &str = include_str!("uses.txt");

/// A module that another one imports, with the names that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) module: &'static str,
    pub(crate) names: Vec<&'static str>,
}

static ALL: LazyLock<FxHashMap<&str, Vec<Used>>> = LazyLock::new(|| {
    let known = lines(USES).filter_map(|line| line.split_once(' '));
    known.map(|(name, uses)| (name, uses.split(' ').map(Used::read).collect())).collect()
});

impl Used {
    fn read(text: &'static str) -> Self {
        match text.split_once(':') {
            Some((module, names)) => Self { module, names: names.split(',').collect() },
            None => Self { module: text, names: Vec::new() },
        }
    }
}

/// What a module of the standard library imports while it is imported, whatever the version.
pub(crate) fn uses_of(module: &str) -> &'static [Used] {
    ALL.get(module).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_takes_names_of_others() {
        let random = Used { module: "random", names: vec!["Random"] };
        assert!(uses_of("tempfile").contains(&random));
        assert!(uses_of("nothing").is_empty());
    }

    #[test]
    fn the_table_is_in_order_and_whole() {
        let known: Vec<&str> = lines(USES).filter_map(|line| line.split(' ').next()).collect();
        assert!(known.is_sorted() && lines(USES).all(|line| line.contains(' ')));
    }
}
