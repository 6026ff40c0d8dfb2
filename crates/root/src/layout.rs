//! Where everything is below a root, the one place that spells it. Knows names and the layout's version; opens
//! nothing.
//!
//! ```text
//! <root>/
//!   layout                           "pyfast 1": another version of the layout is refused
//!   bin/pyfast                       the launcher
//!   store/v1/wheels/<aa>/<sha256>/   one unpacked wheel, never changed once admitted
//!       root/                        what goes to site-packages
//!       data/                        scripts, headers and data of the wheel's .data directory
//!       manifest                     a JSON header, then every file with digest and size
//!       compiled-2-<cache tag>       what the modules of root/ have been compiled to for that Python
//!       settled                      root/ and data/ have been re-hashed after a restart
//!   store/v1/built/                  wheels built from source
//!   store/v1/layers/<key>/           a layer of an image, packed for the next one that has it
//!   store/v1/uncompiled/<id>         the bytecode of this generation is still to come
//!   envs/v1/<id>/                    a generation, never changed once activated
//!   pythons/v1/<id>/                 a Python with native libraries, never changed once made
//!   projects/<project>/owner         the directory that the project is in
//!   projects/<project>/<env>/        current → ../../../envs/v1/<id>, state.json,
//!                                    looks.json, history.jsonl, pylock.toml, native.json
//!   locks/                           who works here (0700)
//!   tmp/                             a directory for each working process (0700)
//! ```

use std::path::{Path, PathBuf};

use crate::name::ProjectEnv;

/// The layout that this program reads and writes.
pub(crate) const LAYOUT: &str = "pyfast 1";
/// What the file that says so holds.
pub const LAYOUT_TEXT: &str = "pyfast 1\n";
/// The file that says so.
pub const LAYOUT_FILE: &str = "layout";
/// The file by which a volume is known, and its directory on this machine.
pub const VOLUME_MARKER: &str = ".pyfast-volume";
/// What is asked for, as the user's data directory remembers it.
pub const REQUESTS: &str = "requests/v1";

/// What the last launch of each project was, as the user's data directory remembers it.
pub const LAUNCHES: &str = "launch/v1";

/// The directories of the user's data directory that hold what is remembered. Where no other root is named that
/// directory is one too.
pub const REMEMBERED: [&str; 2] = ["requests", "launch"];

/// The launcher's directory.
pub const BIN: &str = "bin";
/// The launcher, as entrypoints name it.
pub const LAUNCHER: &str = "bin/pyfast";

pub(crate) const WHEELS: &str = "store/v1/wheels";
pub(crate) const BUILT: &str = "store/v1/built";
pub(crate) const LAYERS: &str = "store/v1/layers";
pub(crate) const UNCOMPILED: &str = "store/v1/uncompiled";
pub(crate) const ENVS: &str = "envs/v1";
pub(crate) const PYTHONS: &str = "pythons/v1";
/// What the store and the generations of every version are in.
pub(crate) const STORE: &str = "store";
pub(crate) const ENVS_TOP: &str = "envs";
pub(crate) const PYTHONS_TOP: &str = "pythons";
pub(crate) const OLD_CACHE_TOP: &str = "cache";
pub(crate) const PROJECTS: &str = "projects";
pub(crate) const LOCKS: &str = "locks";
pub(crate) const TMP: &str = "tmp";
pub(crate) const OLD_CACHE: &str = "cache/v1";

/// The link in a project's environment that says which generation it is at.
pub const CURRENT: &str = "current";
/// How many directories are between the root and a generation, or what becomes one in `tmp/`.
pub const GENERATION_DEPTH: usize = 3;

/// Where a project's environment is in the root at `root`, for people and links.
pub fn project_env_path(root: &Path, name: &ProjectEnv) -> PathBuf {
    root.join(project_env_place(name))
}

/// The root and the environment that a path to `current` names; `None` for any other path.
pub fn named_current(path: &Path) -> Option<(&Path, ProjectEnv)> {
    let directory =
        path.parent().filter(|_| path.file_name().is_some_and(|name| name == CURRENT))?;
    let (project, projects) = (directory.parent()?, directory.parent()?.parent()?);
    (projects.is_absolute() && projects.file_name()? == PROJECTS).then_some(())?;
    let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
    let name = ProjectEnv::new(&name(project)?, &name(directory)?).ok()?;
    Some((projects.parent()?, name))
}

/// Where a generation is in the root at `root`, for people and links.
pub fn env_path(root: &Path, id: &str) -> PathBuf {
    root.join(ENVS).join(id)
}

/// Where a Python with native libraries is in the root at `root`, for people and links.
pub fn prefix_path(root: &Path, id: &str) -> PathBuf {
    root.join(PYTHONS).join(id)
}

/// The file in a project's environment that says which of them it has, and what was chosen for it.
pub const NATIVE: &str = "native.json";

/// A wheel's directory relative to the root.
pub fn wheel_place(digest: &str) -> String {
    format!("{WHEELS}/{}/{digest}", shelf(digest))
}

/// The way from `projects/<project>/<env>/` to a generation.
pub fn current_target(id: &str) -> String {
    format!("../../../{ENVS}/{id}")
}

/// The id in what `current` says; `None` for what leads anywhere else.
pub(crate) fn current_id(target: &Path) -> Option<&str> {
    let id = target.to_str()?.strip_prefix("../../../")?.strip_prefix(ENVS)?.strip_prefix('/')?;
    crate::name::is_generation_id(id).then_some(id)
}

/// The directory of a project's environment relative to the root.
pub(crate) fn project_env_place(name: &ProjectEnv) -> String {
    format!("{PROJECTS}/{}/{}", name.project(), name.env())
}

/// The part of a digest that names the directory which a wheel's own is in.
pub(crate) fn shelf(digest: &str) -> &str {
    digest.get(..2).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_to_current_names_its_root_and_environment() {
        let name = ProjectEnv::new("shop-1", "default").unwrap();
        let path = project_env_path(Path::new("/a/root"), &name).join(CURRENT);
        assert_eq!(named_current(&path), Some((Path::new("/a/root"), name)));
        for other in [
            "projects/p/e/current",
            "/r/projects/p/e",
            "/r/projects/p/e/current/x",
            "/r/other/p/e/current",
            "/r/projects/p/.e/current",
            "/projects/current",
            "/current",
        ] {
            assert_eq!(named_current(Path::new(other)), None, "{other}");
        }
    }
}
