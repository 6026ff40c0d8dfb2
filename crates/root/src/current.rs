//! Which generation an environment is at: the one link of a root that is read, and the only place where
//! it is changed.

use crate::dir::Dir;
use crate::error::Error;
use crate::layout::{CURRENT, current_id, current_target};
use crate::name::ProjectEnv;
use crate::root::Root;

/// The id that an environment's directory is at; `None` if it is at none.
///
/// # Errors
/// [`Error::Damaged`] for a link that does not lead to a generation.
pub fn current_of(directory: &Dir) -> Result<Option<String>, Error> {
    let Some(target) = directory.read_link(CURRENT)? else { return Ok(None) };
    let id = current_id(&target).ok_or_else(|| Error::Damaged {
        path: directory.path().join(CURRENT),
        reason: format!("it leads to {}, which is no environment of this root", target.display()),
    })?;
    Ok(Some(id.to_owned()))
}

impl Root {
    /// The id of an environment's current generation; `None` if it has none.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a link that does not lead to a generation.
    pub fn current(&self, name: &ProjectEnv) -> Result<Option<String>, Error> {
        let Some(directory) = self.project_env(name)? else { return Ok(None) };
        current_of(&directory)
    }

    /// Makes a generation current, in one rename that survives a power cut.
    ///
    /// # Errors
    /// If the disk refuses; the old one is current then.
    pub fn set_current(&self, name: &ProjectEnv, id: &str) -> Result<(), Error> {
        let directory = self.make_project_env(name)?;
        directory.replace_link(CURRENT, current_target(id))?;
        // It has happened: a disk that refuses now makes nothing undone.
        let _ = directory.sync();
        Ok(())
    }
}
