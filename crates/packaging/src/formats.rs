//! Which kinds of distributions may be used of which projects (rule 12). Knows nothing of files.

use std::collections::BTreeSet;
use std::str::FromStr;

use pep508_rs::PackageName;

/// Some projects, or all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Projects {
    /// Whether all are meant.
    pub all: bool,
    /// These are meant in any case.
    pub named: BTreeSet<PackageName>,
}

impl Projects {
    /// Adds what an option says (rule 12): names, `:all:`, or `:none:`, which forgets what was said.
    ///
    /// # Errors
    /// The part that is none of these.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part {
                ":all:" => self.all = true,
                ":none:" => *self = Self::default(),
                name => {
                    let name = PackageName::from_str(name);
                    self.named.insert(name.map_err(|_invalid| part.to_owned())?);
                }
            }
        }
        Ok(())
    }
}

/// Which kinds of distributions may be used (rule 12).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FormatControl {
    /// Projects of which only wheels may be used.
    pub only_binary: Projects,
    /// Projects of which no wheels of an index may be used.
    pub no_binary: Projects,
}

impl FormatControl {
    /// Whether a wheel of an index may be used. What names a project beats what names all.
    pub fn allows_wheel(&self, name: &PackageName) -> bool {
        !self.no_binary.named.contains(name)
            && (!self.no_binary.all || self.only_binary.named.contains(name))
    }

    /// Whether a source distribution may be used.
    pub fn allows_source(&self, name: &PackageName) -> bool {
        !self.only_binary.named.contains(name)
            && (!self.only_binary.all || self.no_binary.named.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PackageName {
        text.parse().expect("a name")
    }

    #[test]
    fn rule_12_what_names_a_project_beats_what_names_all() {
        let mut formats = FormatControl::default();
        assert!(formats.allows_wheel(&name("a")) && formats.allows_source(&name("a")));
        formats.only_binary.add(":all:").expect("all");
        formats.no_binary.add("a, b").expect("names");
        assert!(formats.allows_source(&name("a")) && !formats.allows_source(&name("c")));
        assert!(!formats.allows_wheel(&name("b")) && formats.allows_wheel(&name("c")));
        formats.no_binary.add(":none:").expect("none");
        assert!(formats.allows_wheel(&name("b")));
        assert_eq!(formats.no_binary.add("a,!"), Err("!".to_owned()));
    }
}
