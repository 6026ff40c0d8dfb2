//! What images have of libraries, asked once for each image and kept by its id, and how far an image is the one that a
//! service will start from. Must not know what is made of it.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use pyfast_crew::engine::Connection;
use pyfast_crew::libraries::{Known, of_image};
use pyfast_launcher::engine::{Engine as _, Images as _};
use pyfast_launcher::image::BuildSource;
use pyfast_settings::Settings;

use super::facts::Facts;
use crate::description::Description;

/// What images have, asked of the engine.
pub(super) struct Images<'a> {
    pub(super) settings: &'a Settings,
    lent: Option<&'a Connection>,
    own: OnceCell<Result<Connection, String>>,
    known: RefCell<BTreeMap<String, Result<Rc<Known>, String>>>,
}

impl<'a> Images<'a> {
    /// With a connection that is there, else with one that is made once it is needed.
    pub(super) fn new(settings: &'a Settings, lent: Option<&'a Connection>) -> Self {
        Self { settings, lent, own: OnceCell::new(), known: RefCell::default() }
    }

    fn connection(&self) -> Result<&Connection, String> {
        if let Some(lent) = self.lent {
            return Ok(lent);
        }
        let open = || Connection::open(self.settings).map_err(|error| error.to_string());
        self.own.get_or_init(open).as_ref().map_err(Clone::clone)
    }

    /// The libraries of an image, or why nobody knows them.
    pub(super) fn of(&self, name: &str) -> Result<Rc<Known>, String> {
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        let asked = self.ask(name).map(Rc::new);
        self.known.borrow_mut().insert(name.to_owned(), asked.clone());
        asked
    }

    fn ask(&self, name: &str) -> Result<Known, String> {
        let connection = self.connection()?;
        of_image(name, connection, self.settings).map_err(|error| error.to_string())
    }

    /// Whether the image starts with words of its own that are not among these.
    pub(super) fn starts_with_more(&self, name: &str, words: &[String]) -> bool {
        let Ok(connection) = self.connection() else { return true };
        let image = connection.wait(connection.engine.inspect_image(name));
        image.map_or(true, |image| !words.starts_with(&image.entrypoint))
    }

    /// Whether an image was made from the service's Dockerfile as it is now, if from any.
    pub(super) fn is_current(&self, name: &str, facts: &Facts, description: &Description) -> bool {
        let Some(build) = &facts.build else { return true };
        let Ok(connection) = self.connection() else { return false };
        let found = connection.wait(connection.engine.image_facts(name)).ok().flatten();
        let label = found.and_then(|found| found.inputs);
        let source = BuildSource::open(build, &description.variables).ok();
        label.zip(source).is_some_and(|(label, source)| source.is_of_dockerfile(&label))
    }
}
