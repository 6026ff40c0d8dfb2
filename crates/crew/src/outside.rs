//! What the last look from inside found in a volume that only containers write, so that a sync that finds nothing to do
//! need not run one: the volume is asked from outside whether it is still as it was then. Owns the file below the user's
//! cache directory; losing it costs one look. Must not know what a look is for.
//!
//! From outside the times of a few directories show, and not every file: what a sync, a rollback, a repair or another
//! installer does shows there, a file of the store that somebody altered by hand does not, until the next look from inside.

use std::path::PathBuf;

use pyfast_environment::question::Look;
use pyfast_launcher::engine::Engine as _;
use pyfast_launcher::volume::Glimpse;
use pyfast_packaging::hash::Sha256;
use pyfast_root::Stamp;
use pyfast_settings::{Settings, kept};
use serde::{Deserialize, Serialize};

use crate::engine::Connection;
use crate::error::Error;

/// The directory of all in the cache.
const KEPT: &str = "volumes-1";

/// An environment in a volume, as this machine remembers it.
pub(crate) struct Outside<'a> {
    connection: &'a Connection,
    volume: &'a str,
    image: &'a str,
    /// `None` where the user has no cache.
    file: Option<PathBuf>,
}

/// What is kept in a file.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The program that looked, which is the one inside as well: another one may look for something else.
    program: Stamp,
    look: Look,
    glimpse: Glimpse,
}

impl<'a> Outside<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        volume: &'a str,
        image: &'a str,
        settings: &Settings,
    ) -> Self {
        let (host, project) = (connection.engine.host(), settings.project.name());
        let key = format!("{host}\n{volume}\n{project}\n{}", settings.env);
        let name = format!("{}.json", Sha256::of(key.as_bytes()));
        let file = settings.cache_directory().ok().map(|cache| cache.join(KEPT).join(name));
        Self { connection, volume, image, file }
    }

    /// What the last look found, if nothing has changed since.
    pub(crate) fn look(&self) -> Result<Option<Look>, Error> {
        let known: Option<Kept> = self.file.as_ref().and_then(|file| kept::read(file));
        let own = Stamp::of_program().ok();
        let Some(known) = known.filter(|known| own == Some(known.program)) else {
            return Ok(None);
        };
        let Connection { engine, .. } = self.connection;
        let holds = known.glimpse.holds(engine, self.volume, self.image);
        Ok(self.connection.wait(holds)?.then_some(known.look))
    }

    /// Keeps what a look from inside has found.
    pub(crate) fn keep(&self, look: Look) -> Result<(), Error> {
        let Look { state, written, .. } = look;
        let Connection { engine, .. } = self.connection;
        let glimpse = self.connection.wait(Glimpse::new(engine, self.volume, written))?;
        if let (Some(file), Some(glimpse), Ok(program)) = (&self.file, glimpse, Stamp::of_program())
        {
            let look = Look { state, ..Look::default() };
            // What is not kept is looked at again.
            let _ = kept::write(file, &Kept { program, look, glimpse });
        }
        Ok(())
    }
}
