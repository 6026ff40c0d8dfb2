//! How scenarios are called: on the command line, in tables, in the help. Knows nothing of what they do.

use super::Scenario;

/// How a scenario is called.
pub(super) struct Words {
    /// On the command line and in JSON.
    pub(super) name: &'static str,
    /// In a few words, for a table or a chart.
    pub(super) title: &'static str,
    /// In a sentence of the help.
    pub(super) about: &'static str,
}

/// The words of a scenario.
pub(super) fn of(scenario: Scenario) -> &'static Words {
    match scenario {
        Scenario::Cold => &COLD,
        Scenario::ColdLock => &COLD_LOCK,
        Scenario::Warm => &WARM,
        Scenario::Resolve => &RESOLVE,
        Scenario::ResolveCold => &RESOLVE_COLD,
        Scenario::Noop => &NOOP,
        Scenario::Incremental => &INCREMENTAL,
        Scenario::Rollback => &ROLLBACK,
        Scenario::Branch => &BRANCH,
        Scenario::WarmVolume => &WARM_VOLUME,
        Scenario::IncrementalVolume => &INCREMENTAL_VOLUME,
        Scenario::FirstStart => &FIRST_START,
        Scenario::Imports => &IMPORTS,
        Scenario::Memory => &MEMORY,
        Scenario::ColdBytecode => &COLD_BYTECODE,
        Scenario::Remote => &REMOTE,
        Scenario::Large => &LARGE,
        Scenario::Sources => &SOURCES,
        Scenario::Container => &CONTAINER,
        Scenario::Freeze => &FREEZE,
    }
}

const COLD: Words = Words {
    name: "cold",
    title: "empty cache, resolve + install",
    about: "Empty cache: resolve and install",
};

const COLD_LOCK: Words = Words {
    name: "cold-lock",
    title: "empty cache, install from a lock",
    about: "Empty cache: install from a lock",
};

const WARM: Words = Words {
    name: "warm",
    title: "full cache, new environment from a lock",
    about: "Full cache: a new environment from a lock",
};

const RESOLVE: Words =
    Words { name: "resolve", title: "full cache, resolve only", about: "Full cache: resolve only" };

const RESOLVE_COLD: Words = Words {
    name: "resolve-cold",
    title: "empty cache, resolve only",
    about: "Empty cache: resolve only",
};

const NOOP: Words = Words {
    name: "noop",
    title: "nothing changed",
    about: "Nothing changed since the last installation",
};

const INCREMENTAL: Words = Words {
    name: "incremental",
    title: "full cache, one more package",
    about: "Full cache: one more package is asked for",
};

const ROLLBACK: Words = Words {
    name: "rollback",
    title: "back to the earlier lock",
    about: "Back to the lock before the last change",
};

const BRANCH: Words = Words {
    name: "branch",
    title: "requirements as they were before",
    about: "The requirements are again what they were before the last change, as after a switch of branches",
};

const WARM_VOLUME: Words = Words {
    name: "warm-volume",
    title: "as in a volume: new environment from a lock",
    about: "`warm`, with the links that environments of volumes are made of",
};

const INCREMENTAL_VOLUME: Words = Words {
    name: "incremental-volume",
    title: "as in a volume: one more package",
    about: "`incremental`, with the links that environments of volumes are made of",
};

const FIRST_START: Words = Words {
    name: "first-start",
    title: "empty cache, resolve + install + import everything",
    about: "Empty cache: resolve, install and import everything for the first time",
};

const IMPORTS: Words = Words {
    name: "imports",
    title: "everything imported once more",
    about: "Everything imported once more, as each later start of an application does",
};

const MEMORY: Words = Words {
    name: "memory",
    title: "peak memory, empty cache",
    about: "Peak memory with an empty cache (taken from the runs of `cold`)",
};

const COLD_BYTECODE: Words = Words {
    name: "cold-bytecode",
    title: "empty cache, install from a lock + bytecode",
    about: "Empty cache: install from a lock, with bytecode, as volumes and images have it (only where it is named)",
};

const REMOTE: Words = Words {
    name: "remote",
    title: "empty cache, a remote store has wheels + bytecode",
    about: "Empty cache, and a remote store that has wheels and bytecode: `cold-bytecode` of it (only where it is named)",
};

const LARGE: Words = Words {
    name: "large",
    title: "empty cache, one large wheel",
    about: "A wheel of hundreds of megabytes, made for it, with an empty cache (by itself)",
};

const SOURCES: Words = Words {
    name: "sources",
    title: "empty cache, source distributions",
    about: "Source distributions, made for it, with an empty cache (by itself)",
};

const CONTAINER: Words = Words {
    name: "container",
    title: "containers",
    about: "Containers: an edit until the service answers, starts, runs and imports (by itself)",
};

const FREEZE: Words = Words {
    name: "freeze",
    title: "images of a changed environment",
    about: "An image of an environment in which one wheel changed, beside an image build (by itself)",
};
