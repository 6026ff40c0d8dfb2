//! The situations that are compared, as data: what is there before the clock starts, what is asked for, what must be there after.
//! Knows nothing of how a tool is called.

use serde::Serialize;

/// A situation in which the tools are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// Empty cache: resolve and install
    Cold,
    /// Empty cache: install from a lock
    ColdLock,
    /// Full cache: a new environment from a lock
    Warm,
    /// Full cache: resolve only
    Resolve,
    /// Empty cache: resolve only
    ResolveCold,
    /// Nothing changed since the last installation
    Noop,
    /// Full cache: one more package is asked for
    Incremental,
    /// Back to the lock before the last change
    Rollback,
    /// `warm`, with the links that environments of volumes are made of
    WarmVolume,
    /// `incremental`, with the links that environments of volumes are made of
    IncrementalVolume,
    /// Peak memory with an empty cache (taken from the runs of `cold`)
    Memory,
    /// Containers: an edit until the service answers, starts, runs and imports (by itself)
    Container,
}

/// How a scenario is called.
struct Words {
    name: &'static str,
    title: &'static str,
    about: &'static str,
}

impl Words {
    fn new(name: &'static str, title: &'static str, about: &'static str) -> Self {
        Self { name, title, about }
    }
}

/// What the tool has kept from earlier work when the clock starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cache {
    Empty,
    Full,
}

/// What an environment of pyfast is made of. The other tools have one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// As on a host: real directories of hard links or clones, as uv's.
    Host,
    /// As in a volume that services mount read-only: links to whole directories of the store.
    Volume,
}

/// What is asked of the tool while the clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Resolve the requirements and install the result.
    Install,
    /// Install what a lock (or exact pins) names.
    InstallLocked,
    /// Resolve the requirements and print the result.
    Resolve,
    /// Return to the environment before the last change.
    Rollback,
}

/// Where the environment stands when the clock starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Empty, made anew for each run.
    Empty,
    /// Installed once; the runs follow each other on it.
    Kept,
    /// Installed from the lock before each run, and the requirements then grow by one package.
    Grown,
    /// As `Grown`, and the larger set is installed too; the requirements are then the first ones again.
    Changed,
}

/// What must be the case when the clock has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The environment holds the set.
    Installed,
    /// The environment holds the set with one more package.
    Grown,
    /// The set was printed.
    Printed,
}

impl Scenario {
    /// All scenarios.
    pub const ALL: [Self; 12] = [
        Self::Cold,
        Self::ColdLock,
        Self::Warm,
        Self::Resolve,
        Self::ResolveCold,
        Self::Noop,
        Self::Incremental,
        Self::Rollback,
        Self::WarmVolume,
        Self::IncrementalVolume,
        Self::Memory,
        Self::Container,
    ];

    /// The scenarios that are run when none is named.
    pub(crate) const USUAL: [Self; 11] = [
        Self::Cold,
        Self::ColdLock,
        Self::Warm,
        Self::Resolve,
        Self::ResolveCold,
        Self::Noop,
        Self::Incremental,
        Self::Rollback,
        Self::WarmVolume,
        Self::IncrementalVolume,
        Self::Memory,
    ];

    /// The name as on the command line.
    pub fn name(self) -> &'static str {
        self.words().name
    }

    /// What it is, in a sentence of the help.
    pub fn about(self) -> &'static str {
        self.words().about
    }

    /// What it is, in a few words for a table or a chart.
    pub(crate) fn title(self) -> &'static str {
        self.words().title
    }

    fn words(self) -> Words {
        match self {
            Self::Cold => Words::new(
                "cold",
                "empty cache, resolve + install",
                "Empty cache: resolve and install",
            ),
            Self::ColdLock => Words::new(
                "cold-lock",
                "empty cache, install from a lock",
                "Empty cache: install from a lock",
            ),
            Self::Warm => Words::new(
                "warm",
                "full cache, new environment from a lock",
                "Full cache: a new environment from a lock",
            ),
            Self::Resolve => {
                Words::new("resolve", "full cache, resolve only", "Full cache: resolve only")
            }
            Self::ResolveCold => {
                Words::new("resolve-cold", "empty cache, resolve only", "Empty cache: resolve only")
            }
            Self::Noop => {
                Words::new("noop", "nothing changed", "Nothing changed since the last installation")
            }
            Self::Incremental => Words::new(
                "incremental",
                "full cache, one more package",
                "Full cache: one more package is asked for",
            ),
            Self::Rollback => Words::new(
                "rollback",
                "back to the earlier lock",
                "Back to the lock before the last change",
            ),
            Self::WarmVolume => Words::new(
                "warm-volume",
                "as in a volume: new environment from a lock",
                "`warm`, with the links that environments of volumes are made of",
            ),
            Self::IncrementalVolume => Words::new(
                "incremental-volume",
                "as in a volume: one more package",
                "`incremental`, with the links that environments of volumes are made of",
            ),
            Self::Memory => Words::new(
                "memory",
                "peak memory, empty cache",
                "Peak memory with an empty cache (taken from the runs of `cold`)",
            ),
            Self::Container => Words::new(
                "container",
                "containers",
                "Containers: an edit until the service answers, starts, runs and imports (by itself)",
            ),
        }
    }

    pub(crate) fn cache(self) -> Cache {
        match self {
            Self::Cold | Self::ColdLock | Self::ResolveCold | Self::Memory => Cache::Empty,
            _ => Cache::Full,
        }
    }

    pub(crate) fn action(self) -> Action {
        match self {
            Self::ColdLock | Self::Warm | Self::WarmVolume => Action::InstallLocked,
            Self::Resolve | Self::ResolveCold => Action::Resolve,
            Self::Rollback => Action::Rollback,
            Self::Cold
            | Self::Memory
            | Self::Noop
            | Self::Incremental
            | Self::IncrementalVolume
            | Self::Container => Action::Install,
        }
    }

    pub(crate) fn start(self) -> Start {
        match self {
            Self::Noop => Start::Kept,
            Self::Incremental | Self::IncrementalVolume => Start::Grown,
            Self::Rollback => Start::Changed,
            _ => Start::Empty,
        }
    }

    pub(crate) fn links(self) -> Links {
        match self {
            Self::WarmVolume | Self::IncrementalVolume => Links::Volume,
            _ => Links::Host,
        }
    }

    pub(crate) fn goal(self) -> Goal {
        match self {
            Self::Resolve | Self::ResolveCold => Goal::Printed,
            Self::Incremental | Self::IncrementalVolume => Goal::Grown,
            _ => Goal::Installed,
        }
    }

    /// How often it is run when `--runs` does not say: short scenarios oftener than those that download everything.
    pub(crate) fn usual_runs(self) -> u32 {
        if self.cache() == Cache::Empty { 3 } else { 10 }
    }

    /// Whether a first run that is not counted comes before the others.
    pub(crate) fn has_warm_up(self) -> bool {
        self.cache() == Cache::Full
    }

    /// Whether the tools run it without the network, where they can.
    pub(crate) fn is_offline(self) -> bool {
        self.cache() == Cache::Full
    }

    /// Whether it needs the set with one more package.
    pub(crate) fn needs_growth(self) -> bool {
        matches!(self.start(), Start::Grown | Start::Changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line_and_of_json() {
        for scenario in Scenario::ALL {
            assert_eq!(serde_json::to_value(scenario).unwrap(), scenario.name());
            assert_eq!(Scenario::USUAL.contains(&scenario), scenario != Scenario::Container);
        }
    }
}
