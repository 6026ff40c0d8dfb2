//! Having Compose create containers, with as few calls of it as its version allows. Owns what differs between versions;
//! the calls themselves are the launcher's.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pyfast_launcher::compose_file::Condition;
use pyfast_launcher::composer::Composer;
use pyfast_root::{regular_file, whole_file};
use pyfast_settings::Settings;
use serde_json::Value;

use crate::composer::find;
use crate::error::Error;
use crate::stack::Stack;

impl Stack<'_> {
    /// Has Compose create what is missing and recreate what changed, and start nothing.
    pub(crate) fn create(&self, selected: &BTreeSet<String>) -> Result<(), Error> {
        let services: Vec<_> = selected.iter().map(String::as_str).collect();
        let together = [&["up", "--no-start", "--no-build"][..], &services].concat();
        // Compose 1 waits in `up --no-start` for the health of what it does not start, for ever. Its `create` does
        // not, and makes no networks; `up` of one service alone makes those of all.
        if !self.is_compose_one()? || !self.waits(selected) {
            return self.compose(&together).map(drop);
        }
        if let Some(first) = selected.first()
            && !self.has_networks(selected)?
        {
            self.compose(&["up", "--no-start", "--no-deps", "--no-build", first])?;
        }
        self.compose(&[&["create", "--no-build"][..], &services].concat()).map(drop)
    }

    /// Whether a service waits for more of another than its start.
    fn waits(&self, selected: &BTreeSet<String>) -> bool {
        let services = &self.description.project.services;
        let mut needed = selected.iter().filter_map(|name| services.get(name));
        needed.any(|service| {
            service.depends_on.values().any(|needed| needed.condition != Condition::Started)
        })
    }

    /// Whether the networks of these services are there.
    fn has_networks(&self, selected: &BTreeSet<String>) -> Result<bool, Error> {
        let wanted = networks(&self.description.project.model, selected);
        let engine = &self.connection.engine;
        let found =
            self.connection.wait(engine.project_networks(&self.description.project.name))?;
        Ok(wanted.is_subset(&found))
    }

    /// Whether the user's Compose is the first one, in Python.
    pub(super) fn is_compose_one(&self) -> Result<bool, Error> {
        let composer = self.composer()?;
        is_one(&composer, self.settings, || Ok(self.connection.wait(composer.version())?))
    }
}

/// Whether a Compose is the first one. It is asked its version once, because that costs more than all else that an
/// `up` does.
fn is_one(
    composer: &Composer,
    settings: &Settings,
    ask: impl FnOnce() -> Result<String, Error>,
) -> Result<bool, Error> {
    let Composer::Standalone { program } = composer else { return Ok(false) };
    let memory = VersionFile::of(program, &settings.data_directory()?);
    if let Some(version) = memory.as_ref().and_then(VersionFile::read) {
        return Ok(version.starts_with("1."));
    }
    let version = ask()?;
    if let Some(memory) = memory {
        memory.write(&version);
    }
    Ok(version.starts_with("1."))
}

/// What the user's Compose puts between the names of project and service in those that it gives. A Compose that is not
/// there gives none; then what Compose 2 would say is as good.
pub(crate) fn separator(settings: &Settings) -> Result<&'static str, Error> {
    let Some(composer) = find(&settings.variables) else { return Ok("-") };
    let one = is_one(&composer, settings, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|source| pyfast_crew::Error::System { what: "a runtime", source })?;
        Ok(runtime.block_on(composer.version())?)
    })?;
    Ok(if one { "_" } else { "-" })
}

/// The networks of the project that services are in, by their names in the compose file.
fn networks(model: &Value, selected: &BTreeSet<String>) -> BTreeSet<String> {
    let external = |name: &str| {
        let flag = &model["networks"][name]["external"];
        !flag.is_null() && *flag != Value::Bool(false)
    };
    let mut found = BTreeSet::new();
    for service in selected.iter().map(|name| &model["services"][name]) {
        if !service["network_mode"].is_null() {
            continue;
        }
        match &service["networks"] {
            Value::Object(named) => found.extend(named.keys().cloned()),
            Value::Array(named) => {
                found.extend(named.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => found.extend(["default".to_owned()]),
        }
    }
    found.retain(|name| !external(name));
    found
}

/// Where the version of a Compose is remembered, and which file it is true of.
struct VersionFile {
    path: PathBuf,
    key: String,
}

impl VersionFile {
    fn of(program: &Path, data: &Path) -> Option<Self> {
        let facts = fs_err::metadata(program).ok()?;
        let (seconds, parts) = (facts.mtime(), facts.mtime_nsec());
        let key = format!("{} {} {seconds}.{parts}", program.display(), facts.len());
        Some(Self { path: data.join("launch/v1/compose-version"), key })
    }

    fn read(&self) -> Option<String> {
        let text = regular_file::read_text(&self.path).ok()?;
        let (key, version) = text.split_once('\n')?;
        (key == self.key).then(|| version.trim().to_owned())
    }

    /// Keeps it. What cannot be kept is asked again.
    fn write(&self, version: &str) {
        if let Some(directory) = self.path.parent() {
            let _ = fs_err::create_dir_all(directory);
        }
        let _ =
            whole_file::replace(&self.path, format!("{}\n{version}\n", self.key).as_bytes(), 0o644);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn networks_are_those_that_compose_makes_for_the_services() {
        let model = json!({
            "services": {
                "a": {}, "b": { "network_mode": "host" }, "c": { "networks": { "back": null, "out": {} } },
                "d": { "networks": ["front"] },
            },
            "networks": { "back": {}, "out": { "external": true }, "front": null },
        });
        let of = |names: &[&str]| {
            let selected = names.iter().map(|&name| name.to_owned()).collect();
            networks(&model, &selected).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of(&["a", "b"]), ["default"]);
        assert_eq!(of(&["b"]), [""; 0]);
        assert_eq!(of(&["c", "d"]), ["back", "front"]);
    }

    #[test]
    fn a_version_is_known_until_the_program_changes() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("docker-compose");
        fs_err::write(&program, "one").unwrap();
        let memory = || VersionFile::of(&program, directory.path()).unwrap();
        assert_eq!(memory().read(), None);
        memory().write("1.29.2");
        assert_eq!(memory().read().as_deref(), Some("1.29.2"));
        fs_err::write(&program, "another").unwrap();
        assert_eq!(memory().read(), None);
    }
}
