//! What may be asked about an environment, and what is answered: values that go to whoever can reach its
//! root, be it this process or one in a container. Owns their form; must not know how they are carried.

use std::time::{Duration, SystemTime};

use pyfast_installer::{Finding, GcPlan, Package, Rollback};
use pyfast_root::{Activation, Claim, ProjectEnv};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::place::Place;

/// Changes whenever a question or an answer does: both ends are the same program, or nothing is done.
pub const PROTOCOL: u32 = 1;

/// The environment that is meant, and who asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The project's name below the root.
    pub project: String,
    /// The environment's.
    pub env: String,
    /// The directory whose project it is.
    pub claim: Claim,
}

impl Subject {
    /// The names as those of directories.
    ///
    /// # Errors
    /// If one cannot be that of a directory.
    pub fn name(&self) -> Result<ProjectEnv, Error> {
        Ok(ProjectEnv::new(&self.project, &self.env)?)
    }
}

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

/// What may be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Question {
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
}

/// How to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// Every wheel of the store, not only those of the environment.
    pub all: bool,
    /// Whether damaged wheels are marked, so that they are replaced.
    pub repair: bool,
}

/// What to collect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collect {
    /// How many of the newest generations of each history stay.
    pub keep: usize,
    /// Beginnings of ids of generations that stay in any case.
    pub named: Vec<String>,
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
    History(Vec<Activated>),
    Packages(Vec<Package>),
    Rollback(RolledBack),
    Verify(Verified),
    /// `None` where there is no root yet.
    Collect(Option<GcPlan>),
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

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// The generation that is current now.
    pub id: String,
    /// The one before.
    pub previous: Option<String>,
    /// Whether they differ.
    pub changed: bool,
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

/// The activations of an environment, oldest first.
///
/// # Errors
/// What reading fails with; [`Error::Answer`] where something else was answered.
pub fn history(place: &dyn Place) -> Result<Vec<Activated>, Error> {
    match place.ask(Question::History)? {
        Answer::History(activated) => Ok(activated),
        _ => Err(Error::Answer),
    }
}

/// The packages of a generation, of the current one for `None`.
///
/// # Errors
/// As [`history`], and [`Error::NoEnvironment`].
pub fn packages(place: &dyn Place, of: Option<Rollback>) -> Result<Vec<Package>, Error> {
    match place.ask(Question::Packages(of))? {
        Answer::Packages(packages) => Ok(packages),
        _ => Err(Error::Answer),
    }
}

/// Makes an earlier generation current.
///
/// # Errors
/// As [`history`], [`Error::NoEnvironment`], and [`Error::NotWhole`].
pub fn rollback(place: &dyn Place, to: Rollback, now: SystemTime) -> Result<RolledBack, Error> {
    match place.ask(Question::Rollback { to, now })? {
        Answer::Rollback(done) => Ok(done),
        _ => Err(Error::Answer),
    }
}

/// Compares files with what was installed.
///
/// # Errors
/// As [`history`], and [`Error::NoEnvironment`].
pub fn verify(place: &dyn Place, how: Verify) -> Result<Verified, Error> {
    match place.ask(Question::Verify(how))? {
        Answer::Verify(verified) => Ok(verified),
        _ => Err(Error::Answer),
    }
}

/// Removes what nothing needs; `None` where there is no root yet.
///
/// # Errors
/// As [`history`], and [`Error::Prefix`].
pub fn collect(place: &dyn Place, what: Collect) -> Result<Option<GcPlan>, Error> {
    match place.ask(Question::Collect(what))? {
        Answer::Collect(plan) => Ok(plan),
        _ => Err(Error::Answer),
    }
}
