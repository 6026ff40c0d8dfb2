//! Questions to a place, each with the answer of its own kind. Owns which answer belongs to which question.

use std::collections::BTreeMap;
use std::time::SystemTime;

use pyfast_checker::native::Loaded;
use pyfast_installer::build::RememberedWheel;
use pyfast_installer::gc::GcPlan;
use pyfast_installer::generation::Rollback;
use pyfast_installer::link::Package;
use pyfast_installer::prefix::NativePackage;
use pyfast_packaging::hash::Sha256;

use pyfast_installer::generation::Worked;
use pyfast_installer::interpreter::Interpreter;

use crate::error::Error;
use crate::place::Place;
use crate::plan::{Stock, SyncPlan};
use crate::question::{
    Activated, Answer, Before, Bringing, Collect, Details, Had, Known, Look, MachineFacts,
    Question, RolledBack, Verified, Verify,
};
use crate::report::SyncReport;

/// What the last sync remembers.
pub(crate) fn look(place: &dyn Place) -> Result<Look, Error> {
    match place.ask(Question::Look { everything: false })? {
        Answer::Look(look) => Ok(*look),
        _ => Err(Error::Answer),
    }
}

/// What a new environment is compared with.
pub(crate) fn before(place: &dyn Place) -> Result<Before, Error> {
    match place.ask(Question::Before)? {
        Answer::Before(before) => Ok(before),
        _ => Err(Error::Answer),
    }
}

/// What of these is there.
pub(crate) fn stock(place: &dyn Place, wheels: Vec<Sha256>, id: String) -> Result<Stock, Error> {
    match place.ask(Question::Stock { wheels, id })? {
        Answer::Stock(stock) => Ok(stock),
        _ => Err(Error::Answer),
    }
}

/// The lock of an earlier generation that answers this.
pub(crate) fn earlier(place: &dyn Place, inputs: String) -> Result<Option<String>, Error> {
    match place.ask(Question::Earlier(inputs))? {
        Answer::Earlier(text) => Ok(text),
        _ => Err(Error::Answer),
    }
}

/// The wheels that were built of these before.
pub(crate) fn remembered(
    place: &dyn Place,
    keys: Vec<Sha256>,
) -> Result<BTreeMap<Sha256, RememberedWheel>, Error> {
    match place.ask(Question::Remembered(keys))? {
        Answer::Remembered(wheels) => Ok(wheels),
        _ => Err(Error::Answer),
    }
}

/// Does what a plan says.
pub(crate) fn carry_out(
    place: &dyn Place,
    plan: Box<SyncPlan>,
    now: SystemTime,
) -> Result<SyncReport, Error> {
    match place.ask(Question::Sync { plan, now })? {
        Answer::Sync(report) => Ok(*report),
        Answer::Hidden(filename) => Err(Error::HiddenRequirements { filename }),
        _ => Err(Error::Answer),
    }
}

/// The lock that the last sync of an environment kept to, if there was one.
///
/// # Errors
/// As [`history`].
pub fn last_lock(place: &dyn Place) -> Result<Option<String>, Error> {
    Ok(before(place)?.lock)
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

/// Compiles what the generations of the root wait for.
///
/// # Errors
/// As [`history`]; what is not compiled then is still waited for.
pub fn compile(place: &dyn Place, python: Interpreter) -> Result<Worked, Error> {
    match place.ask(Question::Compile(Box::new(python)))? {
        Answer::Compiled(worked) => Ok(worked),
        _ => Err(Error::Answer),
    }
}

/// The environments that the root has, of every project.
///
/// # Errors
/// As [`history`].
pub fn environments(place: &dyn Place) -> Result<Vec<Known>, Error> {
    match place.ask(Question::Environments)? {
        Answer::Environments(known) => Ok(known),
        _ => Err(Error::Answer),
    }
}

/// The packages of the current generation, each with what it says of itself, and with its files where they are wanted.
///
/// # Errors
/// As [`history`], and [`Error::NoEnvironment`].
pub fn details(place: &dyn Place, files: bool) -> Result<Details, Error> {
    match place.ask(Question::Details { files, known: None })? {
        Answer::Details(Some(details)) => Ok(*details),
        _ => Err(Error::Answer),
    }
}

/// The same with files, unless this is the current generation: one never changes.
///
/// # Errors
/// As [`details`].
pub fn details_unless(place: &dyn Place, known: Option<String>) -> Result<Option<Details>, Error> {
    match place.ask(Question::Details { files: true, known })? {
        Answer::Details(details) => Ok(details.map(|details| *details)),
        _ => Err(Error::Answer),
    }
}

/// The extension modules that importing these modules loads for certain.
///
/// # Errors
/// As [`details`].
pub fn loaded(place: &dyn Place, modules: Vec<String>) -> Result<Vec<Loaded>, Error> {
    match place.ask(Question::Loaded { modules })? {
        Answer::Loaded(loaded) => Ok(loaded),
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

/// The Python that was brought for an environment.
///
/// # Errors
/// If it cannot be asked.
pub fn brought(place: &dyn Place) -> Result<Option<Had>, Error> {
    match place.ask(Question::Brought)? {
        Answer::Brought(had) => Ok(had.map(|had| *had)),
        _ => Err(Error::Answer),
    }
}

/// The packages of channels that the current generation runs in: its Python and native libraries; none where its Python is
/// another.
///
/// # Errors
/// As [`history`], [`Error::NoEnvironment`], and [`Error::NotWhole`].
pub fn native_packages(place: &dyn Place) -> Result<Vec<NativePackage>, Error> {
    match place.ask(Question::Prefix)? {
        Answer::Prefix(prefix) => Ok(prefix.map_or_else(Vec::new, |prefix| prefix.packages)),
        _ => Err(Error::Answer),
    }
}

/// What packages of channels may rely on, where a place is.
///
/// # Errors
/// If channels have nothing that runs there.
pub fn machine(place: &dyn Place) -> Result<MachineFacts, Error> {
    match place.ask(Question::Machine)? {
        Answer::Machine(facts) => Ok(facts),
        _ => Err(Error::Answer),
    }
}

/// Has a Python brought where an environment is.
///
/// # Errors
/// What bringing it fails with.
pub fn bring(place: &dyn Place, bringing: Bringing) -> Result<Had, Error> {
    match place.ask(Question::Bring(Box::new(bringing)))? {
        Answer::Brought(Some(had)) => Ok(*had),
        _ => Err(Error::Answer),
    }
}
