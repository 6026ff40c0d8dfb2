//! Files that two packages claim, and what is said of them: a line for each cause, however many files it has.

use std::collections::BTreeMap;
use std::fmt;

/// Files of other content are named up to this many for two packages.
const NAMED: usize = 5;

/// Two packages that claim one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Relative to the environment.
    pub path: String,
    /// The package whose file is there.
    pub winner: String,
    /// The package whose file is not.
    pub loser: String,
    /// Whether both files have the same content.
    pub equal: bool,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, winner, loser, equal } = self;
        let content = if *equal { "the same" } else { "another" };
        write!(f, "{winner} and {loser} both provide {path} ({loser} with {content} content); ")?;
        write!(f, "{winner} wins")
    }
}

/// The files that two packages both provide, with the same content or with another.
struct Shared<'a> {
    winner: &'a str,
    loser: &'a str,
    equal: bool,
    files: Vec<&'a Clash>,
}

impl Shared<'_> {
    fn all(clashes: &[Clash]) -> Vec<Shared<'_>> {
        let mut pairs: BTreeMap<(&str, &str, bool), Vec<&Clash>> = BTreeMap::new();
        for clash in clashes {
            let pair = (clash.winner.as_str(), clash.loser.as_str(), clash.equal);
            pairs.entry(pair).or_default().push(clash);
        }
        let all = pairs.into_iter();
        all.map(|((winner, loser, equal), files)| Shared { winner, loser, equal, files }).collect()
    }

    /// How many of its files are named unasked.
    fn named(&self) -> usize {
        if self.equal && self.files.len() > 1 { 0 } else { NAMED.min(self.files.len()) }
    }
}

/// A line for each two packages that have files with the same content, and lines for those of other content.
pub(super) fn summary(clashes: &[Clash]) -> Vec<String> {
    let mut lines = Vec::new();
    for shared in Shared::all(clashes) {
        let Shared { winner, loser, equal, files } = &shared;
        let (named, more) = files.split_at(shared.named());
        lines.extend(named.iter().map(ToString::to_string));
        match (more.len(), equal) {
            (0, _) => {}
            (count, true) => lines.push(format!(
                "{winner} and {loser} both provide {count} files with the same content"
            )),
            (count, false) => lines.push(format!(
                "{winner} and {loser} both provide {count} more files ({loser} with another content); {winner} wins"
            )),
        }
    }
    lines
}

/// A line for each file that [`summary`] only counts.
pub(super) fn rest(clashes: &[Clash]) -> Vec<String> {
    let counted = |shared: Shared<'_>| {
        let rest = shared.files[shared.named()..].iter();
        rest.map(ToString::to_string).collect::<Vec<_>>()
    };
    Shared::all(clashes).into_iter().flat_map(counted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash(loser: &str, path: &str, equal: bool) -> Clash {
        Clash { path: path.into(), winner: "w".into(), loser: loser.into(), equal }
    }

    #[test]
    fn two_packages_are_told_of_in_a_line_however_many_files_they_share() {
        let many = (0..1000).map(|n| clash("l", &format!("{n:03}"), true));
        let clashes: Vec<Clash> = many.chain([clash("m", "one", true)]).collect();
        let expected = [
            "w and l both provide 1000 files with the same content",
            "w and m both provide one (m with the same content); w wins",
        ];
        assert_eq!(summary(&clashes), expected);
        assert_eq!(rest(&clashes).len(), 1000, "those that were only counted");
    }

    #[test]
    fn files_of_other_content_are_named_up_to_a_limit() {
        let clashes: Vec<Clash> = (0..7).map(|n| clash("l", &n.to_string(), false)).collect();
        let lines = summary(&clashes);
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], "w and l both provide 0 (l with another content); w wins");
        let more = "w and l both provide 2 more files (l with another content); w wins";
        assert_eq!(lines[5], more);
        assert_eq!(summary(&clashes[..5]).len(), 5);
        let rest = rest(&clashes);
        assert_eq!(rest.len(), 2, "what was named is not said again: {rest:?}");
        assert!(rest[0].contains("provide 5") && rest[1].contains("provide 6"), "{rest:?}");
    }
}
