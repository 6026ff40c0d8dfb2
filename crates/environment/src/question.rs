//! What may be asked about an environment, and what is answered: values that go to whoever can reach its
//! root, be it this process or one in a container. Owns their form; must not know how they are carried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pyfast_checker::native::{Loaded, Object};
use pyfast_installer::build::RememberedWheel;
use pyfast_installer::finding::Finding;
use pyfast_installer::gc::GcPlan;
use pyfast_installer::generation::{Rollback, Worked};
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::Package;
use pyfast_installer::prefix::{Brought, Prefix};
use pyfast_packaging::hash::Sha256;
use pyfast_root::{Activation, ProjectEnv, Root};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::plan::{Stock, SyncPlan};
use crate::report::{Changes, Listed, SyncReport};
use crate::state::State;
use crate::subject::Subject;

/// Changes whenever a question or an answer does: both ends are the same program, or nothing is done.
pub const PROTOCOL: u32 = 12;

/// A question with everything that answering needs: what a helper container gets as one file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// [`PROTOCOL`] of who asks.
    pub protocol: u32,
    /// About which environment.
    pub subject: Subject,
    /// What.
    pub question: Question,
}

/// What of a question says which form all of it has.
#[derive(Deserialize)]
struct Form {
    protocol: u32,
}

impl Asked {
    /// Reads a question.
    ///
    /// # Errors
    /// [`Error::Question`], and [`Error::Protocol`] for that of another version, which may have another form.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let unreadable =
            |error: &dyn std::error::Error| Error::Question { reason: error.to_string() };
        let text = fs_err::read(path).map_err(|error| unreadable(&error))?;
        let form: Form = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
        if form.protocol != PROTOCOL {
            return Err(Error::Protocol { asked: form.protocol, own: PROTOCOL });
        }
        serde_json::from_slice(&text).map_err(|error| unreadable(&error))
    }
}

/// What may be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Question {
    /// What the last sync remembers: all that a sync needs where nothing has moved.
    Look {
        /// Whether everything else is told besides, by who is far away.
        everything: bool,
    },
    /// What a new environment is compared with.
    Before,
    /// Whether these are there.
    Stock {
        /// Wheels, by digest.
        wheels: Vec<Sha256>,
        /// A generation.
        id: String,
    },
    /// The lock of an earlier generation that has these inputs.
    Earlier(String),
    /// Which wheels were built of these before.
    Remembered(Vec<Sha256>),
    /// Do what a plan says.
    Sync {
        /// The plan.
        plan: Box<SyncPlan>,
        /// The time that the history notes.
        now: SystemTime,
    },
    /// Which generations were active.
    History,
    /// The packages of a generation; of the current one without a name.
    Packages(Option<Rollback>),
    /// Go back to a generation.
    Rollback {
        /// Which.
        to: Rollback,
        /// The time that the history notes.
        now: SystemTime,
    },
    /// Compare files with what was installed.
    Verify(Verify),
    /// Remove what nothing needs.
    Collect(Collect),
    /// Compile what generations wait for, by this Python.
    Compile(Box<Interpreter>),
    /// Which environments the root has, of every project.
    Environments,
    /// The packages of the current generation, each with what it says of itself.
    Details {
        /// Whether their files are told too, of which there may be very many.
        files: bool,
        /// The generation of which they are known already.
        known: Option<String>,
    },
    /// Which Python was brought for it.
    Brought,
    /// The Python out of channels that the current generation runs in.
    Prefix,
    /// What packages of channels may rely on, where who is asked runs.
    Machine,
    /// Have this Python there, and keep that it is the environment's.
    Bring(Box<Bringing>),
    /// The extension modules of the current generation that importing these modules loads for certain.
    Loaded {
        /// The modules.
        modules: Vec<String>,
    },
}

/// A Python that is to be brought.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bringing {
    /// As it will be kept.
    pub brought: Brought,
    /// Where archives lie that are files of the machine which asks.
    pub archives: PathBuf,
    /// Which other places are asked for those of servers: what stands in for what.
    #[serde(default)]
    pub mirrors: Vec<(String, String)>,
    /// The user's mirrors of those, the same way.
    #[serde(default)]
    pub places: Vec<(String, String)>,
}

/// A Python that was brought.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Had {
    /// What is kept of it.
    pub brought: Brought,
    /// The prefix, where it is there.
    pub prefix: Option<Prefix>,
    /// Whether the environment was made anew without it: it may be collected until it is said again whose it is.
    #[serde(default)]
    pub left: bool,
}

impl Had {
    /// What a root has of an environment.
    ///
    /// # Errors
    /// If what is kept cannot be read.
    pub fn of(root: &Root, name: &ProjectEnv) -> Result<Option<Self>, pyfast_installer::Error> {
        let Some(brought) = Brought::of(root, name)? else { return Ok(None) };
        let (prefix, left) = (Prefix::find(root, &brought.id)?, brought.is_left(root, name)?);
        Ok(Some(Self { brought, prefix, left }))
    }
}

/// What packages of channels may rely on of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// Its architecture, as `uname -m` says it.
    pub arch: String,
    /// The version of its C library.
    pub glibc: String,
    /// The version of its kernel.
    pub kernel: String,
}

/// How to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// Every wheel of the store, not only those of the environment.
    pub all: bool,
    /// Whether damaged wheels and Pythons are marked, so that they are replaced.
    pub repair: bool,
}

/// What to collect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collect {
    /// How many of the newest generations of each history stay.
    pub keep: usize,
    /// Beginnings of ids of generations that stay in any case.
    pub named: Vec<String>,
    /// Environments that nobody wants any more, each with its last activation where a later one means that it is wanted
    /// after all.
    pub forgotten: Vec<(ProjectEnv, Option<u64>)>,
    /// Whatever is younger stays.
    pub recent: Duration,
    /// Whether nothing is removed.
    pub dry_run: bool,
    /// The time.
    pub now: SystemTime,
}

/// What is answered, each to the question of its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the types say it")]
pub enum Answer {
    Look(Box<Look>),
    Before(Before),
    Stock(Stock),
    /// Its text, where there is one.
    Earlier(Option<String>),
    /// By what they were built of.
    Remembered(BTreeMap<Sha256, RememberedWheel>),
    Sync(Box<SyncReport>),
    /// The sync found that the metadata of this wheel is not its own.
    Hidden(String),
    History(Vec<Activated>),
    Packages(Vec<Package>),
    Rollback(RolledBack),
    Verify(Verified),
    /// `None` where there is no root yet.
    Collect(Option<GcPlan>),
    Compiled(Worked),
    Environments(Vec<Known>),
    /// `None` where they are known.
    Details(Option<Box<Details>>),
    Loaded(Vec<Loaded>),
    Machine(MachineFacts),
    /// `None` where it is another Python.
    Prefix(Option<Prefix>),
    /// `None` where none was.
    Brought(Option<Box<Had>>),
}

/// What the last sync remembers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Look {
    /// Its state, where its generation is current and whole.
    pub state: Option<State>,
    /// Whether that generation waits for its bytecode.
    #[serde(default)]
    pub compiling: bool,
    /// Where everything was asked for.
    pub everything: Option<(Before, Inventory)>,
    /// With everything: when the directories were written to last, before the look, in which every change of the
    /// environment shows that a sync, a rollback, a repair or another installer makes; by their paths relative to the root.
    pub written: BTreeMap<String, i64>,
}

/// What a new environment is compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The current generation.
    pub current: Option<String>,
    /// Its packages.
    pub packages: Vec<Listed>,
    /// The text of the lock that is kept beside it.
    pub lock: Option<String>,
}

/// Everything that a root has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The wheels in the store.
    pub wheels: BTreeSet<Sha256>,
    /// The generations.
    pub generations: BTreeSet<String>,
    /// What the locks of the environment's earlier generations answer.
    pub answers: BTreeSet<String>,
}

impl Inventory {
    /// What of these is there.
    pub fn stock(&self, wheels: &[Sha256], id: &str) -> Stock {
        let missing = wheels.iter().filter(|wheel| !self.wheels.contains(wheel)).copied();
        Stock { missing: missing.collect(), ready: self.generations.contains(id) }
    }
}

/// One activation of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activated {
    /// As the history has it.
    pub activation: Activation,
    /// How many packages the generation has; `None` where it was removed.
    pub packages: Option<usize>,
    /// Whether it is the one that is active.
    pub current: bool,
}

/// An environment that a root has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its name.
    pub name: ProjectEnv,
    /// The directory of its project, where that is known.
    pub directory: Option<PathBuf>,
    /// The generation that it is at, where that is there.
    pub id: Option<String>,
    /// How many packages that has.
    pub packages: usize,
    /// When it was activated last, in milliseconds since 1970.
    pub activated: Option<u64>,
}

impl Known {
    /// Whether its project's directory is not there any more; asked on the machine that has it.
    pub fn is_gone(&self) -> bool {
        let there = self.directory.as_ref().map(|directory| directory.try_exists());
        matches!(there, Some(Ok(false)))
    }
}

/// The packages of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The generation, as it is written.
    pub environment: PathBuf,
    /// Its interpreter.
    pub interpreter: Interpreter,
    /// In the order of names.
    pub packages: Vec<Detail>,
    /// Their libraries and extension modules, by their paths as those of files, where files were asked for.
    pub objects: BTreeMap<String, Object>,
}

/// A package, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// What is installed.
    pub package: Package,
    /// The text of its METADATA.
    pub metadata: String,
    /// Its files, relative to the directory that it is imported from, where they were asked for.
    pub files: Vec<String>,
    /// What its console scripts call (`module:object`), by their names, where files were asked for.
    pub scripts: BTreeMap<String, String>,
}

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// The generation that is current now.
    pub id: String,
    /// The one before.
    pub previous: Option<String>,
    /// Whether they differ.
    pub changed: bool,
    /// What that means for packages.
    pub changes: Changes,
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// What is not as it was installed.
    pub findings: Vec<Finding>,
    /// How many damaged wheels were marked, to be replaced by the next sync that needs them; `None` where
    /// nothing was to be repaired.
    pub marked: Option<usize>,
    /// The environments (`project/env`) whose current generation has something of that.
    pub concerned: Vec<String>,
}
