//! Whose a project is: the directory that made it. Names of projects come from files that anybody may have
//! written, so a name alone gives nobody the environment of another directory.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::lock_name::LockName;
use crate::moves::Durability;
use crate::root::Root;
use crate::ticket::Share;

const FILE: &str = "owner";
/// The most that it says, in bytes.
const LIMIT: u64 = 16 << 10;

/// The directory that asks for a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The directory, absolute.
    pub directory: PathBuf,
    /// Whether the project's name is the user's own word, who may mean what another directory made.
    pub named_by_user: bool,
    /// Whether it is one of another machine, whose directories cannot be looked at from here: a helper
    /// container works for it.
    pub elsewhere: bool,
}

/// What the file says.
#[derive(Serialize, Deserialize)]
struct Owner {
    directory: PathBuf,
}

impl Root {
    /// Checks that a project is that of the directory that asks for it. One whose directory is gone is
    /// anybody's.
    ///
    /// # Errors
    /// [`Error::ForeignProject`].
    pub fn check_owner(&self, project: &str, claim: &Claim) -> Result<(), Error> {
        self.is_owner(project, claim).map(drop)
    }

    /// The same, and writes down whose it is from now on.
    ///
    /// # Errors
    /// As [`Root::check_owner`], [`Error::NotText`], and if the disk refuses.
    pub fn own(&self, project: &str, claim: &Claim) -> Result<(), Error> {
        if self.is_owner(project, claim)? {
            return Ok(());
        }
        Error::check_text("a project", &claim.directory)?;
        let _alone = self.lock(&LockName::owner(project), Share::Alone, &|_| ())?;
        if self.is_owner(project, claim)? {
            return Ok(());
        }
        let directory = self.top().ensure_dir(format!("projects/{project}"))?;
        let owner = Owner { directory: claim.directory.clone() };
        let text = serde_json::to_vec(&owner)
            .map_err(|error| Error::io("write", directory.path())(std::io::Error::from(error)))?;
        directory.replace(FILE, &text, 0o644, Durability::Eventual)
    }

    /// Whether the directory is written down as the project's own.
    fn is_owner(&self, project: &str, claim: &Claim) -> Result<bool, Error> {
        let Some(owner) = self.owner(project)? else { return Ok(false) };
        if owner == claim.directory {
            return Ok(true);
        }
        if claim.named_by_user || !(claim.elsewhere || is_there(&owner)) {
            return Ok(false);
        }
        Err(Error::ForeignProject {
            root: self.written().to_owned(),
            project: project.to_owned(),
            owner,
            asked: claim.directory.clone(),
        })
    }

    /// The directory that made a project; `None` where that is not known.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn owner(&self, project: &str) -> Result<Option<PathBuf>, Error> {
        let Some(directory) = self.top().find_dir(format!("projects/{project}"))? else {
            return Ok(None);
        };
        let text = directory.read(FILE, LIMIT)?;
        let owner = text.and_then(|text| serde_json::from_slice::<Owner>(&text).ok());
        Ok(owner.map(|owner| owner.directory))
    }
}

/// Whether a project may still be there. What cannot be looked at may.
fn is_there(directory: &Path) -> bool {
    !matches!(directory.try_exists(), Ok(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_the_directory_that_came_first() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::create(&directory.path().join("root"), Path::new("/pyfast")).unwrap();
        let claim = |name: &str, named_by_user| {
            let directory = directory.path().join(name);
            fs_err::create_dir_all(&directory).unwrap();
            Claim { directory, named_by_user, elsewhere: false }
        };
        let (mine, clone) = (claim("mine", false), claim("clone", false));
        root.check_owner("shop", &clone).unwrap();
        root.own("shop", &mine).unwrap();
        root.own("shop", &mine).unwrap();
        let error = root.own("shop", &clone).unwrap_err();
        assert!(matches!(error, Error::ForeignProject { .. }), "{error}");
        assert!(root.check_owner("shop", &clone).is_err());
        root.own("bank", &clone).unwrap();
        root.own("shop", &claim("clone", true)).unwrap();
        assert!(root.check_owner("shop", &mine).is_err(), "it was taken over");
        fs_err::remove_dir(&clone.directory).unwrap();
        let elsewhere = Claim { elsewhere: true, ..mine.clone() };
        assert!(root.own("shop", &elsewhere).is_err(), "a container cannot see that it is gone");
        root.own("shop", &mine).unwrap();
    }
}
