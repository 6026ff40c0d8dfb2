//! Having Compose create containers, with as few calls of it as its version allows. Owns what differs between versions;
//! the calls themselves are the launcher's.

use std::collections::BTreeSet;

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
        let services: Vec<_> = selected.iter().map(String::as_str).collect();
        let scales = self.scales(selected);
        let scales: Vec<_> = scales.iter().flat_map(|scale| ["--scale", scale]).collect();
        let together = [&["up", "--no-start", "--no-build"][..], &scales, &services].concat();
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
        self.compose(&[&["create", "--no-build"][..], &services].concat())?;
        // Which cannot be told a number.
        if scales.is_empty() {
            return Ok(());
        }
        let scaled = self.description.scale.keys().map(String::as_str);
        let alone = ["up", "--no-start", "--no-deps", "--no-build"];
        let arguments = alone.into_iter().chain(scales).chain(scaled);
        self.compose(&arguments.collect::<Vec<_>>()).map(drop)
    }

    /// How many containers the user wants of services, in Compose's words.
    fn scales(&self, selected: &BTreeSet<String>) -> Vec<String> {
        let wanted =
            self.description.scale.iter().filter(|(service, _)| selected.contains(*service));
        wanted.map(|(service, number)| format!("{service}={number}")).collect()
    }

    /// Has Compose make the containers of services anew, whatever they are.
    pub(crate) fn create_anew(&self, services: &BTreeSet<String>) -> Result<(), Error> {
        let names: Vec<_> = services.iter().map(String::as_str).collect();
        let how = ["up", "--no-start", "--no-deps", "--no-build", "--force-recreate"];
        self.compose(&[&how[..], &names].concat()).map(drop)
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
        // Most engines suit them all, and to ask a Compose takes time.
        let Some(composer) = find(&self.settings.variables).filter(|_| !recreates("1.", &engine))
        else {
            return Ok(());
        };
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
