//! A service whose command is supervised within its container: what an edit of its code and one of its requirements cost.
//! Knows nothing of how others do it.

use super::asked::{Asked, PACKAGE};
use super::calls::Calls;
use super::code::Place;
use super::project::{Project, configuration, page};
use super::{own_name, write};
use crate::error::Error;

/// The service. It answers with the sum of its code's edition and its package's version, so that either edit shows.
pub(crate) struct Supervised<'a> {
    place: Place<'a>,
    wheels: String,
    edition: u32,
    version: u32,
}

impl<'a> Supervised<'a> {
    /// Starts it.
    pub(crate) fn start(calls: &'a Calls, made: &Project) -> Result<Self, Error> {
        let volume = own_name("supervised-volume");
        let place = Place::make(calls, made, "supervised", Some(volume.clone()))?;
        let sum = format!(
            "import importlib.metadata\nfrom edition import EDITION\n\
             version = str(int(EDITION) + int(importlib.metadata.version({PACKAGE:?})))"
        );
        write(&place.directory.join("app/main.py"), &page(&sum))?;
        let configuration = configuration(&volume) + "supervised = true\n";
        write(&place.directory.join("pyfast.toml"), &configuration)?;
        let wheels = made.asked.wheels.display().to_string();
        let supervised = Self { place, wheels, edition: 0, version: 0 };
        supervised.require()?;
        calls.pyfast(&supervised.place.directory, &supervised.words())?;
        Ok(supervised)
    }

    /// Seconds from another version of the package to the answer.
    pub(crate) fn required(&mut self) -> Result<f64, Error> {
        self.version += 1;
        self.require()?;
        self.answered()
    }

    /// Seconds from an edit of the code to the answer.
    pub(crate) fn edited(&mut self) -> Result<f64, Error> {
        self.edition += 1;
        self.place.edit(self.edition)?;
        self.answered()
    }

    fn require(&self) -> Result<(), Error> {
        let file = self.place.directory.join("requirements.txt");
        write(&file, &Asked::only(self.version))
    }

    fn answered(&self) -> Result<f64, Error> {
        let Place { door, calls, directory, .. } = &self.place;
        let wanted = self.edition + self.version;
        door.answered(calls, directory, &self.words(), wanted).map(|(answered, _)| answered)
    }

    fn words(&self) -> [&str; 5] {
        ["up", "-q", "--no-index", "--find-links", &self.wheels]
    }
}
