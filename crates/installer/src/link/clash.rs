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

/// A line for each two packages that have files with the same content, and lines for those of other content.
pub(super) fn summary(clashes: &[Clash]) -> Vec<String> {
    let mut pairs: BTreeMap<(&str, &str, bool), Vec<&Clash>> = BTreeMap::new();
    for clash in clashes {
        let pair = (clash.winner.as_str(), clash.loser.as_str(), clash.equal);
        pairs.entry(pair).or_default().push(clash);
    }
    let mut lines = Vec::new();
    for ((winner, loser, equal), files) in pairs {
        if equal && files.len() > 1 {
            let count = files.len();
            lines.push(format!(
                "{winner} and {loser} both provide {count} files with the same content"
            ));
            continue;
        }
        lines.extend(files.iter().take(NAMED).map(ToString::to_string));
        if let Some(more) = files.len().checked_sub(NAMED).filter(|more| *more > 0) {
            lines.push(format!(
                "{winner} and {loser} both provide {more} more files ({loser} with another content); {winner} wins"
            ));
        }
    }
    lines
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
    }

    #[test]
    fn files_of_other_content_are_named_up_to_a_limit() {
        let clashes: Vec<Clash> = (0..7).map(|n| clash("l", &n.to_string(), false)).collect();
        let lines = summary(&clashes);
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0], "w and l both provide 0 (l with another content); w wins");
        let rest = "w and l both provide 2 more files (l with another content); w wins";
        assert_eq!(lines[5], rest);
        assert_eq!(summary(&clashes[..5]).len(), 5);
    }
}
