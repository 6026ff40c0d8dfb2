//! What goes on while an environment is made, for whoever shows it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use pyfast_environment::venv_link::Taken;
use pyfast_installer::Sink;
use pyfast_resolver::LockedPackage;
use pyfast_settings::Doubt;

/// Something that goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// More than one part of the project's files is taken.
    Parts {
        /// Files, extras and groups, in words.
        parts: Vec<String>,
    },
    /// A project whose dependencies are taken is not installed itself.
    NotInstalled {
        /// Its file.
        file: PathBuf,
        /// The commands that it would have.
        commands: Vec<String>,
    },
    /// An interpreter is taken.
    Interpreter {
        /// Its implementation and version, `CPython 3.11.2`.
        what: String,
        /// Where it is.
        path: PathBuf,
        /// By what it is chosen.
        why: String,
        /// Whether the environment is a new one.
        new: bool,
    },
    /// A Python or native libraries, or both, are brought from channels.
    Bringing {
        /// The version of the Python.
        python: Option<String>,
        /// How many packages there are.
        packages: usize,
        /// Their sizes in bytes, as far as they are known.
        bytes: u64,
        /// The channels, as they were given.
        channels: Vec<String>,
    },
    /// Indexes are searched, each with what named it.
    Indexes(Vec<(String, &'static str)>),
    /// Versions are chosen.
    Resolving,
    /// A repository is fetched from its server.
    Cloning {
        /// The repository, without user and password.
        url: String,
    },
    /// It is not any more.
    Cloned {
        /// The repository.
        url: String,
    },
    /// An environment's wheels are brought.
    Wheels {
        /// How many there are, those in the store included.
        count: usize,
        /// Their sizes in bytes, as far as they are known.
        bytes: u64,
    },
    /// A container carries a plan out.
    InContainer,
    /// The libraries' own events.
    Work(pyfast_installer::Event),
    /// What the user should know of how servers are reached.
    Doubt(Doubt),
    /// Something else that the user should know, in words.
    Warning(String),
    /// How something came about that the user was told of, in words.
    Detail(String),
    /// Bytecode is compiled from now on by a process of its own.
    Compiling,
    /// That process has ended, and all is there.
    Compiled {
        /// How many modules it has compiled.
        modules: usize,
    },
    /// No Python of this machine writes the bytecode that the image reads.
    NoCompiler {
        /// Its version, `X.Y`.
        python: String,
    },
    /// Where one would look for an environment's lock lies that of another, and its own is not there yet.
    OthersLock {
        /// The environment.
        env: String,
        /// The lock of another.
        other: PathBuf,
        /// Where its own would be.
        own: PathBuf,
    },
    /// Containers that killed processes had left are removed.
    Removed {
        /// How many.
        containers: usize,
    },
    /// A container that is never started keeps a volume from being pruned.
    Keeper {
        /// Its name.
        container: String,
    },
    /// What is at the project's `.venv` is not pyfast's, and stays.
    VenvTaken {
        /// What it is.
        taken: Taken,
        /// What was synced.
        current: PathBuf,
    },
    /// The project's `.venv` is kept out of its repository.
    KeptOutOfGit {
        /// The file that does it.
        file: PathBuf,
    },
    /// It is not.
    InGit {
        /// Why.
        reason: String,
    },
    /// The project's `.venv` cannot be made.
    NoLink {
        /// Where.
        link: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Whoever is told.
pub type Events = Arc<dyn Fn(Event) + Send + Sync>;

/// The same, but for what was told before: what is tried, and then done, says everything twice.
pub(crate) fn once(events: &Events) -> Events {
    let (events, told) = (Arc::clone(events), Mutex::new(BTreeSet::new()));
    Arc::new(move |event| {
        // Those are of each time.
        let goes_on = matches!(
            event,
            Event::Work(_)
                | Event::Wheels { .. }
                | Event::Resolving
                | Event::Cloning { .. }
                | Event::Cloned { .. }
                | Event::InContainer
        );
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if goes_on || told.insert(format!("{event:?}")) {
            drop(told);
            events(event);
        }
    })
}

/// That the wheels of a lock are brought.
pub(crate) fn wheels(packages: &[LockedPackage]) -> Event {
    let bytes = packages.iter().filter_map(|package| package.facts.size).sum();
    Event::Wheels { count: packages.len(), bytes }
}

/// Where the libraries send their events.
pub(crate) fn sink(events: &Events) -> Sink {
    let events = Arc::clone(events);
    Arc::new(move |event| {
        if let pyfast_installer::Event::Restored { wheel, modules } = &event {
            let modules =
                if *modules == 1 { "1 module".to_owned() } else { format!("{modules} modules") };
            events(Event::Detail(format!("bytecode of {wheel} is the remote store's ({modules})")));
        }
        events(Event::Work(event));
    })
}
