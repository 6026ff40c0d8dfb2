//! Removing containers, to start fresh or to end. Compose does the removing.

use crate::error::Error;
use crate::event::{Event, Removed};
use crate::stack::Stack;

impl Stack<'_> {
    /// Removes the project's containers, and its named volumes where that is wanted; where services are named, their
    /// containers and nothing else: volumes and networks may be others' too.
    ///
    /// # Errors
    /// [`Error::NoService`], and what Compose fails with.
    pub fn clean(&mut self, services: &[String], volumes: bool) -> Result<(), Error> {
        self.description.selected(services)?;
        self.phase("clean", |stack| stack.remove(services, volumes))
    }

    /// Removes the project's containers and networks, and what these flags of Compose's `down` say besides; how many
    /// containers that were.
    ///
    /// # Errors
    /// What Compose fails with.
    pub fn down(&self, flags: &[&str]) -> Result<usize, Error> {
        let before = self.containers()?.len();
        self.compose(&[&["down"], flags].concat())?;
        let left = self.containers()?.len();
        if left == 0 {
            self.remove_override_of_call()?;
        }
        Ok(before.saturating_sub(left))
    }

    fn remove(&self, services: &[String], volumes: bool) -> Result<(), Error> {
        if !services.is_empty() {
            let named = services.iter().map(String::as_str);
            let arguments = ["rm", "--stop", "--force"].into_iter().chain(named);
            self.compose(&arguments.collect::<Vec<_>>())?;
            self.tell(Event::Removed(Removed::Services(services.to_owned())));
            return Ok(());
        }
        let arguments: &[&str] = if volumes { &["down", "--volumes"] } else { &["down"] };
        self.compose(arguments)?;
        self.tell(Event::Removed(Removed::All { volumes }));
        Ok(())
    }
}
