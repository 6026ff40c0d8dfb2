//! Having Compose create containers, with as few calls of it as its version allows. Owns what differs between versions;
//! the calls themselves are the launcher's.

use std::collections::{BTreeMap, BTreeSet};

use pyfast_launcher::compose_file::Condition;
use pyfast_launcher::composer::recreates;
use pyfast_launcher::engine::Engine as _;
use serde_json::Value;

use crate::compose_version::{find, is_one, known_version};
use crate::error::Error;
use crate::stack::Stack;

impl Stack<'_> {
    /// Has Compose create what is missing and recreate what changed, and start nothing.
    pub(crate) fn create(&self, selected: &BTreeSet<String>) -> Result<(), Error> {
        let scale = &self.description.scale;
        let together = creating(&["up", "--no-start", "--no-build"], scale, selected);
        // Compose 1 waits in `up --no-start` for the health of what it does not start, for ever. Its `create` does
        // not, and makes no networks; `up` of one service alone makes those of all.
        if !self.is_compose_one()? || !self.waits(selected) {
            return self.compose_words(&together);
        }
        if let Some(first) = selected.first()
            && !self.has_networks(selected)?
        {
            self.compose(&["up", "--no-start", "--no-deps", "--no-build", first])?;
        }
        // Which cannot be told a number.
        self.compose_words(&creating(&["create", "--no-build"], &BTreeMap::new(), selected))?;
        let scaled: BTreeSet<_> =
            scale.keys().filter(|one| selected.contains(*one)).cloned().collect();
        if scaled.is_empty() {
            return Ok(());
        }
        let alone = ["up", "--no-start", "--no-deps", "--no-build"];
        self.compose_words(&creating(&alone, scale, &scaled))
    }

    fn compose_words(&self, words: &[String]) -> Result<(), Error> {
        self.compose(&words.iter().map(String::as_str).collect::<Vec<_>>()).map(drop)
    }

    /// Has Compose make the containers of services anew, whatever they are.
    pub(crate) fn create_anew(&self, services: &BTreeSet<String>) -> Result<(), Error> {
        let how = ["up", "--no-start", "--no-deps", "--no-build", "--force-recreate"];
        self.compose_words(&creating(&how, &self.description.scale, services))
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

    /// Refuses a Compose that would break what runs, before anything is done.
    pub(crate) fn check_compose(&self) -> Result<(), Error> {
        let engine = self.connection.wait(self.connection.engine.version())?;
        // Most engines suit them all, and to look for a Compose and to ask it takes time.
        if recreates("1.", &engine) {
            return Ok(());
        }
        let Some(composer) = find(&self.settings.variables) else { return Ok(()) };
        let ask = || Ok(self.connection.wait(composer.version())?);
        let compose = known_version(&composer, self.settings, ask)?;
        let Some(compose) = compose.filter(|compose| !recreates(compose, &engine)) else {
            return Ok(());
        };
        Err(Error::ComposeTooOld { compose, engine: engine.version })
    }

    /// Whether the user's Compose is the first one, in Python.
    pub(super) fn is_compose_one(&self) -> Result<bool, Error> {
        let composer = self.composer()?;
        is_one(&composer, self.settings, || Ok(self.connection.wait(composer.version())?))
    }
}

/// The words for a call that creates containers of services, as many of each as the user wants: without a number Compose
/// goes by its files, and removes what is more.
fn creating(
    how: &[&str],
    scale: &BTreeMap<String, u32>,
    services: &BTreeSet<String>,
) -> Vec<String> {
    let mut words: Vec<String> = how.iter().map(|&word| word.to_owned()).collect();
    for (service, number) in scale.iter().filter(|(service, _)| services.contains(*service)) {
        words.extend(["--scale".to_owned(), format!("{service}={number}")]);
    }
    words.extend(services.iter().cloned());
    words
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_is_created_has_the_number_that_the_user_wants() {
        let scale = BTreeMap::from([("a".to_owned(), 3), ("z".to_owned(), 2)]);
        let services = BTreeSet::from(["a", "b"].map(str::to_owned));
        let words = creating(&["up", "--force-recreate"], &scale, &services);
        assert_eq!(words, ["up", "--force-recreate", "--scale", "a=3", "a", "b"]);
    }

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
}
