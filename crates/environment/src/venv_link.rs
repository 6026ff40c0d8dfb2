//! The project's `.venv`, where shells, editors and checkers look: a link to the environment's `current`. Owns when it
//! is made, when it follows, and when it is somebody else's; must not know what is said of that.

use std::io;
use std::path::{Path, PathBuf};

use pyfast_root::layout::{LAYOUT_FILE, named_current};
use pyfast_root::{Dir, Kind};
use serde::{Deserialize, Serialize};

use crate::error::Error;
pub use crate::git::keep_out_of_git;

/// The link's name.
pub const VENV: &str = ".venv";
/// The most of a layout's file or of an environment's settings that is looked at, in bytes.
const LIMIT: u64 = 64 << 10;

/// What came of having `.venv` lead to an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VenvLink {
    /// It did already.
    Stands,
    /// It does now.
    Made,
    /// It leads to another environment of the same project, and stays.
    Another,
    /// Something of that name is not pyfast's, and stays.
    Taken(Taken),
}

/// What has the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    /// A virtual environment of another tool.
    Venv,
    /// A link to there.
    Link(PathBuf),
    /// Anything else.
    Other,
}

/// Has `.venv` in a project's directory lead to `current`, unless something else has the name. A link into a root is
/// pyfast's own: it follows where the project was moved or copied, or another root is used. It costs one `readlink`
/// where it leads there already.
///
/// # Errors
/// If the directory cannot be written.
pub fn link_venv(project: &Path, current: &Path) -> Result<VenvLink, Error> {
    let target = match fs_err::read_link(project.join(VENV)) {
        Ok(target) if target == current => return Ok(VenvLink::Stands),
        Ok(target) => Some(target),
        Err(_) => None,
    };
    let opened = Dir::open_named(project).map_err(|source| {
        let path = project.to_owned();
        pyfast_root::Error::Io { act: "open", path, source }
    });
    let directory = opened?;
    let Some(facts) = directory.facts(VENV)? else {
        directory.create_link(VENV, current)?;
        return Ok(VenvLink::Made);
    };
    if let Some(target) = target.filter(|_| facts.kind == Kind::Link) {
        if !is_own(&target) {
            return Ok(VenvLink::Taken(Taken::Link(target)));
        }
        if is_of_same_project(&target, current) && target.exists() {
            return Ok(VenvLink::Another);
        }
        directory.replace_link(VENV, current)?;
        return Ok(VenvLink::Made);
    }
    let config = Path::new(VENV).join("pyvenv.cfg");
    let is_venv = facts.kind.is_dir() && directory.has_file(config);
    Ok(VenvLink::Taken(if is_venv { Taken::Venv } else { Taken::Other }))
}

/// Whether a link leads to the `current` of a root, or to one whose root is gone.
fn is_own(target: &Path) -> bool {
    let Some((root, _)) = named_current(target) else { return false };
    match Dir::open_named(root) {
        Ok(root) => root.read(LAYOUT_FILE, LIMIT).is_ok_and(|layout| layout.is_some()),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn is_of_same_project(one: &Path, other: &Path) -> bool {
    match (named_current(one), named_current(other)) {
        (Some((root, name)), Some((other_root, other))) => {
            root == other_root && name.project() == other.project()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A project with a root that has environments of these names.
    fn world(names: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            fs_err::create_dir_all(
                directory.path().join("root/projects").join(name).join("current"),
            )
            .unwrap();
        }
        fs_err::write(directory.path().join("root/layout"), "pyfast 1\n").unwrap();
        fs_err::create_dir(directory.path().join("shop")).unwrap();
        directory
    }

    /// What comes of `.venv` where it led to `before`, and where it leads then.
    fn check(before: &str, expected: &VenvLink, leads: &str) {
        let world = world(&["shop-1/default", "shop-1/dash", "copy-2/default"]);
        let at = |path: &str| world.path().join(path);
        fs_err::create_dir_all(at("foreign/projects/p/default/current")).unwrap();
        symlink(at(before), at("shop/.venv")).unwrap();
        let current = at("root/projects/shop-1/default/current");
        assert_eq!(link_venv(&at("shop"), &current).unwrap(), *expected, "{before}");
        assert_eq!(fs_err::read_link(at("shop/.venv")).unwrap(), at(leads), "{before}");
    }

    #[test]
    fn a_link_into_a_root_follows_and_no_other() {
        let ours = "root/projects/shop-1/default/current";
        check(ours, &VenvLink::Stands, ours);
        check("root/projects/copy-2/default/current", &VenvLink::Made, ours);
        check("gone/projects/shop-1/default/current", &VenvLink::Made, ours);
        check("root/projects/shop-1/gone/current", &VenvLink::Made, ours);
        let dash = "root/projects/shop-1/dash/current";
        check(dash, &VenvLink::Another, dash);
    }

    #[test]
    fn a_link_that_leads_elsewhere_stays() {
        let world = world(&["p/e"]);
        let current = world.path().join("root/projects/p/e/current");
        fs_err::create_dir_all(world.path().join("foreign/projects/p/e/current")).unwrap();
        for foreign in ["../other/.venv", "root/envs/v1/0123", "/nowhere"] {
            let link = world.path().join("shop").join(VENV);
            symlink(foreign, &link).unwrap();
            let expected = VenvLink::Taken(Taken::Link(foreign.into()));
            assert_eq!(link_venv(&world.path().join("shop"), &current).unwrap(), expected);
            fs_err::remove_file(link).unwrap();
        }
        let no_root = world.path().join("foreign/projects/p/e/current");
        symlink(&no_root, world.path().join("shop").join(VENV)).unwrap();
        let expected = VenvLink::Taken(Taken::Link(no_root));
        assert_eq!(link_venv(&world.path().join("shop"), &current).unwrap(), expected);
    }

    #[test]
    fn what_is_no_link_stays() {
        let world = world(&["p/e"]);
        let (shop, current) =
            (world.path().join("shop"), world.path().join("root/projects/p/e/current"));
        let check = |expected: Taken| {
            assert_eq!(link_venv(&shop, &current).unwrap(), VenvLink::Taken(expected));
        };
        fs_err::write(shop.join(VENV), "").unwrap();
        check(Taken::Other);
        fs_err::remove_file(shop.join(VENV)).unwrap();
        fs_err::create_dir(shop.join(VENV)).unwrap();
        check(Taken::Other);
        fs_err::write(shop.join(".venv/pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        check(Taken::Venv);
        fs_err::remove_dir_all(shop.join(VENV)).unwrap();
        assert_eq!(link_venv(&shop, &current).unwrap(), VenvLink::Made);
        assert_eq!(link_venv(&shop, &current).unwrap(), VenvLink::Stands);
    }
}
