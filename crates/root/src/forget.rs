//! Letting go of an environment, and of a whole root. Owns the order, so that what is half removed is still told from what
//! is not ours; must not know who may do it.

use crate::error::Error;
use crate::layout::{
    BIN, CURRENT, ENVS_TOP, LAYOUT_FILE, LOCKS, OLD_CACHE_TOP, PROJECTS, PYTHONS_TOP, STORE, TMP,
    project_env_place,
};
use crate::name::ProjectEnv;
use crate::root::Root;

impl Root {
    /// Removes what an environment of a project is known by: where it is at, was at, and was made from. The project goes
    /// with its last environment. Whoever calls it has the environment for itself.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn forget(&self, name: &ProjectEnv) -> Result<(), Error> {
        let place = project_env_place(name);
        // Without it nothing there is an environment any more.
        if let Some(directory) = self.project_env(name)? {
            directory.remove_file(CURRENT)?;
        }
        self.top().remove_tree(place)?;
        let project = format!("{PROJECTS}/{}", name.project());
        let has_others = self.project_envs()?.iter().any(|one| one.project() == name.project());
        if has_others { Ok(()) } else { self.top().remove_tree(project) }
    }

    /// Removes all that the root has, and the directory itself where nothing else is in it. Whoever calls it knows that
    /// nobody uses any of it.
    ///
    /// # Errors
    /// If the disk refuses; what is left is a root.
    pub fn remove(&self) -> Result<(), Error> {
        for place in [PROJECTS, ENVS_TOP, PYTHONS_TOP, STORE, BIN, OLD_CACHE_TOP, TMP, LOCKS] {
            self.top().remove_tree(place)?;
        }
        self.top().remove_file(LAYOUT_FILE)?;
        // What else is there is somebody's.
        let _ = fs_err::remove_dir(self.written());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;
    use crate::owner::Claim;

    #[test]
    fn a_project_goes_with_its_last_environment() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::create(directory.path(), Path::new("/pyfast")).unwrap();
        let name = |env: &str| ProjectEnv::new("shop", env).unwrap();
        let directory = directory.path().to_owned();
        let claim = Claim { directory, named_by_user: false, elsewhere: false };
        root.own("shop", &claim).unwrap();
        for env in ["default", "dash"] {
            root.make_project_env(&name(env)).unwrap();
        }
        root.forget(&name("dash")).unwrap();
        assert_eq!(root.project_envs().unwrap(), [name("default")]);
        assert!(root.owner("shop").unwrap().is_some());
        root.forget(&name("default")).unwrap();
        assert!(root.owner("shop").unwrap().is_none());
        root.forget(&name("default")).unwrap();
    }

    #[test]
    fn a_root_goes_with_directories_that_cannot_be_written_and_without_what_is_not_ours() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root");
        let root = Root::create(&path, Path::new("/pyfast")).unwrap();
        let shelf = path.join("store/v1/wheels/aa/aa/root");
        fs_err::create_dir_all(&shelf).unwrap();
        fs_err::write(shelf.join("a.py"), "").unwrap();
        fs_err::set_permissions(&shelf, std::fs::Permissions::from_mode(0o555)).unwrap();
        fs_err::write(path.join("mine"), "").unwrap();
        root.remove().unwrap();
        let left = fs_err::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), ["mine"]);
        fs_err::remove_file(path.join("mine")).unwrap();
        root.remove().unwrap();
        assert!(!path.exists());
    }
}
