//! What modules of the standard library take from each other. Must not know which of them are there.

use super::lines;

/// A line for a module: what it imports while it is imported.
const USES: &str = include_str!("uses.txt");

/// A module that another one imports, with the names that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) module: &'static str,
    pub(crate) names: Vec<&'static str>,
}

/// What a module of the standard library imports while it is imported, whatever the version.
pub(crate) fn uses_of(module: &str) -> Vec<Used> {
    let line = lines(USES).find_map(|line| {
        line.split_once(' ').filter(|(name, _)| *name == module).map(|(_, uses)| uses)
    });
    let uses = line.into_iter().flat_map(|uses| uses.split(' '));
    let used = uses.map(|used| match used.split_once(':') {
        Some((module, names)) => Used { module, names: names.split(',').collect() },
        None => Used { module: used, names: Vec::new() },
    });
    used.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_takes_names_of_others() {
        let random = Used { module: "random", names: vec!["Random"] };
        assert!(uses_of("tempfile").contains(&random));
        assert_eq!(uses_of("nothing"), []);
    }

    #[test]
    fn the_table_is_in_order_and_whole() {
        let known: Vec<&str> = lines(USES).filter_map(|line| line.split(' ').next()).collect();
        assert!(known.is_sorted() && lines(USES).all(|line| line.contains(' ')));
    }
}
