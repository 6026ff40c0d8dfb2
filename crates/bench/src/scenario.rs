//! The situations that are compared, as data: what is there before the clock starts, what is asked for, what must be there after.
//! Knows nothing of how a tool is called.

mod words;

use serde::Serialize;

use crate::corpus::Corpus;
use words::Words;

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
    /// The requirements are again what they were before the last change, as after a switch of branches
    Branch,
    /// `warm`, with the links that environments of volumes are made of
    WarmVolume,
    /// `incremental`, with the links that environments of volumes are made of
    IncrementalVolume,
    /// Empty cache: resolve, install and import everything for the first time
    FirstStart,
    /// Everything imported once more, as each later start of an application does
    Imports,
    /// Peak memory with an empty cache (taken from the runs of `cold`)
    Memory,
    /// Empty cache: install from a lock, with bytecode, as volumes and images have it (only where it is named)
    ColdBytecode,
    /// Empty cache, and a remote store that has wheels and bytecode: `cold-bytecode` of it (only where it is named)
    Remote,
    /// A wheel of hundreds of megabytes, made for it, with an empty cache (by itself)
    Large,
    /// Source distributions, made for it, with an empty cache (by itself)
    Sources,
    /// Containers: an edit until the service answers, starts, runs and imports (by itself)
    Container,
    /// An image of an environment in which one wheel changed, beside an image build (by itself)
    Freeze,
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
    /// All that a container has which makes the environment itself: the program in its volume runs.
    Own,
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
    /// Resolve the requirements and have exactly the result installed.
    Return,
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
    /// As `Changed`, from the requirements alone: nobody has a lock.
    Returned,
    /// Installed from the lock, and everything imported once; the runs follow each other on it.
    Imported,
}

/// When everything is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Import {
    /// Never.
    Never,
    /// After the action, while the clock still runs.
    Too,
    /// Instead of the action, which was before the clock started.
    Alone,
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
    pub const ALL: [Self; 20] = [
        Self::Cold,
        Self::ColdLock,
        Self::Warm,
        Self::Resolve,
        Self::ResolveCold,
        Self::Noop,
        Self::Incremental,
        Self::Rollback,
        Self::Branch,
        Self::WarmVolume,
        Self::IncrementalVolume,
        Self::FirstStart,
        Self::Imports,
        Self::Memory,
        Self::ColdBytecode,
        Self::Remote,
        Self::Large,
        Self::Sources,
        Self::Container,
        Self::Freeze,
    ];

    /// The scenarios that are run when none is named.
    pub(crate) const USUAL: [Self; 14] = [
        Self::Cold,
        Self::ColdLock,
        Self::Warm,
        Self::Resolve,
        Self::ResolveCold,
        Self::Noop,
        Self::Incremental,
        Self::Rollback,
        Self::Branch,
        Self::WarmVolume,
        Self::IncrementalVolume,
        Self::FirstStart,
        Self::Imports,
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

    fn words(self) -> &'static Words {
        words::of(self)
    }

    pub(crate) fn cache(self) -> Cache {
        match self {
            Self::Cold
            | Self::ColdLock
            | Self::ResolveCold
            | Self::FirstStart
            | Self::Memory
            | Self::ColdBytecode
            | Self::Remote
            | Self::Large
            | Self::Sources => Cache::Empty,
            _ => Cache::Full,
        }
    }

    pub(crate) fn action(self) -> Action {
        match self {
            Self::ColdLock
            | Self::Warm
            | Self::WarmVolume
            | Self::Imports
            | Self::ColdBytecode
            | Self::Remote => Action::InstallLocked,
            Self::Resolve | Self::ResolveCold => Action::Resolve,
            Self::Rollback => Action::Rollback,
            Self::Branch => Action::Return,
            Self::Cold
            | Self::Memory
            | Self::Noop
            | Self::Incremental
            | Self::IncrementalVolume
            | Self::FirstStart
            | Self::Large
            | Self::Sources
            | Self::Container
            | Self::Freeze => Action::Install,
        }
    }

    pub(crate) fn start(self) -> Start {
        match self {
            Self::Noop => Start::Kept,
            Self::Incremental | Self::IncrementalVolume => Start::Grown,
            Self::Rollback => Start::Changed,
            Self::Branch => Start::Returned,
            Self::Imports => Start::Imported,
            _ => Start::Empty,
        }
    }

    pub(crate) fn links(self) -> Links {
        match self {
            Self::WarmVolume | Self::IncrementalVolume => Links::Volume,
            Self::ColdBytecode | Self::Remote => Links::Own,
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

    pub(crate) fn import(self) -> Import {
        match self {
            Self::FirstStart => Import::Too,
            Self::Imports => Import::Alone,
            _ => Import::Never,
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

    /// Whether the tools run it without the network, where they can. Nobody does who switches branches. Whoever has a remote
    /// store shows so that nothing comes from the index.
    pub(crate) fn is_offline(self) -> bool {
        self.cache() == Cache::Full && self != Self::Branch || self == Self::Remote
    }

    /// Whether bytecode belongs to it, whatever is asked of the others.
    pub(crate) fn has_bytecode(self) -> bool {
        matches!(self, Self::ColdBytecode | Self::Remote)
    }

    /// Whether it needs the set with one more package.
    pub(crate) fn needs_growth(self) -> bool {
        matches!(self.start(), Start::Grown | Start::Changed | Start::Returned)
    }

    /// Whether it is measured by itself, on requirements of its own.
    pub fn brings_requirements(self) -> bool {
        self.has_containers() || self.corpus().is_some()
    }

    /// Whether it is measured in containers, and has a report of its own.
    pub(crate) fn has_containers(self) -> bool {
        matches!(self, Self::Container | Self::Freeze)
    }

    /// The distributions that are made for it.
    pub(crate) fn corpus(self) -> Option<Corpus> {
        match self {
            Self::Large => Some(Corpus::Large),
            Self::Sources => Some(Corpus::Sources),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line_and_of_json() {
        for scenario in Scenario::ALL {
            assert_eq!(serde_json::to_value(scenario).unwrap(), scenario.name());
            let by_name = scenario.brings_requirements() || scenario.has_bytecode();
            assert_eq!(Scenario::USUAL.contains(&scenario), !by_name);
        }
    }
}
