//! What a user may ask of a comparison, as plain data. Knows no flag and no default.

use std::path::PathBuf;

use crate::corpus::Corpus;
use crate::error::Error;
use crate::scenario::Scenario;
use crate::tool::Tool;

/// What is compared, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The requirements files.
    pub requirements: Vec<PathBuf>,
    /// Tools to compare pyfast with.
    pub rivals: Vec<Tool>,
    /// Counted runs of each tool in each scenario; `None` is what suits the scenario.
    pub runs: Option<u32>,
    /// The scenarios; none are all but those that are measured by themselves.
    pub scenarios: Vec<Scenario>,
    /// The image of the container scenario.
    pub image: Option<String>,
    /// Modules whose imports are measured; none are those of the set, and in the container scenario none.
    pub imports: Vec<String>,
    /// Whether the container scenario measures the project as a whole too.
    pub whole_project: bool,
    /// Megabytes of the wheel that is made for `large`.
    pub megabytes: u32,
    /// The file of that project's code whose edit is measured.
    pub edit: Option<PathBuf>,
    /// The requirement that growing scenarios add; `None` is a small one of the comparison's choice.
    pub add: Option<String>,
    /// Whether all tools compile bytecode.
    pub compile: bool,
    /// Whether a mirror on the loopback stands for the index.
    pub local_mirror: bool,
    /// Milliseconds before each answer of the mirror.
    pub latency: u64,
    /// Megabits each second that the mirror sends over all connections; `None` is no limit.
    pub bandwidth: Option<f64>,
    /// Where the mirror keeps what it fetched; `None` is a temporary directory.
    pub mirror_dir: Option<PathBuf>,
    /// Where caches and environments are made and left; `None` is a temporary directory.
    pub work_dir: Option<PathBuf>,
    /// Seconds after which a run is given up.
    pub timeout: u64,
    /// The forms of the result, and where they go.
    pub forms: Forms,
}

/// Where a result is written, by its form; `-` is the output, instead of the table.
#[derive(Clone, Debug, Default)]
pub struct Forms {
    /// All figures as JSON.
    pub json: Option<PathBuf>,
    /// A bar chart.
    pub svg: Option<PathBuf>,
    /// The table as Markdown.
    pub markdown: Option<PathBuf>,
}

impl Options {
    /// The distributions that are made for a scenario, where one is asked for that brings its own.
    pub(crate) fn corpus(&self) -> Option<Corpus> {
        self.scenarios.iter().find_map(|scenario| scenario.corpus())
    }

    /// Refuses what does not go together.
    ///
    /// # Errors
    /// A scenario that brings its own requirements is asked for with others, or with other requirements.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let own = self.scenarios.iter().find(|scenario| scenario.corpus().is_some());
        match own {
            Some(own) if self.scenarios.iter().any(|other| other != own) => {
                Err(Error::Alone { scenario: own.name() })
            }
            Some(own) if !self.requirements.is_empty() => {
                Err(Error::OwnRequirements { scenario: own.name() })
            }
            _ => Ok(()),
        }
    }
}

/// A number of whatever there must be some of.
///
/// # Errors
/// What is wrong with it.
pub fn positive_number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a number greater than 0 is needed".to_owned()),
    }
}

/// A word of a command line as it can be typed again.
pub fn shown_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_something_else() {
        let check = |word: &str, expected: &str| assert_eq!(shown_word(word), expected);
        check("--index-url=http://127.0.0.1:1/", "--index-url=http://127.0.0.1:1/");
        check("a b", "'a b'");
        check("it's", "'it'\\''s'");
        check("", "''");
    }
}
