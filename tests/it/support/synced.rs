//! A sync that succeeded: what it told, and what its environment is seen to be. Knows the layout on disk; must not know
//! where the environment is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;

use super::place::{Directory, Place};
use super::python::check;
use super::ran::Ran;
use super::wheel::sha256;

const INSTALLED: &str = "import importlib.metadata as m\n\
    print('\\n'.join(sorted(d.metadata['Name'] + '==' + d.version for d in m.distributions())))";

/// A sync that succeeded, with its `--json` object.
pub(crate) struct Synced {
    pub(crate) json: Value,
    pub(crate) ran: Ran,
    place: Arc<dyn Place>,
}

impl Synced {
    /// A sync into a directory.
    #[track_caller]
    pub(crate) fn of(ran: Ran) -> Self {
        Self::at(Arc::new(Directory), ran)
    }

    #[track_caller]
    pub(crate) fn at(place: Arc<dyn Place>, ran: Ran) -> Self {
        let ran = ran.ok();
        Self { json: ran.json(), ran, place }
    }

    #[track_caller]
    fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap_or_else(|| panic!("no `{key}`; {}", self.ran))
    }

    pub(crate) fn id(&self) -> String {
        self.text("id").to_owned()
    }

    /// The generation's directory, by a path of this machine.
    pub(crate) fn environment(&self) -> PathBuf {
        self.place.here(Path::new(self.text("environment")))
    }

    /// The `current` link, by a path of this machine.
    pub(crate) fn current(&self) -> PathBuf {
        self.place.here(Path::new(self.text("current")))
    }

    pub(crate) fn bin(&self, name: &str) -> PathBuf {
        self.current().join("bin").join(name)
    }

    /// A program of the current environment, to be started where the environment is.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.place.program(&self.bin(name))
    }

    /// What the current environment's interpreter prints when it runs `script`.
    #[track_caller]
    pub(crate) fn evaluate(&self, script: &str) -> String {
        check(self.program("python").args(["-c", script]))
    }

    /// The same of the generation that this sync made, be it current or not.
    #[track_caller]
    pub(crate) fn evaluate_generation(&self, script: &str) -> String {
        let mut command = self.place.program(&self.environment().join("bin/python"));
        check(command.args(["-c", script]))
    }

    /// What the current environment's interpreter finds installed: `name==version`, sorted.
    #[track_caller]
    pub(crate) fn installed(&self) -> Vec<String> {
        lines(&self.evaluate(INSTALLED))
    }

    /// The same of the generation that this sync made.
    #[track_caller]
    pub(crate) fn installed_in_generation(&self) -> Vec<String> {
        lines(&self.evaluate_generation(INSTALLED))
    }

    /// The one `site-packages` of the generation.
    pub(crate) fn site_packages(&self) -> PathBuf {
        let mut entries = fs_err::read_dir(self.environment().join("lib")).unwrap();
        let python = entries.next().expect("lib has a pythonX.Y").unwrap();
        python.path().join("site-packages")
    }

    /// What must not change when a sync fails: the link, and every file the generation shows.
    pub(crate) fn state(&self) -> (PathBuf, BTreeMap<PathBuf, String>) {
        let target = fs_err::read_link(self.current()).unwrap();
        (target, snapshot(&fs_err::canonicalize(self.current()).unwrap()))
    }

    pub(crate) fn changed(&self) -> bool {
        self.json["changed"].as_bool().unwrap_or_else(|| panic!("no `changed`; {}", self.ran))
    }

    /// The installed packages as `name==version`, in the order given.
    pub(crate) fn packages(&self) -> Vec<String> {
        let list = self.json["packages"].as_array().expect("`packages` is a list");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        list.iter()
            .map(|one| format!("{}=={}", text(&one["name"]), text(&one["version"])))
            .collect()
    }

    /// How many entries `added`, `removed` or `updated` has.
    pub(crate) fn count(&self, key: &str) -> usize {
        self.json[key].as_array().unwrap_or_else(|| panic!("no list `{key}`; {}", self.ran)).len()
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

/// Every path below `folder` with what it is: a file's bytes or a link's target. Links are not followed.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = fs_err::read_dir(&next) else { continue };
        for entry in entries.map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let content = if kind.is_symlink() {
                format!("-> {}", fs_err::read_link(&path).unwrap().display())
            } else if kind.is_dir() {
                open.push(path.clone());
                "directory".to_owned()
            } else {
                sha256(&fs_err::read(&path).unwrap())
            };
            found.insert(path, content);
        }
    }
    found
}
